package main

import (
	"fmt"
	"math"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/bench/figure"
	"github.com/plimsoll-dev/plimsoll/core/verdict"
	"github.com/plimsoll-dev/plimsoll/core/verdict/table"
)

// fuzzed draws verdicts from evidence of every kind and checks what a downgrade
// must never stand on, with rules written here once more. Margins and levels
// are large, so that short evidence can prove and downgrades do happen.
func fuzzed(n int) []figure.Figure {
	const job = 1000
	jobs := (n + job - 1) / job
	type tally struct {
		verdicts, downgrades int
		broken               map[string]int
	}
	tallies := make([]tally, jobs)
	each(jobs, func(i int) {
		t := tally{broken: map[string]int{}}
		r := random(uint64(i)<<32 | 5)
		for k := i * job; k < min(n, (i+1)*job); k++ {
			c := evidence(&r)
			rec := verdict.Decide(verdict.Assess(c.spec, c.pairs, c.planted), c.rules, verdict.Money{})
			t.verdicts++
			if rec.Decision != verdict.Downgrade {
				continue
			}
			t.downgrades++
			for _, why := range c.against(rec) {
				t.broken[why]++
			}
		}
		tallies[i] = t
	})
	var all tally
	all.broken = map[string]int{}
	for _, t := range tallies {
		all.verdicts += t.verdicts
		all.downgrades += t.downgrades
		for why, k := range t.broken {
			all.broken[why] += k
		}
	}
	var out []figure.Figure
	for _, why := range never {
		out = append(out, figure.Figure{
			What: "fuzz: downgrades " + why, Target: "0",
			Measured: fmt.Sprintf("%d of %d verdicts", all.broken[why], all.verdicts), Holds: all.broken[why] == 0,
		})
	}
	least := float64(all.downgrades) / float64(max(all.verdicts, 1))
	out = append(out, figure.Figure{
		What: "fuzz: verdicts that do downgrade", Target: ">= 1 % (else the lines above say nothing)",
		Measured: fmt.Sprintf("%.1f %%", 100*least), Holds: least >= .01,
	})
	return append(out, nonsense(max(1, n/100)))
}

// What a downgrade never stands on.
const (
	underFloor   = "under the floor"
	belowReach   = "on ties below reach"
	noScores     = "on missing scores"
	impossible   = "on impossible evidence"
	noContent    = "without a content measure"
	blind        = "with the planted damage unseen"
	uncalibrated = "on an uncalibrated judge"
	ruled        = "against a rule"
	failedNever  = "past a failed gate that tolerates nothing"
	slow         = "on a candidate more than twice as slow"
	notProved    = "with E under the threshold"
)

var never = []string{underFloor, belowReach, noScores, impossible, noContent, blind, uncalibrated, ruled, failedNever, slow, notProved}

type fuzzCase struct {
	spec           verdict.Spec
	pairs, planted []verdict.Pair
	rules          verdict.Rules
}

func pick[T any](r *random, of ...T) T { return of[r.below(len(of))] }

func evidence(r *random) fuzzCase {
	p := verdict.Params{
		Method: pick(r, verdict.Methods()...),
		Margin: pick[int64](r, 100_000, 200_000, 300_000, 450_000),
		Alpha:  pick[int64](r, 50_000, 200_000, 500_000),
		Epoch:  r.below(4),
		N:      1 + r.below(60),
	}
	if p.Epoch > 0 && r.below(6) == 0 { // under the false-discovery rule
		p.Weight, p.Accepted = verdict.FleetWeight(1+r.below(3), 1+r.below(2), p.Epoch), r.below(6)
	}
	c := fuzzCase{spec: verdict.Spec{
		Skill: "s", Step: "main", Params: p,
		Content: pick(r, "reference", "reference", "dimension", "gates", "reference", "reference", "", "vibes"),
		Judged:  r.below(10) == 0,
		Gates:   []verdict.GateSpec{{Name: "g", Never: r.below(2) == 0}},
	}}
	if r.below(4) == 0 {
		c.rules.DowngradeWhen = new(r.below(2) == 0)
	}
	if r.below(15) == 0 {
		c.rules.Holds = []string{"a rule"}
	}
	if r.below(15) == 0 {
		c.rules.Err = "an error"
	}
	missing := pick[int64](r, 0, 0, 0, 0, 20_000, 200_000, million)
	wins, losses := pick[int64](r, 0, 0, 0, 100_000, 600_000), pick[int64](r, 0, 0, 0, 20_000, 100_000, 500_000)
	lag := pick[int64](r, 80, 100, 100, 190, 210)
	hole := pick(r, -1, -1, -1, r.below(60))
	fails := pick[int64](r, 0, 0, 0, 0, 30_000)
	n := r.below(p.N + 5)
	for i := range n {
		if i == hole {
			continue
		}
		cur, cand := million, million
		switch o := ternary(r, wins, losses); o.NotWorse {
		case million:
			cur = 0
		case -million:
			cand = 0
		default:
			if r.below(4) == 0 {
				cur = int64(r.below(int(million) + 1))
				cand = cur
			}
		}
		pair := verdict.Pair{Order: i, Item: fmt.Sprint("i", i), Cur: &cur, Cand: &cand, CurMS: 100, CandMS: lag}
		if r.chance(missing) {
			pair.Cur = nil
		}
		if r.chance(missing) {
			pair.Cand = nil
		}
		pair.Gates = map[string]verdict.GateResult{"g": {Cur: new(true), Cand: new(!r.chance(fails))}}
		c.pairs = append(c.pairs, pair)
	}
	if len(c.pairs) > 0 && r.below(20) == 0 {
		c.pairs[r.below(len(c.pairs))].Cand = new(pick[int64](r, -1, million+1, math.MinInt64, math.MaxInt64))
	}
	if len(c.pairs) > 0 && r.below(20) == 0 {
		c.pairs[r.below(len(c.pairs))].Order = r.below(70)
	}
	shuffle(r, c.pairs)
	damage := pick[int64](r, 0, 300_000, million, million, million, million)
	for i := range pick(r, 0, 3, 20, 20, 20, 20) {
		c.planted = append(c.planted, verdict.Pair{Order: i, Item: fmt.Sprint("i", i), Cur: new(million), Cand: new(million - damage)})
	}
	return c
}

// against names what a downgrade of this case stands on and must not.
func (c fuzzCase) against(rec verdict.Record) []string {
	var out []string
	p := c.spec.Params
	place := map[int]verdict.Pair{}
	for _, pair := range c.pairs {
		place[pair.Order] = pair
		for _, s := range []*int64{pair.Cur, pair.Cand} {
			if s != nil && (*s < 0 || *s > million) {
				out = append(out, impossible)
			}
		}
		if g := pair.Gates["g"]; c.spec.Gates[0].Never && g.Cand != nil && !*g.Cand {
			out = append(out, failedNever)
		}
	}
	if len(place) != len(c.pairs) {
		out = append(out, impossible)
	}
	prefix := 0
	ties, unseen := true, true
	for ; prefix < p.N; prefix++ {
		pair, ok := place[prefix]
		if !ok {
			break
		}
		missed := pair.Cur == nil || pair.Cand == nil
		unseen = unseen && missed
		ties = ties && !missed && *pair.Cur == *pair.Cand
	}
	level := float64(p.Alpha) / 1e6
	if p.Epoch > 0 {
		level *= 6 / (math.Pi * math.Pi * float64(p.Epoch*p.Epoch))
	}
	if p.Weight > 0 {
		level = min(level, float64(p.Alpha)/1e6*float64(p.Weight)/float64(verdict.Whole)*float64(p.Accepted+1))
	}
	floor := math.Log(1/level) / -math.Log(1-float64(p.Margin)/1e6)
	if p.Method.Pool() {
		floor = math.Log(1e6/float64(p.Alpha)) / -math.Log(1-float64(p.Margin)/1e6)
	}
	if float64(prefix) < floor-1e-9 || rec.N > prefix {
		out = append(out, underFloor)
	}
	if reach, ok := verdict.Reach(p); ties && (!ok || prefix < reach) {
		out = append(out, belowReach)
	}
	if unseen {
		out = append(out, noScores)
	}
	if s := c.spec.Content; s != "reference" && s != "dimension" && s != "gates" {
		out = append(out, noContent)
	}
	if len(c.planted) < 3 || *c.planted[0].Cand > million-300_000 {
		out = append(out, blind)
	}
	if c.spec.Judged {
		out = append(out, uncalibrated)
	}
	if len(c.rules.Holds) > 0 || c.rules.Err != "" || c.rules.DowngradeWhen != nil && !*c.rules.DowngradeWhen {
		out = append(out, ruled)
	}
	if len(c.pairs) > 0 && c.pairs[0].CandMS > 200 {
		out = append(out, slow)
	}
	if float64(rec.EValue)/1e6 < 1/level-1e-6 {
		out = append(out, notProved)
	}
	return out
}

// nonsense puts a score that is none into a table that would move: it has to
// be refused, never read as a number.
func nonsense(n int) figure.Figure {
	cells := []string{"NaN", "nan", "Inf", "-Inf", "+inf", "infinity", "0x1p0", "1e999", "2", "-1", "1,0,1", "\"1", "none", "1_0", "١"}
	accepted := make([]bool, n)
	each(n, func(i int) {
		r := random(uint64(i)<<20 | 6)
		at := r.below(100)
		var b strings.Builder
		b.WriteString("item,skill,a,b\n")
		for k := range 100 {
			score := "1"
			if k == at {
				score = pick(&r, cells...)
			}
			fmt.Fprintf(&b, "i%d,s,1,%s\n", k, score)
		}
		_, err := table.Read("fuzz", strings.NewReader(b.String()))
		accepted[i] = err == nil
	})
	bad := 0
	for _, a := range accepted {
		if a {
			bad++
		}
	}
	return figure.Figure{What: "fuzz: tables with NaN and other nonsense that are read", Target: "0", Measured: fmt.Sprintf("%d of %d", bad, n), Holds: bad == 0}
}
