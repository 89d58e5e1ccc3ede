package engine

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/access"
	"github.com/plimsoll-dev/plimsoll/core/connector"
	"github.com/plimsoll-dev/plimsoll/core/harness"
	"github.com/plimsoll-dev/plimsoll/core/harness/desk"
	"github.com/plimsoll-dev/plimsoll/core/harness/embed"
	"github.com/plimsoll-dev/plimsoll/core/mcp"
	"github.com/plimsoll-dev/plimsoll/core/nightly"
	"github.com/plimsoll-dev/plimsoll/core/report"
	"github.com/plimsoll-dev/plimsoll/core/run"
	"github.com/plimsoll-dev/plimsoll/core/skill"
	"github.com/plimsoll-dev/plimsoll/core/store"
	"github.com/plimsoll-dev/plimsoll/core/telemetry"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// Here stands what the engine itself counts: runs, models, nights, moves, queues.
// core/mcp, core/harness/desk and core/connector count their own part, with the
// recorder that they are handed.

// do is a production run with its span and its duration.
func (e *Engine) do(ctx context.Context, p *run.Plan, r run.Request) (*run.Record, error) {
	start := map[string]string{}
	for step, t := range r.Tiers {
		start[step] = t.Ref()
	}
	ctx, done := e.options.Recorder.Call(ctx, telemetry.Labels{Op: telemetry.Skill, Skill: p.Skill, Tier: lastTier(start), Run: r.ID})
	rec, err := e.runs.Do(ctx, p, r)
	if err != nil {
		done(telemetry.Result{Error: telemetry.ErrorOf(err)})
		return rec, err
	}
	out := telemetry.Result{Cost: rec.Micro}
	if rec.Status != run.OK {
		out.Error = string(rec.Status)
	}
	for _, a := range rec.Attempts {
		for _, c := range a.Calls {
			out = withUsage(out, c.Usage)
		}
	}
	done(out)
	return rec, nil
}

// lastTier is the tier of the last step by name: the one of most skills, which
// have one.
func lastTier(tiers map[string]string) string {
	tier := ""
	for _, step := range slices.Sorted(maps.Keys(tiers)) {
		tier = tiers[step]
	}
	return tier
}

// withUsage adds tokens in the sense of the conventions: input has all of the
// prompt, wherever it came from.
func withUsage(r telemetry.Result, u message.Usage) telemetry.Result {
	r.Input, r.Output = r.Input+u.Prompt(), r.Output+u.Output
	r.CacheRead, r.CacheWrite, r.Reasoning = r.CacheRead+u.CachedInput, r.CacheWrite+u.CacheWrite, r.Reasoning+u.Reasoning
	return r
}

// measureRun counts a run that was recorded.
func (e *Engine) measureRun(name string, rec *run.Record) {
	r, tier := e.options.Recorder, lastTier(rec.End)
	r.Add(telemetry.Runs, 1, name, tier, string(rec.Status))
	r.Add(telemetry.Cost, rec.Micro, name, tier, "run")
	for _, a := range rec.Attempts {
		for step, tier := range a.Tiers {
			r.Add(telemetry.Attempts, 1, name, step, tier, string(a.Status))
		}
	}
}

// measureNight counts a night, however it ended.
func (e *Engine) measureNight(n *report.Night, err error, began time.Time) {
	r, outcome := e.options.Recorder, "ended"
	switch {
	case errors.Is(err, nightly.ErrStopped):
		outcome = "stopped"
	case err != nil:
		outcome = "failed"
	}
	r.Add(telemetry.Nights, 1, outcome)
	r.Observe(telemetry.NightDuration, clock().Sub(began).Seconds(), outcome)
	if n == nil {
		return
	}
	r.Add(telemetry.Verdicts, int64(n.Totals.Moved), "moved")
	r.Add(telemetry.Verdicts, int64(n.Totals.Held), "held")
	r.Add(telemetry.Verdicts, int64(n.Totals.Inconclusive), "inconclusive")
	for _, row := range n.Rows {
		if row.Spent > 0 {
			r.Add(telemetry.Cost, row.Spent, row.Skill, "", "night") // on both tiers
		}
	}
	for _, w := range n.Watched {
		if w.Spent > 0 {
			r.Add(telemetry.Cost, w.Spent, w.Skill, "", "watch")
		}
	}
}

// measureMoves counts the moves that the policy file took.
func (e *Engine) measureMoves(moves []nightly.Move, refused map[string]string) {
	for _, m := range moves {
		if m.To == m.From || refused[m.Skill+"/"+m.Step] != "" {
			continue
		}
		direction := "down"
		if m.Up {
			direction = "up"
		}
		e.options.Recorder.Add(telemetry.Moves, 1, m.Skill, m.Step, direction)
	}
}

// answered is what a call of a model came to.
func answered(resp message.Response, err error) telemetry.Result {
	out := telemetry.Result{Model: resp.Model, Finish: string(resp.Finish), Error: telemetry.ErrorOf(err)}
	var typed *run.CallError
	if errors.As(err, &typed) {
		out.Error = typed.Code
	}
	return withUsage(out, resp.Usage)
}

// embedder is an embeddings endpoint whose calls are measured.
type embedder struct {
	client *embed.Client
	record telemetry.Recorder
}

var _ harness.Embedder = embedder{}

func (e embedder) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	ctx, done := e.record.Call(ctx, telemetry.Labels{Op: telemetry.Embed, Model: e.client.Model})
	out, err := e.client.Embed(ctx, texts)
	done(telemetry.Result{Error: telemetry.ErrorOf(err)})
	return out, err
}

// measure tells how much there is, and which names are told apart.
func (x *Surface) measure(p desk.Parts) {
	kinds, shut := map[harness.Kind]int{harness.Skill: 0, harness.Tool: 0}, map[string]int{}
	tools := mcp.MetaTools()
	var skills, connectors []string
	for _, e := range p.Entries {
		kinds[e.Kind]++
		if e.Skill != nil {
			skills = append(skills, e.Name)
		} else {
			tools = append(tools, e.Name, e.Own) // its own name is what clients of the whole connector say
		}
		if e.Shut != "" {
			shut[e.Connector]++
		}
	}
	for _, s := range p.Servers {
		connectors = append(connectors, s.Name)
	}
	knows(x.record, telemetry.Tools, tools)
	knows(x.record, telemetry.Skills, skills)
	knows(x.record, telemetry.Prompts, skills)
	knows(x.record, telemetry.Connectors, connectors)
	for kind, n := range kinds {
		x.record.Set(telemetry.Documents, float64(n), string(kind))
	}
	for _, s := range p.Servers {
		x.record.Set(telemetry.Quarantined, float64(shut[s.Name]), s.Name)
	}
}

// knowsProject tells a recorder the names that stand in a project's files.
func knowsProject(r telemetry.Recorder, p *Project) {
	var steps, tiers, models, providers []string
	for _, s := range p.Skills {
		steps = append(steps, stepsOf(s)...)
	}
	for _, l := range p.Config.Ladders {
		for _, t := range l.Tiers {
			tiers, models = append(tiers, t.Ref()), append(models, t.Model)
		}
	}
	for _, b := range p.Config.Backends {
		providers = append(providers, b.Name)
	}
	if e := p.Config.Searching().Embeddings; e != nil {
		models = append(models, e.Model)
	}
	knows(r, telemetry.Steps, steps)
	knows(r, telemetry.Tiers, tiers)
	knows(r, telemetry.Models, models)
	knows(r, telemetry.Providers, providers)
}

func stepsOf(s *skill.Skill) []string {
	var out []string
	for _, step := range s.Steps() {
		out = append(out, step.Name)
	}
	return out
}

// knows tells a recorder which names are told apart: others are counted together.
func knows(r telemetry.Recorder, kind telemetry.Kind, names []string) {
	if t, ok := r.(*telemetry.Telemetry); ok {
		t.Know(kind, names)
	}
}

// Metrics shows a recorder's metrics, with what is counted only when somebody
// looks: connectors, queues, the length of the log.
func (x *Surface) Metrics(t *telemetry.Telemetry) http.Handler {
	show := t.Handler()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x.look(t)
		show.ServeHTTP(w, r)
	})
}

func (x *Surface) look(r telemetry.Recorder) {
	x.mu.Lock()
	set := x.set
	x.mu.Unlock()
	for _, h := range set.Health() {
		up := 1.0
		switch h.State {
		case connector.Degraded, connector.Broken, connector.Quarantined:
			up = 0
		}
		r.Set(telemetry.Up, up, h.Connector)
		stale := 0.0
		if h.Stale {
			stale = 1
		}
		r.Set(telemetry.Stale, stale, h.Connector)
	}
	r.Set(telemetry.Entries, float64(x.state.log.Size()))
	r.Set(telemetry.Sessions, float64(x.lines.Load()), string(telemetry.Stdio))
	waiting, err := x.Desk.Waiting(false)
	if err != nil {
		x.problem("counting the calls that wait for a person: %v", err)
	}
	r.Set(telemetry.Queue, float64(len(waiting)), "approvals")
	for name, table := range map[string]store.Table{"messages": store.TableOutbox, "shadows": store.TableShadow} {
		n := 0
		if err := x.state.store.Scan(store.Key(table, scope), func(_, _ []byte) error { n++; return nil }); err != nil {
			x.problem("counting what waits: %v", err)
			continue
		}
		r.Set(telemetry.Queue, float64(n), name)
	}
}

// Line answers one client over stdio, and counts it as a session.
func (x *Surface) Line(ctx context.Context, s *mcp.Server, p access.Principal, from io.ReadCloser, to io.Writer) error {
	began := clock()
	x.lines.Add(1)
	defer func() {
		x.lines.Add(-1)
		x.record.Observe(telemetry.SessionDuration, clock().Sub(began).Seconds(), "", "", string(telemetry.Stdio))
	}()
	return s.ServeStdio(ctx, p, from, to)
}
