package engine

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/audit"
	"github.com/plimsoll-dev/plimsoll/core/nightly"
	"github.com/plimsoll-dev/plimsoll/core/report"
	"github.com/plimsoll-dev/plimsoll/core/store"
)

// EntryLine is an audit entry as people read it.
type EntryLine struct{ entry store.Entry }

// Text is the entry in a line.
func (l EntryLine) Text(i int64) string {
	e := l.entry
	what := e.Skill
	if e.Step != "" {
		what += "/" + e.Step
	}
	if e.Run != "" {
		what += " " + e.Run
	}
	if c, ok, err := audit.CallOf(e); ok && err == nil {
		what = callWords(c)
	}
	return fmt.Sprintf("%6d  %s  %-16s %s", i, e.Time.UTC().Format("2006-01-02 15:04:05"), e.Kind, what)
}

// callWords is a call in a line: its id, who asked for what, and what became of it.
func callWords(c audit.Call) string {
	what := cmp.Or(c.Tool, c.Skill, c.Connector)
	return strings.Join(strings.Fields(fmt.Sprintf("%s  %s %s %s", c.ID, c.Principal, what, c.Outcome)), " ")
}

// JSON is the entry as a document.
func (l EntryLine) JSON(i int64) map[string]any {
	e := l.entry
	return map[string]any{"index": i, "time": e.Time.UTC(), "kind": e.Kind, "scope": e.Scope, "skill": e.Skill, "step": e.Step, "run": e.Run, "data": orNull(e.Data)}
}

func orNull(raw json.RawMessage) json.RawMessage {
	if len(raw) == 0 {
		return json.RawMessage("null")
	}
	return raw
}

// Held says why nothing is compared for a step tonight, and the one thing that
// would change it; both are empty when it may be measured.
func (e *Engine) Held(s nightly.Step) (next, why string) {
	_, rows := nightly.Discover([]nightly.Step{s}, e.asOf)
	if len(rows) == 0 {
		return "", ""
	}
	return held(rows[0])
}

func held(r report.Row) (next, why string) { return r.Next, r.Reason }
