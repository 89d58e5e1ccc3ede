package evolve_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/plimsoll-dev/plimsoll/core/evidence"
	"github.com/plimsoll-dev/plimsoll/core/evolve"
	"github.com/plimsoll-dev/plimsoll/core/run"
	"github.com/plimsoll-dev/plimsoll/core/store"
	"github.com/plimsoll-dev/plimsoll/core/verdict"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// court is models that answer, and a judge whose calls are kept.
type court struct {
	mu     sync.Mutex
	judged []message.Request
	calls  int
	answer func(req message.Request) message.Response // the judge's
	lost   func(model string, n int) bool
	says   func(model, input string) string // nil: every model answers right
}

func (c *court) Generate(_ context.Context, backend string, req message.Request) (message.Response, bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls++
	lost := c.lost != nil && c.lost(req.Model, c.calls)
	if backend == "court" {
		c.judged = append(c.judged, req)
		resp := c.answer(req)
		resp.Usage = message.Usage{Input: 1000, Output: 10}
		return resp, lost, nil
	}
	text, _ := right(req.Model, req.Messages[len(req.Messages)-1].String())
	if c.says != nil {
		text = c.says(req.Model, req.Messages[len(req.Messages)-1].String())
	}
	return message.Response{Message: message.Text(message.Assistant, text), Finish: message.FinishStop, Model: req.Model, Usage: message.Usage{Input: 1000, Output: 100}}, lost, nil
}

// fair scores a work by whether it answers the input's question.
func fair(req message.Request) message.Response {
	user := req.Messages[1].String()
	n := user[strings.Index(user, "question ")+len("question "):]
	n = n[:strings.IndexByte(n, '\n')]
	score := "0"
	if strings.Contains(user, "answer "+n+"\n") {
		score = "1"
	}
	return message.Response{Message: message.Text(message.Assistant, `{"scores": {"right": `+score+`}}`), Finish: message.FinishStop, Model: "judge-2026"}
}

func judgeTier() *config.Tier {
	return &config.Tier{Ladder: "court", Name: "house", Model: "judge-1", Family: "glm", Backend: &config.Backend{Name: "court", Plugin: "openai"},
		Price: config.Price{Known: true, TokenPrice: config.TokenPrice{Input: 3_000_000, Output: 10_000_000}}}
}

// judgedSubject has a reference, which no judge but a simulated one may see.
func judgedSubject(t *testing.T, n int) evolve.Subject {
	s := subject(t, n)
	s.Measure.Dimensions = []*config.Dimension{{Name: "right", Kind: "reasoning", Weight: 1, Rubric: "It answers."}}
	s.Terms.Dims = []evidence.DimDef{{Name: "right", Kind: "reasoning", Weight: 1_000_000, Margin: 50_000}}
	for i := range s.Pool.Prove {
		s.Pool.Prove[i].Reference = json.RawMessage(fmt.Sprintf(`"the secret reference %d"`, i))
	}
	s.Judge = judgeTier()
	return s
}

func newCourt(t *testing.T, answer func(message.Request) message.Response) (*desk, *court) {
	d := newDesk(t, right)
	c := &court{answer: answer}
	d.bench.Runs.Models = c
	return d, c
}

func TestWhatAJudgeSees(t *testing.T) {
	d, c := newCourt(t, fair)
	tap := &tapped{Store: d.store}
	d.bench.Store = tap
	s := judgedSubject(t, 60)
	s.Current.Family, s.Candidate.Family = "claude", "gemma"
	res, err := d.bench.Measure(t.Context(), s, noLimit)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.judged) < 2*res.Record.N || res.Record.N == 0 {
		t.Fatalf("%d works of %d pairs were judged", len(c.judged), res.Record.N)
	}
	works := map[string]int{}
	for _, req := range c.judged {
		all := req.Messages[0].String() + req.Messages[1].String()
		for _, hidden := range []string{"secret reference", "small", "large", "claude", "gemma", "quiz", "candidate"} {
			if strings.Contains(all, hidden) {
				t.Fatalf("the judge is told %q:\n%s", hidden, all)
			}
		}
		if req.Metadata != nil || req.Session != "" || len(req.Messages) != 2 || strings.Count(all, "answer ") > 1 || req.Messages[0].String() != c.judged[0].Messages[0].String() {
			t.Fatalf("the judge gets %+v", req)
		}
		works[req.Messages[1].String()]++
	}
	// Both arms answer alike, so both are asked about in the same words.
	for work, n := range works {
		if n != 2 && n != 1 { // planted damage is judged once
			t.Errorf("asked %d times: %s", n, work)
		}
	}
	// Every call of the judge is in the audit log, with what was asked by digest.
	audited := 0
	for _, e := range tap.entries {
		if e.Kind != "judge" {
			continue
		}
		audited++
		var doc struct {
			Calls []run.Call `json:"calls"`
		}
		if err := json.Unmarshal(e.Data, &doc); err != nil {
			t.Fatal(err)
		}
		prompt, err := d.store.GetBlob(doc.Calls[0].Prompt)
		if err != nil || !strings.Contains(string(prompt), "You score a piece of work") || doc.Calls[0].Reported != "judge-2026" {
			t.Errorf("the log has %+v, %v", doc.Calls, err)
		}
	}
	if audited != res.Bought {
		t.Errorf("%d of %d judged works are in the log", audited, res.Bought)
	}
}

// tapped keeps the audit entries that pass.
type tapped struct {
	store.Store
	mu      sync.Mutex
	entries []store.Entry
}

func (s *tapped) Commit(ctx context.Context, b store.Batch) (store.Receipt, error) {
	s.mu.Lock()
	s.entries = append(s.entries, b.Entries...)
	s.mu.Unlock()
	return s.Store.Commit(ctx, b)
}

func TestWhoMayNotJudge(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*evolve.Subject)
		why    string
	}{
		"the family of an arm, written otherwise":  {func(s *evolve.Subject) { s.Judge.Family = " F" }, "family"},
		"an arm's own model":                       {func(s *evolve.Subject) { s.Judge.Model = "hosted/Small" }, "no model judges itself"},
		"a backend that the data block leaves out": {func(s *evolve.Subject) { s.Plan.Allow = map[string]bool{"api": true} }, "may not see"},
		"a simulated judge of real models":         {func(s *evolve.Subject) { s.Judge.Backend.Plugin = "sim" }, "simulated judge"},
	} {
		d, court := newCourt(t, fair)
		s := judgedSubject(t, 60)
		c.change(&s)
		res, err := d.bench.Measure(t.Context(), s, noLimit)
		if err != nil {
			t.Fatal(err)
		}
		if court.calls != 0 || !strings.Contains(res.Stopped, c.why) || res.Record.Decision == verdict.Downgrade {
			t.Errorf("%s: %d calls, %q, %s", name, court.calls, res.Stopped, res.Record.Decision)
		}
	}
}

// An answer that is no judgement is a missing score, never a good one.
func TestJudgesThatDoNotJudge(t *testing.T) {
	good := `{"scores": {"right": 1}}`
	for name, c := range map[string]struct {
		resp message.Response
		why  string
	}{
		"talks":          {message.Response{Message: message.Text(message.Assistant, "Good work! "+good), Finish: message.FinishStop}, "not JSON"},
		"is cut off":     {message.Response{Message: message.Text(message.Assistant, good), Finish: message.FinishLength}, "cut off"},
		"refuses":        {message.Response{Message: message.Text(message.Assistant, good), Finish: message.FinishRefusal}, "refused"},
		"scores more":    {message.Response{Message: message.Text(message.Assistant, `{"scores": {"right": 1, "style": 1}}`), Finish: message.FinishStop}, "nobody asked"},
		"is out of 0..1": {message.Response{Message: message.Text(message.Assistant, `{"scores": {"right": 10}}`), Finish: message.FinishStop}, "0..1"},
		"is simulated":   {message.Response{Message: message.Text(message.Assistant, good), Finish: message.FinishStop, Simulated: true}, "simulated"},
	} {
		d, _ := newCourt(t, func(message.Request) message.Response { return c.resp })
		res, err := d.bench.Measure(t.Context(), judgedSubject(t, 60), noLimit)
		if err != nil {
			t.Fatal(err)
		}
		if res.Record.N != 0 || !strings.Contains(res.Stopped, c.why) || res.Record.Decision == verdict.Downgrade {
			t.Errorf("a judge that %s: %d pairs, %q, %s", name, res.Record.N, res.Stopped, res.Record.Decision)
		}
		if res.Spent == 0 {
			t.Errorf("a judge that %s was free", name)
		}
	}
}

// Another judge is another measurement, also when only the host changed it.
func TestAJudgeUnderAnotherIdClosesTheEpoch(t *testing.T) {
	n := 0
	d, _ := newCourt(t, func(req message.Request) message.Response {
		resp := fair(req)
		if n++; n > 40 {
			resp.Model = "judge-2027"
		}
		return resp
	})
	res, err := d.bench.Measure(t.Context(), judgedSubject(t, 60), noLimit)
	if err != nil {
		t.Fatal(err)
	}
	if file := string(d.files.src["quiz"]); !strings.Contains(file, "the judge ladder.court.house answered as judge-2027, and the epoch began with judge-2026") {
		t.Errorf("stopped because %q, and the evidence says\n%.3000s", res.Stopped, file)
	}
}
