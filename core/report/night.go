// Package report turns what a night found into something to read: Markdown for
// a merge request, JSON for machines, and one self-contained HTML page with
// charts for a person. It computes nothing that decides and reads nothing but
// the Night that it is given: the same Night gives the same bytes.
//
//	n := report.Night{Project: "shop", AsOf: asOf, Rows: rows}
//	report.Terminal(os.Stdout, n, report.TerminalOptions{Width: 100, Color: true})
//	page, err := report.HTML(n)
//	doc, err := report.JSON(n)
//	text := report.Markdown(n)
//
// Names, reasons and diffs come from skills, models and files of other people:
// every form escapes them for its own reader, and none lets them end a line,
// open a tag or reach a terminal.
package report

import (
	"time"

	"github.com/plimsoll-dev/plimsoll/core/verdict"
)

// Version is the version of the JSON form.
const Version = 1

// Night is what one night found, decided and changed. Money is in
// micro-dollars, scores and margins are in millionths.
type Night struct {
	Version    int       `json:"version"`
	Project    string    `json:"project"` // the folder's name
	AsOf       time.Time `json:"as_of"`
	Simulated  bool      `json:"simulated"`         // some model was simulated: nothing here speaks of real ones
	Watched    []Watched `json:"watched,omitempty"` // steps that moved down before
	Levers     []Lever   `json:"levers,omitempty"`  // proposals beside the model
	Rows       []Row     `json:"rows"`              // by what a reader wants first: moves, then holds by name
	Totals     Totals    `json:"totals"`
	Policy     string    `json:"policy_diff,omitempty"` // unified diff of the policy file
	Plan       *Plan     `json:"plan,omitempty"`        // of a night that was only planned
	Phases     []Phase   `json:"phases,omitempty"`      // models that take turns on hardware
	Notes      []string  `json:"notes,omitempty"`       // what a reader should know: a policy file changed in mid-night, a judge without labels
	Problems   []string  `json:"problems,omitempty"`    // what kept a skill from being measured and has to be mended
	Checkpoint string    `json:"checkpoint"`            // the audit log's signed checkpoint at the end
}

// Totals of a night.
type Totals struct {
	Skills       int   `json:"skills"`
	Moved        int   `json:"moved"`
	Held         int   `json:"held"`
	Inconclusive int   `json:"inconclusive"`
	Trials       int   `json:"trials"` // bought tonight
	Spent        int64 `json:"spent"`
	Priced       bool  `json:"priced"` // false: some cost is not known, Spent is a lower bound
	// Savings of tonight's moves, summed over those whose saving is known; null when
	// there are moves and it is known of none. They are never zero for want of a price.
	SavingMonth *int64 `json:"saving_month"`    // where traffic is known, too
	SavingPer1k *int64 `json:"saving_per_1000"` // per 1,000 runs of each skill
	Unpriced    int    `json:"moves_unpriced"`  // moves whose saving is not known and in neither sum
	AtLeast     bool   `json:"saving_at_least"` // some cost in the sums is a bound
	Traffic     bool   `json:"traffic_known"`   // false: SavingMonth leaves out skills whose traffic is not known
}

// Claim adds what a move saves. One whose saving is not known is counted, and adds
// nothing.
func (t *Totals) Claim(r Row) {
	if r.SavePer1k == nil {
		t.Unpriced++
		return
	}
	add := func(sum **int64, v int64) {
		if *sum == nil {
			*sum = new(int64)
		}
		**sum += v
	}
	add(&t.SavingPer1k, *r.SavePer1k)
	t.AtLeast = t.AtLeast || r.AtLeast
	if r.SaveMonth == nil {
		t.Traffic = false
		return
	}
	add(&t.SavingMonth, *r.SaveMonth)
}

// Row is one (skill, step).
type Row struct {
	Skill   string `json:"skill"`
	Step    string `json:"step"`
	Lever   string `json:"lever,omitempty"` // model-deescalate, local-tier, format-determinism
	Current string `json:"current"`         // tier before the night
	// Ladder is the names of the tiers it may stand on, cheapest first.
	Ladder    []string `json:"ladder,omitempty"`
	Candidate string   `json:"candidate,omitempty"`
	Decision  string   `json:"decision"` // downgrade, hold, inconclusive
	Applied   bool     `json:"applied"`  // the policy file was changed
	Reason    string   `json:"reason"`   // in words
	Recommend string   `json:"recommend,omitempty"`
	Next      string   `json:"next,omitempty"` // the one thing to do about it, when there is one

	Items  int   `json:"items"`  // that count in the epoch
	Of     int   `json:"of"`     // the deadline or the pool
	Needed int   `json:"needed"` // expected items still needed; 0 when closed
	Bought int   `json:"bought"` // trials tonight
	Spent  int64 `json:"spent"`  // tonight
	Priced bool  `json:"priced"` // of Spent
	// What the candidate saves, current minus candidate; null is not known.
	SavePer1k *int64 `json:"saving_per_1000"`           // per 1,000 runs
	SaveMonth *int64 `json:"saving_month"`              // null too when traffic is not known
	AtLeast   bool   `json:"saving_at_least,omitempty"` // some cost in it is a bound, as that of a lost call
	Unpriced  string `json:"unpriced,omitempty"`        // why no saving is claimed, in words
	// Milliseconds of hardware for 1,000 runs, where a tier is priced by GPU hour.
	CurrentGPU   int64 `json:"gpu_ms_current,omitempty"`
	CandidateGPU int64 `json:"gpu_ms_candidate,omitempty"`
	Traffic      int64 `json:"runs_per_month"` // 0: not known
	Simulated    bool  `json:"simulated"`

	Record  *verdict.Record `json:"verdict,omitempty"` // nil when nothing was compared
	Epoch   string          `json:"epoch,omitempty"`
	Claim   string          `json:"claim,omitempty"`
	Margin  int64           `json:"margin"`
	Series  []Point         `json:"series,omitempty"` // evidence by item, for the chart
	Target  float64         `json:"threshold"`        // ln(1/alpha_eff): where a line in Series proves
	Dims    []Measure       `json:"dimensions,omitempty"`
	Gates   []Measure       `json:"gates,omitempty"`
	Screen  []Measure       `json:"screen,omitempty"` // gates that failed on tune items of the candidate, for format-determinism
	Pinned  bool            `json:"pinned"`
	Cooling *time.Time      `json:"cooldown_until,omitempty"`
}

// Point is the evidence after N items: natural logarithms of the wealth for
// "not worse" and for "worse".
type Point struct {
	N        int     `json:"n"`
	NotWorse float64 `json:"not_worse"`
	Worse    float64 `json:"worse"`
}

// Measure is a gate or a dimension: the mean on both arms, in millionths (for a
// gate, the share of items that pass), and what its own test says.
type Measure struct {
	Name      string `json:"name"`
	Kind      string `json:"kind,omitempty"`
	Current   int64  `json:"current"`
	Candidate int64  `json:"candidate"`
	Answer    string `json:"answer"` // proved (not worse), worse, unknown
}
