package evolve_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/audit"
	"github.com/plimsoll-dev/plimsoll/core/evidence"
	"github.com/plimsoll-dev/plimsoll/core/evolve"
	"github.com/plimsoll-dev/plimsoll/core/gate"
	"github.com/plimsoll-dev/plimsoll/core/run"
	"github.com/plimsoll-dev/plimsoll/core/store"
	"github.com/plimsoll-dev/plimsoll/core/store/badgerstore"
	"github.com/plimsoll-dev/plimsoll/core/trial"
	"github.com/plimsoll-dev/plimsoll/core/verdict"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/sdk/canonjson"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// desk is a bench with models that answer by a function of tier and item.
type desk struct {
	mu     sync.Mutex
	calls  int
	answer func(model, input string) (string, error)
	files  files
	bench  *evolve.Bench
	store  store.Store
}

func (d *desk) Generate(_ context.Context, _ string, req message.Request) (message.Response, bool, error) {
	d.mu.Lock()
	d.calls++
	d.mu.Unlock()
	text, err := d.answer(req.Model, req.Messages[len(req.Messages)-1].String())
	if err != nil {
		return message.Response{}, false, err
	}
	return message.Response{Message: message.Text(message.Assistant, text), Finish: message.FinishStop, Model: req.Model, Usage: message.Usage{Input: 1000, Output: 100}}, false, nil
}

// files is an evidence folder in memory.
type files struct{ src map[string][]byte }

func (f *files) Name(skill string) string { return "evidence/" + skill + ".jsonl" }
func (f *files) Read(skill string) (*evidence.Log, error) {
	log, diags := evidence.Parse(f.Name(skill), f.src[skill])
	return log, diags.Err()
}
func (f *files) Append(skill string, lines []byte) error {
	f.src[skill] = append(f.src[skill], lines...)
	return nil
}

// still is a clock that stands: a busy machine's pauses are no latency of a model,
// and must not decide a test.
func still() time.Time { return time.Date(2026, 7, 2, 2, 0, 0, 0, time.UTC) }

func newDesk(t *testing.T, answer func(model, input string) (string, error)) *desk {
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
	d := &desk{answer: answer, files: files{map[string][]byte{}}, store: db}
	d.bench = &evolve.Bench{
		Runs:  run.Executor{Models: d, Blobs: db, Now: still, Sleep: func(context.Context, time.Duration) {}},
		Store: db, Files: &d.files, Scope: "default", Origin: "plimsoll/test",
		AsOf: time.Date(2026, 7, 2, 2, 0, 0, 0, time.UTC), Parallel: 8,
	}
	return d
}

func tiers() (small, large *config.Tier) {
	b := &config.Backend{Name: "api", Plugin: "openai"}
	small = &config.Tier{Ladder: "l", Name: "small", Index: 0, Model: "small", Family: "f", Backend: b, Price: config.Price{Known: true, TokenPrice: config.TokenPrice{Input: 1_000_000, Output: 1_000_000}}}
	large = &config.Tier{Ladder: "l", Name: "large", Index: 1, Model: "large", Family: "f", Backend: b, Price: config.Price{Known: true, TokenPrice: config.TokenPrice{Input: 10_000_000, Output: 10_000_000}}}
	return small, large
}

func subject(t *testing.T, n int) evolve.Subject {
	t.Helper()
	set, problems := gate.Compile([]gate.Spec{{Name: "short", Kind: "max_chars", Int: 40}}, nil, gate.Options{})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	small, large := tiers()
	pool := &trial.Pool{Source: "authored", Repeats: 1}
	for i := range n {
		it := trial.Item{ID: fmt.Sprint(i), Input: json.RawMessage(fmt.Sprintf(`"question %d"`, i)), Reference: json.RawMessage(fmt.Sprintf(`"answer %d"`, i))}
		digest, err := canonjson.Digest(it)
		if err != nil {
			t.Fatal(err)
		}
		it.Digest = digest
		pool.Prove = append(pool.Prove, it)
	}
	return evolve.Subject{
		Skill: "quiz", Step: "main", Pool: pool, Current: large, Candidate: small, Tiers: map[string]*config.Tier{"main": large},
		Plan: &run.Plan{Skill: "quiz", Hash: "sha256:h", Scope: "default", Steps: []run.Step{{Name: "main", Prompt: "Answer."}}, Gates: set, Retries: 1, Timeout: time.Minute},
		Terms: evolve.Terms{Method: verdict.Pool1, Margin: 50_000, Alpha: 50_000, MaxItems: 400, PlantedSize: 30,
			Gates: []evidence.GateDef{{Name: "short", Margin: 20_000}}},
	}
}

func right(_, input string) (string, error) {
	return strings.Replace(input, "question", "answer", 1), nil
}

var noLimit = evolve.Budget{Left: -1}

func TestAnIdenticalModelIsProvedAndNothingIsBoughtTwice(t *testing.T) {
	d := newDesk(t, right)
	res, err := d.bench.Measure(t.Context(), subject(t, 100), noLimit)
	if err != nil {
		t.Fatal(err)
	}
	if res.Record.Decision != verdict.Downgrade {
		t.Fatalf("got %s: %s", res.Record.Decision, res.Record.Reason)
	}
	if res.Bought != d.calls || res.Spent == 0 {
		t.Fatalf("bought %d trials with %d calls for %d", res.Bought, d.calls, res.Spent)
	}
	calls, file := d.calls, bytes.Clone(d.files.src["quiz"])
	again, err := d.bench.Measure(t.Context(), subject(t, 100), noLimit)
	if err != nil {
		t.Fatal(err)
	}
	if d.calls != calls || again.Spent != 0 || !bytes.Equal(file, d.files.src["quiz"]) {
		t.Fatalf("the second night made %d calls and spent %d", d.calls-calls, again.Spent)
	}
}

func TestAWorseModelIsDisproved(t *testing.T) {
	d := newDesk(t, func(model, input string) (string, error) {
		if model == "small" && strings.HasSuffix(input, "3") {
			return "no idea", nil
		}
		return right(model, input)
	})
	res, err := d.bench.Measure(t.Context(), subject(t, 200), noLimit)
	if err != nil {
		t.Fatal(err)
	}
	if res.Record.Decision != verdict.Hold || res.Assessment.Test.Outcome != verdict.Disproved {
		t.Fatalf("got %s: %s", res.Record.Decision, res.Record.Reason)
	}
}

// Swapping the models' abilities swaps the decision: scores alone decide.
func TestDecisionsFollowAbilities(t *testing.T) {
	for weak, want := range map[string]verdict.Decision{"small": verdict.Hold, "large": verdict.Downgrade} {
		d := newDesk(t, func(model, input string) (string, error) {
			if model == weak && len(input)%2 == 0 {
				return "no idea", nil
			}
			return right(model, input)
		})
		res, err := d.bench.Measure(t.Context(), subject(t, 150), noLimit)
		if err != nil {
			t.Fatal(err)
		}
		if res.Record.Decision != want {
			t.Errorf("with a weak %s model: %s, want %s: %s", weak, res.Record.Decision, want, res.Record.Reason)
		}
	}
}

func TestBudgetStopsAndTheNextNightContinues(t *testing.T) {
	d := newDesk(t, right)
	s := subject(t, 100)
	var nights int
	var res *evolve.Result
	for nights = 1; nights <= 20; nights++ {
		var err error
		if res, err = d.bench.Measure(t.Context(), s, evolve.Budget{Left: 200_000}); err != nil {
			t.Fatal(err)
		}
		if res.Spent > 200_000+20_000 {
			t.Fatalf("a night with 0.20 USD spent %d micro-dollars", res.Spent)
		}
		if res.Record.Decision == verdict.Downgrade {
			break
		}
		if res.Stopped != "the budget is used up" || res.Record.Decision != verdict.Undecided {
			t.Fatalf("night %d stopped because %q and decided %s", nights, res.Stopped, res.Record.Decision)
		}
	}
	if nights < 3 || nights > 15 {
		t.Fatalf("took %d nights", nights)
	}
	if items := bytes.Count(d.files.src["quiz"], []byte(`"kind":"pair"`)); d.calls != 2*items {
		t.Fatalf("%d calls for %d items: something was bought twice", d.calls, items)
	}
	if _, err := d.bench.Measure(t.Context(), s, evolve.Budget{Left: 0}); err != nil {
		t.Fatal(err)
	}
}

// A checkout that has the evidence but not the state continues from it.
func TestAnotherCheckoutContinues(t *testing.T) {
	d := newDesk(t, right)
	s := subject(t, 100)
	if _, err := d.bench.Measure(t.Context(), s, evolve.Budget{Left: 300_000}); err != nil {
		t.Fatal(err)
	}
	have := bytes.Count(d.files.src["quiz"], []byte("\n")) - 1
	other := newDesk(t, right)
	other.files.src["quiz"] = bytes.Clone(d.files.src["quiz"])
	res, err := other.bench.Measure(t.Context(), s, noLimit)
	if err != nil {
		t.Fatal(err)
	}
	if res.Record.Decision != verdict.Downgrade || res.EpochIndex != 1 {
		t.Fatalf("epoch %d: %s %s", res.EpochIndex, res.Record.Decision, res.Record.Reason)
	}
	if fresh := other.calls; fresh >= 2*res.Record.N || have == 0 {
		t.Fatalf("made %d calls for %d items although %d were known", fresh, res.Record.N, have)
	}
}

func TestAChangeOpensTheNextEpoch(t *testing.T) {
	d := newDesk(t, right)
	s := subject(t, 100)
	if _, err := d.bench.Measure(t.Context(), s, noLimit); err != nil {
		t.Fatal(err)
	}
	s.Plan.Hash = "sha256:edited"
	res, err := d.bench.Measure(t.Context(), s, noLimit)
	if err != nil {
		t.Fatal(err)
	}
	if res.EpochIndex != 2 || res.Record.Threshold <= 20_000_000 {
		t.Fatalf("epoch %d with threshold %d: a second epoch is stricter", res.EpochIndex, res.Record.Threshold)
	}
	line, err := canonjson.Marshal(evidence.Event{V: 1, Kind: evidence.KindEvent, Skill: "quiz", Step: "main", Event: evidence.Escalated, At: d.bench.AsOf, Closes: []string{res.Epoch.ID()}})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.files.Append("quiz", append(line, '\n')); err != nil {
		t.Fatal(err)
	}
	before := d.calls
	if res, err = d.bench.Measure(t.Context(), s, noLimit); err != nil || res.EpochIndex != 3 {
		t.Fatalf("an escalation closes the epoch: got epoch %d, %v", res.EpochIndex, err)
	}
	if d.calls-before < 2*res.Record.N {
		t.Fatalf("epoch 3 was measured with %d calls for %d items: what an earlier epoch saw is no evidence", d.calls-before, res.Record.N)
	}
}

// An outage never counts as quality: it waits, and only a model that never
// answers becomes missing, which is no good news for it.
func TestOutage(t *testing.T) {
	down := true
	d := newDesk(t, func(model, input string) (string, error) {
		if model == "small" && down {
			return "", &run.CallError{Code: "unavailable", Message: "connection refused"}
		}
		return right(model, input)
	})
	s := subject(t, 100)
	res, err := d.bench.Measure(t.Context(), s, noLimit)
	if err != nil {
		t.Fatal(err)
	}
	if res.Record.N != 0 || !strings.Contains(res.Stopped, "connection refused") {
		t.Fatalf("%d pairs, stopped because %q", res.Record.N, res.Stopped)
	}
	down = false
	if res, err = d.bench.Measure(t.Context(), s, noLimit); err != nil || res.Record.Decision != verdict.Downgrade {
		t.Fatalf("after the outage: %v %+v", err, res.Record.Reason)
	}
	// A tier that never answers is an outage for ever: nothing is decided, and
	// nothing is held against any item.
	dead := newDesk(t, func(model, input string) (string, error) {
		if model == "small" {
			return "", &run.CallError{Code: "unavailable", Message: "connection refused"}
		}
		return right(model, input)
	})
	for range 5 {
		dead.bench.AsOf = dead.bench.AsOf.Add(24 * time.Hour)
		if res, err = dead.bench.Measure(t.Context(), s, noLimit); err != nil {
			t.Fatal(err)
		}
	}
	if res.Record.N != 0 || res.Record.Decision == verdict.Downgrade {
		t.Fatalf("a tier that never answers: %d pairs, %s", res.Record.N, res.Record.Decision)
	}
}

// An item that alone gets no answer, night after night, is missing in the end:
// a model that crashes on what is hard must not be asked until it answers.
func TestTheOneThatNeverAnswersIsMissing(t *testing.T) {
	d := newDesk(t, func(model, input string) (string, error) {
		if model == "small" && strings.HasSuffix(input, "question 7") {
			return "", &run.CallError{Code: "unavailable", Message: "it crashed"}
		}
		return right(model, input)
	})
	s := subject(t, 100)
	var res *evolve.Result
	nights := 0
	for ; nights < 6; nights++ {
		d.bench.AsOf = d.bench.AsOf.Add(24 * time.Hour)
		for range 3 { // three times in one night count once
			var err error
			if res, err = d.bench.Measure(t.Context(), s, noLimit); err != nil {
				t.Fatal(err)
			}
		}
		if res.Assessment.Missing.Candidate > 0 || res.Record.Decision == verdict.Downgrade {
			break
		}
	}
	if res.Record.Decision == verdict.Downgrade && res.Assessment.Missing.Candidate == 0 {
		t.Skip("the seed's order put the item behind the close of the test")
	}
	if nights != 2 || res.Assessment.Missing.Candidate != 1 {
		t.Fatalf("after %d nights %d items are missing", nights+1, res.Assessment.Missing.Candidate)
	}
}

// Taking lines away and numbering the rest anew is found by whoever has the pool.
func TestCherryPickedEvidenceIsRefused(t *testing.T) {
	d := newDesk(t, right)
	s := subject(t, 100)
	if _, err := d.bench.Measure(t.Context(), s, evolve.Budget{Left: 300_000}); err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(d.files.src["quiz"]), "\n")
	kept := []string{lines[0]}
	for i, line := range lines[2:] { // the first pair is gone
		kept = append(kept, strings.Replace(line, fmt.Sprintf(`"order":%d,`, i+1), fmt.Sprintf(`"order":%d,`, i), 1))
	}
	d.files.src["quiz"] = []byte(strings.Join(kept, ""))
	if _, diags := evidence.Parse("f", d.files.src["quiz"]); diags.HasErrors() {
		t.Fatalf("the file alone cannot tell: %v", diags)
	}
	if _, err := d.bench.Measure(t.Context(), s, noLimit); err == nil || !strings.Contains(err.Error(), "edited") {
		t.Fatalf("got %v", err)
	}
}

// A refusal among the current tier's answers leaves nothing to damage, and is no
// reason to fail.
func TestPlantedArmSkipsWhatHasNoAnswer(t *testing.T) {
	d := newDesk(t, func(model, input string) (string, error) {
		if strings.HasSuffix(input, "1") {
			return "", &run.CallError{Code: "content_policy", Message: "no"}
		}
		return right(model, input)
	})
	res, err := d.bench.Measure(t.Context(), subject(t, 100), noLimit)
	if err != nil {
		t.Fatal(err)
	}
	if res.Record.Decision != verdict.Downgrade || !res.Assessment.Planted.Seen {
		t.Fatalf("%s: %s", res.Record.Decision, res.Record.Reason)
	}
}

// What was proved before does not move a skill to a backend that may not see its
// inputs any more.
func TestAVetoBeatsAnOldProof(t *testing.T) {
	d := newDesk(t, right)
	s := subject(t, 100)
	if res, err := d.bench.Measure(t.Context(), s, noLimit); err != nil || res.Record.Decision != verdict.Downgrade {
		t.Fatalf("%v %+v", err, res)
	}
	s.Plan.Allow = map[string]bool{"other": true}
	res, err := d.bench.Measure(t.Context(), s, noLimit)
	if err != nil || res.Record.Decision != verdict.Hold || !strings.Contains(res.Record.Reason, "may not see") {
		t.Fatalf("%v %s: %s", err, res.Record.Decision, res.Record.Reason)
	}
}

func TestWhatCannotBeMeasuredBuysNothing(t *testing.T) {
	small, _ := tiers()
	for name, c := range map[string]struct {
		change func(*evolve.Subject)
		why    string
	}{
		"no reference": {func(s *evolve.Subject) {
			for i := range s.Pool.Prove {
				s.Pool.Prove[i].Reference = nil
			}
		}, "measures content"},
		"no judge": {func(s *evolve.Subject) {
			s.Measure.Dimensions = []*config.Dimension{{Name: "x", Weight: 1}}
		}, "need a judge"},
		"a judge of the family": {func(s *evolve.Subject) {
			s.Measure.Dimensions = []*config.Dimension{{Name: "x", Weight: 1}}
			s.Judge = small
		}, "family"},
		"data class": {func(s *evolve.Subject) {
			s.Plan.Allow = map[string]bool{"other": true}
		}, "may not see"},
		"simulated against real": {func(s *evolve.Subject) {
			c := *s.Candidate
			c.Backend = &config.Backend{Name: "sim", Plugin: "sim"}
			s.Candidate = &c
		}, "simulated model"},
		"out of reach": {func(s *evolve.Subject) {
			s.Terms.Method, s.Terms.MaxItems, s.Pool.Source = verdict.Star1, 30, "traffic"
		}, "out of reach"},
	} {
		d := newDesk(t, right)
		s := subject(t, 60)
		c.change(&s)
		res, err := d.bench.Measure(t.Context(), s, noLimit)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if d.calls != 0 || !strings.Contains(res.Stopped, c.why) || res.Record.Decision == verdict.Downgrade {
			t.Errorf("%s: %d calls, stopped because %q, %s", name, d.calls, res.Stopped, res.Record.Decision)
		}
		if len(d.files.src["quiz"]) > 0 {
			t.Errorf("%s: wrote evidence", name)
		}
	}
}

// A measurement that cannot see damage proves nothing: a skill whose answers are
// all the same holds, however equal the models are.
func TestPlantedDamageMustBeSeen(t *testing.T) {
	d := newDesk(t, func(string, string) (string, error) { return "yes", nil })
	s := subject(t, 100)
	for i := range s.Pool.Prove {
		s.Pool.Prove[i].Reference = json.RawMessage(`"yes"`)
	}
	res, err := d.bench.Measure(t.Context(), s, noLimit)
	if err != nil {
		t.Fatal(err)
	}
	if res.Assessment.Test.Outcome != verdict.Proved || res.Record.Decision != verdict.Hold {
		t.Fatalf("%s and %s", res.Assessment.Test.Outcome, res.Record.Decision)
	}
}
