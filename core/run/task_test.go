package run_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/gate"
	"github.com/plimsoll-dev/plimsoll/core/run"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// agents does tasks by a function and keeps what it was asked.
type agents struct {
	mu    sync.Mutex
	asked []run.Task
	do    func(ctx context.Context, n int, t run.Task) (run.Done, bool, error)
}

func (a *agents) Execute(ctx context.Context, _ string, t run.Task) (run.Done, bool, error) {
	a.mu.Lock()
	n := len(a.asked)
	a.asked = append(a.asked, t)
	a.mu.Unlock()
	return a.do(ctx, n, t)
}

// delegated runs a plan through agents.
func delegated(t *testing.T, a *agents, p *run.Plan, r run.Request) *run.Record {
	t.Helper()
	at := time.Date(2026, 7, 2, 2, 0, 0, 0, time.UTC)
	x := run.Executor{Runners: a, Blobs: &blobs{}, Now: func() time.Time { at = at.Add(time.Second); return at }}
	rec, err := x.Do(t.Context(), p, r)
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

func runnerPlan(t *testing.T, files bool, gates ...gate.Spec) *run.Plan {
	p := plan(t, gates...)
	p.Runner = &run.Runner{Name: "agent", Timeout: time.Minute, Fixture: "/fixture", MaxCost: -1}
	if files {
		p.Runner.Takes = func(path string) bool { return strings.HasSuffix(path, ".txt") }
	}
	return p
}

func said(text string) func(context.Context, int, run.Task) (run.Done, bool, error) {
	return func(context.Context, int, run.Task) (run.Done, bool, error) { return run.Done{Text: text}, false, nil }
}

func TestAnAgentDoesTheTask(t *testing.T) {
	a := &agents{do: func(_ context.Context, n int, _ run.Task) (run.Done, bool, error) {
		text := "much too long"
		if n == 1 {
			text = "short"
		}
		return run.Done{Text: text, Model: "m-large-v1", Usage: message.Usage{Input: 1000, Output: 100}, UsageKnown: true, Log: []string{"a line"},
			Files: []run.File{{Path: "a.txt", Change: "added", Size: 1, Data: []byte("a")}}}, false, nil
	}}
	rec := delegated(t, a, runnerPlan(t, false, short), request(ladder(), 2))
	if rec.Status != run.OK || string(rec.Output) != `"short"` || len(rec.Attempts) != 2 || rec.Runner != "agent" {
		t.Fatalf("%+v", rec)
	}
	first, second := a.asked[0], a.asked[1]
	if first.Model != "m-large" || first.Fixture != "/fixture" || !strings.HasPrefix(first.Prompt, "Be short.\n\n") || strings.Contains(first.Prompt, "tried before") {
		t.Errorf("asked %+v", first)
	}
	for _, want := range []string{"You have tried before, and answered:\n\nmuch too long", "short"} {
		if !strings.Contains(second.Prompt, want) {
			t.Errorf("the second prompt lacks %q:\n%s", want, second.Prompt)
		}
	}
	if first.Idempotency == second.Idempotency || first.Timeout != time.Minute {
		t.Errorf("%+v, %+v", first, second)
	}
	call := rec.Attempts[1].Calls[0]
	if call.Micro != 1500 || !call.Priced || call.Reported != "m-large-v1" || call.Task == nil || call.Task.Files != 1 || call.Task.Log == "" || !call.Task.Usage || call.Task.Billed {
		t.Errorf("%+v, %+v", call, call.Task)
	}
}

// What nobody knows is never free, and never a pass.
func TestEndsOfTasks(t *testing.T) {
	lost := &run.CallError{Code: "unavailable", Message: "killed", Lost: true}
	for name, c := range map[string]struct {
		done   run.Done
		lost   bool
		err    error
		max    int64
		status run.Status
		why    string
		micro  int64
		priced bool
		unsure int64
	}{
		"fine":             {done: run.Done{Text: "ok", CostKnown: true, Cost: 77}, max: -1, status: run.OK, micro: 77, priced: true},
		"its cost is last": {done: run.Done{Text: "ok", CostKnown: true, UsageKnown: true, Usage: message.Usage{Input: 9}}, max: -1, status: run.OK, priced: true},
		"usage unknown":    {done: run.Done{Text: "ok"}, max: -1, status: run.OK},
		"bounded":          {done: run.Done{Text: "ok"}, max: 50, status: run.OK, micro: 50, priced: true, unsure: 50},
		"said nothing":     {done: run.Done{}, max: -1, status: run.Failed, why: "the agent printed nothing"},
		"status":           {done: run.Done{ExitCode: 4, Log: []string{"x", "no quota"}}, max: 50, status: run.Missing, why: "status 4: no quota", micro: 50, priced: true, unsure: 50},
		"killed":           {done: run.Done{ExitCode: -1}, max: -1, status: run.Missing, why: "status -1 and said nothing"},
		"timed out":        {done: run.Done{TimedOut: true, ExitCode: -1}, max: -1, status: run.Timeout, why: "within 1m0s, and was ended"},
		"lost":             {err: lost, lost: true, max: 50, status: run.Missing, why: "killed", micro: 50, priced: true, unsure: 50},
		"garbage":          {err: &run.CallError{Code: "unavailable", Message: "was to print JSON"}, max: -1, status: run.Missing, why: "was to print JSON"},
		"not started":      {err: &run.CallError{Code: "invalid_request", Message: "no program"}, max: 50, status: run.Missing, why: "no program", priced: true},
		"any error":        {err: os.ErrClosed, max: 50, status: run.Missing, why: "closed", micro: 50, priced: true, unsure: 50},
	} {
		p := runnerPlan(t, false)
		p.Runner.MaxCost, p.Retries = c.max, 0
		rec := delegated(t, &agents{do: func(context.Context, int, run.Task) (run.Done, bool, error) { return c.done, c.lost, c.err }}, p, run.Request{
			ID: "r", Input: json.RawMessage(`"x"`), Tiers: map[string]*config.Tier{"main": ladder().Tiers[0]},
		})
		if rec.Status != c.status || !strings.Contains(rec.Why, c.why) {
			t.Errorf("%s: %s, %s", name, rec.Status, rec.Why)
		}
		if rec.Micro != c.micro || rec.Priced != c.priced || rec.Unsure != c.unsure {
			t.Errorf("%s: cost %d, priced %t, unsure %d", name, rec.Micro, rec.Priced, rec.Unsure)
		}
	}
}

func TestFilesAreOutput(t *testing.T) {
	big := make([]byte, 2<<20)
	a := &agents{do: func(context.Context, int, run.Task) (run.Done, bool, error) {
		return run.Done{Text: "done", Files: []run.File{
			{Path: "z.txt", Change: "removed"},
			{Path: "b.txt", Change: "changed", Size: 3, Data: []byte("b\n\u00fc")[:3]},
			{Path: "raw.txt", Change: "added", Size: 2, Data: []byte{0, 255}},
			{Path: "big.txt", Change: "added", Size: int64(len(big)), Data: big},
			{Path: "sent.txt", Change: "added", Size: 9 << 20},
			{Path: "other.log", Change: "added", Size: 1, Data: []byte("x")},
			{Path: "empty.txt", Change: "added", Data: []byte{}},
		}}, false, nil
	}}
	p := runnerPlan(t, true, gate.Spec{Name: "no big ones", Kind: "rule", Rule: "all(output.files, .size < 10000000)"})
	rec := delegated(t, a, p, request(ladder(), 2))
	var out struct {
		Text  string
		Files []run.OutputFile
	}
	if err := json.Unmarshal(rec.Output, &out); err != nil || out.Text != "done" || len(out.Files) != 6 {
		t.Fatalf("%s: %s, %v", rec.Status, rec.Why, err)
	}
	var got []string
	for _, f := range out.Files {
		what := f.Path + " " + f.Change
		switch {
		case f.LeftOut:
			what += " left out"
		case f.Text != nil:
			what += " text"
		case f.Base64 != "":
			what += " base64"
		}
		got = append(got, what)
	}
	want := "b.txt changed base64; big.txt added left out; empty.txt added text; raw.txt added base64; sent.txt added left out; z.txt removed"
	if strings.Join(got, "; ") != want {
		t.Errorf("%s", strings.Join(got, "; "))
	}
	for output, want := range map[string]string{`{"files":"mine","a":1}`: `{"a":1,"files":[]}`, `"t"`: `{"files":[],"text":"t"}`} {
		if got, err := run.WithFiles(json.RawMessage(output), nil); err != nil || string(got) != want {
			t.Errorf("%s became %s, %v", output, got, err)
		}
	}
	if _, err := run.WithFiles(json.RawMessage(`[1]`), nil); err == nil {
		t.Error("a list has a place for files")
	}
}

// A command gate looks at the folder as the output says that it is, and at nothing
// that an output makes up.
func TestCommandGatesSeeTheFolder(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the gate is a shell script")
	}
	fixture := t.TempDir()
	for name, text := range map[string]string{"base.txt": "base", "gone.txt": "g"} {
		if err := os.WriteFile(filepath.Join(fixture, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p := runnerPlan(t, true, gate.Spec{Name: "look", Kind: "command", Command: []string{"/bin/sh", "-c", `cd "$PLIMSOLL_FILES" && test "$(cat base.txt new/a.txt)" = "baseA" && test ! -e gone.txt`}})
	p.Dir = t.TempDir()
	p = p.On(fixture)
	for output, want := range map[string]string{
		`{"text":"","files":[{"path":"new/a.txt","change":"added","size":1,"text":"A"},{"path":"gone.txt","change":"removed","size":0}]}`: "",
		`{"text":"","files":[]}`: "No such file",
		`{"text":"","files":[{"path":"../../out.txt","change":"added","size":1,"text":"A"}]}`: "outside of the folder",
		`{"text":"","files":[{"path":"a.txt","change":"added","size":9,"left_out":true}]}`:    "left out of the output",
		`{"text":"","files":[{"path":"a.txt","change":"added","size":9,"base64":"%%"}]}`:      "cannot be read",
		`{"text":"","files":"none"}`: "cannot be read",
	} {
		judged, err := p.Judge(t.Context(), json.RawMessage(`"x"`), json.RawMessage(output))
		if err != nil {
			t.Fatal(err)
		}
		if reason := judged.Result.Checks[0].Reason; (want == "") != judged.Result.Checks[0].Passed || !strings.Contains(reason, want) {
			t.Errorf("%s: %q", output, reason)
		}
	}
}

func TestPlansThatNoRunnerTakes(t *testing.T) {
	p := runnerPlan(t, false)
	p.Steps = append(p.Steps, run.Step{Name: "second"})
	tiers := map[string]*config.Tier{"main": ladder().Tiers[0], "second": ladder().Tiers[0]}
	x := run.Executor{Runners: &agents{do: said("x")}, Blobs: &blobs{}, Now: time.Now}
	if _, err := x.Do(t.Context(), p, run.Request{ID: "r", Input: json.RawMessage(`1`), Tiers: tiers}); err == nil || !strings.Contains(err.Error(), "runs a skill whole") {
		t.Errorf("%v", err)
	}
	p = runnerPlan(t, false)
	p.Allow = map[string]bool{"elsewhere": true}
	if _, err := x.Do(t.Context(), p, run.Request{ID: "r", Input: json.RawMessage(`1`), Tiers: tiers}); err == nil || !strings.Contains(err.Error(), "may not see") {
		t.Errorf("%v", err)
	}
	if p.On("") != p || p.On("/other").Runner.Fixture != "/other" || p.Runner.Fixture != "/fixture" {
		t.Error("a folder of one item became that of all")
	}
}
