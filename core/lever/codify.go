package lever

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/gate"
)

// Case is what a candidate made of one tune item: its last output, as it stands
// after today's fixes. Output and Reference are decoded JSON, nil without any.
type Case struct {
	Item       string
	Input      any
	Output     any
	Reference  any
	Unreadable bool // nothing could be read as an output
}

// Shape is what a skill measures form by, and how to ask it.
type Shape struct {
	Gates   []gate.Spec
	Eaches  []gate.Each
	Options gate.Options
	// Schema is the file of the output schema, for a gate that names it.
	Schema string
	// External answers code and command gates on an output; nil fails them.
	External func(c Case, e gate.External, output any) gate.Verdict
	// Score is the share of the item that an output which passes its gates got
	// right, in millionths; known is false where only a judge could say. nil knows
	// nothing.
	Score func(c Case, output any) (score int64, known bool)
}

// Remedy is a change of a skill's contract and what it would have done.
type Remedy struct {
	Gate string    `json:"gate"`
	Each string    `json:"each,omitempty"` // the list whose elements it looks at; "" is the whole output
	Kind string    `json:"kind"`
	Fix  string    `json:"fix,omitempty"`
	New  bool      `json:"new"`            // the gate is not there yet
	File string    `json:"file,omitempty"` // of a schema gate
	Spec gate.Spec `json:"-"`              // the gate as it would be

	Rescued int      `json:"rescued"` // failures that become passes
	Better  int      `json:"better"`  // failures that get more right, and not all
	Caught  int      `json:"caught"`  // wrong outputs that nothing noticed, which would be tried again with the reason
	Eased   int      `json:"eased"`   // failures that fail on one gate less, and still fail
	Harmed  int      `json:"harmed"`  // passes that would fail or get less right, and outputs that change where nobody can say whether for the better
	Why     string   `json:"why"`     // what was seen
	Caveat  string   `json:"caveat,omitempty"`
	Fixes   []string `json:"fixes,omitempty"` // what code did, for a few of the rescued
}

// Found is what a look at tune items came to.
type Found struct {
	Cases    int      `json:"items"`    // tune items with an output, or with none that could be read
	Failed   int      `json:"failed"`   // of them: a gate failed, or the reference says wrong
	Rescued  int      `json:"rescued"`  // by all proposals together
	Proposed []Remedy `json:"proposed"` // rescue or catch something, alone or together, and harm nothing
	Refused  []Remedy `json:"refused"`  // would have rescued or caught something, and harmed
}

// Claim is what may be said of the proposals, and no more.
func (f Found) Claim() string {
	switch {
	case f.Failed == 0:
		return fmt.Sprintf("none of %d tune items failed", f.Cases)
	case len(f.Proposed) == 0:
		return fmt.Sprintf("%d of %d tune items failed, and no gate or fix would have changed that", f.Failed, f.Cases)
	}
	out := fmt.Sprintf("%d of %d tune failures become passes", f.Rescued, f.Failed)
	if caught := f.caught(); caught > 0 {
		out += fmt.Sprintf("; up to %d wrong outputs that passed would be tried again", caught)
	}
	return out + ". Not proved: tune items were looked at"
}

func (f Found) caught() int {
	n := 0
	for _, r := range f.Proposed {
		n = max(n, r.Caught)
	}
	return n
}

// full is the score of an output that got everything right.
const full = million

// Codify looks for the gates and fixes that would have mended a candidate's
// failures: each possible one is put to the stored outputs by core/gate itself,
// alone and then all together. Only cases of tune items may be given. The error is
// that of a contract that does not compile.
func Codify(s Shape, cases []Case) (Found, error) {
	out := Found{Cases: len(cases)}
	base, err := s.try(nil, cases)
	if err != nil {
		return out, err
	}
	for _, r := range base {
		if !r.passes() {
			out.Failed++
		}
	}
	for _, r := range append(s.fixes(base), s.gates(cases, base)...) {
		after, err := s.try([]Remedy{r}, cases)
		if err != nil {
			continue // a gate that this contract cannot have is no proposal
		}
		r.weigh(base, after)
		switch {
		case r.Rescued+r.Better+r.Caught+r.Eased == 0:
		case r.Harmed > 0:
			out.Refused = append(out.Refused, r)
		default:
			out.Proposed = append(out.Proposed, r)
		}
	}
	slices.SortStableFunc(out.Proposed, func(a, b Remedy) int {
		return cmp.Or(b.Rescued-a.Rescued, b.Better-a.Better, b.Caught-a.Caught, b.Eased-a.Eased)
	})
	out.Proposed = distinct(out.Proposed)
	return out, out.together(s, base, cases)
}

// together puts all proposals to the outputs at once. Two that are good alone may
// do harm together: then the last ones go, until none does. And one whose work the
// others do already goes too: every gate is something that a person has to review.
func (f *Found) together(s Shape, base []result, cases []Case) error {
	total := func(list []Remedy) (Remedy, error) {
		var all Remedy
		after, err := s.try(list, cases)
		if err != nil {
			return all, fmt.Errorf("trying all proposals together: %w", err)
		}
		all.weigh(base, after)
		return all, nil
	}
	var all Remedy
	for {
		var err error
		if all, err = total(f.Proposed); err != nil {
			return err
		}
		if all.Harmed == 0 {
			break
		}
		f.Proposed = f.Proposed[:len(f.Proposed)-1]
	}
	for i := len(f.Proposed) - 1; i >= 0; i-- {
		without := slices.Delete(slices.Clone(f.Proposed), i, i+1)
		less, err := total(without)
		if err != nil {
			return err
		}
		if less.Harmed == 0 && less.Rescued >= all.Rescued && less.Better >= all.Better && less.Caught >= all.Caught {
			f.Proposed = without
		}
	}
	f.Rescued = all.Rescued
	return nil
}

// distinct keeps one proposal for each gate: the best, which comes first.
func distinct(list []Remedy) []Remedy {
	seen := map[string]bool{}
	var out []Remedy
	for _, r := range list {
		at := r.Each + "\x00" + r.Gate
		if r.New {
			at = r.Each + "\x00" + r.Spec.Value + "\x00" + r.Kind
		}
		if !seen[at] {
			seen[at] = true
			out = append(out, r)
		}
	}
	return out
}

// result is one case under some contract.
type result struct {
	output string // canonical enough to compare: the JSON of the fixed output
	failed []string
	score  int64
	known  bool
	fixes  []gate.Fix
	none   bool // there is no output
}

func (r result) passes() bool {
	return !r.none && len(r.failed) == 0 && (!r.known || r.score == full)
}

// worth orders two results of a case: a gate that fails is a 0.
func (r result) worth() int64 {
	if r.none || len(r.failed) > 0 || !r.known {
		return 0
	}
	return r.score
}

// try puts all cases through the contract with some remedies in it.
func (s Shape) try(remedies []Remedy, cases []Case) ([]result, error) {
	gates, eaches := s.with(remedies)
	set, problems := gate.Compile(gates, eaches, s.Options)
	if len(problems) > 0 {
		return nil, fmt.Errorf("compiling the gates: %w", problems[0])
	}
	out := make([]result, len(cases))
	for i, c := range cases {
		if c.Unreadable || c.Output == nil {
			out[i].none = true
			continue
		}
		fixed, fixes := set.Fix(c.Input, c.Output)
		verdicts := map[string]gate.Verdict{}
		for _, e := range set.Externals() {
			if s.External != nil {
				verdicts[e.Gate] = s.External(c, e, fixed)
			}
		}
		r := &out[i]
		r.failed, r.fixes = set.Check(c.Input, fixed, verdicts).Failed, fixes
		raw, err := json.Marshal(fixed)
		if err != nil {
			return nil, fmt.Errorf("writing the output of item %s: %w", c.Item, err)
		}
		r.output = string(raw)
		if s.Score != nil && len(r.failed) == 0 {
			r.score, r.known = s.Score(c, fixed)
		}
	}
	return out, nil
}

// with lays remedies over the contract.
func (s Shape) with(remedies []Remedy) ([]gate.Spec, []gate.Each) {
	gates, eaches := slices.Clone(s.Gates), slices.Clone(s.Eaches)
	for i := range eaches {
		eaches[i].Gates = slices.Clone(eaches[i].Gates)
	}
	for _, r := range remedies {
		list := &gates
		if r.Each != "" {
			at := slices.IndexFunc(eaches, func(e gate.Each) bool { return e.List == r.Each })
			if at < 0 {
				eaches = append(eaches, gate.Each{List: r.Each})
				at = len(eaches) - 1
			}
			list = &eaches[at].Gates
		}
		if i := slices.IndexFunc(*list, func(g gate.Spec) bool { return g.Name == r.Gate }); i >= 0 {
			(*list)[i] = r.Spec
		} else {
			*list = append(*list, r.Spec)
		}
	}
	return gates, eaches
}

// shown is how many of the rescued are told with what code did to them.
const shown = 3

// weigh compares what the cases came to before and after.
func (r *Remedy) weigh(base, after []result) {
	for i, was := range base {
		is := after[i]
		switch {
		case !was.passes() && is.passes():
			r.Rescued++
			if len(is.fixes) > 0 && len(r.Fixes) < shown {
				r.Fixes = append(r.Fixes, is.fixes[len(is.fixes)-1].What)
			}
		case was.passes() && !is.passes(), is.worth() < was.worth() && len(is.failed) == 0:
			r.Harmed++
		case was.passes() && is.output != was.output && !is.known:
			r.Harmed++ // it was good, or good enough; nobody can say what it is now
		case len(was.failed) == 0 && !was.passes() && len(is.failed) > 0:
			r.Caught++
		case is.worth() > was.worth():
			r.Better++
		case len(is.failed) < len(was.failed):
			r.Eased++
		}
	}
}

// fixes are the fixes that gates of the contract could have and do not.
func (s Shape) fixes(base []result) []Remedy {
	failed := map[string]int{}
	for _, r := range base {
		for _, g := range r.failed {
			failed[g]++
		}
	}
	var out []Remedy
	add := func(each string, g gate.Spec) {
		if g.Fix != "" || failed[g.Name] == 0 {
			return
		}
		for _, fix := range fitting(each, g.Kind) {
			spec := g
			spec.Fix = fix
			r := Remedy{Gate: g.Name, Each: each, Kind: g.Kind, Fix: fix, Spec: spec}
			r.Why = fmt.Sprintf("gate %s failed on %d of the tune items and has no fix", g.Name, failed[g.Name])
			if fix == "drop" {
				r.Caveat = "what fails is taken out of the output"
			}
			out = append(out, r)
		}
	}
	for _, g := range s.Gates {
		add("", g)
	}
	for _, e := range s.Eaches {
		for _, g := range e.Gates {
			add(e.List, g)
		}
	}
	return out
}

// fitting are the fixes that a kind of gate can have, the gentlest first.
func fitting(each, kind string) []string {
	var out []string
	switch kind {
	case "max_chars", "max_items":
		out = append(out, "truncate")
	case "one_of":
		out = append(out, "normalise")
	case "code", "command":
		return nil
	case "unique_by":
		return []string{"drop"}
	}
	if each != "" {
		out = append(out, "drop")
	}
	return out
}

// Name says what the remedy is, in a few words.
func (r Remedy) Name() string {
	switch {
	case !r.New:
		return fmt.Sprintf("fix = %q for gate %s", r.Fix, r.Gate)
	case r.Fix != "":
		return fmt.Sprintf("a %s gate with fix = %q", r.Kind, r.Fix)
	}
	return "a " + r.Kind + " gate"
}

// Attribute is the line that gives an existing gate its fix.
func (r Remedy) Attribute() (name, expr string) { return "fix", quoted(r.Fix) }

// quoted writes words of this package and of JSON values as HCL.
func quoted(s string) string {
	raw, err := json.Marshal(s)
	if err != nil {
		return `""`
	}
	return strings.NewReplacer("${", "$${", "%{", "%%{", `\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(string(raw))
}

// Block is the gate as HCL, canonical and without indent.
func (r Remedy) Block() string {
	g := r.Spec
	var rows [][2]string
	add := func(name, expr string) { rows = append(rows, [2]string{name, expr}) }
	if g.Value != "" {
		add("value", quoted(g.Value))
	}
	switch g.Kind {
	case "max_chars", "min_chars", "max_items", "min_items", "links":
		add(g.Kind, fmt.Sprint(g.Int))
	case "one_of", "command":
		list := g.OneOf
		if g.Kind == "command" {
			list = g.Command
		}
		var words []string
		for _, v := range list {
			words = append(words, quoted(v))
		}
		add(g.Kind, "["+strings.Join(words, ", ")+"]")
	case "schema":
		add(g.Kind, quoted(r.File))
	case "pattern":
		add(g.Kind, quoted(g.Pattern))
	case "unique_by":
		add(g.Kind, quoted(g.UniqueBy))
	case "rule":
		add(g.Kind, quoted(g.Rule))
	case "code":
		add(g.Kind, quoted(g.Code))
	}
	if g.Fix != "" {
		add("fix", quoted(g.Fix))
	}
	if g.Never {
		add("never", "true")
	}
	width := 0
	for _, row := range rows {
		width = max(width, len(row[0]))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "gate %s {\n", quoted(g.Name))
	for _, row := range rows {
		fmt.Fprintf(&b, "  %-*s = %s\n", width, row[0], row[1])
	}
	b.WriteString("}")
	return b.String()
}
