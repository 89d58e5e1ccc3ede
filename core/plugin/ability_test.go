package plugin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/sdk/backend"
)

// worker also serves engines, of which it only keeps the ids, and runs agents
// that do what the input says.
type worker struct {
	player
	launched sync.Map
}

func (w *worker) Launch(_ context.Context, p backend.Plan) (backend.Instance, error) {
	w.launched.Store(p.ID, true)
	return backend.Instance{ID: p.ID, Endpoints: []string{"http://127.0.0.1:8000"}, Started: time.Unix(1, 5)}, nil
}

func (w *worker) Status(_ context.Context, id string) (backend.Status, error) {
	if _, ok := w.launched.Load(id); !ok {
		return backend.Status{Phase: backend.Stopped}, nil
	}
	return backend.Status{Phase: backend.Ready, Message: fmt.Sprint(os.Getpid())}, nil
}

func (w *worker) Stop(_ context.Context, id string, _ time.Duration) error {
	w.launched.Delete(id)
	return nil
}

func (w *worker) Metrics(_ context.Context, id string) (backend.Metrics, error) {
	if _, ok := w.launched.Load(id); !ok {
		return backend.Metrics{}, backend.Errorf(backend.InvalidRequest, "there is no %q", id)
	}
	return backend.Metrics{At: time.Unix(2, 0), Gauges: map[string]float64{"g": 0.5}}, nil
}

func (w *worker) Execute(_ context.Context, task backend.Task) (backend.Result, error) {
	if string(task.Input) == `"exit"` {
		os.Exit(7)
	}
	return backend.Result{Text: "done", Files: []backend.ChangedFile{{Path: "a", Kind: backend.Added, Data: task.Input}}, Model: task.Model}, nil
}

func task(input string) backend.Task {
	return backend.Task{Input: json.RawMessage(input), Model: "m"}
}

func TestServingAndRunning(t *testing.T) {
	c := client(t, newManager(t), Spec{Plugin: "worker"})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if d, err := c.Describe(ctx); err != nil || !d.Capabilities.Serving || !d.Capabilities.Running {
		t.Fatalf("described as %+v, %v", d.Capabilities, err)
	}
	plan := backend.Plan{ID: "p", Document: json.RawMessage(`{}`)}
	i, err := c.Launch(ctx, plan)
	if want := (backend.Instance{ID: "p", Endpoints: []string{"http://127.0.0.1:8000"}, Started: time.Unix(1, 5).UTC()}); err != nil || !reflect.DeepEqual(i, want) {
		t.Errorf("%+v, %v", i, err)
	}
	if s, err := c.Status(ctx, "p"); err != nil || s.Phase != backend.Ready || s.Message == fmt.Sprint(os.Getpid()) {
		t.Errorf("%+v, %v", s, err)
	}
	if m, err := c.Metrics(ctx, "p"); err != nil || m.Gauges["g"] != 0.5 {
		t.Errorf("%+v, %v", m, err)
	}
	if err := c.Stop(ctx, "p", time.Second); err != nil {
		t.Error(err)
	}
	if _, err := c.Metrics(ctx, "p"); backend.AsError(err).Code != backend.InvalidRequest {
		t.Errorf("metrics of what was stopped: %v", err)
	}
	r, err := c.Execute(ctx, task(`"x"`))
	if err != nil || r.Text != "done" || len(r.Files) != 1 || string(r.Files[0].Data) != `"x"` || r.Model != "m" {
		t.Errorf("%+v, %v", r, err)
	}

	// A plugin that dies loses the call, and what it launched.
	if _, err := c.Launch(ctx, plan); err != nil {
		t.Error(err)
	}
	var lost *backend.LostError
	if _, err := c.Execute(ctx, task(`"exit"`)); !errors.As(err, &lost) || backend.AsError(err).Code != backend.Unavailable {
		t.Errorf("the plugin died, and the task: %v", err)
	}
	if s, err := c.Status(ctx, "p"); err != nil || s.Phase != backend.Stopped {
		t.Errorf("after it: %+v, %v", s, err)
	}
}

func TestServingAndRunningAreTold(t *testing.T) {
	c := client(t, newManager(t), Spec{})
	_, launch := c.Launch(t.Context(), backend.Plan{ID: "p", Document: json.RawMessage(`{}`)})
	_, status := c.Status(t.Context(), "p")
	_, metrics := c.Metrics(t.Context(), "p")
	_, execute := c.Execute(t.Context(), task(`1`))
	for _, err := range []error{launch, status, metrics, execute, c.Stop(t.Context(), "p", 0)} {
		if !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("a missing ability: %v", err)
		}
	}
	// Generating goes on beside it.
	if got := told(t, c, "echo x"); got != "x" {
		t.Errorf("got %q", got)
	}
}
