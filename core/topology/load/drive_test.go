package load_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/topology/load"
)

func small(f *fake) load.Config {
	return load.Config{
		Endpoint: load.Endpoint{URL: f.url, Model: "some/model"},
		Workload: load.Workload{Name: "small", Input: 100, Output: 20, Prompts: 12, Seed: 7},
		Pace:     load.Pace{Rate: 60},
		Warmup:   4,
	}
}

func drive(t *testing.T, c load.Config) *load.Run {
	t.Helper()
	run, err := load.Drive(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

// TestEveryAPI: the answer is read whole, the prompt is as long as asked.
func TestEveryAPI(t *testing.T) {
	for _, api := range []load.API{load.Chat, load.Completion, load.TokenIDs} {
		t.Run(string(api), func(t *testing.T) {
			f := start(t, `{"ttft":{"mean":"20ms"},"tpot":{"mean":"2ms"},"tokens_per_word":1.5,"template":9}`)
			c := small(f)
			c.Endpoint.API = api
			c.Workload.SharedPrefix = 40
			run := drive(t, c)
			if len(run.Requests) != 12 || !run.Prompt.Measured || run.Server != "0.24.0" {
				t.Fatalf("run %+v, prompt %+v", run, run.Prompt)
			}
			chunks := 20
			if api == load.Chat {
				chunks = 21 // its role has a chunk of its own
			}
			for _, r := range run.Requests {
				if !r.OK() || r.Output != 20 || r.Counted != load.ByUsage || len(r.Chunks) != chunks || r.Finish != "length" {
					t.Errorf("request %+v", r)
				}
				if r.Input < 99 || r.Input > 101 {
					t.Errorf("prompt of %d tokens, 100 were asked", r.Input)
				}
				if r.TTFT() < 20*time.Millisecond || r.Sent < r.Scheduled || r.Wrote < r.Sent || r.End < r.Chunks[len(r.Chunks)-1] {
					t.Errorf("times out of order: %+v", r)
				}
			}
			if api == load.TokenIDs && run.Prompt.PerWord != 0 || api != load.TokenIDs && math.Abs(run.Prompt.PerWord-1.5) > 0.01 {
				t.Errorf("prompt %+v", run.Prompt)
			}
		})
	}
}

// TestKinds: each way to fail has its kind, and the run says why.
func TestKinds(t *testing.T) {
	for fault, want := range map[string]load.Kind{
		"hang": load.Late, "429": load.Throttled, "500": load.Server, "503": load.Server, "404": load.Refused, "empty": load.Empty, "stall": load.Stalled,
		"cut": load.Cut, "end": load.Cut, "garbage": load.Garbled, "long-line": load.Garbled, "error": load.Broken, "flood": load.Flooded, "not-stream": load.Whole,
	} {
		t.Run(fault, func(t *testing.T) {
			// Two probes and four warm-ups come through, then the fault begins.
			f := start(t, fmt.Sprintf(`{"ttft":{"mean":"5ms"},"tpot":{"mean":"1ms"},"faults":[{"kind":%q,"after":5,"from":6}]}`, fault))
			c := small(f)
			switch fault { // others have the usual time, however busy the machine is
			case "hang":
				c.Limits.First = 500 * time.Millisecond
			case "stall":
				c.Limits.Stall = 500 * time.Millisecond
			}
			run := drive(t, c)
			for _, r := range run.Requests {
				if r.Kind != want || r.Error == "" {
					t.Errorf("request ended as %s: %s", r.Kind, r.Error)
				}
			}
			if run.Valid() || !has(run.Invalid, "12 of 12 requests failed: 12 "+string(want)) {
				t.Errorf("invalid: %q", run.Invalid)
			}
		})
	}
}

// TestMarks: answers that come through, and still need a word.
func TestMarks(t *testing.T) {
	for _, c := range []struct{ name, script, warning, invalid string }{
		{"no usage", `{"usage":"never"}`, "taken as the asked length", ""},
		{"chunks", `{"chunk_tokens":4}`, "a chunk holds", ""},
		{"other model", `{"faults":[{"kind":"wrong-model"}]}`, `answers name the model "some/other-model"`, ""},
		{"shorter", `{"output_tokens":10}`, "12 of 12 answers are shorter than asked", ""},
		{"buffered", `{"ttft":{"mean":"20ms"},"tpot":{"mean":"5ms"},"faults":[{"kind":"burst"}]}`, "", "something between here and the engine buffers"},
		{"no done", `{"faults":[{"kind":"no-done"}]}`, "", ""},
		{"clock", `{"clock_jump":"-3h"}`, "", ""},
		{"some fail", `{"faults":[{"kind":"500","from":6,"every":12}]}`, "1 of 12 requests failed: 1 server (HTTP 500: EngineCore", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			run := drive(t, small(start(t, c.script)))
			if c.warning != "" && !has(run.Warnings, c.warning) {
				t.Errorf("warnings %q lack %q", run.Warnings, c.warning)
			}
			if c.invalid != "" && !has(run.Invalid, c.invalid) {
				t.Errorf("invalid %q lacks %q", run.Invalid, c.invalid)
			}
			run.Warnings = slices.DeleteFunc(run.Warnings, func(w string) bool { return strings.Contains(w, "handing a request") }) // a busy machine
			if c.warning == "" && len(run.Warnings) > 0 {
				t.Errorf("warnings %q", run.Warnings)
			}
		})
	}
}

// TestRefusals: what stands against a run at all is an error that says what to do.
func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		name, script, want string
		change             func(*load.Config)
	}{
		{"no such model", ``, `does not serve "other": it has some/model`, func(c *load.Config) { c.Endpoint.Model = "other" }},
		{"key", ``, "HTTP 401", func(c *load.Config) { c.Endpoint.Key = "wrong" }},
		{"ids", `{"refuse_ids":true}`, "use api completions", func(c *load.Config) { c.Endpoint.API = load.TokenIDs }},
		{"extras", `{"refuse_extras":true}`, "set plain", nil},
		{"no stream", `{"faults":[{"kind":"not-stream"}]}`, "the answer came in one piece", nil},
		{"warm-up", `{"faults":[{"kind":"500","from":2}]}`, "warming up: a request failed (server)", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			var args []string
			if c.name == "key" {
				args = []string{"--api-key", "right"}
			}
			cfg := small(start(t, c.script, args...))
			if c.change != nil {
				c.change(&cfg)
			}
			if _, err := load.Drive(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v lacks %q", err, c.want)
			}
		})
	}
}

// TestConcurrencyCap: never more at once than asked, and the wait is told.
func TestConcurrencyCap(t *testing.T) {
	f := start(t, `{"ttft":{"mean":"30ms"},"tpot":{"mean":"2ms"}}`)
	c := small(f)
	c.Pace = load.Pace{Rate: 500, Concurrency: 3}
	run := drive(t, c)
	for _, r := range run.Requests {
		at := 0
		for _, o := range run.Requests {
			if o.Sent <= r.Sent && o.End > r.Sent {
				at++
			}
		}
		if at > 3 {
			t.Errorf("request %d: %d at once", r.N, at)
		}
	}
	if !has(run.Warnings, "the cap of 3 at once held 9 of 12 requests back") {
		t.Errorf("warnings %q", run.Warnings)
	}
}

// TestStop: a stopped run gives what it has, and says so.
func TestStop(t *testing.T) {
	f := start(t, `{"ttft":{"mean":"20ms"},"tpot":{"mean":"20ms"}}`)
	ctx, cancel := context.WithCancel(t.Context())
	c := small(f)
	c.Warmup, c.Workload.Prompts, c.Workload.Output, c.Pace.Rate = 0, 100, 50, 100
	c.Progress = func(p load.Progress) {
		if p.Stage == "run" && p.Sent > 10 {
			cancel()
		}
	}
	run, err := load.Drive(ctx, c)
	if !errors.Is(err, context.Canceled) || run == nil {
		t.Fatalf("run %v, error %v", run, err)
	}
	kinds := map[load.Kind]int{}
	for _, r := range run.Requests {
		kinds[r.Kind]++
	}
	if kinds[load.Cancelled] == 0 || kinds[load.Unsent] == 0 || kinds[load.Cancelled]+kinds[load.Unsent]+kinds[load.Fine] != 100 {
		t.Errorf("kinds %v", kinds)
	}
}

// TestBounds: absurd configurations are refused before anything is sent.
func TestBounds(t *testing.T) {
	good := load.Config{Endpoint: load.Endpoint{URL: "http://127.0.0.1:1"}, Workload: load.Workload{Input: 10, Output: 10, Prompts: 10}, Pace: load.Pace{Rate: 1}}
	if err := good.Check(); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*load.Config){
		"url":         func(c *load.Config) { c.Endpoint.URL = "127.0.0.1:8000" },
		"api":         func(c *load.Config) { c.Endpoint.API = "responses" },
		"no input":    func(c *load.Config) { c.Workload.Input = 0 },
		"huge output": func(c *load.Config) { c.Workload.Output = 1 << 40 },
		"no prompts":  func(c *load.Config) { c.Workload.Prompts = 0 },
		"rate":        func(c *load.Config) { c.Pace.Rate = load.Rate(math.NaN()) },
		"negative":    func(c *load.Config) { c.Pace.Rate = -1 },
		"prefix":      func(c *load.Config) { c.Workload.SharedPrefix = 11 },
		"memory":      func(c *load.Config) { c.Workload.Output, c.Workload.Prompts = 1<<20, 1<<18 },
		"burst":       func(c *load.Config) { c.Pace.Rate, c.Workload.Prompts = 0, 10_000 },
		"spread":      func(c *load.Config) { c.Workload.Spread = 1 },
		"trace": func(c *load.Config) {
			c.Workload.Trace = []load.Arrival{{At: 5, Input: 1, Output: 1}, {At: 4, Input: 1, Output: 1}}
		},
		"burstiness": func(c *load.Config) { c.Pace.Burstiness = -1 },
	} {
		c := good
		change(&c)
		if c.Check() == nil {
			t.Errorf("%s: it was let through", name)
		}
	}
}
