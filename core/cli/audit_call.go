package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/audit"
	"github.com/plimsoll-dev/plimsoll/core/engine"
	"github.com/plimsoll-dev/plimsoll/core/store/atomicfile"
)

// auditCall prints what the log has of one call, and writes the proof that its
// last entry is in the log.
func (c *command) auditCall(l *engine.AuditLog, id, proof string) error {
	found, err := l.Calls(id)
	if err != nil {
		return err
	}
	if proof != "" {
		entry, path, err := l.Prove(found[len(found)-1].Index)
		if err != nil {
			return err
		}
		// The entry is written in the bytes that were hashed, without a newline.
		if err := atomicfile.Write(c.at(proof), path, 0o644); err != nil {
			return fmt.Errorf("writing the proof: %w", err)
		}
		if err := atomicfile.Write(c.at(proof+".entry"), entry, 0o644); err != nil {
			return fmt.Errorf("writing the entry of the proof: %w", err)
		}
	}
	if c.json {
		entries := make([]map[string]any, len(found))
		for i, f := range found {
			entries[i] = callDocument(f)
		}
		return c.document(map[string]any{"call": id, "entries": entries})
	}
	for i, f := range found {
		if i > 0 {
			c.say("")
		}
		c.sayCall(f)
	}
	if proof != "" {
		c.next("anyone can check %s and %s.entry: go run github.com/plimsoll-dev/plimsoll/core/audit/verifier@latest -key %s -proof %s -entry %s.entry",
			c.short(proof), c.short(proof), l.Key(), c.short(proof), c.short(proof))
	}
	return nil
}

func callDocument(f audit.FoundCall) map[string]any {
	return map[string]any{"index": f.Index, "time": f.Entry.Time.UTC(), "kind": f.Entry.Kind, "scope": f.Entry.Scope, "skill": f.Entry.Skill, "run": f.Entry.Run, "data": f.Entry.Data}
}

func (c *command) sayCall(f audit.FoundCall) {
	k := f.Call
	c.say("%s", c.bold(fmt.Sprintf("%s  %s", f.Entry.Kind, outcomeText(k))))
	row := func(name, value string) {
		if value != "" {
			c.say("  %-11s %s", name, visible(value))
		}
	}
	row("entry", fmt.Sprintf("%d, %s", f.Index, f.Entry.Time.UTC().Format("2006-01-02 15:04:05 UTC")))
	if k.Auth != "" {
		row("principal", fmt.Sprintf("%s (%s)", k.Principal, k.Auth))
	} else {
		row("principal", k.Principal)
	}
	if k.Client != "" {
		row("client", k.Client+" (its own word)")
	}
	row("session", k.Session)
	row("connector", k.Connector)
	row("tool", k.Tool)
	row("skill", k.Skill)
	row("run", k.Run)
	row("definition", k.Definition)
	if len(k.Arguments) > 0 {
		row("arguments", "salted hash "+strings.TrimSuffix(strings.TrimPrefix(string(k.Arguments), `{"redactable":"`), `"}`))
	}
	row("result", k.Result)
	if k.Result != "" {
		row("bytes", fmt.Sprint(k.Bytes))
	}
	row("rule", k.Rule)
	row("reason", k.Reason)
	row("approval", k.Approval)
	row("approver", k.Approver)
	if k.Duration > 0 {
		row("duration", k.Duration.Round(time.Microsecond).String())
	}
	if k.Cost > 0 {
		row("cost", fmt.Sprintf("%d micro-dollars", k.Cost))
	}
	row("traceparent", k.Traceparent)
}

func outcomeText(k audit.Call) string {
	return map[audit.Outcome]string{
		audit.OutcomeBegun: "begun: what it did follows, or the process ended before it could say",
		audit.OutcomeOK:    "done", audit.OutcomeError: "failed", audit.OutcomeDenied: "denied", audit.OutcomeAsked: "a person was asked",
		audit.OutcomeRejected: "a person said no", audit.OutcomeUnknown: "no such name for this caller", audit.OutcomeCanceled: "canceled by the caller",
		audit.OutcomeInput: "the tool asked for something first", audit.OutcomeLost: "the engine ended before the call did: whether it had an effect is not known",
	}[k.Outcome]
}

// visible keeps what strangers wrote from moving the cursor of a terminal.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return '\uFFFD'
		}
		return r
	}, s)
}
