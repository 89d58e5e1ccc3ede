package run

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/price"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/sdk/canonjson"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// Runner is how a plan runs that the engine does not run itself: somebody's own
// agent does the whole task, with the tier's model. It is not sandboxed; it works
// in a temporary copy of a folder, in a trial as in production.
type Runner struct {
	Name     string
	Timeout  time.Duration
	Fixture  string                 // absolute path of the folder that it gets a copy of, or empty
	SkillDir string                 // absolute path of the skill's folder
	Shared   []string               // files below it that the agent may have; never items
	Takes    func(path string) bool // which changed files are part of the output; nil: none are
	MaxCost  int64                  // micro-dollars that a task of unknown cost is charged with; -1: it is unpriced
}

// Runners have agents do tasks. Implementations return a *CallError for
// everything that went wrong but a task that was done badly. lost is true when
// nobody knows what became of the task.
type Runners interface {
	Execute(ctx context.Context, runner string, t Task) (done Done, lost bool, err error)
}

// Task is what an agent is to do.
type Task struct {
	Prompt      string          // instructions and input, in one text
	Input       json.RawMessage // the input alone
	Fixture     string
	SkillDir    string
	Shared      []string // of SkillDir
	Model       string
	Timeout     time.Duration
	Idempotency string
}

// Done is what came of it. What the agent does not say is not known, and never
// free.
type Done struct {
	Text       string
	Files      []File
	Usage      message.Usage
	UsageKnown bool
	Cost       int64 // micro-dollars, by the agent's own reckoning
	CostKnown  bool
	Model      string // that really answered, "" where the agent does not say
	ExitCode   int
	TimedOut   bool
	Log        []string // last lines of its diagnostics
}

// Tasked is what the record of a call has beside a model's when an agent was
// asked.
type Tasked struct {
	Runner string `json:"runner"`
	Exit   int    `json:"exit"`
	Files  int    `json:"files"`           // that it left changed
	Left   string `json:"left,omitempty"`  // digest of the list of them
	Log    string `json:"log,omitempty"`   // digest of its diagnostics
	Usage  bool   `json:"usage"`           // it said what it used
	Billed bool   `json:"billed"`          // the cost is the agent's own reckoning
	Folder string `json:"given,omitempty"` // digest of the folder that it got a copy of
}

// On is the plan for an item that brings a folder of its own.
func (p *Plan) On(fixture string) *Plan {
	if p.Runner == nil || fixture == "" || fixture == p.Runner.Fixture {
		return p
	}
	twin, runner := *p, *p.Runner
	runner.Fixture = fixture
	twin.Runner = &runner
	return &twin
}

// TaskGrace is how much longer than its task a call waits: the agent is ended and
// what it left is read in that time.
const TaskGrace = 30 * time.Second

// task has the agent do what the messages say, once: unlike a call of a model it
// may take minutes, and is not repeated.
func (x Executor) task(ctx context.Context, p *Plan, r Request, s Step, t *config.Tier, msgs []message.Message, a *attempt) (Done, error) {
	if x.Runners == nil {
		return Done{}, fmt.Errorf("%s runs through runner %s, and this engine was wired without runners", p.Skill, p.Runner.Name)
	}
	if err := p.MaySee(t.Backend.Name); err != nil {
		return Done{}, err
	}
	canon, err := canonjson.Marshal(msgs)
	if err != nil {
		return Done{}, fmt.Errorf("making the prompt of step %s canonical: %w", s.Name, err)
	}
	c := Call{
		ID: fmt.Sprintf("%s/c1", a.rec.ID), Step: s.Name, Tier: t.Ref(), Model: t.Model, Prompt: a.keeper.keep(canon),
		Simulated: Simulated(t), Task: &Tasked{Runner: p.Runner.Name},
	}
	done, err := x.execute(ctx, p, t, Task{
		Prompt: promptOf(msgs, p.Runner.Takes != nil), Input: r.Input, Fixture: p.Runner.Fixture, SkillDir: p.Runner.SkillDir, Shared: p.Runner.Shared,
		Model: t.Model, Timeout: p.Runner.Timeout, Idempotency: c.ID,
	}, &c)
	if err == nil {
		c.Completion = a.keeper.keep([]byte(done.Text))
	}
	if len(done.Files) > 0 {
		list, err := canonjson.Marshal(listed(done.Files))
		if err != nil {
			return Done{}, fmt.Errorf("listing what the agent changed: %w", err)
		}
		c.Task.Files, c.Task.Left = len(done.Files), a.keeper.keep(list)
	}
	if len(done.Log) > 0 {
		c.Task.Log = a.keeper.keep([]byte(strings.Join(done.Log, "\n")))
	}
	a.rec.Calls = append(a.rec.Calls, c)
	a.waited += c.waited
	return done, err
}

// execute makes the call and writes down what it cost, or could have cost.
func (x Executor) execute(ctx context.Context, p *Plan, t *config.Tier, task Task, c *Call) (Done, error) {
	if x.Place != nil {
		asked := x.Now()
		leave, err := x.Place(ctx, t.Backend.Name)
		if err != nil {
			ce := &CallError{Code: "cancelled", Message: "the run was cancelled before the task: " + err.Error()}
			c.Error, c.Priced = ce.Error(), true
			return Done{}, ce
		}
		defer leave()
		c.waited = x.Now().Sub(asked)
	}
	started := x.Now()
	bounded, cancel := context.WithTimeout(ctx, p.Runner.Timeout+TaskGrace)
	defer cancel()
	done, lost, err := x.Runners.Execute(bounded, p.Runner.Name, task)
	elapsed := x.Now().Sub(started)
	c.MS = elapsed.Milliseconds()
	var ce *CallError
	switch {
	case err != nil && ctx.Err() != nil:
		ce = &CallError{Code: "cancelled", Message: "the run was cancelled", Lost: true}
	case err != nil && bounded.Err() != nil:
		ce = &CallError{Code: "timeout", Message: fmt.Sprintf("the agent did not end within %s", p.Runner.Timeout), Lost: true}
	case err != nil && !errors.As(err, &ce):
		ce = &CallError{Code: "unavailable", Message: err.Error(), Lost: true}
	case err != nil:
		// What could not be started cost nothing. Of anything else nobody knows.
		ce.Lost = ce.Lost || lost || ce.Code != "invalid_request" && ce.Code != "auth"
	case done.TimedOut:
		ce = &CallError{Code: "timeout", Message: fmt.Sprintf("the agent did not end within %s, and was ended", p.Runner.Timeout)}
	case done.ExitCode != 0:
		// It may be the model's fault, or that of a line that was cut: a status does
		// not tell, so it says nothing about quality.
		ce = &CallError{Code: "agent", Message: fmt.Sprintf("the agent ended with status %d%s", done.ExitCode, lastSaid(done.Log))}
	}
	c.Task.Exit = done.ExitCode
	if ce != nil {
		c.Error = ce.Error()
	}
	if err != nil && !ce.Lost {
		c.Priced = Rates(t.Price).Known
		return done, ce
	}
	c.Usage, c.Reported, c.Task.Usage, c.Task.Billed = done.Usage, done.Model, done.UsageKnown, done.CostKnown
	c.cost(p.Runner.cost(Rates(t.Price), done, elapsed))
	if ce != nil {
		return done, ce
	}
	c.Finish = message.FinishStop
	return done, nil
}

// cost is the agent's own reckoning where it has one, since an agent may use
// other models and tools beside; else that of its tokens; else the bound that the
// runner declares; else nothing is known.
func (r *Runner) cost(rates price.Rates, done Done, elapsed time.Duration) price.Cost {
	switch {
	case done.CostKnown:
		return price.Cost{Micro: done.Cost, Known: true}
	case rates.Known && (done.UsageKnown || rates.GPUHour > 0):
		return price.Of(rates, done.Usage, elapsed)
	case r.MaxCost >= 0:
		return price.Cost{Micro: r.MaxCost, Known: true, Upper: true, Unsure: r.MaxCost}
	}
	return price.Cost{}
}

// output is what the skill's output is when an agent made it. An agent that says
// nothing has answered nothing, unless files are what is asked of it.
func (r *Runner) output(answer json.RawMessage, files []File) (json.RawMessage, error) {
	if r.Takes == nil {
		if string(answer) == `""` {
			return nil, errors.New("the agent printed nothing")
		}
		return answer, nil
	}
	var taken []File
	for _, f := range files {
		if r.Takes(f.Path) {
			taken = append(taken, f)
		}
	}
	return WithFiles(answer, taken)
}

func lastSaid(log []string) string {
	if len(log) == 0 {
		return " and said nothing"
	}
	last := log[len(log)-1]
	if len(last) > 200 {
		last = strings.ToValidUTF8(last[:200], "") + "..."
	}
	return ": " + last
}

// promptOf is a conversation as one text, which is what agents take.
func promptOf(msgs []message.Message, files bool) string {
	var parts []string
	for _, m := range msgs {
		text := m.String()
		if m.Role == message.Assistant {
			text = "You have tried before, and answered:\n\n" + text
			if files {
				text += "\n\nThe files are as they were before that."
			}
		}
		if strings.TrimSpace(text) != "" {
			parts = append(parts, text)
		}
	}
	return strings.Join(parts, "\n\n")
}

// left is a changed file without its content.
type left struct {
	Path   string `json:"path"`
	Change string `json:"change"`
	Size   int64  `json:"size"`
}

func listed(files []File) []left {
	out := make([]left, 0, len(files))
	for _, f := range files {
		out = append(out, left{f.Path, f.Change, f.Size})
	}
	slices.SortFunc(out, func(a, b left) int { return strings.Compare(a.Path, b.Path) })
	return out
}
