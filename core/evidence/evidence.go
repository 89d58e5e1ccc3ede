// Package evidence reads and writes the files that carry a skill's evidence:
// evidence/<skill>.jsonl in the user's repository, append-only, one record a
// line, without any content of inputs or outputs.
//
// A file is enough to recompute every verdict that was ever drawn from it, on
// any machine: a night in CI, a second laptop and a reviewer continue from the
// same lines. It is made to be merged by union: no line refers to its place in
// the file, equal keys with different results count as the worse one, and the
// order of items is the epoch's seeded order, never that of the lines.
//
// The package decides nothing (core/verdict does) and buys nothing (core/evolve
// does).
//
//	log, diags := evidence.Parse("evidence/humanizer.jsonl", src)
//	for _, e := range log.Epochs {
//		record := verdict.Assess(e.Spec(), e.Pairs(), e.PlantedPairs())
//	}
package evidence

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"time"
)

// Version is the version of the line format.
const Version = 1

// Kinds of line.
const (
	KindEpoch   = "epoch"
	KindPair    = "pair"
	KindPlanted = "planted"
	KindEvent   = "event"
)

// What can happen to a step between its measurements.
const (
	Moved        = "moved"         // the machine moved it down
	Escalated    = "escalated"     // it went up: every open epoch of the step closes
	ModelChanged = "model-changed" // an arm reports another model id: its epoch closes
	Lifted       = "lifted"        // a person lifted the hold after taking back a move
	Accepted     = "accepted"      // the false-discovery rule accepted its move
)

// Event is something that happened to a step. Closes names the epochs that ended
// with it: they stay readable and gain no evidence any more.
type Event struct {
	V      int       `json:"v"`
	Kind   string    `json:"kind"`
	Skill  string    `json:"skill"`
	Step   string    `json:"step"`
	Event  string    `json:"event"`
	At     time.Time `json:"at"`
	From   string    `json:"from,omitempty"` // tier
	To     string    `json:"to,omitempty"`
	Reason string    `json:"reason,omitempty"`
	Closes []string  `json:"closes,omitempty"` // epoch IDs
	// Acceptance stands on accepted alone.
	Acceptance *Acceptance `json:"acceptance,omitempty"`
}

// Acceptance is what the false-discovery rule accepted: an epoch's test, after so
// many items, in a set of so many. Any checkout counts R from these lines.
type Acceptance struct {
	Fleet    string `json:"fleet"` // the policy
	Epoch    string `json:"epoch"` // epoch ID
	Items    int    `json:"items"` // the test is frozen after these
	Bar      int64  `json:"bar"`   // millionths: the wealth that it needed
	Before   int    `json:"before"`
	Together int    `json:"together"`
}

// bar of an acceptance, 0 for other events.
func (ev Event) bar() int64 {
	if ev.Acceptance == nil {
		return 0
	}
	return ev.Acceptance.Bar
}

// Fleet is an epoch's place under a policy's false-discovery rule, fixed when
// it was opened: see verdict.FleetWeight.
type Fleet struct {
	Policy   string `json:"policy"`
	Place    int    `json:"place"`    // of the skill, from 1, among those that the policy ever tested
	First    int    `json:"first"`    // skills that the policy had on the night of its first test
	Weight   int64  `json:"weight"`   // of 10^15
	Accepted int    `json:"accepted"` // moves accepted when it was opened
}

// AuditRef is the place of a record in an audit log: which log, which entry.
type AuditRef struct {
	Origin string `json:"origin"`
	Index  int64  `json:"index"`
}

// Arm is one side of an epoch's comparison.
type Arm struct {
	Tier      string `json:"tier"`     // "ladder.desk.small"
	Backend   string `json:"backend"`  // backend block's name
	Model     string `json:"model"`    // as configured
	Reported  string `json:"reported"` // the id that the first answer gave
	Simulated bool   `json:"simulated,omitempty"`
}

// GateDef and DimDef are what the epoch measures beside the main score.
type GateDef struct {
	Name   string `json:"name"`
	Never  bool   `json:"never,omitempty"`
	Margin int64  `json:"margin"` // millionths
}

// DimDef is a dimension: Kind is reasoning or format.
type DimDef struct {
	Name   string `json:"name"`
	Kind   string `json:"kind"`
	Weight int64  `json:"weight"` // millionths
	Margin int64  `json:"margin"` // millionths
}

// Epoch is an epoch's first line: everything that was fixed before its first
// item, and the ids that the models reported.
type Epoch struct {
	V         int       `json:"v"`
	Kind      string    `json:"kind"`
	Skill     string    `json:"skill"`
	Step      string    `json:"step"`
	Counter   int       `json:"epoch"`
	Hash      string    `json:"hash"` // of everything that makes the epoch
	Opened    time.Time `json:"opened"`
	Current   Arm       `json:"current"`
	Candidate Arm       `json:"candidate"`
	Method    string    `json:"method"`
	Margin    int64     `json:"margin"` // millionths
	Alpha     int64     `json:"alpha"`  // millionths
	N         int       `json:"n"`      // deadline, or the pool's size
	Pool      string    `json:"pool"`   // digest over the pool's items
	Content   string    `json:"content"`
	Judged    bool      `json:"judged,omitempty"`
	Judge     string    `json:"judge,omitempty"`
	Source    string    `json:"source"`  // authored, imported or traffic
	Repeats   int       `json:"repeats"` // runs of each item
	Gates     []GateDef `json:"gates,omitempty"`
	Dims      []DimDef  `json:"dims,omitempty"`
	// JudgeTerms are what gold labels allowed the judge when the epoch was opened;
	// nil where the judge may only hold.
	JudgeTerms *JudgeTerms `json:"judge_terms,omitempty"`
	Fleet      *Fleet      `json:"fleet,omitempty"`
	Audit      AuditRef    `json:"audit"`
}

// ID names an epoch within a skill: the counter and the first eight digits of
// its hash, so that two checkouts that opened the same counter stay apart.
func (e Epoch) ID() string { return epochID(e.Counter, e.Hash) }

func epochID(counter int, hash string) string {
	const prefix = len("sha256:")
	if len(hash) < prefix+8 {
		return fmt.Sprintf("%d-%s", counter, hash)
	}
	return fmt.Sprintf("%d-%s", counter, hash[prefix:prefix+8])
}

// Seed is the seed of the epoch's item order:
// sha256(skill, step, candidate, counter), each part length-prefixed.
func (e Epoch) Seed() [32]byte {
	h := sha256.New()
	for _, part := range []string{e.Skill, e.Step, e.Candidate.Tier} {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(part)))
		h.Write(n[:])
		h.Write([]byte(part))
	}
	var n [8]byte
	binary.BigEndian.PutUint64(n[:], uint64(e.Counter))
	h.Write(n[:])
	var out [32]byte
	h.Sum(out[:0])
	return out
}

// Rank is an item's key in the epoch's order: items are bought by ascending
// rank. It depends on nothing but the seed and the item, so a reader can check
// that no item was chosen.
func Rank(seed [32]byte, item string) string {
	h := sha256.New()
	h.Write(seed[:])
	h.Write([]byte(item))
	return hex.EncodeToString(h.Sum(nil))
}

// Result is one arm's outcome on one item. A nil score is missing.
type Result struct {
	Score   *int64           `json:"score"`           // millionths; null is missing
	Noise   *int64           `json:"noise,omitempty"` // variance of the score between repeats, millionths; nil without repeats
	Dims    map[string]int64 `json:"dims,omitempty"`
	Failed  []string         `json:"failed,omitempty"` // gates that failed after fixes
	MS      int64            `json:"ms"`
	Cost    int64            `json:"cost"` // micro-dollars, all repeats and judges included
	Judge   int64            `json:"judge_cost,omitempty"`
	Unsure  int64            `json:"unsure,omitempty"` // the part of the runs' cost that may not have been charged: bounds of lost calls
	GPU     int64            `json:"gpu_ms,omitempty"` // hardware time of the runs, where a tier is priced by it
	Priced  bool             `json:"priced"`
	Timeout bool             `json:"timeout,omitempty"`
	Status  string           `json:"status"` // ok, failed, unreadable, refused, timeout, missing
	Model   string           `json:"model,omitempty"`
	// JudgeModel is the id that the judge reported.
	JudgeModel string `json:"judge_model,omitempty"`
	Sim        bool   `json:"simulated,omitempty"` // a simulated model answered
	Logged     bool   `json:"logged,omitempty"`    // a production run, which was paid for anyway: only its judge was bought
}

// Pair is one item tried on both arms. For kind planted the candidate is the
// current output, damaged on purpose.
type Pair struct {
	V         int      `json:"v"`
	Kind      string   `json:"kind"`
	Skill     string   `json:"skill"`
	Step      string   `json:"step"`
	Epoch     string   `json:"epoch"` // the epoch's ID
	Order     int      `json:"order"`
	Item      string   `json:"item"`   // digest of the item
	Source    string   `json:"source"` // code, pointwise or pairwise
	Current   Result   `json:"current"`
	Candidate Result   `json:"candidate"`
	D         *int64   `json:"d"` // candidate - current, millionths; null when a score is missing
	Audit     AuditRef `json:"audit"`

	// Drafted: a model made the input up. Such a pair may screen and never prove.
	Drafted bool `json:"drafted,omitempty"`

	// Contradicted counts the dimensions on which a judge that compares changed its
	// word with the order of the two: they count as no difference.
	Contradicted int `json:"contradicted,omitempty"`
}

// Paid is what measuring cost: of a logged run its judge alone.
func (r Result) Paid() int64 {
	if r.Logged {
		return r.Judge
	}
	return r.Cost
}

// Difference is the D of two scores, nil when one is missing.
func Difference(current, candidate Result) *int64 {
	if current.Score == nil || candidate.Score == nil {
		return nil
	}
	d := *candidate.Score - *current.Score
	return &d
}
