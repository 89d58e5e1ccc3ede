package figure_test

import (
	"strings"
	"testing"

	"github.com/plimsoll-dev/plimsoll/core/bench/figure"
)

func TestPrint(t *testing.T) {
	all := []figure.Figure{figure.Show("tools", "2,797"), {What: "recall@5", Target: ">= 0.630", Measured: "0.6412", Holds: true}}
	var out strings.Builder
	held, err := figure.Print(&out, "recall", all)
	want := "figure    target    measured  \n" +
		"tools               2,797     shown\n" +
		"recall@5  >= 0.630  0.6412    holds\n" +
		"recall: 1 of 1 targets hold\n"
	if err != nil || !held || out.String() != want {
		t.Errorf("%v, %v:\n%s", held, err, out.String())
	}
	out.Reset()
	held, err = figure.Print(&out, "recall", append(all, figure.Figure{What: "p50", Target: "< 1ms", Measured: "2ms"}))
	if err != nil || held || !strings.HasSuffix(out.String(), "MISSED\nrecall: 1 of 2 targets hold\n") {
		t.Errorf("%v, %v:\n%s", held, err, out.String())
	}
}
