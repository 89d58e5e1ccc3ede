package report

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/verdict"
)

var asOf = time.Date(2026, 11, 20, 3, 0, 0, 0, time.UTC)

// outcome is what a made-up candidate does on an item: the difference, in
// millionths. The draws come from a fixed generator, so that the series are the
// same on every machine.
type outcome func(draw uint32) int64

func passFail(loses, wins uint32) outcome {
	return func(draw uint32) int64 {
		switch {
		case draw%1000 < loses:
			return -verdict.Million
		case draw%1000 >= 1000-wins:
			return verdict.Million
		}
		return 0
	}
}

// compared fills in what a comparison brings, by the real test.
func compared(r Row, p verdict.Params, items int, seed uint32, of outcome) Row {
	test, err := verdict.NewTest(p)
	if err != nil {
		panic(err)
	}
	var seen []verdict.Observation
	for range items {
		seed = seed*1664525 + 1013904223
		o := verdict.Same(of(seed >> 12))
		seen = append(seen, o)
		closed := test.Add(o)
		s := test.State()
		r.Series = append(r.Series, Point{N: s.N, NotWorse: s.LnE, Worse: s.LnEWorse})
		if closed != verdict.Open {
			break
		}
	}
	s := test.State()
	// Reasons tell what the test found, in the numbers that it found.
	r.Reason = strings.NewReplacer("{n}", fmt.Sprint(s.N), "{e}", figure(s.E), "{gap}", points(s.MeanD)).Replace(r.Reason)
	rec := verdict.Record{
		Skill: r.Skill, Step: r.Step, Current: r.Current, Candidate: r.Candidate, Decision: verdict.Decision(r.Decision),
		Outcome: s.Outcome, Claim: p.Claim(), HeadlineGap: s.MeanD, ReasoningGaps: []string{}, FormatGaps: []string{},
		Reason: r.Reason, Recommend: r.Recommend, N: s.N, Deadline: p.N, EValue: s.E, EWorse: s.EWorse, Threshold: s.Need,
		OneLook: verdict.BonettPrice(seen), Margin: p.Margin, Alpha: p.Alpha, Method: p.Method, Epoch: p.Epoch, Causes: []verdict.Cause{},
	}
	if b, ok := verdict.Bound(p, seen); ok {
		rec.Bound = &b
	}
	if r.Needed > 0 {
		rec.ItemsNeeded, rec.NightsNeeded = &r.Needed, new(2)
	}
	if amount(r.SavePer1k) > 0 {
		rec.PaybackRuns = new(int64(1840))
	}
	r.Record, r.Items, r.Of, r.Target = &rec, s.N, p.N, s.Threshold
	r.Epoch, r.Claim, r.Margin = fmt.Sprintf("%d-9f2c1ab4", p.Epoch), rec.Claim, p.Margin
	r.Lever = "model-deescalate"
	return r
}

var claude = []string{"local", "haiku", "sonnet", "opus"}

// richNight has one of everything that a night can find, and people who try to
// break out of a report.
func richNight() Night {
	star := verdict.Params{Method: verdict.Star1, Margin: 50_000, Alpha: 50_000, Epoch: 1, N: 400}
	pool := verdict.Params{Method: verdict.Pool1, Margin: 50_000, Alpha: 50_000, Epoch: 1, N: 62}
	cooling := asOf.Add(90 * time.Hour)
	moved := compared(Row{
		Skill: "humanizer", Step: "main", Current: "opus", Candidate: "sonnet", Decision: "downgrade", Applied: true, Ladder: claude,
		Reason:    "proved not worse by 5 points for future runs after {n} items (e {e} >= 32.9)",
		Recommend: "move humanizer to sonnet", Bought: 139, Spent: 1_412_000, Priced: true, SavePer1k: new(int64(7_920_000)), SaveMonth: new(int64(71_280_000)), Traffic: 9000,
		Dims:  []Measure{{"coverage", "reasoning", 912_000, 921_000, "proved"}, {"tone", "format", 958_000, 949_000, "unknown"}},
		Gates: []Measure{{"summary", "", 991_000, 993_000, "proved"}, {"links", "", 1_000_000, 985_000, "unknown"}},
	}, star, 400, 7, passFail(22, 40))
	proved := compared(Row{
		Skill: "ticket-triage", Step: "classify", Current: "sonnet", Candidate: "haiku", Decision: "downgrade", Applied: true, Ladder: claude,
		Reason:    "proved not worse by 5 points on this pool of 62 items, {n} of them measured (e {e} >= 32.9)",
		Recommend: "move ticket-triage.classify to haiku", Bought: 12, Spent: 96_000, Priced: true, SavePer1k: new(int64(2_140_000)),
	}, pool, 62, 3, passFail(0, 12))
	open := compared(Row{
		Skill: "release-notes", Step: "main", Current: "opus", Candidate: "sonnet", Decision: "inconclusive", Ladder: claude,
		Reason:    "not proved within 5 points after {n} items of 400 (e {e}, 32.9 proves)",
		Recommend: "measure about 112 items more (9 times in 10 at most 180): 2 nights at this budget",
		Needed:    112, Bought: 74, Spent: 2_208_100, Priced: true, SavePer1k: new(int64(11_300_000)), SaveMonth: new(int64(5_650_000)), Traffic: 500,
		Dims: []Measure{{"completeness", "reasoning", 884_000, 861_000, "unknown"}},
	}, star, 74, 11, passFail(45, 40))
	unpriced := compared(Row{
		Skill: "übersetzen-日本語", Step: "draft", Current: "haiku", Candidate: "local", Decision: "inconclusive", Ladder: claude,
		Reason: "not proved within 5 points after {n} items of 400 (e {e}, 32.9 proves) (the night's budget is spent)",
		Needed: 120, Bought: 31, Spent: 0, Priced: false, Simulated: true,
	}, star, 31, 5, passFail(20, 20))
	worse := compared(Row{
		Skill: "contract-review", Step: "main", Current: "opus", Candidate: "sonnet", Decision: "hold", Ladder: claude,
		Reason:    "worse by more than 5 points: mean gap {gap} over {n} items; coverage (reasoning) got worse by 21 points over {n} items, and 5 points is the margin",
		Recommend: "stay; a changed prompt, fix or candidate opens a new epoch; format-determinism: let code own dated (6 of 20 tune items, normalise)",
		Bought:    46, Spent: 1_930_000, Priced: true, SavePer1k: new(int64(18_200_000)), SaveMonth: new(int64(3_640_000)), Traffic: 200,
		Dims:   []Measure{{"coverage", "reasoning", 941_000, 731_000, "worse"}},
		Gates:  []Measure{{"dated", "", 1_000_000, 783_000, "worse"}},
		Screen: []Measure{{"dated", "", 0, 700_000, "unknown"}},
	}, star, 400, 23, passFail(230, 20))
	worse.Bought, worse.Record.Rule = worse.Items, "disproved"
	worse.Record.Causes = []verdict.Cause{
		{Code: "disproved", Reason: strings.Split(worse.Reason, "; ")[0]},
		{Code: "dimension", Reason: strings.Split(worse.Reason, "; ")[1]},
	}
	hostile := compared(Row{
		Skill: `<script>alert("x")</script>`, Step: "a|b`c`", Current: "opus", Candidate: "sonnet", Decision: "hold", Ladder: claude,
		Reason:    "proved not worse by 5 points for future runs after {n} items (e {e} >= 32.9), but: copy | that </td> reaches `a` customer\n# stays up, says @everyone in #12 at https://evil.example/?a=<b>\x1b[31m\u202e",
		Recommend: "nothing, unless the policy's rule is to change", Next: "ask **@team** about [it](javascript:alert(1))",
		Bought: 3, Spent: 40_000, Priced: true, SavePer1k: new(int64(900_000)), Simulated: true,
		Gates: []Measure{{`"><img src=x onerror=alert(1)>`, "", 1_000_000, 1_000_000, "proved"}},
	}, star, 400, 40, passFail(0, 10))
	hostile.Record.Rule = "hold"
	return Night{
		Version: Version, Project: "shop-skills", AsOf: asOf, Simulated: true,
		Rows: []Row{
			moved, proved, open, unpriced, worse,
			{Skill: "digest", Step: "main", Current: "sonnet", Decision: "hold", Ladder: claude, Reason: "escalated by a run of 4 gate failures on 2026-11-16: in cooldown until 2026-11-23 21:00 UTC", Cooling: &cooling, Priced: true, Of: 80, Traffic: 1200},
			{Skill: "humanizer", Step: "customer-copy", Current: "opus", Decision: "hold", Ladder: claude, Reason: "pinned in the config to opus", Next: "remove the pin from the config to let it move", Pinned: true, Priced: true, Of: 120},
			{Skill: "poet", Step: "main", Current: "opus", Decision: "hold", Ladder: claude, Reason: "nothing here measures content", Next: `give the items a reference, declare a dimension, or write quality = "gates" if gates are all that matters`, Priced: true},
			hostile,
		},
		Totals:     Totals{Skills: 8, Moved: 2, Held: 5, Inconclusive: 2, Trials: 305, Spent: 5_686_100, Priced: false, SavingMonth: new(int64(71_280_000)), SavingPer1k: new(int64(10_060_000)), Traffic: false},
		Policy:     "--- policy.hcl\n+++ policy.hcl\n@@ -1,6 +1,10 @@\n assignment \"humanizer\" \"main\" {\n-  tier   = ladder.claude.opus\n+  tier   = ladder.claude.sonnet\n+  from   = ladder.claude.opus\n+  reason = \"proved not worse by 5 points\"\n }\n ```\n </pre><script>alert(1)</script>\n",
		Notes:      []string{"The judge house has no gold labels, so it may only cause holds."},
		Checkpoint: "plimsoll.dev/audit/shop-skills\n1482\nQ2hlY2twb2ludCBvZiBhIG5pZ2h0LCBmb3IgdGVzdHM=\n\n— plimsoll.dev/audit/shop-skills kfVpc9Zz0aYQ2Rlc3Qgc2lnbmF0dXJlIG9mIGEgbmlnaHQ=\n",
	}
}

func emptyNight() Night {
	return Night{Version: Version, Project: "fresh", AsOf: asOf, Totals: Totals{Priced: true, Traffic: true}}
}

// heldNight is a good night in which nothing moves.
func heldNight() Night {
	star := verdict.Params{Method: verdict.Star1, Margin: 20_000, Alpha: 50_000, Epoch: 2, N: 600}
	n := Night{Version: Version, Project: "held", AsOf: asOf, Checkpoint: "held\n3\nAAAA\n"}
	for i, name := range []string{"alpha", "beta", "gamma"} {
		r := compared(Row{
			Skill: name, Step: "main", Current: "big", Candidate: "small", Decision: "hold", Ladder: []string{"small", "big"},
			Reason: "worse by more than 2 points: mean gap {gap} over {n} items", Recommend: "stay; a changed prompt, fix or candidate opens a new epoch",
			Bought: 30, Spent: 12_345, Priced: true, SavePer1k: new(int64(3_000_000)),
		}, star, 600, uint32(90+i), passFail(200+uint32(i)*50, 10))
		r.Record.Rule = "disproved"
		n.Rows = append(n.Rows, r)
	}
	n.Totals = Totals{Skills: 3, Held: 3, Trials: 90, Spent: 37_035, Priced: true, Traffic: true}
	return n
}

// brokenNight has numbers that no verdict makes: a report shows them as they
// are, clamps what it draws, and is still a page.
func brokenNight() Night {
	n := richNight()
	for i := range n.Rows {
		r := &n.Rows[i]
		r.Items, r.Of, r.Needed, r.Target = -3, 0, -1, math.Inf(1)
		r.Series = []Point{{0, math.NaN(), math.Inf(-1)}, {math.MaxInt, math.Inf(1), -1e300}, {-5, 1e300, math.NaN()}}
		r.Dims = append(r.Dims, Measure{"far", "", math.MinInt64, math.MaxInt64, "?"})
		r.SavePer1k, r.SaveMonth, r.Spent = new(int64(math.MinInt64)), new(int64(math.MinInt64)), math.MinInt64
		if r.Record != nil {
			rec := *r.Record
			rec.HeadlineGap, rec.Margin, rec.Alpha, rec.OneLook = math.MinInt64, 0, math.MaxInt64, math.MaxInt64
			rec.Bound, rec.EValue, rec.EWorse = new(int64(math.MaxInt64)), math.MinInt64, math.MaxInt64
			rec.PaybackRuns = new(int64(-1))
			r.Record = &rec
		}
	}
	return n
}
