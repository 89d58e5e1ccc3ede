package engine

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/notify"
	"github.com/plimsoll-dev/plimsoll/core/report"
	"github.com/plimsoll-dev/plimsoll/core/store"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

// lastPost bounds how long a command that posted something waits at its end for
// it to be sent. What is not sent by then stays in the outbox.
const lastPost = 15 * time.Second

// simPlugin is the backend of simulated models.
const simPlugin = "sim"

// mail is what a state knows of messages.
type mail struct {
	sending sync.Mutex    // one deliverer at a time
	posted  chan struct{} // a word that there is something to send
}

// post makes the changes that put a message into the outbox, for every target
// that wants it. They belong into the commit of what it tells of.
func (e *Engine) post(event, seed, text string, simulated bool, data map[string]any) ([]store.Put, error) {
	formats := map[string]string{}
	for _, n := range e.notifies() {
		if n.Wants(event) {
			formats[n.Name] = n.Format
		}
	}
	if len(formats) == 0 {
		return nil, nil
	}
	e.posted.Store(true)
	m := notify.Message{Event: event, At: e.asOf, Project: e.Project.name(), Text: text, Simulated: simulated, Data: data}
	return notify.Puts(scope, formats, m, seed, clock())
}

func (e *Engine) notifies() []*config.Notify {
	if e.Tools == nil || e.Project == nil || e.Project.Config == nil {
		return nil
	}
	return e.Project.Config.Notifies
}

// postNote tells of a move down that the policy file has now. Escalations were
// told when they happened, by day.
func (e *Engine) postNote(n note) ([]store.Put, error) {
	if n.Kind != "policy.move" {
		return nil, nil
	}
	ev := n.Event
	return e.post("moved", ev.From+" "+ev.To,
		fmt.Sprintf("%s moves from %s to %s: %s", stepName(ev.Skill, ev.Step), lastOf(ev.From), lastOf(ev.To), ev.Reason), e.simulatedTier(ev.To),
		map[string]any{"skill": ev.Skill, "step": ev.Step, "from": ev.From, "to": ev.To, "reason": ev.Reason, "evidence": n.Evidence})
}

// postEscalation tells of a move up at once.
func (e *Engine) postEscalation(skill, step string, from, to *config.Tier, reason string) ([]store.Put, error) {
	return e.post("escalated", from.Ref(), fmt.Sprintf("%s moves up from %s to %s at once: %s", stepName(skill, step), from.Name, to.Name, reason),
		from.Backend != nil && from.Backend.Plugin == simPlugin,
		map[string]any{"skill": skill, "step": step, "from": from.Ref(), "to": to.Ref(), "reason": reason})
}

// postNight tells what a night came to, and what it could not do.
func (e *Engine) postNight(n *report.Night) ([]store.Put, error) {
	t := n.Totals
	puts, err := e.post("night", clock().Format(time.RFC3339Nano), fmt.Sprintf("the night of %s: %d moved, %d hold, %d still open", n.AsOf.Format("2006-01-02"), t.Moved, t.Held, t.Inconclusive), n.Simulated,
		map[string]any{"as_of": n.AsOf.UTC().Format(time.RFC3339), "moved": t.Moved, "held": t.Held, "inconclusive": t.Inconclusive, "trials": t.Trials, "spent_micro": t.Spent})
	if err != nil || len(n.Problems) == 0 {
		return puts, err
	}
	more, err := e.postProblem("the night went on without what is broken", n.Problems)
	return append(puts, more...), err
}

// tellNight posts what a night came to. It is a commit of its own: a night that
// did nothing has no other.
func (e *Engine) tellNight(ctx context.Context, n *report.Night) error {
	puts, err := e.postNight(n)
	if err != nil || len(puts) == 0 {
		return err
	}
	_, err = e.store.Commit(ctx, store.Batch{Puts: puts})
	return err
}

func (e *Engine) postProblem(what string, problems []string) ([]store.Put, error) {
	return e.post("problem", strings.Join(problems, "\n"), what+":\n"+strings.Join(problems, "\n"), false, map[string]any{"problems": problems})
}

// PostProblem tells of something that kept a night from running at all.
func (e *Engine) PostProblem(ctx context.Context, what string, problem error) error {
	puts, err := e.postProblem(what, []string{problem.Error()})
	if err != nil || len(puts) == 0 {
		return err
	}
	_, err = e.store.Commit(ctx, store.Batch{Puts: puts})
	e.state.announce()
	return err
}

// simulatedTier tells whether a tier's model is made up by a program.
func (e *Engine) simulatedTier(ref string) bool {
	for _, l := range e.Project.Config.Ladders {
		for _, t := range l.Tiers {
			if t.Ref() == ref || l.Name+"."+t.Name == ref {
				return t.Backend != nil && t.Backend.Plugin == simPlugin
			}
		}
	}
	return false
}

func stepName(skill, step string) string {
	if step == "" || step == "main" {
		return skill
	}
	return skill + "/" + step
}

func lastOf(ref string) string { return ref[strings.LastIndexByte(ref, '.')+1:] }

// announce wakes whoever delivers while the state is open; it never waits.
func (s *State) announce() {
	select {
	case s.mail.posted <- struct{}{}:
	default: // a word is waiting already, or nobody listens
	}
}

// Posted has a word whenever there may be something to deliver.
func (s *State) Posted() <-chan struct{} { return s.mail.posted }

// targets are a project's, with their secrets from the environment.
func targets(all []*config.Notify, lookup func(string) (string, bool)) map[string]notify.Target {
	out := map[string]notify.Target{}
	for _, n := range all {
		t := notify.Target{Name: n.Name, URL: n.URL, Format: n.Format}
		if n.URL == "" {
			t.Broken = "its url is empty: the variable that holds it is not set"
		}
		if n.Secret != "" {
			secret, ok := lookup(n.Secret)
			err := notify.CheckSecret(secret)
			switch {
			case !ok || secret == "":
				t.Broken = fmt.Sprintf("the variable %s, which holds its signing secret, is not set", n.Secret)
			case err != nil:
				t.Broken = fmt.Sprintf("%s: %v", n.Secret, err)
			default:
				t.Secret = secret
			}
		}
		out[n.Name] = t
	}
	return out
}

// Deliver sends what is due, to the targets of these files. tell is told of every
// attempt and may be nil.
func (s *State) Deliver(ctx context.Context, p *Project, tell func(notify.Attempt)) (notify.Delivery, error) {
	s.mail.sending.Lock()
	defer s.mail.sending.Unlock()
	return s.outbox(p, tell).Deliver(ctx)
}

// Waiting counts the messages that were not sent yet, by target.
func (s *State) Waiting() (map[string]int, error) { return s.outbox(nil, nil).Waiting() }

func (s *State) outbox(p *Project, tell func(notify.Attempt)) *notify.Outbox {
	box := &notify.Outbox{Store: s.store, Scope: scope, Now: clock, Send: notify.Client(nil), Tell: tell}
	if p != nil && p.Config != nil {
		box.Targets = targets(p.Config.Notifies, os.LookupEnv)
	}
	return box
}

// lastRound sends what a command posted, before it ends. A receiver that is down
// is no reason for the command to fail: the message stays, and is tried again.
func (e *Engine) lastRound(w io.Writer) error {
	if !e.owned || !e.posted.Load() || e.store == nil {
		return nil
	}
	ctx, stop := context.WithTimeout(context.Background(), lastPost)
	defer stop()
	var mu sync.Mutex
	_, err := e.state.Deliver(ctx, e.Project, func(a notify.Attempt) {
		if a.Err == nil || w == nil {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintf(w, "notify %s: %s\n", a.Target, AttemptWords(a))
	})
	return err
}

// AttemptWords says what became of an attempt.
func AttemptWords(a notify.Attempt) string {
	switch {
	case a.Err == nil:
		return a.Event + " sent"
	case a.Dropped:
		return fmt.Sprintf("%s was given up: %v", a.Event, a.Err)
	}
	return fmt.Sprintf("%s could not be sent: %v. It stays in the outbox, and is tried again from %s on", a.Event, a.Err, a.Next.UTC().Format("15:04:05Z"))
}

// SendTest sends a message to one target at once, past the outbox. It needs no
// state.
func (p *Project) SendTest(ctx context.Context, name string) error {
	var names []string
	for _, n := range p.Config.Notifies {
		names = append(names, n.Name)
		if n.Name != name {
			continue
		}
		t := targets([]*config.Notify{n}, os.LookupEnv)[name]
		return notify.SendTest(ctx, notify.Client(nil), t, p.name(), clock())
	}
	if len(names) == 0 {
		return fmt.Errorf("this project has no notify block; docs/serve.md shows one")
	}
	return fmt.Errorf("there is no notify %q.%s It has: %s", name, diag.DidYouMean(name, names), strings.Join(names, ", "))
}
