package backend

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"pgregory.net/rapid"

	pb "github.com/plimsoll-dev/plimsoll/sdk/backend/proto/v1"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// engines is a Serving that says what the test wants and keeps what it was asked.
type engines struct {
	scripted
	plan     Plan
	id       string
	grace    time.Duration
	instance Instance
	status   Status
	metrics  Metrics
	err      error
	wait     bool // until ctx is done
}

func (e *engines) end(ctx context.Context) error {
	if e.wait {
		<-ctx.Done()
		return ctx.Err()
	}
	return e.err
}

func (e *engines) Launch(ctx context.Context, p Plan) (Instance, error) {
	e.plan = p
	return e.instance, e.end(ctx)
}

func (e *engines) Status(ctx context.Context, id string) (Status, error) {
	e.id = id
	return e.status, e.end(ctx)
}

func (e *engines) Stop(ctx context.Context, id string, grace time.Duration) error {
	e.id, e.grace = id, grace
	return e.end(ctx)
}

func (e *engines) Metrics(ctx context.Context, id string) (Metrics, error) {
	e.id = id
	return e.metrics, e.end(ctx)
}

func (e *engines) harness(t *testing.T) *Harness {
	t.Helper()
	return NewHarness(t, func(map[string]any) (Model, error) { return e, nil }, nil)
}

func aPlan() Plan { return Plan{ID: "p", Model: "m", Document: json.RawMessage(`{"engine":"vllm"}`)} }

// servingCalls are the calls of Serving and Runner.
func servingCalls() map[string]func(context.Context, *Remote) error {
	return map[string]func(context.Context, *Remote) error{
		"Launch":  func(ctx context.Context, r *Remote) error { _, err := r.Launch(ctx, aPlan()); return err },
		"Status":  func(ctx context.Context, r *Remote) error { _, err := r.Status(ctx, "p"); return err },
		"Stop":    func(ctx context.Context, r *Remote) error { return r.Stop(ctx, "p", time.Second) },
		"Metrics": func(ctx context.Context, r *Remote) error { _, err := r.Metrics(ctx, "p"); return err },
		"Execute": func(ctx context.Context, r *Remote) error { _, err := r.Execute(ctx, aTask()); return err },
	}
}

// everyServing makes each call of Serving and Runner once.
func everyServing(ctx context.Context, r *Remote) map[string]error {
	out := map[string]error{}
	for name, call := range servingCalls() {
		out[name] = call(ctx, r)
	}
	return out
}

func aPhase(t *rapid.T) Phase {
	return rapid.SampledFrom([]Phase{Starting, Ready, Failed, Stopping, Stopped}).Draw(t, "phase")
}

func TestServingLosesNothing(t *testing.T) {
	e := &engines{}
	h := e.harness(t)
	if d, err := h.Describe(t.Context()); err != nil || !d.Capabilities.Serving || d.Capabilities.Running {
		t.Errorf("described as %+v, %v", d.Capabilities, err)
	}
	rapid.Check(t, func(rt *rapid.T) {
		var plan Plan
		fill(rt, reflect.ValueOf(&plan).Elem(), "plan")
		e.instance, e.status, e.metrics = Instance{}, Status{}, Metrics{}
		fill(rt, reflect.ValueOf(&e.instance).Elem(), "instance")
		fill(rt, reflect.ValueOf(&e.status).Elem(), "status")
		fill(rt, reflect.ValueOf(&e.metrics).Elem(), "metrics")
		e.instance.ID = plan.ID
		for i := range e.instance.Endpoints {
			e.instance.Endpoints[i] = rapid.StringMatching(`https?://[a-z]{1,5}:[1-9][0-9]{3}/v[1-9]`).Draw(rt, "endpoint")
		}
		e.status.Phase = aPhase(rt)
		for i := range e.status.Processes {
			e.status.Processes[i].Phase = aPhase(rt)
		}
		for i := range e.status.Log {
			e.status.Log[i] = rapid.StringMatching(`[^\r\n]{1,9}`).Draw(rt, "line")
		}

		if got, err := h.Launch(t.Context(), plan); err != nil || !reflect.DeepEqual(got, e.instance) || !reflect.DeepEqual(e.plan, plan) {
			rt.Fatalf("%+v became %+v of %+v, %v", e.instance, got, e.plan, err)
		}
		if got, err := h.Status(t.Context(), plan.ID); err != nil || !reflect.DeepEqual(got, e.status) || e.id != plan.ID {
			rt.Fatalf("%+v became %+v, %v", e.status, got, err)
		}
		if got, err := h.Metrics(t.Context(), plan.ID); err != nil || !reflect.DeepEqual(got, e.metrics) {
			rt.Fatalf("%+v became %+v, %v", e.metrics, got, err)
		}
		grace := time.Duration(rapid.Int64Min(0).Draw(rt, "grace"))
		if err := h.Stop(t.Context(), plan.ID, grace); err != nil || e.grace != grace || e.id != plan.ID {
			rt.Fatalf("stopping %q with %s: %q with %s, %v", plan.ID, grace, e.id, e.grace, err)
		}
	})
}

// What an author returns, and what a backend without the SDK sends: the same
// rules hold.
func TestServingIsHeldToItsContract(t *testing.T) {
	now := time.Now()
	endpoint := []string{"http://127.0.0.1:8000/v1"}
	good := Instance{ID: "p", Endpoints: endpoint, Started: now}
	for _, c := range []struct {
		name, want string
		engines
	}{
		{"another id", `launched as "q"`, engines{instance: Instance{ID: "q", Endpoints: endpoint, Started: now}}},
		{"no endpoint", "without an endpoint", engines{instance: Instance{ID: "p", Started: now}}},
		{"a path as endpoint", "no address", engines{instance: Instance{ID: "p", Endpoints: []string{"/v1"}, Started: now}}},
		{"a file as endpoint", "no address", engines{instance: Instance{ID: "p", Endpoints: []string{"file://h/etc"}, Started: now}}},
		{"a password", "without credentials", engines{instance: Instance{ID: "p", Endpoints: []string{"http://u:secret@h"}, Started: now}}},
		{"never started", "at no time", engines{instance: Instance{ID: "p", Endpoints: endpoint}}},
		{"unknown phase", `phase "asleep"`, engines{instance: good, status: Status{Phase: "asleep"}}},
		{"no phase", `phase ""`, engines{instance: good}},
		{"unknown phase of a process", `process 7 in phase "zombie"`, engines{instance: good, status: Status{Phase: Ready, Processes: []Process{{PID: 7, Phase: "zombie"}}}}},
		{"no time", "when they were read", engines{instance: good, status: Status{Phase: Ready}}},
		{"not a number", `gauge "g" is NaN`, engines{instance: good, status: Status{Phase: Ready}, metrics: Metrics{At: now, Gauges: map[string]float64{"g": math.NaN()}}}},
		{"infinite", `counter "c" is +Inf`, engines{instance: good, status: Status{Phase: Ready}, metrics: Metrics{At: now, Counters: map[string]float64{"c": math.Inf(1)}}}},
		{"below zero", `counter "c" is -1`, engines{instance: good, status: Status{Phase: Ready}, metrics: Metrics{At: now, Counters: map[string]float64{"c": -1}}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			srv := grpc.NewServer(ServerOptions()...)
			pb.RegisterServingServer(srv, &liar{said: &c.engines})
			for who, r := range map[string]*Remote{"the SDK": c.harness(t).Remote, "a liar": NewRemote(connect(t, srv))} {
				_, err1 := r.Launch(t.Context(), aPlan())
				_, err2 := r.Status(t.Context(), "p")
				_, err3 := r.Metrics(t.Context(), "p")
				err := errors.Join(err1, err2, err3)
				var lost *LostError
				if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "secret") || AsError(err).Code != Unavailable || errors.As(err, &lost) {
					t.Errorf("from %s: %v", who, err)
				}
			}
		})
	}
}

// liar puts on the wire what the SDK would not send.
type liar struct {
	pb.UnimplementedServingServer
	said *engines
}

func (l *liar) Launch(context.Context, *pb.LaunchRequest) (*pb.LaunchResponse, error) {
	return &pb.LaunchResponse{Instance: instanceToWire(l.said.instance)}, nil
}

func (l *liar) Status(context.Context, *pb.StatusRequest) (*pb.StatusResponse, error) {
	return statusToWire(l.said.status), nil
}

func (l *liar) Metrics(context.Context, *pb.MetricsRequest) (*pb.MetricsResponse, error) {
	return metricsToWire(l.said.metrics), nil
}

func TestServingRefusesBeforeItAsks(t *testing.T) {
	e := &engines{}
	h := e.harness(t)
	_, noID := h.Launch(t.Context(), Plan{Document: json.RawMessage(`{}`)})
	_, list := h.Launch(t.Context(), Plan{ID: "p", Document: json.RawMessage(`[1]`)})
	_, null := h.Launch(t.Context(), Plan{ID: "p", Document: json.RawMessage(`null`)})
	_, none := h.Launch(t.Context(), Plan{ID: "p"})
	_, large := h.Launch(t.Context(), Plan{ID: "p", Document: json.RawMessage(`{"a":"` + strings.Repeat("x", MaxMessage) + `"}`)})
	for _, err := range []error{noID, list, null, none, large, h.Stop(t.Context(), "p", -1)} {
		if AsError(err).Code != InvalidRequest {
			t.Errorf("got %v", err)
		}
	}
	if e.plan.ID != "" || e.id != "" {
		t.Errorf("asked: %+v", e)
	}
	// A host without this SDK is refused by the other side.
	launch, err := h.serving.Launch(t.Context(), &pb.LaunchRequest{})
	stop, err2 := h.serving.Stop(t.Context(), &pb.StopRequest{Id: "p", GraceNs: -1})
	if err != nil || err2 != nil || launch.GetError().GetCode() != "invalid_request" || stop.GetError().GetCode() != "invalid_request" || e.id != "" {
		t.Errorf("%v, %v; %v, %v", launch, err, stop, err2)
	}
}

func TestLogsAreCut(t *testing.T) {
	e := &engines{status: Status{Phase: Failed, Message: "bad \xff", Log: slices.Repeat([]string{"old"}, 300)}}
	e.status.Log = append(e.status.Log, strings.Repeat("ü", maxLogLine)+"\n", "\xffend\r\n")
	got, err := e.harness(t).Status(t.Context(), "p")
	if err != nil || len(got.Log) != MaxLog || got.Message != "bad \uFFFD" {
		t.Fatalf("%d lines, %q, %v", len(got.Log), got.Message, err)
	}
	if long := got.Log[MaxLog-2]; long != strings.Repeat("ü", maxLogLine/2) || got.Log[MaxLog-1] != "\uFFFDend" {
		t.Errorf("%d bytes, %q", len(long), got.Log[MaxLog-1])
	}
}

// both has both abilities and fails, or waits, in each of their calls.
type both struct {
	*engines
	agent
}

func (both) Describe(ctx context.Context) (Description, error) { return scripted(nil).Describe(ctx) }

func (both) Generate(context.Context, message.Request, Sink) error {
	return Errorf(InvalidRequest, "this backend serves engines and runs agents only")
}

func TestServingAndRunnerErrors(t *testing.T) {
	typed := &Error{Code: Overloaded, Message: "no GPU is free", RetryAfter: time.Minute, Retryable: true}
	serve := func(e *engines) *Harness {
		run := func(ctx context.Context, _ Task) (Result, error) { return Result{}, e.end(ctx) }
		return NewHarness(t, func(map[string]any) (Model, error) { return both{e, run}, nil }, nil)
	}
	h := serve(&engines{err: typed})
	if d, err := h.Describe(t.Context()); err != nil || !d.Capabilities.Serving || !d.Capabilities.Running {
		t.Errorf("described as %+v, %v", d.Capabilities, err)
	}
	for name, err := range everyServing(t.Context(), h.Remote) {
		var got *Error
		if !errors.As(err, &got) || *got != *typed {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, call := range servingCalls() {
		for _, deadline := range []bool{true, false} {
			h := serve(&engines{wait: true})
			ctx, cancel := context.WithCancel(t.Context())
			if deadline {
				ctx, cancel = context.WithTimeout(t.Context(), 10*time.Millisecond)
			} else {
				time.AfterFunc(10*time.Millisecond, cancel)
			}
			err := call(ctx, h.Remote)
			var lost *LostError
			if !errors.As(err, &lost) || AsError(err).Code != Cancelled {
				t.Errorf("%s, given up: %v", name, err)
			}
			cancel()
		}
	}
}

func TestMissingServingAndRunner(t *testing.T) {
	h := serve(t, func(_ context.Context, _ message.Request, out Sink) error { return finish(out) })
	if d, err := h.Describe(t.Context()); err != nil || d.Capabilities.Serving || d.Capabilities.Running {
		t.Errorf("described as %+v, %v", d.Capabilities, err)
	}
	for name, err := range everyServing(t.Context(), h.Remote) {
		if !errors.Is(err, errors.ErrUnsupported) || AsError(err).Code != InvalidRequest {
			t.Errorf("%s, which is missing: %v", name, err)
		}
	}
	bare := Unconfigured(t, func(map[string]any) (Model, error) { return both{}, nil })
	for name, err := range everyServing(t.Context(), bare.Remote) {
		if !errors.Is(err, ErrUnconfigured) || errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s before Configure: %v", name, err)
		}
	}
}
