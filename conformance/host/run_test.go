package host_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/conformance/adapter"
	"github.com/plimsoll-dev/plimsoll/conformance/host"
	"github.com/plimsoll-dev/plimsoll/conformance/report"
	"github.com/plimsoll-dev/plimsoll/core/sandbox"
)

// slack is for machines on which other tests run: a stop that works comes within
// it, one that does not never comes.
const slack = time.Second

// TestMain makes this binary an adapter when it is started as one: the true one,
// or one that misbehaves in the way that its argument names.
func TestMain(m *testing.M) {
	if sandbox.Child() {
		return
	}
	if len(os.Args) > 2 && os.Args[1] == "adapter" {
		if err := play(os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func command(how string) []string { return []string{os.Args[0], "adapter", how} }

// play serves the kit, with a spoiler between the true adapter and the kit.
func play(how string) error {
	serve := func(in io.Reader, out io.Writer) error {
		return adapter.Serve(context.Background(), in, out, adapter.Options{CacheDir: os.Getenv("PLIMSOLL_KIT_CACHE"), Version: "test"})
	}
	if how == "true" {
		return serve(os.Stdin, os.Stdout)
	}
	spoil, ok := spoilers()[how]
	if !ok {
		return fmt.Errorf("there is no adapter %q", how)
	}
	toServer, fromKit := io.Pipe()
	fromServer, toKit := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- serve(toServer, toKit); _ = toKit.Close() }()
	s := &state{files: map[string]string{}, requests: map[int64]host.Request{}}
	go func() {
		lines := bufio.NewScanner(os.Stdin)
		lines.Buffer(nil, 16<<20)
		for lines.Scan() {
			var r host.Request
			if json.Unmarshal(lines.Bytes(), &r) != nil {
				continue
			}
			s.mu.Lock()
			s.requests[r.ID] = r
			s.mu.Unlock()
			_, _ = fromKit.Write(append(bytes.Clone(lines.Bytes()), '\n'))
		}
		_ = fromKit.Close()
	}()
	lines := bufio.NewScanner(fromServer)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var a host.Response
		if err := json.Unmarshal(lines.Bytes(), &a); err != nil {
			return err
		}
		s.mu.Lock()
		r := s.requests[a.ID]
		if r.Admit != "" && a.Module != "" {
			s.files[a.Module] = r.Admit[strings.LastIndexByte(r.Admit, os.PathSeparator)+1:]
		}
		text := spoil(s, r, s.files[r.Call], &a)
		s.mu.Unlock()
		if text == "" {
			raw, err := json.Marshal(a)
			if err != nil {
				return err
			}
			text = string(raw)
		}
		if text != "nothing" {
			fmt.Println(text)
		}
	}
	return <-ended
}

// state is what a spoiler may look at.
type state struct {
	mu       sync.Mutex
	files    map[string]string // by the adapter's name of the module
	requests map[int64]host.Request
	calls    int
	kept     [][]byte
	last     host.Response
}

// spoilers change an answer, or give a line to write in its place ("nothing"
// writes none). file is the module that was called.
func spoilers() map[string]func(s *state, r host.Request, file string, a *host.Response) string {
	return map[string]func(*state, host.Request, string, *host.Response) string{
		"never-stops": func(_ *state, _ host.Request, file string, _ *host.Response) string {
			if file == "stop.loop.wasm" {
				return "nothing"
			}
			return ""
		},
		"stops-late": func(_ *state, _ host.Request, file string, _ *host.Response) string {
			if file == "stop.loop.wasm" {
				time.Sleep(slack + 500*time.Millisecond)
			}
			return ""
		},
		"leaks-state": func(s *state, r host.Request, file string, a *host.Response) string {
			if file == "state.memory.wasm" {
				if s.calls++; s.calls > 2 && r.Op == 2 {
					a.Answer = json.RawMessage(`{"output":"00005ec4e75ec4e7"}`)
				}
			}
			return ""
		},
		"lies-about-codes": func(_ *state, _ host.Request, file string, a *host.Response) string {
			if a.Error != nil && a.Error.Code == "exit" {
				a.Error.Code = "deadline"
			}
			return ""
		},
		"mixes-up-who-said-it": func(_ *state, _ host.Request, _ string, a *host.Response) string {
			if a.Error != nil {
				a.Error.Guest = false
			}
			return ""
		},
		"admits-anything": func(_ *state, r host.Request, _ string, a *host.Response) string {
			if r.Admit != "" && a.Error != nil {
				a.Error, a.Module = nil, "m0"
			}
			return ""
		},
		"refuses-anything": func(_ *state, r host.Request, _ string, a *host.Response) string {
			if strings.HasSuffix(r.Admit, "output.limit.wasm") {
				*a = host.Response{ID: a.ID, Error: &host.Failure{Code: "protocol", Message: "no"}}
			}
			return ""
		},
		"counts-by-time": func(s *state, _ host.Request, _ string, a *host.Response) string {
			s.calls++
			a.Fuel += int64(s.calls)
			return ""
		},
		"forgets-the-seed": func(s *state, _ host.Request, file string, a *host.Response) string {
			if file == "wasi.random.wasm" {
				a.Answer = json.RawMessage(`{"output":"0000000000000004"}`)
			}
			return ""
		},
		"holds-the-collector": func(_ *state, _ host.Request, file string, a *host.Response) string {
			if file == "output.limit.wasm" {
				a.PauseUS = 5_000_000
			}
			return ""
		},
		"keeps-memory": func(s *state, _ host.Request, file string, _ *host.Response) string {
			if file == "output.limit.wasm" {
				b := make([]byte, 300<<20)
				for i := range len(b) >> 12 {
					b[i<<12] = 1
				}
				s.kept = append(s.kept, b)
			}
			return ""
		},
		"crosses-answers": func(s *state, _ host.Request, file string, a *host.Response) string {
			if file == "load.parallel.wasm" {
				if s.calls++; s.calls == 20 {
					a.Answer = s.last.Answer
				}
				s.last = *a
			}
			return ""
		},
		"keeps-logs": func(_ *state, _ host.Request, file string, a *host.Response) string {
			a.LogBytes += 1 << 20
			return ""
		},
		"dies": func(_ *state, _ host.Request, file string, _ *host.Response) string {
			if file == "output.limit.wasm" {
				fmt.Fprintln(os.Stderr, "fatal error: the spoiler wanted it")
				os.Exit(3)
			}
			return ""
		},
		"writes-nonsense": func(_ *state, _ host.Request, file string, _ *host.Response) string {
			if file == "output.limit.wasm" {
				return "hello?"
			}
			return ""
		},
		"answers-nobody": func(_ *state, _ host.Request, file string, _ *host.Response) string {
			if file == "output.limit.wasm" {
				return `{"id":4242}`
			}
			return ""
		},
		"is-hurt": func(s *state, _ host.Request, file string, a *host.Response) string {
			if s.calls > 0 && file == "well.wasm" {
				a.Answer = json.RawMessage(`{"output":2}`)
			}
			if file == "output.limit.wasm" {
				s.calls++
			}
			return ""
		},
		"speaks-another-protocol": func(_ *state, r host.Request, _ string, a *host.Response) string {
			if a.Hello != nil {
				a.Hello.Protocol = 2
			}
			return ""
		},
	}
}

func run(t *testing.T, how string, o host.Options) *report.Report {
	t.Helper()
	o.Command = command(how)
	if o.Slack == 0 {
		o.Slack = slack
	}
	r, err := host.Run(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Verify(); err != nil {
		t.Error(err)
	}
	return r
}

// TestBadAdapters: each must be caught, by the case that is there for it, with
// the words that name what it did, and nothing else may be called wrong.
func TestBadAdapters(t *testing.T) {
	t.Setenv("PLIMSOLL_KIT_CACHE", t.TempDir())
	for _, c := range []struct {
		how, id, say string
		only         []string
	}{
		{"never-stops", "host.stop.loop", "there was no answer within", []string{"stop.loop", "output.limit"}},
		{"stops-late", "host.stop.loop", "it was to answer within", []string{"stop.loop", "output.limit"}},
		{"leaks-state", "host.state.memory", "00005ec4e75ec4e7", []string{"state.memory", "state.globals"}},
		{"lies-about-codes", "host.exit.code_42", "ended with code deadline", []string{"exit.code_42", "trap.unreachable"}},
		{"mixes-up-who-said-it", "host.failure.own_code", "ended with code no_date", []string{"failure.own_code", "trap.unreachable"}},
		{"admits-anything", "host.admit.import_env", "was admitted", []string{"admit.import_env", "output.limit"}},
		{"refuses-anything", "host.output.limit", "refused with code protocol", []string{"output.limit", "output.pair"}},
		{"counts-by-time", "host.same.work", "fuel, and", []string{"same.work", "output.limit"}},
		{"forgets-the-seed", "host.wasi.random", "it was to be another", []string{"wasi.random", "wasi.clock"}},
		{"holds-the-collector", "host.output.limit", "garbage collector stopped everybody for 5000000 us", []string{"output.limit", "output.pair"}},
		{"keeps-memory", "host.output.limit", "memory grew by", []string{"output.limit", "output.pair"}},
		{"crosses-answers", "host.load.parallel", "at once: answered", []string{"load.parallel", "output.pair"}},
		{"keeps-logs", "host.stop.log_empty", "bytes of log were kept", []string{"stop.log_empty", "output.pair"}},
		{"dies", "host.output.limit", "it said: fatal error: the spoiler wanted it", []string{"output.limit", "output.pair"}},
		{"writes-nonsense", "host.output.limit", "a line that is no answer", []string{"output.limit", "output.pair"}},
		{"answers-nobody", "host.output.limit", "which nobody is waiting for", []string{"output.limit", "output.pair"}},
		{"is-hurt", "host.output.limit", "afterwards a module that behaves answers", []string{"output.limit"}},
	} {
		t.Run(c.how, func(t *testing.T) {
			r := run(t, c.how, host.Options{Only: c.only})
			if r.Conformant() || len(r.Cases) != len(c.only) {
				t.Fatalf("%d cases, %s", len(r.Cases), r.Conclusion())
			}
			for _, got := range r.Cases {
				switch {
				case got.ID != c.id && got.Status != report.Pass:
					t.Errorf("%s is called %s as well: %s", got.ID, got.Status, got.Saw)
				case got.ID == c.id && (got.Status != report.Fail || !strings.Contains(got.Saw, c.say)):
					if c.how == "keeps-memory" && got.Status == report.Pass && !looks() {
						t.Skip("the kit cannot look at the memory of a process here")
					}
					t.Errorf("%s: %s, saw %q, want a failure with %q", got.ID, got.Status, got.Saw, c.say)
				case got.ID == c.id && (got.Do == "" || !strings.Contains(got.Reproduce, "-only "+strings.TrimPrefix(c.id, "host."))):
					t.Errorf("%s does not say what to do (%q) or how to see it again (%q)", got.ID, got.Do, got.Reproduce)
				}
			}
		})
	}
}

func looks() bool { _, err := os.Stat("/proc/self/clear_refs"); return err == nil }

// TestBadCommands: what cannot be tested is an error of the run, not a report.
func TestBadCommands(t *testing.T) {
	for name, c := range map[string]struct {
		o   host.Options
		say string
	}{
		"no command":       {host.Options{}, "no command"},
		"no such program":  {host.Options{Command: []string{"./no-such-adapter"}}, "starting the host under test"},
		"ends at once":     {host.Options{Command: command("no-such-adapter")}, `there is no adapter "no-such-adapter"`},
		"another protocol": {host.Options{Command: command("speaks-another-protocol")}, "it speaks protocol 2; this kit speaks 1"},
		"no such case":     {host.Options{Command: command("true"), Only: []string{"stop.everything"}}, "no case is called stop.everything"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := host.Run(context.Background(), c.o)
			if err == nil || !strings.Contains(err.Error(), c.say) {
				t.Errorf("got %v, want an error with %q", err, c.say)
			}
		})
	}
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(300*time.Millisecond, cancel)
	if _, err := host.Run(ctx, host.Options{Command: command("true")}); err == nil {
		t.Error("a kit that was interrupted gives a report")
	}
}

// TestDisabled: what was switched off is neither run nor passed.
func TestDisabled(t *testing.T) {
	r := run(t, "true", host.Options{Only: []string{"output.limit", "output.pair"}, Skip: []string{"output.p*"}})
	if len(r.Cases) != 2 || r.Count()[report.Disabled] != 1 || r.Conformant() {
		t.Errorf("%v, %s", r.Count(), r.Conclusion())
	}
}
