package backend_test

import (
	"context"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/conformance/backend"
	"github.com/plimsoll-dev/plimsoll/conformance/report"
)

// TestMain makes this binary a stub when it is started as one.
func TestMain(m *testing.M) {
	if len(os.Args) == 4 && os.Args[1] == "stub" {
		serveStub(os.Args[2], os.Args[3])
	}
	os.Exit(m.Run())
}

func stubOptions(t *testing.T, mode string) backend.Options {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return backend.Options{
		Target: backend.Target{Command: []string{self, "stub", mode, t.TempDir()}, Name: mode},
		Config: map[string]any{"word": "ahoy"}, Slow: "slow",
		Timeout: 20 * time.Second, Slack: 300 * time.Millisecond,
	}
}

func run(t *testing.T, o backend.Options) *report.Report {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	r, err := backend.Run(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func caseOf(r *report.Report, id string) report.Case {
	for _, c := range r.Cases {
		if c.ID == "backend."+id {
			return c
		}
	}
	return report.Case{}
}

// TestGood: a backend that was written without the SDK and does nothing wrong
// passes every case.
func TestGood(t *testing.T) {
	r := backend.Test(t, stubOptions(t, "good"))
	if !r.Conformant() || len(r.Cases) != len(backend.Cases()) {
		t.Errorf("%s: %v of %d cases", r.Result, r.Counts, len(backend.Cases()))
	}
	for _, c := range r.Cases {
		// A name can be looked at, but not what a process does, where there is
		// no signal for that.
		if c.Status == report.Skip && runtime.GOOS == "linux" && c.ID != "backend.stream.backpressure" {
			t.Errorf("%s is skipped: %s", c.ID, c.Saw)
		}
	}
	if r.Subject.Digest == "" || r.Subject.Facts["backend"] != "stub 1.0.0" {
		t.Errorf("%+v", r.Subject)
	}
}

// wrongs are the stubs that do one thing wrong, and the case that must say so.
var wrongs = []struct {
	mode, id string
	saw      string // a part of what the case says was seen
}{
	{"silent_start", "handshake.line", "printed no handshake"},
	{"dead", "handshake.line", "cannot find the model server"},
	{"chatter", "handshake.line", "welcome to the backend"},
	{"future", "handshake.version", "took 9999"},
	{"cookieless", "handshake.cookie", "without the cookie"},
	{"open", "handshake.certificate", "a caller with a certificate of its own was answered"},
	{"needs_config", "describe.unconfigured", "configure me first"},
	{"restless", "describe.stable", "something else"},
	{"nameless_version", "describe.name", `"latest"`},
	{"untyped", "describe.schema", `many[] has the type "text"`},
	{"forgetful", "configure.again", "another config was taken"},
	{"eager", "configure.first", "before it was configured"},
	{"greedy", "configure.unknown", "was taken"},
	{"patient", "configure.unknown", "as if waiting would help"},
	{"lenient", "configure.wrong", "was taken"},
	{"optional", "configure.required", "no word was taken"},
	{"mute", "generate.answer", "had said nothing"},
	{"panic", "generate.answer", "the boiler is empty"},
	{"hang", "generate.answer", "DeadlineExceeded"},
	{"hang", "stream.one_end", "no end in time"},
	{"unfinished", "stream.one_end", "closed without Done"},
	{"moody", "generate.repeat", "a simulation said two things"},
	{"rolephobic", "generate.roles", "too lively"},
	{"fragile", "generate.empty", "index out of range"},
	{"mojibake", "generate.unicode", "broken character"},
	{"small", "generate.large", "larger than max"},
	{"inventive", "generate.tools", "launch_the_boats"},
	{"narrow", "generate.schemas", "exit status 9"},
	{"reorder", "stream.order", "came after"},
	{"crossed", "stream.concurrent", "what belongs to call"},
	{"buffer", "stream.backpressure", "its memory grew"},
	{"guessing", "ability.count", "twenty times as long"},
	{"dice", "ability.count", "the same prompt has"},
	{"unoffered", "ability.count", "capabilities do not say so"},
	{"unoffered", "ability.embed", "capabilities do not say so"},
	{"ragged", "ability.embed", "vector 2 has 2 numbers"},
	{"shuffled", "ability.embed", "not in order"},
	{"dropped", "ability.embed", "3 texts got 2 vectors"},
	{"deaf", "cancel.stops", "still running"},
	{"deaf", "cancel.deadline", "still running"},
	{"hoarder", "cancel.next", "DeadlineExceeded"},
	{"homely", "environment.declared", "whole environment only"},
	{"reader", "stdin.ignored", "what came on stdin"},
	{"survivor", "stop.lifeline", "still running"},
	{"stubborn", "stop.clean", "still running"},
	{"messy", "stop.clean", "exit status 4"},
	{"once", "stop.killed", "another one is running"},
	{"two_ends", "stream.none_after", "a Done came after the end"},
	{"late_text", "stream.none_after", "text came after the end"},
	{"error_after", "stream.none_after", "an error came after the end"},
	{"lingering", "stream.closes", "still open"},
	{"half_call", "stream.events", "no JSON object"},
	{"empty_event", "stream.events", "holds nothing"},
	{"flood", "stream.bounded", "no end of the answer"},
	{"nameless", "answer.model", "does not say which model"},
	{"vague", "answer.finish", `"done"`},
	{"negative", "answer.usage", "below zero"},
	{"inclusive", "answer.usage", "more reasoning than output"},
	{"free", "answer.usage", "has no output"},
	{"inflating", "answer.prompt", "tokens"},
	{"claims", "error.model", "none of its models"},
	{"status", "error.event", "NotFound"},
	{"typo", "error.typed", `"bad_request"`},
	{"hopeful", "error.typed", "retryable true"},
	{"leaker", "environment.secrets", "PLIMSOLL_CONFORMANCE_CANARY"},
}

// TestWrongsAreCaught: each by the case of that name.
func TestWrongsAreCaught(t *testing.T) {
	for _, w := range wrongs {
		t.Run(w.mode+"/"+w.id, func(t *testing.T) {
			t.Parallel()
			if runtime.GOOS != "linux" && slices.Contains([]string{"stream.backpressure", "cancel.stops", "cancel.deadline"}, w.id) {
				t.Skip("on this system the kit cannot look into a process")
			}
			o := stubOptions(t, w.mode)
			o.Only = []string{w.id}
			if slices.Contains([]string{"silent_start", "hang", "hoarder"}, w.mode) {
				o.Timeout = 3 * time.Second
			}
			if w.mode == "buffer" {
				o.Slow = ""
			}
			r := run(t, o)
			c := caseOf(r, w.id)
			if c.Status != report.Fail || !strings.Contains(c.Saw, w.saw) || c.Do == "" {
				t.Errorf("%s: %s, want fail with %q (do: %s)", c.Status, c.Saw, w.saw, c.Do)
			}
			if r.Conformant() {
				t.Error("and the report calls it conformant")
			}
		})
	}
}

// TestHopeless: the whole kit against backends with which nothing can be done. It
// comes to an end, says by name what is wrong, and has no fault of its own.
func TestHopeless(t *testing.T) {
	for mode, id := range map[string]string{
		"dead": "handshake.line", "chatter": "handshake.line", "panic": "generate.answer", "hang": "stream.one_end",
		"flood": "stream.bounded", "mute": "generate.answer", "reorder": "stream.order", "late_text": "stream.none_after",
	} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			o := stubOptions(t, mode)
			if mode == "hang" { // the others end sooner or later by themselves
				o.Timeout = 4 * time.Second
			}
			r := run(t, o)
			if r.Conformant() || r.Counts[report.Error] > 0 || len(r.Cases) != len(backend.Cases()) {
				t.Errorf("%s: %v", r.Result, r.Counts)
			}
			for _, c := range r.Cases {
				if c.Status == report.Error {
					t.Errorf("%s: %s", c.ID, c.Saw)
				}
			}
			if c := caseOf(r, id); c.Status != report.Fail {
				t.Errorf("%s: %s: %s", id, c.Status, c.Saw)
			}
		})
	}
}

// TestEveryCaseCatchesSomething: a case that no stub fails might be one that
// cannot fail.
func TestEveryCaseCatchesSomething(t *testing.T) {
	caught := map[string]bool{"configure.accepted": true} // a config that does not fit: TestConfigRefused
	for _, w := range wrongs {
		caught[w.id] = true
	}
	for _, c := range backend.Cases() {
		if !caught[strings.TrimPrefix(c.ID, "backend.")] {
			t.Errorf("no stub fails %s", c.ID)
		}
		if c.Title == "" || c.Says == "" || c.Section == "" {
			t.Errorf("%s does not say what it asks and where that stands", c.ID)
		}
	}
}

func TestConfigRefused(t *testing.T) {
	o := stubOptions(t, "good")
	o.Config = map[string]any{"word": 3}
	o.Only = []string{"configure.accepted", "generate"}
	r := run(t, o)
	if c := caseOf(r, "configure.accepted"); c.Status != report.Fail || !strings.Contains(c.Saw, "wrong type") {
		t.Errorf("%+v", c)
	}
	if c := caseOf(r, "generate.answer"); c.Status != report.Skip {
		t.Errorf("%+v", c)
	}
}

func TestSelection(t *testing.T) {
	o := stubOptions(t, "good")
	o.Case = regexp.MustCompile(`^backend\.describe\.`)
	o.Skip = []string{"describe.name"}
	o.Again = "kit -only %s"
	r := run(t, o)
	if len(r.Cases) != 4 || caseOf(r, "describe.name").Status != report.Disabled || r.Conformant() {
		t.Errorf("%+v", r.Cases)
	}
	if c := caseOf(r, "describe.schema"); c.Status != report.Pass || c.Reproduce != "kit -only describe.schema" {
		t.Errorf("%+v", c)
	}
	o.Only = []string{"nonsense"}
	if _, err := backend.Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), "no case") {
		t.Errorf("%v", err)
	}
}

func TestTargets(t *testing.T) {
	file, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ text, plimsoll, want, fail string }{
		{text: file, want: file},
		{text: "sim", plimsoll: "/usr/bin/plimsoll", want: "/usr/bin/plimsoll plugin-serve sim"},
		{text: "../sim", plimsoll: "/usr/bin/plimsoll", fail: "no name of a backend"},
		{text: "127.0.0.1:9443", want: "127.0.0.1:9443"},
		{text: "unix:///tmp/x.sock", want: "unix:///tmp/x.sock"},
		{text: "unix://x", fail: "is no socket"},
		{text: "sim", fail: "-plimsoll PATH"},
		{text: ".", fail: "is a folder"},
		{text: "host:port", fail: "HOST:PORT"},
	} {
		got, err := backend.ParseTarget(c.text, c.plimsoll)
		if c.fail != "" {
			if err == nil || !strings.Contains(err.Error(), c.fail) {
				t.Errorf("%q: %v, want %q", c.text, err, c.fail)
			}
			continue
		}
		if said := got.Address + strings.Join(got.Command, " "); err != nil || said != c.want {
			t.Errorf("%q is %q, %v", c.text, said, err)
		}
	}
	if _, err := backend.Run(t.Context(), backend.Options{Target: backend.Target{Command: []string{"./no-such-backend"}}}); err == nil {
		t.Error("a target that is not there was tested")
	}
	if _, err := backend.Run(t.Context(), backend.Options{Target: backend.Target{Command: []string{file}}, Env: []string{"NOT_SET_BY_ANYBODY"}}); err == nil || !strings.Contains(err.Error(), "NOT_SET_BY_ANYBODY") {
		t.Errorf("%v", err)
	}
}
