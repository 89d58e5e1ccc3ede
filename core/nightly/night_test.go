package nightly_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/audit"
	"github.com/plimsoll-dev/plimsoll/core/evidence"
	"github.com/plimsoll-dev/plimsoll/core/evolve"
	"github.com/plimsoll-dev/plimsoll/core/gate"
	"github.com/plimsoll-dev/plimsoll/core/nightly"
	"github.com/plimsoll-dev/plimsoll/core/report"
	"github.com/plimsoll-dev/plimsoll/core/run"
	"github.com/plimsoll-dev/plimsoll/core/store/badgerstore"
	"github.com/plimsoll-dev/plimsoll/core/tier"
	"github.com/plimsoll-dev/plimsoll/core/trial"
	"github.com/plimsoll-dev/plimsoll/core/verdict"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/sdk/canonjson"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// house is a fleet of skills with models that answer after a random while.
type house struct {
	t        *testing.T
	ladder   *config.Ladder
	policy   *config.Policy
	skills   int
	items    int
	bad      func(skill int) bool // its candidate is wrong on every third item
	broken   func(skill int) bool
	bench    *evolve.Bench
	mu       sync.Mutex
	src      map[string][]byte
	calls    map[string]int // by run
	busy     map[string]int // by model
	most     int            // calls at a time
	together bool           // two models were called at once
	loaded   string
	loads    int
	moves    []nightly.Move
	slow     time.Duration
	places   map[string]int // in the fleet
	applies  func(skill string) bool
	edited   map[string]bool // its policy block, by hand
	judge    *config.Tier
	common   bool                                  // all skills have the same items
	shared   bool                                  // and the steps say so
	full     func(skill string, lines []byte) bool // its evidence takes no more
}

// still is a clock that stands: a busy machine's pauses are no latency of a model,
// and must not decide a test.
func still() time.Time { return time.Date(2026, 7, 2, 2, 0, 0, 0, time.UTC) }

func newHouse(t *testing.T, skills, items int) *house {
	t.Helper()
	signer, err := audit.NewSigner()
	if err != nil {
		t.Fatal(err)
	}
	db, err := badgerstore.Open(badgerstore.Config{InMemory: true, Sealer: audit.New(audit.Config{Signer: signer, Origin: "plimsoll/test"})})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	b := &config.Backend{Name: "api", Plugin: "openai"}
	h := &house{
		t: t, skills: skills, items: items, src: map[string][]byte{}, calls: map[string]int{}, busy: map[string]int{}, slow: time.Millisecond,
		ladder: &config.Ladder{Name: "l"}, policy: &config.Policy{Name: "standard", Budget: -1, Cooldown: time.Hour},
		bad: func(int) bool { return false }, broken: func(int) bool { return false }, places: map[string]int{},
	}
	for i, name := range []string{"small", "large"} {
		p := config.Price{Known: true, TokenPrice: config.TokenPrice{Input: []int64{1e6, 10e6}[i], Output: []int64{1e6, 10e6}[i]}}
		h.ladder.Tiers = append(h.ladder.Tiers, &config.Tier{Ladder: "l", Name: name, Index: i, Model: name, Family: "f", Backend: b, Price: p})
	}
	h.bench = &evolve.Bench{
		Runs:  run.Executor{Models: h, Blobs: db, Now: still, Sleep: func(context.Context, time.Duration) {}},
		Store: db, Files: h, Scope: "default", Origin: "plimsoll/test", AsOf: time.Date(2026, 7, 2, 2, 0, 0, 0, time.UTC), Parallel: 8,
	}
	return h
}

func (h *house) Name(skill string) string { return "evidence/" + skill + ".jsonl" }
func (h *house) Read(skill string) (*evidence.Log, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	log, diags := evidence.Parse(h.Name(skill), h.src[skill])
	return log, diags.Err()
}
func (h *house) Append(skill string, lines []byte) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.full != nil && h.full(skill, lines) {
		return errors.New("the disk is full")
	}
	h.src[skill] = append(h.src[skill], lines...)
	return nil
}

func (h *house) Generate(_ context.Context, _ string, req message.Request) (message.Response, bool, error) {
	h.mu.Lock()
	h.calls[req.Idempotency]++
	h.busy[req.Model]++
	all := 0
	for model, n := range h.busy {
		all += n
		h.together = h.together || n > 0 && model != req.Model
	}
	h.most = max(h.most, all)
	if h.loaded != req.Model {
		h.loaded, h.loads = req.Model, h.loads+1
	}
	h.mu.Unlock()
	time.Sleep(time.Duration(rand.Int64N(int64(h.slow) + 1)))
	h.mu.Lock()
	h.busy[req.Model]--
	h.mu.Unlock()
	input := req.Messages[len(req.Messages)-1].String()
	if h.judge != nil && req.Model == h.judge.Model {
		return h.judged(input), false, nil
	}
	var skill, item int
	if _, err := fmt.Sscanf(strings.Trim(input, `"`), "question %d of %d", &item, &skill); err != nil {
		return message.Response{}, false, err
	}
	text := fmt.Sprintf(`answer %d of %d`, item, skill)
	if h.common {
		if _, err := fmt.Sscanf(req.Messages[0].String(), "Answer for %d.", &skill); err != nil {
			return message.Response{}, false, fmt.Errorf("%q: %w", req.Messages[0].String(), err)
		}
	}
	if req.Model == "small" && h.bad(skill) && item%3 == 0 {
		text = "no idea"
	}
	return message.Response{Message: message.Text(message.Assistant, text), Finish: message.FinishStop, Model: req.Model, Usage: message.Usage{Input: 1000, Output: 100}}, false, nil
}

// judged scores a work by whether it answers the input's question.
func (h *house) judged(asked string) message.Response {
	n := asked[strings.Index(asked, "question ")+len("question "):]
	n = strings.TrimRight(n[:strings.IndexByte(n, '\n')], `"`)
	score := 0
	if strings.Contains(asked, "answer "+n+"\n") {
		score = 1
	}
	return message.Response{
		Message: message.Text(message.Assistant, fmt.Sprintf(`{"scores": {"right": %d}}`, score)), Finish: message.FinishStop, Model: h.judge.Model,
		Usage: message.Usage{Input: 1000, Output: 10},
	}
}

func (h *house) Steps(context.Context) ([]nightly.Step, error) {
	var out []nightly.Step
	large := h.ladder.Tiers[1]
	for i := range h.skills {
		out = append(out, nightly.Step{
			Skill: fmt.Sprintf("skill-%03d", i), Step: "main", Ladder: h.ladder, Current: large, Policy: h.policy, Items: h.items,
			Effective: tier.Effective{Rung: tier.Rung{Ladder: "l", Name: "large", Index: 1}}, Runs: int64(1000 * (i + 1)), Shared: h.shared,
		})
	}
	return out, nil
}

func (h *house) Subject(_ context.Context, s nightly.Step, candidate *config.Tier) (evolve.Subject, error) {
	var n int
	if _, err := fmt.Sscanf(s.Skill, "skill-%d", &n); err != nil {
		return evolve.Subject{}, err
	}
	if h.broken(n) {
		return evolve.Subject{}, errors.New("its items cannot be read")
	}
	set, problems := gate.Compile([]gate.Spec{{Name: "short", Kind: "max_chars", Int: 40}}, nil, gate.Options{})
	if len(problems) > 0 {
		return evolve.Subject{}, fmt.Errorf("%v", problems)
	}
	pool := &trial.Pool{Source: "authored", Repeats: 1}
	of := n
	if h.common {
		of = 0
	}
	for i := range h.items {
		it := trial.Item{ID: fmt.Sprint(i), Input: json.RawMessage(fmt.Sprintf(`"question %d of %d"`, i, of)), Reference: json.RawMessage(fmt.Sprintf(`"answer %d of %d"`, i, of))}
		digest, err := canonjson.Digest(it)
		if err != nil {
			return evolve.Subject{}, err
		}
		it.Digest = digest
		pool.Prove = append(pool.Prove, it)
	}
	out := evolve.Subject{
		Skill: s.Skill, Step: "main", Pool: pool, Current: s.Current, Candidate: candidate, Tiers: map[string]*config.Tier{"main": s.Current}, Runs: s.Runs,
		Plan:  &run.Plan{Skill: s.Skill, Hash: "sha256:h", Scope: "default", Steps: []run.Step{{Name: "main", Prompt: "Answer."}}, Gates: set, Retries: 1, Timeout: time.Minute},
		Terms: evolve.Terms{Method: verdict.Pool1, Margin: 100_000, Alpha: 50_000, MaxItems: 400, PlantedSize: 10, Gates: []evidence.GateDef{{Name: "short", Margin: 20_000}}},
	}
	if h.common { // its own prompt, so that the model knows who asks
		out.Plan.Steps[0].Prompt = fmt.Sprintf("Answer for %d.", n)
	}
	if h.judge != nil {
		out.Judge = h.judge
		out.Measure.Dimensions = []*config.Dimension{{Name: "right", Kind: "reasoning", Weight: 1, Rubric: "It answers."}}
		out.Terms.Dims = []evidence.DimDef{{Name: "right", Kind: "reasoning", Weight: 1_000_000, Margin: 50_000}}
	}
	if h.policy.Fleet {
		out.Terms.Method = verdict.Grid8
		if h.places[s.Skill] == 0 {
			h.places[s.Skill] = len(h.places) + 1
		}
		fleet, err := h.Fleet(context.Background(), h.policy.Name)
		if err != nil {
			return out, err
		}
		out.Fleet = &evidence.Fleet{Policy: h.policy.Name, Place: h.places[s.Skill], First: h.skills, Accepted: fleet.Accepted}
	}
	return out, nil
}

func (h *house) Apply(_ context.Context, moves []nightly.Move) (string, map[string]string, error) {
	h.moves = append(h.moves, moves...)
	for _, m := range moves {
		if h.applies == nil || !h.applies(m.Skill) {
			continue
		}
		h.moved(m)
	}
	return "diff", nil, nil
}

// moved writes down that a move was made.
func (h *house) moved(m nightly.Move) {
	h.t.Helper()
	line, err := canonjson.Marshal(evidence.Event{V: evidence.Version, Kind: evidence.KindEvent, Skill: m.Skill, Step: m.Step, Event: evidence.Moved, At: m.Since, From: m.From.Ref(), To: m.To.Ref()})
	if err != nil {
		h.t.Fatal(err)
	}
	if err := h.Append(m.Skill, append(line, '\n')); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) Refused(_ context.Context, moves []nightly.Move) (map[string]string, error) {
	out := map[string]string{}
	for _, m := range moves {
		if h.edited[m.Skill] {
			out[m.Skill+"/"+m.Step] = "the policy file was changed by hand"
		}
	}
	return out, nil
}

func (h *house) Fleet(context.Context, string) (verdict.Fleet, error) {
	var f verdict.Fleet
	for i := range h.skills {
		log, err := h.Read(fmt.Sprintf("skill-%03d", i))
		if err != nil {
			return f, err
		}
		for _, o := range log.Epochs {
			if o.Moved {
				f.Accepted++
			}
			if o.Fleet != nil {
				f.Given += o.Fleet.Weight
			}
		}
	}
	return f, nil
}
func (h *house) Checkpoint() (string, error) { return "", nil }

func (h *house) night(o nightly.Options) *report.Night {
	h.t.Helper()
	o.AsOf = h.bench.AsOf
	n, err := nightly.Run(h.t.Context(), h, h.bench, o)
	if err != nil {
		h.t.Fatal(err)
	}
	return n
}

// files is all evidence, with what a clock measured taken off.
func (h *house) files() string {
	var out bytes.Buffer
	for i := range h.skills {
		for line := range bytes.Lines(h.src[fmt.Sprintf("skill-%03d", i)]) {
			var doc map[string]any
			if err := json.Unmarshal(line, &doc); err != nil {
				h.t.Fatal(err)
			}
			for _, side := range []string{"current", "candidate"} {
				if arm, ok := doc[side].(map[string]any); ok {
					delete(arm, "ms")
				}
			}
			raw, err := canonjson.Marshal(doc)
			if err != nil {
				h.t.Fatal(err)
			}
			out.Write(append(raw, '\n'))
		}
	}
	return out.String()
}

// The same night is the same evidence, audit places included, in whatever order
// answers come back; nothing is bought twice; and one broken skill stops no other.
func TestSameNightSameEvidence(t *testing.T) {
	var first string
	for round := range 3 {
		h := newHouse(t, 7, 40)
		h.slow = time.Duration(round) * 3 * time.Millisecond
		h.bad = func(s int) bool { return s%3 == 1 }
		h.broken = func(s int) bool { return s == 5 }
		h.ladder.Tiers[0].Backend = &config.Backend{Name: "other", Plugin: "openai"} // so that rounds hold several
		n := h.night(nightly.Options{})
		if n.Totals.Moved != 4 || len(n.Problems) != 1 {
			t.Fatalf("%+v, problems %q", n.Totals, n.Problems)
		}
		for id, times := range h.calls {
			if times > 1 {
				t.Errorf("%s was called %d times", id, times)
			}
		}
		if round == 0 {
			first = h.files()
		} else if got := h.files(); got != first {
			t.Fatalf("night %d left other evidence:\n%s\nnot\n%s", round, got[:400], first[:400])
		}
		before := len(h.calls)
		if h.night(nightly.Options{}); len(h.calls) != before || h.files() != first {
			t.Errorf("a second night bought %d more", len(h.calls)-before)
		}
	}
}

// No more calls than a backend has places for, whatever is due.
func TestPlaces(t *testing.T) {
	h := newHouse(t, 12, 40)
	h.slow = 4 * time.Millisecond
	h.night(nightly.Options{Places: func(string) int { return 5 }})
	if h.most > 5 || h.most < 4 {
		t.Errorf("%d calls at a time, and there are 5 places", h.most)
	}
}

// With too little money for all, it goes where an item saves most, and no night
// spends more than its budget and the surprise of what had no price.
func TestMoneyGoesWhereItSavesMost(t *testing.T) {
	h := newHouse(t, 10, 40)
	h.policy.Budget = 900_000
	n := h.night(nightly.Options{})
	if n.Totals.Spent > h.policy.Budget+13_000 {
		t.Errorf("spent %d of %d", n.Totals.Spent, h.policy.Budget)
	}
	if n.Totals.Moved == 0 || n.Totals.Moved == 10 {
		t.Fatalf("%d moved: no test of what comes first", n.Totals.Moved)
	}
	for i, m := range h.moves {
		if want := fmt.Sprintf("skill-%03d", 9-i); m.Skill != want {
			t.Errorf("move %d is %s, and %s saves more", i, m.Skill, want)
		}
	}
}

// Models on one piece of hardware are never called at the same time, and take
// turns far less often than once a batch.
func TestTurnsOnHardware(t *testing.T) {
	h := newHouse(t, 6, 40)
	for _, t := range h.ladder.Tiers {
		t.Hardware = "rack"
	}
	n := h.night(nightly.Options{})
	if h.together {
		t.Error("two models were called at once on hardware that holds one")
	}
	if n.Totals.Moved != 6 {
		t.Errorf("%d of 6 moved", n.Totals.Moved)
	}
	batches := n.Totals.Trials / 16
	if h.loads > batches/2 {
		t.Errorf("models were loaded %d times for %d batches", h.loads, batches)
	}
	if len(n.Phases) != 1 || n.Phases[0].Switches != h.loads {
		t.Errorf("the report says %+v, and there were %d", n.Phases, h.loads)
	}
}

// Under the false-discovery rule nothing moves that was not accepted, what is
// accepted is written down, and any reader recomputes it from the files.
func TestFleetNight(t *testing.T) {
	h := newHouse(t, 8, 120)
	h.policy.Fleet = true
	h.bad = func(s int) bool { return s >= 6 }
	n := h.night(nightly.Options{})
	if n.Totals.Moved != 6 || len(h.moves) != 6 {
		for _, r := range n.Rows {
			t.Logf("%s %s %s", r.Skill, r.Decision, r.Reason)
		}
		t.Fatalf("%+v", n.Totals)
	}
	for i := range 8 {
		log, err := h.Read(fmt.Sprintf("skill-%03d", i))
		if err != nil {
			t.Fatal(err)
		}
		o := log.Epochs[0]
		if got := o.Acceptance != nil; got != (i < 6) {
			t.Errorf("skill %d accepted: %v", i, got)
		}
		if rec := o.Recompute(); (rec.Decision == verdict.Downgrade) != (i < 6) {
			t.Errorf("skill %d recomputes to %s: %s", i, rec.Decision, rec.Reason)
		}
		if i < 6 && (o.Acceptance.Together != 6 || o.Acceptance.Before != 0) {
			t.Errorf("skill %d: %+v", i, o.Acceptance)
		}
	}
	calls, files := len(h.calls), h.files()
	h.moves = nil
	if n := h.night(nightly.Options{}); len(h.calls) != calls || h.files() != files || n.Totals.Moved != 6 {
		t.Errorf("the next night, with nothing moved yet: %d calls more, %+v", len(h.calls)-calls, n.Totals)
	}
}

// Tests that run out of items below their own bar are accepted together at a
// lower one, and frozen there.
func TestFleetTogether(t *testing.T) {
	h := newHouse(t, 12, 74)
	h.policy.Fleet = true
	n := h.night(nightly.Options{})
	moved := n.Totals.Moved
	if moved < 10 {
		for _, r := range n.Rows {
			t.Logf("%s %s %s", r.Skill, r.Decision, r.Reason)
		}
		t.Fatalf("%d of 12 moved", moved)
	}
	lower := 0
	for i := range 12 {
		log, err := h.Read(fmt.Sprintf("skill-%03d", i))
		if err != nil {
			t.Fatal(err)
		}
		if o := log.Epochs[0]; o.Acceptance != nil {
			rec := o.Recompute()
			if rec.Decision != verdict.Downgrade || rec.EValue < rec.Threshold {
				t.Errorf("skill %d recomputes to %s with %d of %d: %s", i, rec.Decision, rec.EValue, rec.Threshold, rec.Reason)
			}
			open := o.Params()
			open.FrozenAt, open.FrozenBar = 0, 0
			if float64(rec.Threshold) < 1e6/open.AlphaEff() {
				lower++
			}
		}
	}
	if lower == 0 {
		t.Error("nobody was accepted below a bar of its own: the test shows nothing")
	}
}
