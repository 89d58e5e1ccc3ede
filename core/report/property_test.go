package report

import (
	"bytes"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/verdict"
	"github.com/rivo/uniseg"
	"pgregory.net/rapid"
)

// anyText mixes ordinary names with what tries to get out of a report.
func anyText(t *rapid.T, label string) string {
	return rapid.OneOf(
		rapid.SampledFrom([]string{"", "opus", "haiku", "main", "<b>", "</svg>", "</style>", `"'>`, "a\x00b", "\x1b[2J", "```", "|", "{{.}}", "\u202e", "javascript:alert(1)", "\xff", "\ufffe", "]]>", "<!--"}),
		rapid.String(),
	).Draw(t, label)
}

func anyNumber(t *rapid.T, label string) int64 {
	return rapid.OneOf(rapid.Int64Range(-2_000_000, 2_000_000), rapid.Int64(), rapid.SampledFrom([]int64{0, math.MinInt64, math.MaxInt64, verdict.EMax})).Draw(t, label)
}

func anyFloat(t *rapid.T, label string) float64 {
	return rapid.OneOf(rapid.Float64Range(-30, 30), rapid.SampledFrom([]float64{math.NaN(), math.Inf(1), math.Inf(-1), 0, math.Copysign(0, -1), 1e308, -1e308, 5e-324})).Draw(t, label)
}

func anyMeasures(t *rapid.T, label string) []Measure {
	var out []Measure
	for range rapid.IntRange(0, 2).Draw(t, label) {
		out = append(out, Measure{anyText(t, "name"), anyText(t, "kind"), anyNumber(t, "current"), anyNumber(t, "candidate"), rapid.SampledFrom([]string{"proved", "worse", "unknown", "?"}).Draw(t, "answer")})
	}
	return out
}

func anyRow(t *rapid.T) Row {
	whole := func(label string) int { return int(anyNumber(t, label)) }
	r := Row{
		Skill: anyText(t, "skill"), Step: anyText(t, "step"), Current: anyText(t, "current"), Candidate: anyText(t, "candidate"),
		Decision: rapid.SampledFrom([]string{"downgrade", "hold", "inconclusive", "", "nonsense"}).Draw(t, "decision"), Applied: rapid.Bool().Draw(t, "applied"),
		Reason: anyText(t, "reason"), Recommend: anyText(t, "recommend"), Next: anyText(t, "next"), Items: whole("items"), Of: whole("of"), Needed: whole("needed"),
		Bought: whole("bought"), Spent: anyNumber(t, "spent"), Priced: rapid.Bool().Draw(t, "priced"), SavePer1k: anyAmount(t, "per1k"), SaveMonth: anyAmount(t, "month"), AtLeast: rapid.Bool().Draw(t, "at least"), Unpriced: anyText(t, "unpriced"), CurrentGPU: anyNumber(t, "gpu"), CandidateGPU: anyNumber(t, "gpu"),
		Target: anyFloat(t, "target"), Dims: anyMeasures(t, "dims"), Gates: anyMeasures(t, "gates"), Screen: anyMeasures(t, "screen"), Pinned: rapid.Bool().Draw(t, "pinned"),
		Ladder: rapid.SampledFrom([][]string{nil, {"haiku", "opus"}, {"opus"}, {"opus", "opus"}, {"<b>", "", "opus"}}).Draw(t, "ladder"), Claim: anyText(t, "claim"), Epoch: anyText(t, "epoch"),
	}
	for range rapid.IntRange(0, 4).Draw(t, "points") {
		r.Series = append(r.Series, Point{N: whole("n"), NotWorse: anyFloat(t, "not worse"), Worse: anyFloat(t, "worse")})
	}
	if rapid.Bool().Draw(t, "cooling") {
		r.Cooling = new(time.Unix(rapid.Int64Range(0, 1<<40).Draw(t, "until"), 0))
	}
	if rapid.Bool().Draw(t, "compared") {
		rec := verdict.Record{
			HeadlineGap: anyNumber(t, "gap"), N: whole("record n"), EValue: anyNumber(t, "e"), EWorse: anyNumber(t, "e worse"), Threshold: anyNumber(t, "threshold"),
			OneLook: anyNumber(t, "one look"), Margin: anyNumber(t, "margin"), Alpha: anyNumber(t, "alpha"), Method: verdict.Method(anyText(t, "method")),
			Outcome: rapid.SampledFrom([]verdict.Outcome{"", "proved", "disproved", "inconclusive"}).Draw(t, "outcome"), Rule: anyText(t, "rule"),
			Causes: []verdict.Cause{{Code: "open", Reason: anyText(t, "cause")}},
		}
		if rapid.Bool().Draw(t, "bounded") {
			rec.Bound, rec.NightsNeeded, rec.PaybackRuns = new(anyNumber(t, "bound")), new(whole("nights")), new(anyNumber(t, "payback"))
		}
		r.Record = &rec
	}
	return r
}

func anyNight(t *rapid.T) Night {
	n := Night{
		Project: anyText(t, "project"), AsOf: time.Unix(rapid.Int64Range(0, 1<<33).Draw(t, "as of"), 0), Simulated: rapid.Bool().Draw(t, "simulated"),
		Policy: anyText(t, "policy"), Checkpoint: anyText(t, "checkpoint"), Notes: []string{anyText(t, "note")},
		Totals: Totals{Moved: int(anyNumber(t, "moved")), Spent: anyNumber(t, "spent"), SavingMonth: anyAmount(t, "saving"), SavingPer1k: anyAmount(t, "saving per 1000"), Unpriced: int(anyNumber(t, "unpriced")), Priced: rapid.Bool().Draw(t, "priced"), Traffic: rapid.Bool().Draw(t, "traffic")},
	}
	for range rapid.IntRange(0, 5).Draw(t, "rows") {
		n.Rows = append(n.Rows, anyRow(t))
	}
	return n
}

// anyNightHolds is what is true of every night, however broken: the page parses
// and draws, the terminal's lines fit and hold no control characters, and JSON
// either refuses a number or reads back to the same bytes.
func anyNightHolds(t *rapid.T) {
	n := anyNight(t)
	page, err := HTML(n)
	if err != nil {
		t.Fatal(err)
	}
	if err := check(page); err != nil {
		t.Fatal(err)
	}
	Markdown(n)
	width := rapid.IntRange(0, 160).Draw(t, "width")
	var b bytes.Buffer
	Terminal(&b, n, TerminalOptions{Width: width})
	for l := range strings.SplitSeq(b.String(), "\n") {
		if got := uniseg.StringWidth(l); width > 0 && got > max(width, widthLeast) {
			t.Fatalf("%d columns at %d: %q", got, width, l)
		}
		if strings.ContainsAny(l, "\x1b\x00\x07\r\u202e") {
			t.Fatalf("control characters: %q", l)
		}
	}
	raw, err := JSON(n)
	if err != nil {
		return
	}
	got, err := ReadJSON(raw)
	if err != nil {
		t.Fatal(err)
	}
	// What is not UTF-8 is mended on the way out; from then on nothing changes.
	again, err := JSON(got)
	if err != nil {
		t.Fatal(err)
	}
	if got, err = ReadJSON(again); err != nil {
		t.Fatal(err)
	}
	if third, err := JSON(got); err != nil || !bytes.Equal(again, third) {
		t.Fatalf("JSON read and written differs (%v)", err)
	}
}

func TestAnyNight(t *testing.T) { rapid.Check(t, anyNightHolds) }

func FuzzNight(f *testing.F) { f.Fuzz(rapid.MakeFuzz(anyNightHolds)) }

// FuzzReadJSON reads documents of other people: whatever is read, is shown.
func FuzzReadJSON(f *testing.F) {
	for _, n := range nights() {
		raw, err := JSON(n)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Add([]byte(`{"version":1,"rows":[{"skill":"x","verdict":{},"series":[{"n":-1,"not_worse":1e308}]}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		n, err := ReadJSON(raw)
		if err != nil {
			return
		}
		page, err := HTML(n)
		if err != nil {
			t.Fatal(err)
		}
		if err := check(page); err != nil {
			t.Fatal(err)
		}
	})
}

// BenchmarkHTML writes the page of a house of 960 skills, each with a verdict.
func BenchmarkHTML(b *testing.B) {
	n := richNight()
	rows := n.Rows[:5]
	n.Rows = nil
	for len(n.Rows) < 960 {
		n.Rows = append(n.Rows, rows...)
	}
	n.Rows = n.Rows[:960]
	for b.Loop() {
		page, err := HTML(n)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(len(page))/1e6, "MB")
	}
}

func anyAmount(t *rapid.T, label string) *int64 {
	return rapid.Ptr(rapid.Custom(func(t *rapid.T) int64 { return anyNumber(t, label) }), true).Draw(t, label)
}
