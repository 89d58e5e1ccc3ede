package evidence_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/plimsoll-dev/plimsoll/core/evidence"
)

func shadow(night, run int, d int64) evidence.Shadow {
	s := evidence.Shadow{
		V: evidence.Version, Kind: evidence.KindShadow, Skill: "digest", Step: "main", Watch: "ladder.l.small<ladder.l.big@2026-07-02T02:00:00Z/50000/50000",
		Night: fmt.Sprintf("2026-07-%02d", night), Run: fmt.Sprintf("01RUN%04d", run), Item: "sha256:" + strings.Repeat("a", 64),
		Margin: 50_000, Alpha: 50_000, Share: 100_000, Source: "code",
		Current: evidence.Result{Score: ptr(1_000_000), Status: "ok"}, Candidate: evidence.Result{Score: ptr(1_000_000 + d), Status: "ok"},
	}
	s.D = evidence.Difference(s.Current, s.Candidate)
	return s
}

// Shadow lines mean the same in any order, after a merge by union, and beside an
// epoch's own lines.
func TestShadowLines(t *testing.T) {
	e := epoch(1, 10)
	all := []evidence.Shadow{shadow(3, 1, 0), shadow(3, 2, -200_000), shadow(4, 3, 0), shadow(5, 4, -1_000_000)}
	parse := func(ss ...evidence.Shadow) []evidence.Shadow {
		src := file(t, e, pairs(e, 3, full))
		for _, s := range ss {
			src = append(src, lines(t, s)...)
		}
		log, diags := evidence.Parse("f.jsonl", src)
		if len(diags) > 0 {
			t.Fatal(diags)
		}
		if len(log.Epochs[0].Tried) != 3 {
			t.Fatalf("%d pairs of the epoch", len(log.Epochs[0].Tried))
		}
		return log.Shadows
	}
	want := string(lines(t, parse(all...)))
	mixed := append(slices.Clone(all), all...)
	slices.Reverse(mixed)
	if got := string(lines(t, parse(mixed...))); got != want {
		t.Errorf("in another order, twice:\n%s\nwant\n%s", got, want)
	}
	// Two claims about one run: the smaller D counts, wherever it stands.
	worse := shadow(3, 1, -500_000)
	for _, ss := range [][]evidence.Shadow{append(slices.Clone(all), worse), append([]evidence.Shadow{worse}, all...)} {
		got := parse(ss...)
		if len(got) != 4 || *got[0].D != -500_000 {
			t.Errorf("two claims about one run: %d lines, the first with %d", len(got), *got[0].D)
		}
	}
}

func TestShadowTamper(t *testing.T) {
	good := string(lines(t, shadow(3, 1, -200_000)))
	for _, c := range []struct{ name, from, to, code string }{
		{"a better D", `"d":-200000`, `"d":0`, "evidence-shadow"},
		{"a better score", `"score":800000`, `"score":1000000`, "evidence-shadow"},
		{"no run", `"run":"01RUN0001"`, `"run":""`, "evidence-shadow"},
		{"no margin", `"margin":50000`, `"margin":0`, "evidence-shadow"},
		{"an unknown member", `"v":1`, `"v":1,"x":2`, "evidence-json"},
	} {
		src := strings.Replace(good, c.from, c.to, 1)
		if src == good {
			t.Fatalf("%s: nothing was changed", c.name)
		}
		log, diags := evidence.Parse("f.jsonl", []byte(src))
		if len(diags) != 1 || diags[0].Code != c.code || len(log.Shadows) != 0 {
			t.Errorf("%s: %v, %d lines", c.name, diags, len(log.Shadows))
		}
	}
}

// Missing is read as no loss of the present tier.
func TestShadowWorse(t *testing.T) {
	s := shadow(3, 1, -200_000)
	if s.Worse() != -200_000 {
		t.Errorf("both there: %d", s.Worse())
	}
	s.Candidate.Score = nil
	if s.Worse() != 0 {
		t.Errorf("the present side is missing: %d", s.Worse())
	}
	s = shadow(3, 1, -1_000_000)
	s.Current.Score = nil
	if s.Worse() != 0 {
		t.Errorf("the former side is missing: %d", s.Worse())
	}
}
