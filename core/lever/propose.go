package lever

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/plimsoll-dev/plimsoll/core/gate"
)

// place is where values stand in an output: below the output itself, or below the
// elements of one of its lists.
type place struct{ each, value string }

// seen is what stands at a place in references and in outputs.
type seen struct {
	words, said   map[string]int // strings: how often in references, and in outputs
	lists, made   [][]any        // the lists of references, and of outputs
	links, linked map[int]int    // strings by how many links they have
}

// Bounds on what is taken for a choice among words: a place with more different
// ones, longer ones, or hardly any repetition is free text.
const (
	mostWords   = 8
	longestWord = 40
	leastLists  = 4
	leastLinks  = 3
	leastKeyed  = 2 // lists of more than one element
)

// gates are gates that the contract does not have and that the references, or the
// output schema, speak for. Whether they help is for the simulation to say.
func (s Shape) gates(cases []Case, base []result) []Remedy {
	wrong := false
	at := map[place]*seen{}
	for i, c := range cases {
		collect(at, c.Reference, true)
		if !base[i].none {
			collect(at, c.Output, false)
		}
		wrong = wrong || !base[i].none && !base[i].passes()
	}
	if !wrong {
		return nil
	}
	schema := decodeSchema(s.Options.Output)
	p := proposer{shape: s, names: map[string]bool{}}
	for _, e := range append([]gate.Each{{Gates: s.Gates}}, s.Eaches...) {
		for _, g := range e.Gates {
			p.names[g.Name] = true
		}
	}
	for _, where := range slices.SortedFunc(maps.Keys(at), func(a, b place) int {
		return strings.Compare(a.each+"\x00"+a.value, b.each+"\x00"+b.value)
	}) {
		p.choice(where, at[where], schema)
		p.length(where, at[where], schema)
		p.linked(where, at[where])
		p.most(where, at[where], schema)
		p.unique(where, at[where])
	}
	if len(s.Options.Output) > 0 && s.Schema != "" && !p.has(place{}, "schema") {
		p.add(place{}, gate.Spec{Kind: "schema", Schema: s.Options.Output}, "output-schema", "the output schema is not checked by any gate", "")
	}
	return p.out
}

type proposer struct {
	shape Shape
	names map[string]bool
	out   []Remedy
}

// has tells whether a gate of that kind looks at the place already.
func (p *proposer) has(at place, kind string) bool {
	list := p.shape.Gates
	if at.each != "" {
		list = nil
		for _, e := range p.shape.Eaches {
			if e.List == at.each {
				list = e.Gates
			}
		}
	}
	return slices.ContainsFunc(list, func(g gate.Spec) bool {
		return g.Kind == kind && (g.Value == at.value || kind == "schema" && (g.Value == "" || g.Value == "output"))
	})
}

func (p *proposer) add(at place, g gate.Spec, name, why, caveat string) {
	for n := 2; p.names[name]; n++ {
		name = strings.TrimSuffix(name, "-"+strconv.Itoa(n-1)) + "-" + strconv.Itoa(n)
	}
	p.names[name] = true
	g.Name, g.Value = name, at.value
	r := Remedy{Gate: name, Each: at.each, Kind: g.Kind, Fix: g.Fix, New: true, Spec: g, Why: why, Caveat: caveat}
	if g.Kind == "schema" {
		r.File = p.shape.Schema
	}
	p.out = append(p.out, r)
}

// choice is a place with few different words: another spelling can be read as one
// of them.
func (p *proposer) choice(at place, s *seen, schema map[string]any) {
	if p.has(at, "one_of") || len(s.said) == 0 {
		return
	}
	var words []string
	caveat := ""
	if enum, ok := schemaAt(schema, at)["enum"].([]any); ok {
		for _, v := range enum {
			if w, ok := v.(string); ok {
				words = append(words, w)
			}
		}
	} else {
		words = slices.Sorted(maps.Keys(s.words))
		caveat = "the words are those of the tune items; add what is missing"
		total := 0
		for w, n := range s.words {
			total += n
			if len(w) > longestWord {
				return
			}
		}
		if len(words) > mostWords || total < 2*len(words) {
			return
		}
	}
	strange, near := 0, caveat == ""
	for w, n := range s.said {
		if slices.Contains(words, w) {
			continue
		}
		strange += n
		near = near || slices.ContainsFunc(words, func(known string) bool { return bare(known) == bare(w) })
	}
	// Without a schema, a value that no reference has is a choice in another
	// spelling, or it is no choice at all: an id, a name.
	if len(words) == 0 || strange == 0 || !near {
		return
	}
	p.add(at, gate.Spec{Kind: "one_of", OneOf: words, Fix: "normalise"}, last(at)+"-choice",
		fmt.Sprintf("%d values at %s are none of the %d that references have", strange, at, len(words)), caveat)
}

// length is a text that is longer than its schema allows.
func (p *proposer) length(at place, s *seen, schema map[string]any) {
	most, ok := number(schemaAt(schema, at)["maxLength"])
	if !ok || p.has(at, "max_chars") {
		return
	}
	long := 0
	for w, n := range s.said {
		if len([]rune(w)) > most {
			long += n
		}
	}
	if long > 0 {
		p.add(at, gate.Spec{Kind: "max_chars", Int: most, Fix: "truncate"}, last(at)+"-length", fmt.Sprintf("%d texts at %s are longer than the schema's %d", long, at, most), "")
	}
}

// linked is a text that has one number of links in every reference.
func (p *proposer) linked(at place, s *seen) {
	if len(s.links) != 1 || p.has(at, "links") {
		return
	}
	for want, n := range s.links {
		other := 0
		for have, m := range s.linked {
			if have != want {
				other += m
			}
		}
		if want > 0 && n >= leastLinks && other > 0 {
			p.add(at, gate.Spec{Kind: "links", Int: want}, last(at)+"-links",
				fmt.Sprintf("every reference has %d links at %s, and %d outputs have another number", want, at, other), "no fix can make a link: the output is tried again with the reason")
		}
	}
}

// most is a list that is longer than its schema allows, or than any reference.
func (p *proposer) most(at place, s *seen, schema map[string]any) {
	if p.has(at, "max_items") || at.each != "" {
		return
	}
	limit, stated := number(schemaAt(schema, at)["maxItems"])
	caveat := ""
	if !stated {
		if len(s.lists) < leastLists {
			return
		}
		for _, l := range s.lists {
			limit = max(limit, len(l))
		}
		caveat = "the number is the most that the tune items have; raise it where more is right"
	}
	over := 0
	for _, l := range s.made {
		if len(l) > limit {
			over++
		}
	}
	if over > 0 {
		p.add(at, gate.Spec{Kind: "max_items", Int: limit, Fix: "truncate"}, last(at)+"-most", fmt.Sprintf("%d lists at %s have more than %d elements", over, at, limit), caveat)
	}
}

// unique is a list whose elements say something of themselves only once in every
// reference, and twice in an output.
func (p *proposer) unique(at place, s *seen) {
	if p.has(at, "unique_by") || at.each != "" || len(s.lists) == 0 {
		return
	}
	long := 0
	for _, l := range s.lists {
		if len(l) > 1 {
			long++
		}
	}
	for _, key := range keysOf(s.lists) {
		twice := func(l []any) bool { return repeats(l, key) }
		if slices.ContainsFunc(s.lists, twice) {
			continue
		}
		// This is what names an element, if anything does: another member that
		// happens not to repeat is no key.
		if long < leastKeyed || !slices.ContainsFunc(s.made, twice) {
			return
		}
		by := "it"
		if key != "" {
			by += "." + key
		}
		p.add(at, gate.Spec{Kind: "unique_by", UniqueBy: by, Fix: "drop"}, last(at)+"-once", fmt.Sprintf("outputs repeat elements of %s, and no reference does", at), "a second element with the same key is taken out")
		return
	}
}

// bare is what two spellings of a word have in common.
func bare(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, s)
}

func (at place) String() string {
	if at.each == "" {
		return at.value
	}
	return at.each + "[]" + strings.TrimPrefix(at.value, "it")
}

// last is the last word of a place, for a gate's name.
func last(at place) string {
	text := at.value
	if text == "it" || text == "" {
		text = at.each
	}
	return strings.ReplaceAll(text[strings.LastIndexByte(text, '.')+1:], "_", "-")
}

var (
	member = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	link   = regexp.MustCompile(`https?://`)
)

// collect notes what stands where in a document.
func collect(at map[place]*seen, doc any, reference bool) {
	var walk func(p place, v any)
	walk = func(p place, v any) {
		s := at[p]
		if s == nil {
			s = &seen{words: map[string]int{}, said: map[string]int{}, links: map[int]int{}, linked: map[int]int{}}
			at[p] = s
		}
		switch v := v.(type) {
		case string:
			words, links := s.said, s.linked
			if reference {
				words, links = s.words, s.links
			}
			words[v]++
			links[len(link.FindAllString(v, -1))]++
		case []any:
			if reference {
				s.lists = append(s.lists, v)
			} else {
				s.made = append(s.made, v)
			}
			if p.each != "" {
				return // a list in a list: no each reaches it
			}
			for _, e := range v {
				walk(place{p.value, "it"}, e)
			}
		case map[string]any:
			for name, x := range v {
				if member.MatchString(name) {
					walk(place{p.each, p.value + "." + name}, x)
				}
			}
		}
	}
	if doc != nil {
		walk(place{"", "output"}, doc)
	}
}

// keysOf are the members that every element of every list has as a string or a
// number, ids first; "" stands for the element itself where it is one.
func keysOf(lists [][]any) []string {
	counts, elements := map[string]int{}, 0
	for _, l := range lists {
		for _, e := range l {
			elements++
			if _, ok := plainKey(e); ok {
				counts[""]++
			}
			m, _ := e.(map[string]any)
			for name, v := range m {
				if _, ok := plainKey(v); ok && member.MatchString(name) {
					counts[name]++
				}
			}
		}
	}
	var out []string
	for name, n := range counts {
		if n == elements {
			out = append(out, name)
		}
	}
	rank := func(s string) int {
		switch {
		case s == "", s == "id":
			return 0
		case strings.HasSuffix(s, "_id"), strings.HasSuffix(s, "Id"):
			return 1
		}
		return 2
	}
	slices.SortFunc(out, func(a, b string) int {
		if d := rank(a) - rank(b); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	return out
}

func plainKey(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return "s" + v, true
	case json.Number:
		return "n" + v.String(), true
	}
	return "", false
}

// repeats tells whether two elements of a list have one key.
func repeats(list []any, key string) bool {
	have := map[string]bool{}
	for _, e := range list {
		v := e
		if key != "" {
			m, _ := e.(map[string]any)
			v = m[key]
		}
		k, ok := plainKey(v)
		if ok && have[k] {
			return true
		}
		have[k] = true
	}
	return false
}

func decodeSchema(raw []byte) map[string]any {
	var out map[string]any
	if json.Unmarshal(raw, &out) != nil {
		return nil // a schema that cannot be read bounds nothing
	}
	return out
}

// schemaAt is the part of a schema that speaks of a place, nil where none does
// plainly: conditions and references to elsewhere are left alone.
func schemaAt(schema map[string]any, at place) map[string]any {
	down := func(s map[string]any, path string) map[string]any {
		_, path, _ = strings.Cut(path, ".")
		for path != "" && s != nil {
			var name string
			name, path, _ = strings.Cut(path, ".")
			properties, _ := s["properties"].(map[string]any)
			s, _ = properties[name].(map[string]any)
		}
		return s
	}
	if at.each == "" {
		return down(schema, at.value)
	}
	items, _ := down(schema, at.each)["items"].(map[string]any)
	return down(items, at.value)
}

func number(v any) (int, bool) {
	f, ok := v.(float64)
	if !ok || f < 0 || f > 1e6 || f != float64(int(f)) {
		return 0, false
	}
	return int(f), true
}
