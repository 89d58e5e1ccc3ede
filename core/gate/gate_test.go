package gate_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/plimsoll-dev/plimsoll/core/gate"
	"github.com/plimsoll-dev/plimsoll/core/rule"
)

func decode(t testing.TB, s string) any {
	t.Helper()
	v, _, err := gate.Decode([]byte(s), true)
	if err != nil {
		t.Fatalf("decode %s: %v", s, err)
	}
	return v
}

func compile(t testing.TB, gates []gate.Spec, eaches []gate.Each, o gate.Options) *gate.Set {
	t.Helper()
	s, problems := gate.Compile(gates, eaches, o)
	for _, p := range problems {
		t.Fatal(p)
	}
	return s
}

// Every kind: what passes, what fails and why, and that what cannot be read fails.
func TestKinds(t *testing.T) {
	for _, c := range []struct {
		name   string
		spec   gate.Spec
		output string
		reason string // "" passes
	}{
		{"max_chars", gate.Spec{Kind: "max_chars", Value: "output.s", Int: 3}, `{"s":"abc"}`, ""},
		{"clusters, not bytes", gate.Spec{Kind: "max_chars", Value: "output.s", Int: 3}, `{"s":"👩‍👩‍👧ä🇩🇪"}`, ""},
		{"too long", gate.Spec{Kind: "max_chars", Value: "output.s", Int: 3}, `{"s":"abcd"}`, "4 characters; at most 3 allowed"},
		{"missing", gate.Spec{Kind: "max_chars", Value: "output.s", Int: 3}, `{}`, "output.s is missing"},
		{"null", gate.Spec{Kind: "max_chars", Value: "output.s", Int: 3}, `{"s":null}`, "it is null, not a string"},
		{"wrong type", gate.Spec{Kind: "max_chars", Value: "output.s", Int: 3}, `{"s":7}`, "it is a number, not a string"},
		{"min_chars", gate.Spec{Kind: "min_chars", Value: "output.s", Int: 2}, `{"s":"ä"}`, "1 character; at least 2 needed"},
		{"min_chars enough", gate.Spec{Kind: "min_chars", Value: "output.s", Int: 2}, `{"s":"ab"}`, ""},
		{"max_items", gate.Spec{Kind: "max_items", Value: "output.l", Int: 1}, `{"l":[1,2]}`, "2 elements; at most 1 allowed"},
		{"max_items passes", gate.Spec{Kind: "max_items", Value: "output.l", Int: 1}, `{"l":[1]}`, ""},
		{"min_items", gate.Spec{Kind: "min_items", Value: "output.l", Int: 1}, `{"l":[]}`, "0 elements; at least 1 needed"},
		{"min_items of a string", gate.Spec{Kind: "min_items", Value: "output.l", Int: 1}, `{"l":"x"}`, "it is a string, not a list"},
		{"one_of", gate.Spec{Kind: "one_of", Value: "output.s", OneOf: []string{"new", "old"}}, `{"s":"new"}`, ""},
		{"one_of is exact", gate.Spec{Kind: "one_of", Value: "output.s", OneOf: []string{"new", "old"}}, `{"s":"New"}`, `"New" is not one of new, old`},
		{"links", gate.Spec{Kind: "links", Value: "output.s", Int: 1}, `{"s":"see https://a.example."}`, ""},
		{"two links", gate.Spec{Kind: "links", Value: "output.s", Int: 1}, `{"s":"http://a.example http://a.example"}`, "2 links; exactly 1 needed"},
		{"pattern", gate.Spec{Kind: "pattern", Value: "output.s", Pattern: `^[A-Z]{2}-\d+$`}, `{"s":"AB-12"}`, ""},
		{"pattern fails", gate.Spec{Kind: "pattern", Value: "output.s", Pattern: `^[A-Z]{2}-\d+$`}, `{"s":"AB-"}`, `"AB-" does not match ^[A-Z]{2}-\d+$`},
		{"unique_by", gate.Spec{Kind: "unique_by", Value: "output.l", UniqueBy: "it.id"}, `{"l":[{"id":1},{"id":"1"}]}`, ""},
		{"duplicate", gate.Spec{Kind: "unique_by", Value: "output.l", UniqueBy: "it.id"}, `{"l":[{"id":1},{"id":1.0}]}`, "the same as element 1"},
		{"no key", gate.Spec{Kind: "unique_by", Value: "output.l", UniqueBy: "it.id"}, `{"l":[{}]}`, "it.id is missing"},
		{"null key", gate.Spec{Kind: "unique_by", Value: "output.l", UniqueBy: "it.id"}, `{"l":[{"id":null}]}`, "its key is null"},
		{"schema", gate.Spec{Kind: "schema", Schema: []byte(`{"required":["a"]}`)}, `{"a":1}`, ""},
		{"schema fails", gate.Spec{Kind: "schema", Schema: []byte(`{"required":["a"],"properties":{"b":{"type":"integer"},"c":{"maxLength":1}}}`)},
			`{"b":"x","c":"xx"}`, "at '': missing property 'a'; at '/b': got string, want integer; at '/c': maxLength: got 2, want 1"},
		{"rule", gate.Spec{Kind: "rule", Rule: "output.n > 1"}, `{"n":2}`, ""},
		{"rule fails", gate.Spec{Kind: "rule", Rule: "output.n > 1"}, `{"n":1}`, "not so: output.n > 1"},
		{"rule cannot tell", gate.Spec{Kind: "rule", Rule: "output.n != 1"}, `{}`, "output.n is missing"},
		{"the input", gate.Spec{Kind: "rule", Rule: "output.n == input.n"}, `{"n":9007199254740993}`, "not so: output.n == input.n"},
	} {
		c.spec.Name = "g"
		s := compile(t, []gate.Spec{c.spec}, nil, gate.Options{})
		r := s.Check(decode(t, `{"n":9007199254740992}`), decode(t, c.output), nil)
		if r.Total != 1 || len(r.Checks) != 1 {
			t.Fatalf("%s: %+v", c.name, r)
		}
		if r.Checks[0].Reason != c.reason || r.Checks[0].Passed != (c.reason == "") || (r.Passed == 1) != (c.reason == "") {
			t.Errorf("%s: got %+v, want %q", c.name, r.Checks[0], c.reason)
		}
	}
}

const tweets = `{"tweets":[
	{"id":"a","status":"new","text":"one https://a.example"},
	{"id":"b","status":"Follow Up","text":"none"},
	{"id":"c","status":"odd","text":"two http://b.example http://c.example"},
	{"status":"new","text":"https://d.example"}],
	"decisions":["x","y","z","w"]}`

func tweetGates() []gate.Each {
	return []gate.Each{{List: "output.tweets", ID: "it.id", Gates: []gate.Spec{
		{Name: "status", Kind: "one_of", Value: "it.status", OneOf: []string{"new", "follow_up"}, Fix: "normalise"},
		{Name: "links", Kind: "links", Value: "it.text", Int: 1, Never: true},
	}}}
}

func TestEachCountsAGateOnceAndNamesElements(t *testing.T) {
	s := compile(t, []gate.Spec{
		{Name: "decisions", Kind: "max_items", Value: "output.decisions", Int: 3},
		{Name: "thread", Kind: "code", Code: "check_thread"},
		{Name: "house", Kind: "command", Command: []string{"./check"}},
	}, tweetGates(), gate.Options{})
	if got := s.Externals(); len(got) != 2 || got[0].Code != "check_thread" || got[1].Command[0] != "./check" {
		t.Fatalf("externals: %+v", got)
	}
	r := s.Check(nil, decode(t, tweets), map[string]gate.Verdict{"thread": {Passed: true}, "house": {Reason: "no", FailedIDs: []string{"a"}}})
	if r.Passed != 1 || r.Total != 5 {
		t.Errorf("passed %d of %d", r.Passed, r.Total)
	}
	if want := []string{"a", "b", "c"}; !slices.Equal(r.FailedIDs, want) {
		t.Errorf("ids %v, want %v", r.FailedIDs, want)
	}
	if want := []string{"decisions", "house", "links", "status"}; !slices.Equal(r.Failed, want) {
		t.Errorf("failed %v", r.Failed)
	}
	if !slices.Equal(r.Never, []string{"links"}) || r.Counts["decisions"] != 4 {
		t.Errorf("never %v, counts %v", r.Never, r.Counts)
	}
	want := `The output fails 4 checks of 5. Mend this, keep the rest, and answer with the whole output again:
- decisions: 4 elements; at most 3 allowed
- house [a]: no
- status [b]: "Follow Up" is not one of new, follow_up
- status [c]: "odd" is not one of new, follow_up
- links [b]: 0 links; exactly 1 needed
- links [c]: 2 links; exactly 1 needed
`
	if got := r.Feedback(); got != want {
		t.Errorf("feedback:\n%s", got)
	}
}

func TestEachOverWhatIsNoList(t *testing.T) {
	s := compile(t, nil, tweetGates(), gate.Options{})
	for output, reason := range map[string]string{
		`{}`: "output.tweets is missing", `{"tweets":null}`: "output.tweets is null, not a list", `"text"`: "output is a string, so it has no member tweets",
	} {
		r := s.Check(nil, decode(t, output), nil)
		if r.Passed != 0 || r.Checks[0].Reason != reason {
			t.Errorf("%s: %+v", output, r)
		}
		fixed, applied := s.Fix(nil, decode(t, output))
		if len(applied) != 0 {
			t.Errorf("%s: fixed to %v by %v", output, fixed, applied)
		}
	}
	if r := s.Check(nil, decode(t, `{"tweets":[]}`), nil); r.Passed != 2 {
		t.Errorf("an empty list has no failing element: %+v", r)
	}
	long := make([]any, rule.MaxList+1)
	if r := s.Check(nil, map[string]any{"tweets": long}, nil); r.Passed != 0 {
		t.Errorf("a list beyond the limit must fail: %+v", r.Checks)
	}
}

func TestExternalsWithoutAnAnswerFail(t *testing.T) {
	s := compile(t, []gate.Spec{{Name: "g", Kind: "code", Code: "c"}}, nil, gate.Options{})
	for _, c := range []struct {
		ext    map[string]gate.Verdict
		reason string
	}{
		{nil, "there is no verdict: the code was not run"},
		{map[string]gate.Verdict{"other": {Passed: true}}, "there is no verdict: the code was not run"},
		{map[string]gate.Verdict{"g": {Passed: true, Err: "it was stopped"}}, "the code gave no verdict: it was stopped"},
		{map[string]gate.Verdict{"g": {}}, "the code says failed and gives no reason"},
		{map[string]gate.Verdict{"g": {Passed: true, FailedIDs: []string{"a"}}}, "the code says passed and yet names failing elements"},
		{map[string]gate.Verdict{"g": {Reason: "bad"}}, "bad"},
		{map[string]gate.Verdict{"g": {Passed: true}}, ""},
	} {
		if r := s.Check(nil, "x", c.ext); r.Checks[0].Reason != c.reason || (r.Passed == 1) != (c.reason == "") {
			t.Errorf("%v: got %+v", c.ext, r.Checks[0])
		}
	}
}

func TestTextOutput(t *testing.T) {
	s := compile(t, []gate.Spec{{Name: "short", Kind: "max_chars", Int: 10, Fix: "truncate"}}, nil, gate.Options{})
	text, _, err := gate.Decode([]byte("the quick brown fox"), false)
	if err != nil {
		t.Fatal(err)
	}
	fixed, applied := s.Fix(nil, text)
	if fixed != "the quick…" || len(applied) != 1 || applied[0].What != "cut from 19 to 10 characters" {
		t.Errorf("got %q, %+v", fixed, applied)
	}
	if r := s.Check(nil, fixed, nil); r.Passed != 1 {
		t.Errorf("%+v", r)
	}
}

func TestSpecErrors(t *testing.T) {
	schema := []byte(`{"type":"object","properties":{"tweets":{"type":"array","items":{"properties":{"id":{"type":"string"}}}}}}`)
	for _, c := range []struct {
		gates       []gate.Spec
		eaches      []gate.Each
		field, want string
	}{
		{gates: []gate.Spec{{Kind: "max_chars"}}, field: "name", want: "a gate needs a name"},
		{gates: []gate.Spec{{Name: "a", Kind: "code", Code: "c"}, {Name: "a", Kind: "code", Code: "c"}}, field: "name", want: `there are two gates named "a"`},
		{gates: []gate.Spec{{Name: "a", Kind: "max_words"}}, field: "kind", want: `there is no kind of gate "max_words"`},
		{gates: []gate.Spec{{Name: "a", Kind: "max_chars", Int: -1}}, field: "max_chars", want: "-1 is negative"},
		{gates: []gate.Spec{{Name: "a", Kind: "one_of"}}, field: "one_of", want: "it allows no value at all"},
		{gates: []gate.Spec{{Name: "a", Kind: "pattern", Pattern: "("}}, field: "pattern", want: "compile the pattern: error parsing regexp: missing closing ): `(`"},
		{gates: []gate.Spec{{Name: "a", Kind: "schema", Schema: []byte(`{`)}}, field: "schema", want: "read the schema: unexpected EOF"},
		{gates: []gate.Spec{{Name: "a", Kind: "rule", Rule: "output.tweest == 1"}}, field: "rule", want: `1:8: output has no member "tweest" in the schema (did you mean "tweets"?)`},
		{gates: []gate.Spec{{Name: "a", Kind: "rule", Rule: "1 + 1"}}, field: "rule", want: "1:3: the rule gives int, not true or false"},
		{gates: []gate.Spec{{Name: "a", Kind: "rule", Rule: "true", Value: "output"}}, field: "value", want: "a rule gate takes no value: it sees the whole output"},
		{gates: []gate.Spec{{Name: "a", Kind: "max_items", Value: "output.tweest"}}, field: "value", want: `1:8: output has no member "tweest" in the schema (did you mean "tweets"?)`},
		{gates: []gate.Spec{{Name: "a", Kind: "code"}}, field: "code", want: "it names no check of the skill's code"},
		{gates: []gate.Spec{{Name: "a", Kind: "command"}}, field: "command", want: "it names no command"},
		{gates: []gate.Spec{{Name: "a", Kind: "min_items", Value: "output.tweets", Fix: "truncate"}}, field: "fix", want: "truncate does not mend min_items"},
		{gates: []gate.Spec{{Name: "a", Kind: "max_items", Value: "output.tweets", Fix: "cut"}}, field: "fix", want: `there is no fix "cut"; there are truncate, normalise and drop`},
		{gates: []gate.Spec{{Name: "a", Kind: "max_items", Value: "output.tweets", Fix: "drop"}}, field: "fix", want: "drop removes elements: it belongs to a gate in an each, or to unique_by"},
		{gates: []gate.Spec{{Name: "a", Kind: "code", Code: "c", Fix: "drop"}}, field: "fix", want: "drop comes before a code gate is asked, so it cannot follow from its answer"},
		{gates: []gate.Spec{{Name: "a", Kind: "max_items", Value: "filter(output.tweets, true)", Fix: "truncate"}}, field: "fix", want: `truncate needs a value that is a place of the output, and "filter(output.tweets, true)" is not one`},
		{gates: []gate.Spec{{Name: "a", Kind: "max_chars", Value: "input.x", Fix: "truncate"}}, field: "fix", want: `truncate needs a value that is a place of the output, and "input.x" is not one`},
		{gates: []gate.Spec{{Name: "a", Kind: "one_of", OneOf: []string{"A b", "a_b"}, Fix: "normalise"}}, field: "fix", want: `normalise cannot tell "A b" from "a_b"`},
		{gates: []gate.Spec{{Name: "a", Kind: "unique_by", Value: "output.tweets", UniqueBy: "it.idd"}}, field: "unique_by", want: `1:4: it has no member "idd" in the schema (did you mean "id"?)`},
		{eaches: []gate.Each{{List: "output.tweest"}}, field: "list", want: `1:8: output has no member "tweest" in the schema (did you mean "tweets"?)`},
		{eaches: []gate.Each{{List: "output.tweets", ID: "it.x"}}, field: "id", want: `1:4: it has no member "x" in the schema (there are id)`},
		{eaches: []gate.Each{{List: "filter(output.tweets, true)", Gates: []gate.Spec{{Name: "a", Kind: "max_chars", Value: "it.id", Fix: "drop"}}}}, field: "fix",
			want: `drop needs an each over a place of the output, and "filter(output.tweets, true)" is computed`},
		{eaches: []gate.Each{{List: "output.tweets", Gates: []gate.Spec{{Name: "a", Kind: "unique_by", Value: "it.tags", UniqueBy: "it.id"}}}}, field: "value",
			want: "inside an each, unique_by looks over the elements of the each; a list inside the element takes a rule with uniq()"},
	} {
		_, problems := gate.Compile(c.gates, c.eaches, gate.Options{Output: schema})
		if len(problems) != 1 || problems[0].Field != c.field || problems[0].Err.Error() != c.want {
			t.Errorf("want %s: %s\n got %v", c.field, c.want, problems)
		}
	}
}

func TestSpecErrorsCarryThePlace(t *testing.T) {
	_, problems := gate.Compile([]gate.Spec{{Name: "a", Kind: "rule", Rule: "true &&\n  nope"}}, nil, gate.Options{})
	var re *rule.Error
	if len(problems) != 1 || !errors.As(problems[0], &re) || re.Line != 2 || re.Column != 3 {
		t.Errorf("got %v", problems)
	}
	if got := problems[0].Error(); !strings.HasPrefix(got, "gate a: rule: 2:3: ") {
		t.Errorf("got %q", got)
	}
}

// A schema never reaches out of itself.
func TestRemoteReferencesAreRefused(t *testing.T) {
	for _, ref := range []string{"http://example.com/x.json", "https://example.com/x.json", "file:///etc/passwd", "other.json", "urn:x"} {
		_, problems := gate.Compile([]gate.Spec{{Name: "a", Kind: "schema", Schema: []byte(`{"$ref":"` + ref + `"}`)}}, nil, gate.Options{})
		if len(problems) != 1 {
			t.Errorf("%s: got %v, want an error", ref, problems)
		}
	}
	compile(t, []gate.Spec{{Name: "a", Kind: "schema", Schema: []byte(`{"$ref":"#/$defs/x","$defs":{"x":{"type":"string"}}}`)}}, nil, gate.Options{})
}

func TestFeedbackIsShort(t *testing.T) {
	s := compile(t, nil, []gate.Each{{List: "output", Gates: []gate.Spec{{Name: "g", Kind: "max_chars", Int: 1}}}}, gate.Options{})
	list := make([]any, 1000)
	for i := range list {
		list[i] = "xxx"
	}
	got := s.Check(nil, list, nil).Feedback()
	if !strings.Contains(got, "- g: and 995 more elements\n") || strings.Count(got, "\n") != 7 {
		t.Errorf("got:\n%s", got)
	}
	var many []gate.Spec
	for i := range 14 {
		many = append(many, gate.Spec{Name: "g" + string(rune('a'+i)), Kind: "max_chars", Int: 1})
	}
	got = compile(t, many, nil, gate.Options{}).Check(nil, "xxx", nil).Feedback()
	if !strings.HasSuffix(got, "- and 4 more checks\n") {
		t.Errorf("got:\n%s", got)
	}
	if (gate.Result{}).Feedback() != "" {
		t.Error("nothing failed, so there is nothing to say")
	}
}
