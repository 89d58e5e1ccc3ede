// Package gate recomputes, from a skill's output itself, whether the output
// keeps what the skill promises, and mends what can be mended by code.
//
// A gate never believes what a model claims. What cannot be read (a missing
// member, a wrong type, a verdict that never came) fails the gate with that
// reason; it never passes.
//
// The package is pure: it runs no code and no commands. Externals lists what
// core/run must execute on the fixed output; Check takes the answers.
//
//	set, problems := gate.Compile(specs, eaches, gate.Options{Output: schema})
//	value, fence, err := gate.Decode(completion, true)
//	fixed, applied := set.Fix(input, value)
//	result := set.Check(input, fixed, verdicts) // verdicts of set.Externals()
//	if len(result.Failed) > 0 { retry(result.Feedback()) }
//
// Values are decoded JSON as Decode gives it: nil, bool, string, json.Number,
// []any and map[string]any. Numbers stay json.Number, so that an integer
// beyond 2^53 and the spelling of 1.50 survive to whoever reads the output.
// The output of a skill without an output schema is one string.
package gate

// Spec is one gate as declared. Kind is one of max_chars, min_chars,
// max_items, min_items, one_of, links, pattern, unique_by, schema, rule, code,
// command, and says which of the other fields counts.
type Spec struct {
	Name     string
	Kind     string
	Value    string   // an expression; "" is the whole output, or the element inside an Each
	Int      int      // max_chars, min_chars, max_items, min_items, links
	OneOf    []string // one_of
	Pattern  string   // pattern: RE2, not anchored
	UniqueBy string   // unique_by: an expression over `it`
	Schema   []byte   // schema: a JSON schema without remote references
	Rule     string   // rule: an expression that must be true
	Code     string   // code: the name handed to op `check`
	Command  []string // command
	Fix      string   // "", truncate, normalise or drop
	Never    bool     // zero tolerance
}

// Each applies gates to every element of a list, which they see as `it`.
type Each struct {
	List  string // an expression: "output.tweets"
	ID    string // an expression over `it`; "" numbers the elements "#1", "#2", ...
	Gates []Spec
}

// Options are the schemas that type the expressions, or nil.
type Options struct {
	Input  []byte
	Output []byte
}

// SpecError is what is wrong with one declaration. Gate or Each names it;
// Field is the word in config: "value", "rule", "fix", ... Err may be a
// *rule.Error with the place inside that field.
type SpecError struct {
	Gate  string
	Each  string // the List of the Each, "" outside
	Field string
	Err   error
}

// Error is "gate NAME: FIELD: what".
func (e SpecError) Error() string {
	where := "gate " + e.Gate
	if e.Gate == "" {
		where = "each " + e.Each
	}
	return where + ": " + e.Field + ": " + e.Err.Error()
}

// Unwrap is Err.
func (e SpecError) Unwrap() error { return e.Err }

// External is a gate that somebody else must execute, on the fixed output.
type External struct {
	Gate    string
	Kind    string // code or command
	Code    string
	Command []string
	Each    bool // the gate stands in an Each: its verdict should name failing ids
}

// Verdict is the answer to an External. Err says why there is no answer, which
// fails the gate.
type Verdict struct {
	Passed    bool
	Reason    string
	FailedIDs []string
	Err       string
}

// Fix is one change that code made to an output.
type Fix struct {
	Gate string // the gate whose fix it was; "fence" for a code fence around a completion
	ID   string // the element, inside an Each
	What string // "cut from 312 to 280 characters"
}

// Check is one gate's answer. A gate in an Each that fails has one Check per
// failing element.
type Check struct {
	Gate   string
	ID     string
	Kind   string
	Passed bool
	Never  bool
	Reason string // why it failed; empty when it passed
}

// Result is what all gates said. Passed and Total count gates: a gate in an
// Each counts once.
type Result struct {
	Checks    []Check
	Passed    int
	Total     int
	FailedIDs []string       // of all gates, sorted, each once
	Failed    []string       // names of the gates that failed, sorted
	Never     []string       // those of them with zero tolerance, sorted
	Counts    map[string]int // by max_items or min_items gate: how many elements there are
}

// Set is a skill's compiled gates. It is safe for use by many goroutines.
type Set struct {
	gates  []*gate // outside of any each, in order
	eaches []*each // in order
}

// Externals lists what must be executed by others, in the order of declaration.
func (s *Set) Externals() []External {
	var out []External
	for _, g := range s.all() {
		if g.external() {
			out = append(out, External{Gate: g.Name, Kind: g.Kind, Code: g.Code, Command: g.Command, Each: g.each != nil})
		}
	}
	return out
}

// all is every gate: those outside of an each first.
func (s *Set) all() []*gate {
	out := append([]*gate(nil), s.gates...)
	for _, e := range s.eaches {
		out = append(out, e.gates...)
	}
	return out
}
