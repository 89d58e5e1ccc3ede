package backend_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/plimsoll-dev/plimsoll/sdk/backend"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// bench stands in for *testing.T, which an example does not get.
type bench struct{ cleanup []func() }

func (*bench) Helper()                           {}
func (*bench) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
func (b *bench) Cleanup(f func())                { b.cleanup = append(b.cleanup, f) }

func (b *bench) end() {
	for _, f := range b.cleanup {
		f()
	}
}

// helper is the part that every backend has. It does not generate.
type helper struct{}

func (helper) Describe(context.Context) (backend.Description, error) {
	return backend.Description{Version: "0.1.0"}, nil
}

func (helper) Generate(context.Context, message.Request, backend.Sink) error {
	return backend.Errorf(backend.InvalidRequest, "this backend does not generate")
}

// launcher "launches" by noting it down.
type launcher struct {
	helper
	mu       sync.Mutex
	launched map[string]launched // by the id of the plan
}

type launched struct {
	document string
	instance backend.Instance
}

func (l *launcher) Launch(_ context.Context, p backend.Plan) (backend.Instance, error) {
	var doc struct{ Port int }
	if err := json.Unmarshal(p.Document, &doc); err != nil || doc.Port == 0 {
		return backend.Instance{}, backend.Errorf(backend.InvalidRequest, "plan %s names no port", p.ID)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if was, ok := l.launched[p.ID]; ok {
		if was.document != string(p.Document) {
			return backend.Instance{}, backend.Errorf(backend.InvalidRequest, "plan %s runs already and says something else", p.ID)
		}
		return was.instance, nil // a host that was cut off asks again
	}
	i := backend.Instance{ID: p.ID, Endpoints: []string{fmt.Sprintf("http://127.0.0.1:%d/v1", doc.Port)}, Started: time.Now()}
	l.launched[p.ID] = launched{string(p.Document), i}
	return i, nil
}

func (l *launcher) Status(_ context.Context, id string) (backend.Status, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if was, ok := l.launched[id]; ok {
		return backend.Status{Phase: backend.Ready, Since: was.instance.Started}, nil
	}
	return backend.Status{Phase: backend.Stopped}, nil
}

func (l *launcher) Stop(_ context.Context, id string, _ time.Duration) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.launched, id)
	return nil
}

func (l *launcher) Metrics(_ context.Context, id string) (backend.Metrics, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.launched[id]; !ok {
		return backend.Metrics{}, backend.Errorf(backend.InvalidRequest, "there is no engine %s", id)
	}
	return backend.Metrics{At: time.Now(), Gauges: map[string]float64{"vllm:num_requests_running": 0}}, nil
}

func ExampleServing() {
	b := &bench{}
	defer b.end()
	h := backend.NewHarness(b, func(map[string]any) (backend.Model, error) {
		return &launcher{launched: map[string]launched{}}, nil
	}, nil)
	ctx := context.Background()
	instance, err := h.Launch(ctx, backend.Plan{ID: "night", Model: "qwen27b", Document: json.RawMessage(`{"port":8000}`)})
	fmt.Println(instance.Endpoints, err)
	status, err := h.Status(ctx, "night")
	fmt.Println(status.Phase, err)
	fmt.Println(h.Stop(ctx, "night", 10*time.Second))
	status, err = h.Status(ctx, "night")
	fmt.Println(status.Phase, err)
	// Output:
	// [http://127.0.0.1:8000/v1] <nil>
	// ready <nil>
	// <nil>
	// stopped <nil>
}

// scribe "works" by writing one file.
type scribe struct{ helper }

func (scribe) Execute(_ context.Context, t backend.Task) (backend.Result, error) {
	var input string
	if err := json.Unmarshal(t.Input, &input); err != nil {
		return backend.Result{}, backend.Errorf(backend.InvalidRequest, "the input is not a text")
	}
	return backend.Result{
		Text:  "I wrote it down.",
		Files: []backend.ChangedFile{{Path: "notes/today.txt", Kind: backend.Added, Data: []byte(input)}},
		Usage: message.Usage{Input: 12, Output: 5}, UsageKnown: true, Model: t.Model,
	}, nil
}

func ExampleRunner() {
	b := &bench{}
	defer b.end()
	h := backend.NewHarness(b, func(map[string]any) (backend.Model, error) { return scribe{}, nil }, nil)
	r, err := h.Execute(context.Background(), backend.Task{
		Input: json.RawMessage(`"buy paint"`), Model: "m-1", Timeout: time.Minute,
	})
	fmt.Println(r.Text, err)
	for _, f := range r.Files {
		fmt.Println(f.Kind, f.Path, string(f.Data))
	}
	// Output:
	// I wrote it down. <nil>
	// added notes/today.txt buy paint
}
