package label

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/plimsoll-dev/plimsoll/hcl/config"
)

// apart is how many other pairs come between the two looks at one: fewer, and a
// person remembers the answer and not the works.
const apart = 12

// question is one dimension of one pair at one look.
type question struct {
	id        string
	pair      *Pair
	dimension *config.Dimension
	look      int // 1, or 2 in the other order
	turned    bool
}

// first and second are the works as they are shown.
func (q question) first() int {
	if q.turned {
		return 1
	}
	return 0
}

// known is what the file has of earlier sessions: gold of both works, in the order
// of Pair.Works.
type known map[answerKey][2]int64

// answerKey names an answer.
type answerKey struct {
	skill, item, dimension string
	look                   int
	arms                   [2]string
}

func (q question) key() answerKey {
	return answerKey{q.pair.Skill, q.pair.Item, q.dimension.Name, q.look, q.pair.arms()}
}

func (p *Pair) arms() [2]string { return [2]string{p.Works[0].Arm, p.Works[1].Arm} }

// fits tells whether a pair may be asked about: where one of its works was labelled
// beside another one, a second label of it would be refused.
func (k known) fits(p *Pair) bool {
	for a := range k {
		if a.skill != p.Skill || a.item != p.Item || a.arms == p.arms() {
			continue
		}
		for _, w := range p.Works {
			if w.Arm == a.arms[0] || w.Arm == a.arms[1] {
				return false
			}
		}
	}
	return true
}

// questions lays out a session. Nobody chooses what is asked: pairs come in the
// order of a digest, which is as good as chance and the same at every start, and
// what was answered earlier stays part of the session.
func questions(c Config, have known) []question {
	var pairs []*Pair
	for i := range c.Pairs {
		if have.fits(&c.Pairs[i]) {
			pairs = append(pairs, &c.Pairs[i])
		}
	}
	rank := map[*Pair]string{}
	for _, p := range pairs {
		rank[p] = digest(c.Seed, "order", p.Skill, p.Item)
	}
	begun := func(p *Pair) int {
		for _, d := range c.Dimensions[p.Skill] {
			if _, ok := have[answerKey{p.Skill, p.Item, d.Name, 1, p.arms()}]; ok {
				return 0
			}
		}
		return 1
	}
	slices.SortFunc(pairs, func(a, b *Pair) int { return cmp.Or(begun(a)-begun(b), cmp.Compare(rank[a], rank[b])) })
	pairs = pairs[:min(len(pairs), max(c.N, 1))]
	slices.SortFunc(pairs, func(a, b *Pair) int { return cmp.Compare(rank[a], rank[b]) })

	var out []question
	var later []*Pair // to be shown again
	var at []int      // after how many pairs
	look := func(p *Pair, n int) {
		turned := digest(c.Seed, "side", p.Skill, p.Item) < "8" // of the first hexadecimal digit: half of them
		for _, d := range c.Dimensions[p.Skill] {
			out = append(out, question{
				id:   digest(c.Seed, "question", p.Skill, p.Item, d.Name, fmt.Sprint(n))[:16],
				pair: p, dimension: d, look: n, turned: turned != (n == 2),
			})
		}
	}
	for i, p := range pairs {
		for len(at) > 0 && at[0] <= i {
			look(later[0], 2)
			later, at = later[1:], at[1:]
		}
		look(p, 1)
		if c.Again > 0 && i%c.Again == 0 {
			later, at = append(later, p), append(at, i+1+apart)
		}
	}
	for _, p := range later {
		look(p, 2)
	}
	return out
}

// digest of parts, each with its length, in hexadecimal.
func digest(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil))
}
