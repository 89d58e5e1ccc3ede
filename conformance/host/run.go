package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/conformance/asm"
	"github.com/plimsoll-dev/plimsoll/conformance/report"
)

// grace is how long after its bound an answer is waited for: long enough to tell
// slow from never.
const grace = 5 * time.Second

// tries is how often a case is played that is wrong by time alone. What else runs
// on the machine can make one call late; a host that does not stop is late always.
const tries = 3

// Options of Run.
type Options struct {
	Command  []string          // the adapter and its arguments
	Only     []string          // patterns of ids (path.Match, or a prefix up to a dot); none takes all
	Skip     []string          // patterns of ids that are disabled
	Slack    time.Duration     // added to the bounds of calls and of pauses, and 20 times to those of admissions, for machines that are busy with something else
	Rounds   int               // at most so many rounds of admissions; 0 takes those of the case
	Progress func(report.Case) // called after each case; may be nil
}

// runner runs cases one after another.
type runner struct {
	ctx     context.Context
	options Options
	dir     string // where the modules lie
	client  *client
	well    string // a module that behaves, in the present client
	pauseUS int64  // pause of the collector in harmless calls of the present client
}

// Run tests a host. The error is that the kit itself cannot work: the adapter
// does not start, or ctx ended. What the host does wrong stands in the report.
func Run(ctx context.Context, o Options) (*report.Report, error) {
	if len(o.Command) == 0 {
		return nil, errors.New("testing a host: there is no command to start it by")
	}
	dir, err := os.MkdirTemp("", "plimsoll-host-kit")
	if err != nil {
		return nil, fmt.Errorf("testing a host: %w", err)
	}
	defer os.RemoveAll(dir)
	cases, err := write(dir)
	if err != nil {
		return nil, fmt.Errorf("testing a host: %w", err)
	}
	r := &runner{ctx: ctx, options: o, dir: dir}
	begun := time.Now()
	if err := r.begin(); err != nil {
		return nil, fmt.Errorf("testing a host: %w", err)
	}
	defer func() { r.client.close() }()
	out := report.New("host", report.Subject{
		Name:  strings.TrimSpace(filepath.Base(o.Command[0]) + " " + strings.Join(o.Command[1:], " ")),
		Facts: map[string]string{"host": strings.TrimSpace(r.client.hello.Name + " " + r.client.hello.Version), "features": strings.Join(r.client.hello.Features, " ")},
	}, begun)
	out.Version, out.Profile, out.System = Version, "plim1", runtime.GOOS+"/"+runtime.GOARCH
	found := false
	for i := range cases {
		c := &cases[i]
		if len(o.Only) > 0 && !matches(o.Only, c.ID) {
			continue
		}
		found = true
		var answer report.Case
		if matches(o.Skip, c.ID) {
			answer = r.describe(c)
			answer.Status, answer.Saw = report.Disabled, "switched off by -skip"
		} else {
			answer = r.run(c)
		}
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("testing a host: %w", err)
		}
		out.Add(answer)
		if o.Progress != nil {
			o.Progress(answer)
		}
	}
	if !found {
		return nil, fmt.Errorf("testing a host: no case is called %s; plimsoll-conformance host -list shows them", strings.Join(o.Only, ", "))
	}
	return out, out.Seal()
}

// matches tells whether a pattern is the id, its beginning up to a dot, or
// matches it as path.Match does.
func matches(patterns []string, id string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		ok, err := path.Match(p, id)
		return p == id || strings.HasPrefix(id, p+".") || err == nil && ok
	})
}

// begin starts an adapter, has it admit a module that behaves, and measures the
// collector's pause in harmless calls.
func (r *runner) begin() error {
	c, err := start(r.ctx, r.options.Command)
	if err != nil {
		return err
	}
	r.client, r.pauseUS = c, 0
	a, _, err := c.ask(Request{Admit: filepath.Join(r.dir, "well.wasm"), Limits: &Limits{MemoryMiB: 1, TimeoutMS: 1000, OutputBytes: 1000}}, startTime)
	if err == nil && a.Error != nil {
		err = fmt.Errorf("%s: %s", a.Error.Code, a.Error.Message)
	}
	if err != nil {
		c.kill()
		return fmt.Errorf("admitting a module that behaves: %w", err)
	}
	r.well = a.Module
	for range 5 {
		a, _, err := c.ask(r.harmless(), startTime)
		if err != nil {
			c.kill()
			return fmt.Errorf("calling a module that behaves: %w", err)
		}
		r.pauseUS = max(r.pauseUS, a.PauseUS)
	}
	return nil
}

func (r *runner) harmless() Request {
	return Request{Call: r.well, Op: opFinish, Input: []byte(finishInput)}
}

func (r *runner) describe(c *Case) report.Case {
	return report.Case{
		ID: "host." + c.ID, Title: c.Title, Says: c.Says, Section: c.Section, Measured: map[string]int64{},
		Reproduce: "plimsoll-conformance host -only " + c.ID + " -- " + strings.Join(r.options.Command, " "),
	}
}

// run answers one case. After a failure in which the adapter did not answer a
// new one is started, so that one failure is one failure.
func (r *runner) run(c *Case) report.Case {
	out := r.describe(c)
	if missing := r.missing(c); missing != "" {
		out.Status, out.Saw = report.Skip, "the host does not have the feature "+missing
		return out
	}
	var t *trial
	var problem faults
	for n := range tries {
		out.Measured = map[string]int64{}
		t = &trial{runner: r, c: c, bounds: c.bounds(), measured: out.Measured}
		t.look()
		problem = t.play()
		if !t.lost {
			problem = append(problem, t.afterwards()...)
		}
		if t.lost || !problem.timing() {
			break
		}
		out.Measured["tries"] = int64(n + 1)
	}
	out.Status = report.Pass
	if len(problem) > 0 {
		out.Status, out.Saw, out.Do = report.Fail, problem.String(), c.Do
	}
	if t.lost {
		r.client.kill()
		if err := r.begin(); err != nil && r.ctx.Err() == nil {
			out.Status, out.Saw = report.Error, out.Saw+"; and the host cannot be started again: "+err.Error()
		}
	}
	return out
}

func (r *runner) missing(c *Case) string {
	for _, need := range c.Needs {
		if !r.has(need) {
			return need
		}
	}
	return ""
}

func (r *runner) has(feature string) bool {
	return slices.Contains(r.client.hello.Features, feature)
}

// well is the module that behaves.
func well() []byte {
	g := guest()
	g.Tail = asm.Custom("kit", []byte("well"))
	return g.Bytes()
}
