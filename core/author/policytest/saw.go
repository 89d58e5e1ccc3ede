package policytest

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/gate"
	"github.com/plimsoll-dev/plimsoll/core/rule"
	"github.com/plimsoll-dev/plimsoll/core/verdict"
)

// Saw is a night as checks see it and `--explain` prints it: what the policy's
// rules saw, member for member, and record, the verdict. What is not known, and
// what a night without a comparison never learnt, is null.
func Saw(n Night) (map[string]any, error) {
	record := any(n.Record)
	if n.Record == nil {
		record = map[string]any{"decision": n.Decision(), "rule": n.Held.Code, "reason": n.Held.Reason, "causes": n.Causes(), "current": n.From, "candidate": n.Candidate}
	}
	raw, err := json.Marshal(record)
	if err != nil {
		return nil, fmt.Errorf("writing the verdict down: %w", err)
	}
	decoded, _, err := gate.Decode(raw, true)
	if err != nil {
		return nil, fmt.Errorf("reading the verdict: %w", err)
	}
	out := map[string]any{"record": decoded, "now": n.At.UTC().Format(time.RFC3339)}
	for name, members := range seen(n.Saw) {
		out[name] = any(nil)
		if n.Saw != nil {
			out[name] = members
		}
	}
	return out, nil
}

// seen are the groups of a policy's rules under the names that rules use.
func seen(p *rule.Policy) map[string]map[string]any {
	if p == nil {
		p = &rule.Policy{}
	}
	return map[string]map[string]any{
		"evidence": {
			"proved": p.Evidence.Proved, "disproved": p.Evidence.Disproved, "n": int64(p.Evidence.N), "needed": int64(p.Evidence.Needed),
			"e": known(p.Evidence.E), "e_worse": known(p.Evidence.EWorse), "threshold": known(p.Evidence.Threshold),
			"claim": p.Evidence.Claim, "epoch": int64(p.Evidence.Epoch),
		},
		"gap":  {"mean": known(p.Gap.Mean), "bound": known(p.Gap.Bound)},
		"dims": {"names": texts(p.Dims.Names), "reasoning_gaps": texts(p.Dims.ReasoningGaps), "format_gaps": texts(p.Dims.FormatGaps)},
		"gates": {
			"failing": texts(p.Gates.Failing), "worse": texts(p.Gates.Worse), "pass_rate": known(p.Gates.PassRate),
		},
		"skill": {"name": p.Skill.Name, "step": p.Skill.Step, "tags": texts(p.Skill.Tags), "class": p.Skill.Class, "policy": p.Skill.Policy},
		"cost": {
			"current": known(p.Cost.Current), "candidate": known(p.Cost.Candidate), "saving_month": known(p.Cost.SavingMonth), "known": p.Cost.Known,
		},
		"latency": {"ratio": known(p.Latency.Ratio), "timeout_rate": known(p.Latency.TimeoutRate)},
		"history": {
			"moves": int64(p.History.Moves), "escalations": int64(p.History.Escalations),
			"days_since_move": known(p.History.DaysSinceMove), "days_since_escalation": known(p.History.DaysSinceEscalation),
		},
	}
}

// known is a number, or nil where it is not known.
func known(x float64) any {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return nil
	}
	return x
}

func texts(names []string) []any {
	out := make([]any, len(names))
	for i, n := range names {
		out[i] = n
	}
	return out
}

// schema is the JSON schema of what Saw gives, read off an example, so that a
// member that a record gains can be asked for at once.
func schema() []byte {
	month := int64(1)
	example := Night{Saw: &rule.Policy{}, Record: &verdict.Record{
		ReasoningGaps: []string{""}, FormatGaps: []string{""}, SavingsMonth: &month, Causes: []verdict.Cause{{}},
		CacheRegret: 1, Latency: &verdict.Pace{CurrentTimeouts: 1, CandidateTimeouts: 1}, // else they are left out
	}}
	doc, err := Saw(example)
	if err != nil {
		// A record holds strings, integers and lists of them, which always marshal.
		return []byte(`{"type":"object","properties":{}}`)
	}
	raw, err := json.Marshal(shapeOf(doc))
	if err != nil {
		return []byte(`{"type":"object","properties":{}}`)
	}
	return raw
}

func shapeOf(v any) map[string]any {
	switch v := v.(type) {
	case map[string]any:
		members := map[string]any{}
		for name, x := range v {
			members[name] = shapeOf(x)
		}
		return map[string]any{"type": "object", "properties": members}
	case []any:
		if len(v) == 0 {
			return map[string]any{"type": "array"}
		}
		return map[string]any{"type": "array", "items": shapeOf(v[0])}
	case string:
		return map[string]any{"type": "string"}
	case bool:
		return map[string]any{"type": "boolean"}
	case nil:
		return map[string]any{}
	}
	return map[string]any{"type": "number"}
}

// Lines are what Saw gives as `name = value`, sorted, one member a line.
func Lines(doc map[string]any) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(doc)) {
		members, ok := doc[name].(map[string]any)
		if !ok {
			out = append(out, name+" = "+shown(doc[name]))
			continue
		}
		for _, m := range slices.Sorted(maps.Keys(members)) {
			out = append(out, name+"."+m+" = "+shown(members[m]))
		}
	}
	return out
}

func shown(v any) string {
	if v == nil {
		return "unknown"
	}
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return fmt.Sprint(v)
	}
	return strings.TrimSpace(b.String())
}

// named are the lines of doc that a rule names, for somebody who wonders why it
// is not true.
func named(p *rule.Program, doc map[string]any) []string {
	var out []string
	for _, line := range Lines(doc) {
		name, _, _ := strings.Cut(line, " = ")
		if strings.Contains(p.Source(), name) {
			out = append(out, line)
		}
	}
	return out
}
