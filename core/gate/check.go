package gate

import (
	"encoding/json"
	"errors"
	"maps"
	"math"
	"slices"
	"strconv"

	"github.com/plimsoll-dev/plimsoll/core/rule"
)

// failure is one gate failing on one element, index -1 outside of an each.
type failure struct {
	index  int
	reason string
}

// view is one output while it is being checked: the lists of the eaches and
// the names of their elements are computed once.
type view struct {
	env   rule.Env
	lists map[*each]elements
}

type elements struct {
	list   []any
	reason string // why there is no list
}

func (s *Set) view(input, output any) *view {
	return &view{env: rule.Env{Input: input, Output: output}, lists: make(map[*each]elements, len(s.eaches))}
}

func (v *view) elements(e *each) elements {
	if l, ok := v.lists[e]; ok {
		return l
	}
	var out elements
	x, err := e.list.Value(&v.env)
	list, ok := x.([]any)
	switch {
	case err != nil:
		out.reason = message(err)
	case !ok:
		out.reason = e.List + " is " + kindOf(x) + ", not a list"
	case len(list) > rule.MaxList:
		out.reason = e.List + " has " + plural(len(list), "element") + "; an each takes " + strconv.Itoa(rule.MaxList) + " at most"
	default:
		out.list = list
	}
	v.lists[e] = out
	return out
}

// id names an element: by the each's id where it has one, else by its place.
func (v *view) id(e *each, index int) string {
	if index < 0 {
		return ""
	}
	place := "#" + strconv.Itoa(index+1)
	if e.id == nil {
		return place
	}
	env := v.env
	env.It = v.lists[e].list[index]
	x, err := e.id.Value(&env)
	if err != nil {
		return place
	}
	if key, ok := scalar(x); ok {
		return key
	}
	return place
}

// scalar is a short text for a string or a number.
func scalar(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return shorten(v, 80), v != ""
	case json.Number:
		return v.String(), true
	case int64:
		return strconv.FormatInt(v, 10), true
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), true
	}
	return "", false
}

// failures runs one gate that this package can check itself.
func (v *view) failures(g *gate) []failure {
	if g.each == nil {
		if g.unique != nil {
			return v.duplicatesOf(g)
		}
		if reason := g.reason(&v.env); reason != "" {
			return []failure{{-1, reason}}
		}
		return nil
	}
	l := v.elements(g.each)
	if l.reason != "" {
		return []failure{{-1, l.reason}}
	}
	if g.unique != nil {
		return duplicates(g.unique, v.env, l.list)
	}
	var out []failure
	env := v.env
	for i, elem := range l.list {
		env.It = elem
		if reason := g.reason(&env); reason != "" {
			out = append(out, failure{i, reason})
		}
	}
	return out
}

// reason says why the gate fails on what env shows, "" when it passes.
func (g *gate) reason(env *rule.Env) string {
	if g.rule != nil {
		switch ok, err := g.rule.Bool(env); {
		case err != nil:
			return message(err)
		case !ok:
			return "not so: " + shorten(g.Rule, 160)
		}
		return ""
	}
	x, err := g.value.Value(env)
	if err != nil {
		return message(err)
	}
	return g.test(x)
}

// message is a rule's error without its place, which means nothing to a model.
func message(err error) string {
	var re *rule.Error
	if errors.As(err, &re) {
		return re.Message
	}
	return err.Error()
}

// duplicatesOf runs unique_by over the list that is its value.
func (v *view) duplicatesOf(g *gate) []failure {
	x, err := g.value.Value(&v.env)
	if err != nil {
		return []failure{{-1, message(err)}}
	}
	list, ok := x.([]any)
	switch {
	case !ok:
		return []failure{{-1, "it is " + kindOf(x) + ", not a list"}}
	case len(list) > rule.MaxList:
		return []failure{{-1, plural(len(list), "element") + "; unique_by takes " + strconv.Itoa(rule.MaxList) + " at most"}}
	}
	return duplicates(g.unique, v.env, list)
}

// duplicates are the elements whose key an earlier one has, and those without
// a key. Keys are strings, numbers or true and false; 1 and 1.0 are one key.
func duplicates(key *rule.Program, env rule.Env, list []any) []failure {
	seen := make(map[any]int, len(list))
	var out []failure
	for i, elem := range list {
		env.It = elem
		k, err := key.Value(&env)
		if f, ok := k.(float64); ok && f >= math.MinInt64 && f < math.MaxInt64 && f == math.Trunc(f) {
			k = int64(f)
		}
		switch k.(type) {
		case string, bool, int64, float64:
			first, again := seen[k]
			if again {
				out = append(out, failure{i, "the same as element " + strconv.Itoa(first+1)})
				continue
			}
			seen[k] = i
		default:
			reason := "its key is " + kindOf(k)
			if err != nil {
				reason = message(err)
			}
			out = append(out, failure{i, reason})
		}
	}
	return out
}

// Check runs all gates on an output, normally after Fix. ext holds the
// verdicts of Externals by gate name; an external without a verdict fails.
func (s *Set) Check(input, output any, ext map[string]Verdict) Result {
	v := s.view(input, output)
	r := Result{Counts: map[string]int{}}
	ids := map[string]bool{}
	for _, g := range s.all() {
		r.Total++
		var failed []Check
		if g.external() {
			failed = g.answered(ext)
		} else {
			for _, f := range v.failures(g) {
				failed = append(failed, Check{ID: v.failureID(g, f), Reason: f.reason})
			}
			v.count(g, r.Counts)
		}
		if len(failed) == 0 {
			r.Passed++
			r.Checks = append(r.Checks, Check{Gate: g.Name, Kind: g.Kind, Passed: true, Never: g.Never})
			continue
		}
		for _, c := range failed {
			c.Gate, c.Kind, c.Never = g.Name, g.Kind, g.Never
			r.Checks = append(r.Checks, c)
			if c.ID != "" {
				ids[c.ID] = true
			}
		}
		r.Failed = append(r.Failed, g.Name)
		if g.Never {
			r.Never = append(r.Never, g.Name)
		}
	}
	r.FailedIDs = slices.Sorted(maps.Keys(ids))
	slices.Sort(r.Failed)
	slices.Sort(r.Never)
	return r
}

// failureID names the element that failed; outside of an each, unique_by has
// only places to name.
func (v *view) failureID(g *gate, f failure) string {
	if f.index < 0 {
		return ""
	}
	if g.each != nil {
		return v.id(g.each, f.index)
	}
	return "#" + strconv.Itoa(f.index+1)
}

// answered reads the verdict on a gate that somebody else executed.
func (g *gate) answered(ext map[string]Verdict) []Check {
	a, ok := ext[g.Name]
	switch {
	case !ok:
		return []Check{{Reason: "there is no verdict: the " + g.Kind + " was not run"}}
	case a.Err != "":
		return []Check{{Reason: "the " + g.Kind + " gave no verdict: " + a.Err}}
	case a.Passed && len(a.FailedIDs) == 0:
		return nil
	}
	reason := a.Reason
	switch {
	case a.Passed:
		reason = "the " + g.Kind + " says passed and yet names failing elements"
	case reason == "":
		reason = "the " + g.Kind + " says failed and gives no reason"
	}
	if len(a.FailedIDs) == 0 {
		return []Check{{Reason: reason}}
	}
	out := make([]Check, len(a.FailedIDs))
	for i, id := range a.FailedIDs {
		out[i] = Check{ID: id, Reason: reason}
	}
	return out
}

// count notes how many elements a max_items or min_items gate saw; inside an
// each, over all elements together.
func (v *view) count(g *gate, counts map[string]int) {
	if g.Kind != "max_items" && g.Kind != "min_items" {
		return
	}
	envs := []any{nil}
	if g.each != nil {
		envs = v.elements(g.each).list
	}
	env := v.env
	n := 0
	for _, it := range envs {
		env.It = it
		if x, err := g.value.Value(&env); err == nil {
			if l, ok := x.([]any); ok {
				n += len(l)
			}
		}
	}
	counts[g.Name] = n
}
