package lever_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/plimsoll-dev/plimsoll/core/gate"
	"github.com/plimsoll-dev/plimsoll/core/lever"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"pgregory.net/rapid"
)

func decode(t testing.TB, s string) any {
	t.Helper()
	if s == "" {
		return nil
	}
	v, _, err := gate.Decode([]byte(s), true)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// exact scores by equality with the reference.
func exact(c lever.Case, output any) (int64, bool) {
	if c.Reference == nil {
		return 0, false
	}
	a, _ := json.Marshal(output)
	b, _ := json.Marshal(c.Reference)
	if bytes.Equal(a, b) {
		return 1_000_000, true
	}
	return 0, true
}

func cases(t testing.TB, pairs ...string) []lever.Case {
	var out []lever.Case
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, lever.Case{Item: fmt.Sprint("i", i/2), Output: decode(t, pairs[i]), Reference: decode(t, pairs[i+1])})
	}
	return out
}

func find(list []lever.Remedy, kind, fix string) *lever.Remedy {
	for i, r := range list {
		if r.Kind == kind && r.Fix == fix {
			return &list[i]
		}
	}
	return nil
}

// Fixes that a contract's gates could have, each with what it would have done.
func TestFixesOfGates(t *testing.T) {
	status := gate.Spec{Name: "status", Kind: "one_of", Value: "it.status", OneOf: []string{"new", "follow_up"}}
	few := gate.Spec{Name: "few", Kind: "max_items", Value: "output.list", Int: 2}
	s := lever.Shape{Gates: []gate.Spec{few}, Eaches: []gate.Each{{List: "output.list", ID: "it.id", Gates: []gate.Spec{status}}}, Score: exact}
	two := `{"list":[{"id":"a","status":"new"},{"id":"b","status":"follow_up"}]}`
	found, err := lever.Codify(s, cases(t,
		two, two,
		`{"list":[{"id":"a","status":"New"},{"id":"b","status":"Follow-up"}]}`, two,
		`{"list":[{"id":"a","status":"new"},{"id":"b","status":"follow_up"},{"id":"c","status":"new"}]}`, two,
		`{"list":[{"id":"a","status":"NEW"},{"id":"b","status":"follow up"},{"id":"c","status":"new"}]}`, two, // both are needed
		`{"list":[{"id":"z","status":"new"}]}`, two, // wrong, and nothing helps
	))
	if err != nil {
		t.Fatal(err)
	}
	if found.Failed != 4 || found.Rescued != 3 || len(found.Proposed) != 2 {
		t.Fatalf("%+v", found)
	}
	n, tr := find(found.Proposed, "one_of", "normalise"), find(found.Proposed, "max_items", "truncate")
	if n == nil || n.Rescued != 1 || n.Harmed != 0 || n.New || n.Each != "output.list" {
		t.Errorf("normalise: %+v", n)
	}
	if tr == nil || tr.Rescued != 1 || tr.Eased != 1 || len(tr.Fixes) != 1 || tr.Fixes[0] != "cut from 3 to 2 elements" {
		t.Errorf("truncate: %+v", tr)
	}
	if !strings.HasPrefix(found.Claim(), "3 of 4 tune failures become passes") || !strings.Contains(found.Claim(), "Not proved") {
		t.Errorf("it claims %q", found.Claim())
	}
}

// A fix that only takes away what was right is not proposed, and says what it did.
func TestHarmIsNotProposed(t *testing.T) {
	s := lever.Shape{Eaches: []gate.Each{{List: "output.list", Gates: []gate.Spec{{Name: "long", Kind: "min_chars", Value: "it.t", Int: 3}}}}}
	// Nobody can score: dropping from a failing output helps, and no output passed.
	found, err := lever.Codify(s, cases(t, `{"list":[{"t":"abc"},{"t":"a"}]}`, "", `{"list":[{"t":"abcd"}]}`, ""))
	if err != nil || len(found.Proposed) != 1 || found.Proposed[0].Fix != "drop" || found.Proposed[0].Caveat == "" {
		t.Fatalf("%+v %v", found, err)
	}
	// With references, the truncation that makes the gate pass loses what was right.
	cut := lever.Shape{Gates: []gate.Spec{{Name: "short", Kind: "max_chars", Value: "output.a", Int: 3}}, Score: func(c lever.Case, output any) (int64, bool) { return 0, true }}
	found, err = lever.Codify(cut, cases(t, `{"a":"abcdef"}`, `{"a":"abc def"}`))
	if err != nil || len(found.Proposed) != 0 || found.Rescued != 0 || found.Failed != 1 {
		t.Errorf("%+v %v", found, err)
	}
	if !strings.Contains(found.Claim(), "no gate or fix would have changed that") {
		t.Error(found.Claim())
	}
}

// Gates that the contract does not have, found by the references.
func TestNewGates(t *testing.T) {
	ref := func(status, ids string, links int) string {
		return fmt.Sprintf(`{"status":%q,"list":[%s],"text":"see%s"}`, status, ids, strings.Repeat(" https://x.test", links))
	}
	a, b, c := `{"id":1}`, `{"id":2}`, `{"id":3}`
	s := lever.Shape{Score: exact}
	found, err := lever.Codify(s, cases(t,
		ref("open", a+","+b, 1), ref("open", a+","+b, 1),
		ref("Open", a, 1), ref("open", a, 1),
		ref("closed", a+","+b, 1), ref("closed", a+","+b, 1),
		ref("CLOSED ", a+","+b, 1), ref("closed", a+","+b, 1),
		ref("open", a+","+a+","+b, 1), ref("open", a+","+b, 1),
		ref("open", a+","+b+","+c, 1), ref("open", a+","+b, 1),
		ref("open", a, 0), ref("open", a, 1),
	))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []struct {
		kind, fix       string
		rescued, caught int
	}{{"one_of", "normalise", 2, 0}, {"unique_by", "drop", 1, 0}, {"max_items", "truncate", 1, 0}, {"links", "", 0, 1}} {
		r := find(found.Proposed, want.kind, want.fix)
		if r == nil || !r.New || r.Rescued != want.rescued || r.Caught != want.caught || r.Harmed != 0 {
			t.Errorf("%s %s: %+v", want.kind, want.fix, r)
			continue
		}
		// The block is what a contract takes, and what the file's formatter leaves alone.
		block := r.Block() + "\n"
		contract, diags := config.ParseContract("skill.hcl", []byte(block), config.ContractOptions{})
		if diags.HasErrors() || len(contract.Gates) != 1 || contract.Gates[0].Kind != want.kind || contract.Gates[0].Fix != want.fix {
			t.Errorf("%s: %v", block, diags)
		}
		if tidy, _ := config.Format("f", []byte(block)); string(tidy) != block {
			t.Errorf("not canonical:\n%s", block)
		}
	}
	if found.Failed != 5 || found.Rescued != 4 {
		t.Errorf("%+v", found)
	}
	if !strings.Contains(found.Claim(), "up to 1 wrong outputs that passed would be tried again") {
		t.Error(found.Claim())
	}
}

// The output schema bounds what references only hint at.
func TestSchemaSpeaks(t *testing.T) {
	s := lever.Shape{Score: exact, Schema: "output.schema.json", Options: gate.Options{Output: []byte(`{
		"type":"object","required":["kind"],"properties":{
			"kind":{"type":"string","enum":["bug","idea"]},"title":{"type":"string","maxLength":5},
			"tags":{"type":"array","maxItems":1,"items":{"type":"string"}}}}`)}}
	found, err := lever.Codify(s, cases(t,
		`{"kind":"BUG","title":"a","tags":[]}`, `{"kind":"bug","title":"a","tags":[]}`,
		`{"kind":"bug","title":"abcdefg","tags":[]}`, `{"kind":"bug","title":"abcde","tags":[]}`,
		`{"kind":"bug","title":"a","tags":["x","y"]}`, `{"kind":"bug","title":"a","tags":["x"]}`,
		`{"title":"a"}`, `{"kind":"bug","title":"a"}`,
	))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range [][2]string{{"one_of", "normalise"}, {"max_items", "truncate"}, {"schema", ""}} {
		if r := find(found.Proposed, want[0], want[1]); r == nil {
			t.Errorf("%v is not proposed: %+v", want, found)
		} else if want[0] == "one_of" && (!slices.Equal(r.Spec.OneOf, []string{"bug", "idea"}) || r.Caveat != "") {
			t.Errorf("%+v", r)
		} else if want[0] == "schema" && (r.Caught == 0 || !strings.Contains(r.Block(), `schema = "output.schema.json"`)) {
			t.Errorf("%+v %s", r, r.Block())
		}
	}
}

func TestUnreadableIsFailed(t *testing.T) {
	found, err := lever.Codify(lever.Shape{}, []lever.Case{{Item: "a", Unreadable: true}, {Item: "b", Output: "x"}})
	if err != nil || found.Cases != 2 || found.Failed != 1 || len(found.Proposed) != 0 {
		t.Errorf("%+v %v", found, err)
	}
	if _, err := lever.Codify(lever.Shape{Gates: []gate.Spec{{Name: "a", Kind: "nonsense"}}}, nil); err == nil {
		t.Error("a contract that does not compile is accepted")
	}
}

// What is proposed never harms, and what all of it rescues is no more than what
// failed.
func TestCodifyProperty(t *testing.T) {
	word := rapid.SampledFrom([]string{"new", "New", "old", "OLD", "x y", "https://a.test", ""})
	doc := rapid.Custom(func(t *rapid.T) string {
		var list []string
		for range rapid.IntRange(0, 4).Draw(t, "n") {
			list = append(list, fmt.Sprintf(`{"id":%d,"s":%q}`, rapid.IntRange(0, 2).Draw(t, "id"), word.Draw(t, "s")))
		}
		return fmt.Sprintf(`{"list":[%s],"w":%q}`, strings.Join(list, ","), word.Draw(t, "w"))
	})
	rapid.Check(t, func(r *rapid.T) {
		s := lever.Shape{Score: exact, Gates: []gate.Spec{{Name: "w", Kind: "one_of", Value: "output.w", OneOf: []string{"new", "old"}}}}
		if rapid.Bool().Draw(r, "each") {
			s.Eaches = []gate.Each{{List: "output.list", Gates: []gate.Spec{{Name: "s", Kind: "min_chars", Value: "it.s", Int: 1}}}}
		}
		var all []lever.Case
		for i := range rapid.IntRange(0, 8).Draw(r, "cases") {
			all = append(all, lever.Case{Item: fmt.Sprint(i), Output: decode(t, doc.Draw(r, "out")), Reference: decode(t, doc.Draw(r, "ref"))})
		}
		found, err := lever.Codify(s, all)
		if err != nil {
			r.Fatal(err)
		}
		if found.Rescued > found.Failed || found.Failed > found.Cases {
			r.Fatalf("%+v", found)
		}
		for _, p := range found.Proposed {
			if p.Harmed > 0 {
				r.Fatalf("%+v", p)
			}
		}
		for _, p := range found.Refused {
			if p.Harmed == 0 {
				r.Fatalf("%+v", p)
			}
		}
	})
}
