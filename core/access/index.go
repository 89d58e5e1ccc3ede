package access

import (
	"slices"
	"strings"

	"github.com/plimsoll-dev/plimsoll/hcl/config"
)

// index finds the rules, or the limits, that may be about a name without looking at the others. A
// pattern without a star is found by its name; one with a star under the rarest
// three bytes of its text, which every name that it matches has. What is left, such
// as "*" and "a*", is looked at each time.
type index struct {
	tools, skills, connectors names
	anyTool, anySkill         []int // rules that name nothing
}

type names struct {
	exact map[string][]int
	grams map[[3]byte][]int
	rest  []int
}

func newIndex(rules []config.Match) index {
	var x index
	about := func(n *names, patterns func(config.Match) []string, of func(config.Match) bool) {
		n.exact, n.grams = map[string][]int{}, map[[3]byte][]int{}
		often := map[[3]byte]int{}
		each := func(do func(i int, pattern string)) {
			for i := range rules {
				if of(rules[i]) {
					for _, p := range patterns(rules[i]) {
						do(i, p)
					}
				}
			}
		}
		each(func(_ int, p string) {
			for _, g := range grams(p) {
				often[g]++
			}
		})
		each(func(i int, p string) { n.add(i, p, often) })
	}
	about(&x.tools, func(m config.Match) []string { return m.Tools }, aboutTools)
	about(&x.skills, func(m config.Match) []string { return m.Skills }, aboutSkills)
	about(&x.connectors, func(m config.Match) []string { return m.Connectors }, func(m config.Match) bool { return m.Tools == nil && aboutTools(m) })
	for i := range rules {
		m := rules[i]
		if m.Tools == nil && m.Connectors == nil && aboutTools(m) {
			x.anyTool = append(x.anyTool, i)
		}
		if m.Skills == nil && aboutSkills(m) {
			x.anySkill = append(x.anySkill, i)
		}
	}
	return x
}

func (n *names) add(i int, pattern string, often map[[3]byte]int) {
	if !strings.Contains(pattern, "*") {
		n.exact[pattern] = append(n.exact[pattern], i)
		return
	}
	all := grams(pattern)
	if len(all) == 0 {
		n.rest = append(n.rest, i)
		return
	}
	rarest := slices.MinFunc(all, func(a, b [3]byte) int { return often[a] - often[b] })
	n.grams[rarest] = append(n.grams[rarest], i)
}

// grams are the three-byte stretches of a pattern that a name must have.
func grams(pattern string) [][3]byte {
	var out [][3]byte
	for _, text := range strings.Split(pattern, "*") {
		for i := 0; i+3 <= len(text); i++ {
			out = append(out, [3]byte([]byte(text[i:i+3])))
		}
	}
	return out
}

// find appends the rules that may match a name.
func (n *names) find(name string, out []int) []int {
	out = append(out, n.exact[name]...)
	if len(n.grams) > 0 {
		for i := 0; i+3 <= len(name); i++ {
			out = append(out, n.grams[[3]byte{name[i], name[i+1], name[i+2]}]...)
		}
	}
	return append(out, n.rest...)
}

// find appends the rules that may be about a request, in order, each once.
func (x *index) find(r *Request, out []int) []int {
	if r.Tool != "" {
		out = x.tools.find(r.Tool, out)
		out = x.connectors.find(r.Connector, out)
		out = append(out, x.anyTool...)
	} else {
		out = x.skills.find(r.Skill, out)
		out = append(out, x.anySkill...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}
