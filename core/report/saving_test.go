package report

import (
	"encoding/json"
	"strings"
	"testing"
)

// What each form says of a saving: a price that is not known is never zero, a
// bound is never a figure, and hardware time stands beside the money.
func TestSavings(t *testing.T) {
	amount := func(v int64) *int64 { return &v }
	row := func(change func(*Row)) Row {
		r := Row{Skill: "note", Current: "large", Candidate: "small", Decision: downgrade, Applied: true, Reason: "proved", Priced: true, Bought: 4, Spent: 1_000_000}
		change(&r)
		return r
	}
	priced := row(func(r *Row) { r.SavePer1k, r.SaveMonth, r.Traffic = amount(2_000_000), amount(6_000_000), 3000 })
	unpriced := row(func(r *Row) { r.Unpriced = "no price is known of small" })
	for name, c := range map[string]struct {
		rows                  []Row
		long, short, night    string // "" says nothing
		perRunJSON, totalJSON string
	}{
		"both priced":   {[]Row{priced}, "$6.00 a month", "$6.00/month", "$6.00 a month", "2000000", "2000000"},
		"one unpriced":  {[]Row{unpriced}, "not priced", "not priced", "not priced", "null", "null"},
		"saves nothing": {[]Row{row(func(r *Row) { r.SavePer1k = amount(0) })}, "nothing", "nothing", "", "0", "0"},
		"dearer":        {[]Row{row(func(r *Row) { r.SavePer1k = amount(-10_000) })}, "-$0.01 per 1,000 runs", "-$0.01/1,000 runs", "-$0.01 per 1,000 runs of each", "-10000", "-10000"},
		"a lost call": {[]Row{row(func(r *Row) { r.SavePer1k, r.AtLeast = amount(2_000_000), true })},
			"at least $2.00 per 1,000 runs", "at least $2.00/1,000 runs", "at least $2.00 per 1,000 runs of each", "2000000", "2000000"},
		"hardware to hardware": {[]Row{row(func(r *Row) { r.SavePer1k, r.CurrentGPU, r.CandidateGPU = amount(2_000_000), 4_320_000, 900_000 })},
			"$2.00 per 1,000 runs; 0.25 GPU hours instead of 1.20 per 1,000 runs", "$2.00/1,000 runs", "$2.00 per 1,000 runs of each", "2000000", "2000000"},
		"tokens to hardware": {[]Row{row(func(r *Row) { r.SavePer1k, r.CandidateGPU = amount(2_000_000), 36_000 })},
			"$2.00 per 1,000 runs; takes 0.0100 GPU hours per 1,000 runs", "$2.00/1,000 runs", "$2.00 per 1,000 runs of each", "2000000", "2000000"},
		"hardware to tokens": {[]Row{row(func(r *Row) { r.SavePer1k, r.CurrentGPU = amount(2_000_000), 720_000_000 })},
			"$2.00 per 1,000 runs; frees 200 GPU hours per 1,000 runs", "$2.00/1,000 runs", "$2.00 per 1,000 runs of each", "2000000", "2000000"},
		"one of two moves unpriced": {[]Row{priced, unpriced}, "$6.00 a month", "$6.00/month", "$6.00 a month (and 1 move not priced)", "2000000", "2000000"},
		"one of two without traffic": {[]Row{priced, row(func(r *Row) { r.SavePer1k = amount(1_000_000) })},
			"$6.00 a month", "$6.00/month", "at least $6.00 a month", "2000000", "3000000"},
	} {
		t.Run(name, func(t *testing.T) {
			n := Night{Version: Version, AsOf: asOf, Rows: c.rows, Totals: Totals{Moved: len(c.rows), Trials: 4, Spent: 1_000_000, Priced: true, Traffic: true}}
			for _, r := range n.Rows {
				n.Totals.Claim(r)
			}
			if got := n.Rows[0].saving(false); got != c.long {
				t.Errorf("in full %q, want %q", got, c.long)
			}
			if got := n.Rows[0].saving(true); got != c.short {
				t.Errorf("in short %q, want %q", got, c.short)
			}
			if got := n.saved(); got != c.night {
				t.Errorf("the night %q, want %q", got, c.night)
			}
			raw, err := JSON(n)
			if err != nil {
				t.Fatal(err)
			}
			var doc struct {
				Rows   []map[string]json.RawMessage
				Totals map[string]json.RawMessage
			}
			if err := json.Unmarshal(raw, &doc); err != nil {
				t.Fatal(err)
			}
			if got := string(doc.Rows[0]["saving_per_1000"]); got != c.perRunJSON {
				t.Errorf("JSON of the row says %s, want %s", got, c.perRunJSON)
			}
			if got := string(doc.Totals["saving_per_1000"]); got != c.totalJSON {
				t.Errorf("JSON of the night says %s, want %s", got, c.totalJSON)
			}
			page, err := HTML(n)
			if err != nil {
				t.Fatal(err)
			}
			var screen strings.Builder
			Terminal(&screen, n, TerminalOptions{Width: 200})
			markdown := strings.ReplaceAll(string(Markdown(n)), `\`, "")
			for form, text := range map[string]string{"Markdown": markdown, "HTML": string(page), "the terminal": screen.String()} {
				if !strings.Contains(text, c.short) && !strings.Contains(text, c.long) {
					t.Errorf("%s does not say %q:\n%s", form, c.short, text)
				}
				if n.Totals.Unpriced > 0 && (!strings.Contains(text, "not priced") || strings.Contains(text, "saves nothing")) {
					t.Errorf("%s hides that a price is not known:\n%s", form, text)
				}
				if n.Totals.SavingPer1k == nil && strings.Contains(text, "$0.00") {
					t.Errorf("%s takes an unknown price for zero:\n%s", form, text)
				}
			}
		})
	}
}
