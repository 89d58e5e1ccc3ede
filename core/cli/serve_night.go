package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/engine"
	"github.com/plimsoll-dev/plimsoll/core/notify"
	"github.com/plimsoll-dev/plimsoll/core/price"
	"github.com/plimsoll-dev/plimsoll/core/report"
	"github.com/plimsoll-dev/plimsoll/core/serve"
)

const (
	// glance is how often the clock on the wall and the config files are looked at.
	// A timer alone would be late by as long as the machine slept.
	glance = 10 * time.Second
	// retry is the least time between nights that could not begin.
	retry = time.Minute
)

// nights runs what is due until stop ends. work outlives it, for the night that
// is being ended in order.
func (h *host) nights(stop, work context.Context) {
	var broken, told string
	var earliest time.Time
	for stop.Err() == nil {
		h.reread(&broken)
		now := engine.Now()
		plan, err := h.plan(stop, now)
		if err != nil {
			h.events.say("problem", nil, "planning the night: %v", err)
			earliest = now.Add(retry)
		}
		if words := planWords(plan); words != told && err == nil && (plan.At.IsZero() || plan.At.After(now)) {
			h.events.say("planned", planData(plan), "%s", words)
			told = words
		}
		if err == nil && !plan.At.IsZero() && !plan.At.After(now) && !earliest.After(now) {
			told = ""
			if err := h.night(work, plan); err != nil && !errors.Is(err, engine.ErrDrained) {
				h.failed(work, err)
				earliest = engine.Now().Add(retry)
			}
			continue
		}
		wait := glance
		if !plan.At.IsZero() {
			wait = min(wait, max(plan.At.Sub(now), 10*time.Millisecond))
		}
		if earliest.After(now) {
			wait = min(glance, earliest.Sub(now))
		}
		pause(stop, wait, nil)
	}
}

// plan is when the next night begins.
func (h *host) plan(ctx context.Context, now time.Time) (serve.Plan, error) {
	s := h.settings()
	var plan serve.Plan
	if s.Nightly != nil {
		n, err := h.state.NightNote(ctx)
		if err != nil {
			return plan, err
		}
		plan = serve.Next(s.Nightly, serve.Past{Since: n.Since, Began: n.Began, Ended: n.Ended, Cut: n.Cut}, serve.Delay(h.state.Origin(), s.Jitter), now)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.next = plan
	return plan, nil
}

func (h *host) nextNight() serve.Plan {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.next
}

func planWords(p serve.Plan) string {
	if p.At.IsZero() {
		return "no night is planned: the project has no serve block with nightly"
	}
	return "the next night begins at " + p.At.UTC().Format(time.RFC3339)
}

func planData(p serve.Plan) map[string]any {
	if p.At.IsZero() {
		return nil
	}
	return map[string]any{"next_night": p.At.UTC().Format(time.RFC3339)}
}

// night is one planned night, on the files as they are now.
func (h *host) night(ctx context.Context, plan serve.Plan) error {
	why := ""
	switch {
	case plan.Cut:
		why = ", where the one before it was cut off"
	case plan.Missed:
		why = ", which was missed"
	}
	h.events.say("night.began", nil, "a night begins%s", why)
	p, diags := engine.LoadProject(h.load)
	if err := diags.Err(); err != nil {
		return err
	}
	o, err := h.options(p)
	if err != nil {
		return err
	}
	e, err := engine.Open(ctx, o)
	if err != nil {
		return err
	}
	defer e.Close()
	n, err := e.Nightly(ctx, engine.NightOptions{Planned: true, Waiting: func(time.Time) {
		h.events.say("night.waiting", nil, "another night runs; this one waits for it")
	}})
	if errors.Is(err, engine.ErrDrained) {
		h.events.say("night.stopped", nil, "the night was stopped between two batches; it goes on at the next start")
		return err
	}
	if err != nil {
		return err
	}
	files, err := writeReports(freshFolder(filepath.Join(p.Dir, engine.StateDir, "reports", n.AsOf.Format("2006-01-02"))), *n)
	if err != nil {
		return err
	}
	h.nightEnded(*n, files)
	return nil
}

func (h *host) nightEnded(n report.Night, files []string) {
	t := n.Totals
	text := fmt.Sprintf("the night ended: %d moved, %d hold, %d still open, %s", t.Moved, t.Held, t.Inconclusive, price.Format(t.Spent))
	if n.Simulated {
		text += " (simulated models)"
	}
	h.events.say("night.ended", map[string]any{"moved": t.Moved, "held": t.Held, "inconclusive": t.Inconclusive, "spent_micro": t.Spent, "simulated": n.Simulated, "report": files[0]}, "%s; report %s", text, files[0])
	for _, p := range n.Problems {
		h.events.say("problem", nil, "%s", p)
	}
}

// failed is a night that did not come to its end. It counts, so that the next
// try is at its hour, and is told to whoever wants to hear of problems.
func (h *host) failed(ctx context.Context, err error) {
	h.events.say("problem", nil, "the night failed: %v", err)
	problem := h.state.SkipNight(ctx)
	if o, bad := h.options(h.project()); bad == nil {
		if e, bad := engine.Open(ctx, o); bad == nil {
			problem = errors.Join(problem, e.PostProblem(ctx, "the night failed", err), e.Close())
		}
	}
	if problem != nil {
		h.events.say("problem", nil, "writing down that the night failed: %v", problem)
	}
}

// mail sends what is posted, and again what did not arrive.
func (h *host) mail(ctx context.Context) {
	for wait := time.Duration(0); pause(ctx, wait, h.state.Posted()); {
		d, err := h.state.Deliver(ctx, h.project(), h.sent)
		if err != nil {
			h.events.say("problem", nil, "%v", err)
		}
		wait = time.Hour
		if !d.Next.IsZero() {
			wait = max(time.Second, d.Next.Sub(engine.Now()))
		}
		wait = min(wait, time.Minute) // the clock on the wall may have jumped
	}
}

// lastMail sends what the stop itself posted.
func (h *host) lastMail() {
	ctx, over := context.WithTimeout(context.Background(), 5*time.Second)
	defer over()
	if _, err := h.state.Deliver(ctx, h.project(), h.sent); err != nil {
		h.events.say("problem", nil, "%v", err)
	}
}

func (h *host) sent(a notify.Attempt) {
	kind := "notify.sent"
	switch {
	case a.Dropped:
		kind = "notify.dropped"
	case a.Err != nil:
		kind = "notify.failed"
	}
	h.events.say(kind, map[string]any{"target": a.Target, "id": a.ID}, "notify %s: %s", a.Target, engine.AttemptWords(a))
}

// standing is what status shows of the engine.
func (h *host) standing() map[string]any {
	said := h.socket.Announcement()
	out := map[string]any{"pid": said.PID, "since": said.Since.UTC().Format(time.RFC3339), "commands": h.socket.Running()}
	if p := h.nextNight(); !p.At.IsZero() {
		out["next_night"] = p.At.UTC().Format(time.RFC3339)
	}
	if since := h.state.NightSince(); !since.IsZero() {
		out["night_since"] = since.UTC().Format(time.RFC3339)
	}
	if waiting, err := h.state.Waiting(); err == nil && len(waiting) > 0 {
		out["messages_waiting"] = waiting
	}
	return out
}

// standingWords is the same for people, in a line.
func (h *host) standingWords() string {
	said := h.socket.Announcement()
	parts := []string{fmt.Sprintf("engine    pid %d, since %s", said.PID, said.Since.UTC().Format(time.RFC3339))}
	if since := h.state.NightSince(); !since.IsZero() {
		parts = append(parts, "a night runs since "+since.UTC().Format("15:04:05Z"))
	} else if p := h.nextNight(); !p.At.IsZero() {
		parts = append(parts, "next night "+p.At.UTC().Format(time.RFC3339))
	} else {
		parts = append(parts, "no night is planned")
	}
	if waiting, err := h.state.Waiting(); err == nil {
		n := 0
		for _, k := range waiting {
			n += k
		}
		if n > 0 {
			parts = append(parts, plural(n, "message waits", "messages wait")+" to be sent")
		}
	}
	return strings.Join(parts, ", ")
}
