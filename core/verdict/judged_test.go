package verdict

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// lcg is a small seeded generator: these tests say the same on every machine.
type lcg uint64

func (g *lcg) below(n int64) int64 {
	*g = *g*6364136223846793005 + 1442695040888963407
	return int64(uint64(*g)>>33) % n
}

func (g *lcg) chance(share int64) bool { return g.below(Million) < share }

// marks makes n labelled outputs on both arms: shares of good ones, and of right
// scores by class, in millionths.
func marks(g *lcg, n int, good, sens, spec [2]int64) Gold {
	out := Gold{Random: true}
	for i := range n {
		for arm := range 2 {
			m := Mark{Item: fmt.Sprint(i)}
			right := spec[arm]
			if g.chance(good[arm]) {
				m.Gold, right = Million, sens[arm]
			}
			m.Score = m.Gold
			if !g.chance(right) {
				m.Score = Million - m.Gold
			}
			if arm == 0 {
				out.Current = append(out.Current, m)
			} else {
				out.Candidate = append(out.Candidate, m)
			}
		}
	}
	return out
}

// The margin is wrong when the judged difference can be above it while gold is
// lost by d. Both expectations are known here, so it is counted: at most the
// labels' level of the draws, plus three standard errors.
func TestCalibrationIsRarelyWrong(t *testing.T) {
	const d, level, draws = 100_000, 50_000, 300
	for name, c := range map[string]struct {
		good, sens, spec [2]int64
	}{
		"a fair judge":                  {[2]int64{900_000, 800_000}, [2]int64{990_000, 990_000}, [2]int64{990_000, 990_000}},
		"one that favours the cheap":    {[2]int64{900_000, 800_000}, [2]int64{900_000, 1_000_000}, [2]int64{1_000_000, 900_000}},
		"one that sees little of a gap": {[2]int64{700_000, 600_000}, [2]int64{800_000, 800_000}, [2]int64{700_000, 700_000}},
	} {
		// E of the judged difference, in millionths.
		e := func(arm int) int64 {
			return (c.sens[arm]*c.good[arm] + (Million-c.spec[arm])*(Million-c.good[arm])) / Million
		}
		judged := e(1) - e(0)
		for _, random := range []bool{true, false} {
			wrong, g := 0, lcg(7)
			for range draws {
				gold := marks(&g, 900, c.good, c.sens, c.spec)
				gold.Random = random
				if cal := Calibrate(gold, d, level); cal.Margin > 0 && judged > -cal.Margin {
					wrong++
				}
			}
			if limit := draws*level/Million + 12; int64(wrong) > limit {
				t.Errorf("%s, random %v: the margin was too large in %d of %d draws", name, random, wrong, draws)
			}
		}
	}
}

func TestCalibrate(t *testing.T) {
	g := lcg(1)
	perfect := [2]int64{Million, Million}
	even := [2]int64{500_000, 500_000}
	same := marks(&g, 2000, even, perfect, perfect)
	for _, c := range []struct {
		name string
		gold Gold
		kind string
		good bool
	}{
		{"nothing", Gold{}, "", false},
		{"too few", Gold{Current: same.Current[:99], Candidate: same.Candidate[:99], Random: true}, "", false},
		{"a perfect judge, at random", same, Pairs, true},
		{"a perfect judge, by class", Gold{Current: same.Current, Candidate: same.Candidate}, Rates, true},
		{"a judge that sees nothing", marks(&g, 2000, even, even, even), Pairs, false},
	} {
		cal := Calibrate(c.gold, 50_000, 10_000)
		if cal.Kind != c.kind || (cal.Margin > 0) != c.good {
			t.Errorf("%s: %+v", c.name, cal)
		}
		if got := Allows(c.gold, 50_000, 10_000); got != c.good {
			t.Errorf("%s: Allows says %v", c.name, got)
		}
		if c.good && (cal.Margin > 4*50_000 || cal.JLow*50_000/Million-cal.Bias != cal.Margin || cal.Best < cal.Margin || cal.Needed < LeastLabels) {
			t.Errorf("%s: %+v does not add up", c.name, cal)
		}
	}
	for _, margin := range []int64{-1, 0, Million} {
		if cal := Calibrate(same, margin, 10_000); cal.Margin > 0 {
			t.Errorf("a margin of %d leaves %+v", margin, cal)
		}
	}
	graded := Gold{Current: same.Current, Candidate: append([]Mark{{Item: "x", Gold: 3, Score: 5}}, same.Candidate...)}
	if cal := Calibrate(graded, 50_000, 10_000); cal.Kind != "" {
		t.Errorf("graded gold that was not drawn at random: %+v", cal)
	}
}

// The cheap question has the dear one's answer.
func TestAllowsAgrees(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := lcg(rapid.Uint64().Draw(t, "seed"))
		share := func(name string) [2]int64 {
			return [2]int64{rapid.Int64Range(0, Million).Draw(t, name), rapid.Int64Range(0, Million).Draw(t, name)}
		}
		gold := marks(&g, rapid.IntRange(90, 400).Draw(t, "n"), share("good"), share("sens"), share("spec"))
		gold.Random = rapid.Bool().Draw(t, "random")
		d := rapid.Int64Range(1, 400_000).Draw(t, "d")
		if cal, got := Calibrate(gold, d, 10_000), Allows(gold, d, 10_000); got != (cal.Margin > 0) {
			t.Fatalf("Allows says %v, and the margin is %d", got, cal.Margin)
		}
	})
}

// The figures of a table of exact binomial bounds.
func TestClopperPearson(t *testing.T) {
	for _, c := range []struct {
		k, n      int
		alpha     int64
		low, high int64
	}{
		{0, 10, 50_000, 0, 258_866},
		{10, 10, 50_000, 741_134, 1_000_000},
		{5, 10, 25_000, 187_086, 812_914},
		{90, 100, 25_000, 823_777, 950_995},
		{0, 0, 50_000, 0, 1_000_000},
		{3, 2, 50_000, 0, 1_000_000},
	} {
		low, high := ClopperPearson(c.k, c.n, c.alpha)
		if max(low-c.low, c.low-low, high-c.high, c.high-high) > 2 {
			t.Errorf("%d of %d: %d..%d, want %d..%d", c.k, c.n, low, high, c.low, c.high)
		}
	}
}

// judgedSpec is a pool of n at split margins.
func judgedSpec(n int) Spec {
	return Spec{
		Skill: "s", Candidate: "small", Params: Params{Method: Pool1, Margin: 100_000, Alpha: 50_000, N: n}, Content: ContentDimension, Judged: true, NoPlanted: true,
		Terms: &JudgeTerms{Code: 50_000, Judge: 50_000, Margin: 40_000, JLow: 900_000, Bias: 5_000, LabelAlpha: 10_000, TestAlpha: 40_000},
	}
}

func judgedPairs(n int, code, judged func(i int) (cur, cand int64)) []Pair {
	out := make([]Pair, n)
	for i := range out {
		a, b := code(i)
		x, y := judged(i)
		cur, cand := x, y
		if a == 0 {
			cur = 0
		}
		if b == 0 {
			cand = 0
		}
		out[i] = Pair{Order: i, Item: fmt.Sprint(i), Source: "pointwise", Cur: &cur, Cand: &cand, Code: Part{&a, &b}, Judged: Part{&x, &y}}
	}
	return out
}

func TestBothPartsProve(t *testing.T) {
	const n = 200
	tie := func(int) (int64, int64) { return Million, Million }
	loses := func(each int) func(int) (int64, int64) {
		return func(i int) (int64, int64) {
			if i%each == 0 {
				return Million, 0
			}
			return Million, Million
		}
	}
	for _, c := range []struct {
		name         string
		code, judged func(int) (int64, int64)
		terms        bool
		want         Decision
		reason       string
	}{
		{"all ties", tie, tie, true, Downgrade, "the judged part within 4 points"},
		{"no labels", tie, tie, false, Hold, "not calibrated"},
		{"the code part loses", loses(10), tie, true, Hold, "what code computes is worse by more than the 5 points that are its part"},
		{"the judged part loses", tie, loses(10), true, Hold, "margin, which is 4 points in the judge's points: mean gap"},
	} {
		s := judgedSpec(n)
		if !c.terms {
			s.Terms = nil
		}
		a := Assess(s, judgedPairs(n, c.code, c.judged), nil)
		r := Decide(a, Rules{}, Money{})
		if r.Decision != c.want || !strings.Contains(r.Reason, c.reason) {
			t.Errorf("%s: %s, %s", c.name, r.Decision, r.Reason)
		}
		if r.Decision == Downgrade && (r.Bound == nil || *r.Bound >= s.Params.Margin || a.Parts == nil) {
			t.Errorf("%s: bound %v, parts %v", c.name, r.Bound, a.Parts)
		}
		if trace := Trace(s, judgedPairs(n, c.code, c.judged)); len(trace) == 0 || trace[len(trace)-1].Outcome != a.Test.Outcome {
			t.Errorf("%s: the trace ends at %d states, the test at %q", c.name, len(trace), a.Test.Outcome)
		}
	}
}

// A part that is worse ends the epoch without disproving the whole, and the
// record says which part it was and at which margin: judgements are in the
// judge's points. The code part may lose while the whole gains.
func TestRecordsOfJudgedScores(t *testing.T) {
	const n = 200
	tie := func(int) (int64, int64) { return Million, Million }
	every := func(k int, cur, cand int64) func(int) (int64, int64) {
		return func(i int) (int64, int64) {
			if i%k == 0 {
				return cur, cand
			}
			return Million, Million
		}
	}
	cases := []struct {
		name         string
		code, judged func(int) (int64, int64)
	}{
		{"all ties", tie, tie},
		{"code loses", every(8, Million, 0), tie},
		{"code loses, the judge sees a gain", every(8, Million, 0), func(i int) (int64, int64) {
			if i%8 == 0 {
				return 0, 0
			}
			return 600_000, Million
		}},
		{"the judge sees a loss", tie, every(8, Million, 0)},
		{"both lose", every(8, Million, 0), func(i int) (int64, int64) {
			if i%8 == 0 {
				return 0, 0
			}
			return Million, 800_000
		}},
	}
	got := []map[string]any{}
	for _, c := range cases {
		a := Assess(judgedSpec(n), judgedPairs(n, c.code, c.judged), nil)
		r := Decide(a, Rules{}, Money{})
		if r.Outcome == Disproved || r.Rule == "disproved" {
			t.Errorf("%s: a whole is called disproved by a part: %s", c.name, r.Reason)
		}
		got = append(got, map[string]any{"case": c.name, "record": r})
	}
	raw, err := json.MarshalIndent(got, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	raw = append(raw, '\n')
	path := filepath.Join("testdata", "golden_judged.json")
	if *update {
		if err := os.WriteFile(path, raw, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(raw, want) {
		t.Errorf("the records have changed:\n%s", raw)
	}
}

// A missing score on either arm is never good news for either part.
func TestMissingJudgementsProveNothing(t *testing.T) {
	const n = 200
	pairs := judgedPairs(n, func(int) (int64, int64) { return Million, Million }, func(int) (int64, int64) { return Million, Million })
	for i := range pairs {
		if i%5 == 0 {
			pairs[i].Cand, pairs[i].Judged.Cand = nil, nil
		}
	}
	if r := Decide(Assess(judgedSpec(n), pairs, nil), Rules{}, Money{}); r.Decision == Downgrade {
		t.Errorf("a judge that was silent on a fifth moved it: %s", r.Reason)
	}
}

func TestTermsThatCannotBe(t *testing.T) {
	for name, change := range map[string]func(*JudgeTerms){
		"margins that do not add up": func(t *JudgeTerms) { t.Code = 60_000 },
		"no code margin":             func(t *JudgeTerms) { t.Code, t.Judge = 0, 100_000 },
		"a margin of nothing":        func(t *JudgeTerms) { t.Margin = 0 },
		"a margin of everything":     func(t *JudgeTerms) { t.Margin = Million },
		"more level than there is":   func(t *JudgeTerms) { t.TestAlpha = 45_000 },
		"labels for nothing":         func(t *JudgeTerms) { t.LabelAlpha = 0 },
	} {
		s := judgedSpec(100)
		change(s.Terms)
		pairs := judgedPairs(100, func(int) (int64, int64) { return Million, Million }, func(int) (int64, int64) { return Million, Million })
		a := Assess(s, pairs, nil)
		if r := Decide(a, Rules{}, Money{}); len(a.Problems) == 0 || r.Decision != Hold {
			t.Errorf("%s: %s, %v", name, r.Decision, a.Problems)
		}
	}
}

// Whatever pairs of tiers and judges there are, the labels' bounds together take
// no more than their share.
func TestLabelsStayWithinTheirShare(t *testing.T) {
	labels, tests := ShareAlpha(50_000)
	if labels != 10_000 || tests != 40_000 {
		t.Fatal(labels, tests)
	}
	const pairs = 6
	sum := int64(0)
	for judge := 1; judge <= 40; judge++ {
		sum += pairs * LabelAlpha(50_000, pairs, judge)
	}
	if sum > labels {
		t.Errorf("%d of %d", sum, labels)
	}
}
