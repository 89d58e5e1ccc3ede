package sim

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/sdk/backend"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

const digestRef = `{"tweets":[{"id":"t1","status":"new","summary":"The launch went well. Two people asked for a refund.","votes":12},
{"id":"t2","status":"ignore","summary":"A bot repeats an old joke about ships.","votes":3},
{"id":"t3","status":"follow_up","summary":"Mara asks when the docs appear. She needs them by Friday.","votes":41}],"decisions":["answer Mara","refund both"]}`

func ask(model string, t truth) message.Request {
	raw, err := json.Marshal(t)
	if err != nil {
		panic(err)
	}
	return message.Request{
		Model:    model,
		Messages: []message.Message{message.Text(message.System, "You digest tweets."), message.Text(message.User, "Item "+t.Item)},
		Metadata: map[string]string{TruthKey: string(raw)},
	}
}

func item(i int) truth {
	return truth{Item: fmt.Sprintf("item-%d", i), Skill: "digest", Step: "main", Reference: json.RawMessage(digestRef)}
}

func newSim(t testing.TB, model map[string]any, more ...any) backend.Model {
	t.Helper()
	values := map[string]any{"seed": 7, "models": map[string]any{"small": model, "other": model}}
	for i := 0; i+1 < len(more); i += 2 {
		values[more[i].(string)] = more[i+1]
	}
	m, err := New(values)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func answerOf(t testing.TB, m backend.Model, req message.Request) message.Response {
	t.Helper()
	resp, err := backend.Collect(context.Background(), m, req)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

func right(t testing.TB, m backend.Model, req message.Request) bool {
	t.Helper()
	v, ok := decode([]byte(answerOf(t, m, req).Message.String()))
	want, _ := decode([]byte(digestRef))
	return ok && encode(v) == encode(want)
}

// The share of right answers is the declared ability, whatever the correlation.
func TestAbilityIsWhatWasDeclared(t *testing.T) {
	const n = 1500
	for _, ability := range []float64{0, 0.3, 0.8, 1} {
		for _, correlation := range []float64{0, 0.5, 1} {
			m := newSim(t, map[string]any{"ability": ability}, "correlation", correlation)
			hits := 0
			for i := range n {
				if right(t, m, ask("small", item(i))) {
					hits++
				}
			}
			got, sd := float64(hits)/n, math.Sqrt(ability*(1-ability)/n)
			if math.Abs(got-ability) > 4*sd {
				t.Errorf("ability %v, correlation %v: %v of the answers are right", ability, correlation, got)
			}
		}
	}
}

// Two models meet the same difficulty when both take the shared draw, which
// happens with the square of the correlation.
func TestCorrelationMakesHardItemsHardForAll(t *testing.T) {
	const n = 1000
	agree := map[float64]float64{}
	for _, correlation := range []float64{0, 0.5, 1} {
		m := newSim(t, map[string]any{"ability": 0.5}, "correlation", correlation)
		same := 0
		for i := range n {
			if right(t, m, ask("small", item(i))) == right(t, m, ask("other", item(i))) {
				same++
			}
		}
		agree[correlation] = float64(same) / n
	}
	if agree[1] != 1 {
		t.Errorf("with correlation 1 models of one ability agree on %v of the items", agree[1])
	}
	if math.Abs(agree[0]-0.5) > 0.05 {
		t.Errorf("with correlation 0 they agree on %v, not on half", agree[0])
	}
	// Both take the shared draw with probability .25 and then agree; else half.
	if math.Abs(agree[0.5]-0.625) > 0.05 {
		t.Errorf("with correlation .5 they agree on %v, want .625", agree[0.5])
	}
}

func TestPrecedenceOfAbilities(t *testing.T) {
	m := model{
		Ability:   ptr(0.1),
		Abilities: map[string]float64{"s/d": 0.2, "s": 0.3, "d": 0.4, "reasoning": 0.5, "format": 0.6, "s/f": 0.65},
		Format:    ptr(0.7),
		Formats:   map[string]float64{"s": 0.8},
	}
	bare := model{Ability: ptr(0.1), Format: ptr(0.7)}
	for _, c := range []struct {
		name      string
		got, want float64
	}{
		{"skill and dimension", m.ability("s", "d", "reasoning"), 0.2},
		{"skill", m.ability("s", "x", "reasoning"), 0.3},
		{"dimension", m.ability("x", "d", "reasoning"), 0.4},
		{"kind", m.ability("x", "x", "reasoning"), 0.5},
		{"ability", bare.ability("s", "d", "reasoning"), 0.1},
		{"no ability", model{}.ability("s", "d", "reasoning"), 1},
		{"format of skill and dimension", m.format("s", "f"), 0.65},
		{"format of skill", m.format("s", "g"), 0.8},
		{"format of kind", m.format("x", ""), 0.6},
		{"format", bare.format("x", ""), 0.7},
		{"no format", model{}.format("x", ""), 1},
	} {
		if c.got != c.want {
			t.Errorf("%s: %v, want %v", c.name, c.got, c.want)
		}
	}
}

func ptr(f float64) *float64 { return &f }

func TestSameRequestSameBytesInAnyOrder(t *testing.T) {
	m := newSim(t, map[string]any{"ability": 0.5, "format": 0.5, "truncate": 0.1})
	const n = 60
	first := make([]string, n)
	for i := range n {
		first[i] = fmt.Sprint(answerOf(t, m, ask("small", item(i))))
	}
	again := newSim(t, map[string]any{"ability": 0.5, "format": 0.5, "truncate": 0.1})
	var wg sync.WaitGroup
	for i := n - 1; i >= 0; i-- {
		wg.Go(func() {
			req := ask("small", item(i))
			req.Idempotency, req.Session = fmt.Sprintf("run-%p/c1", &i), "another"
			req2 := ask("small", item(i))
			req2.Idempotency = "x/c1"
			if a, b := fmt.Sprint(answerOf(t, again, req)), fmt.Sprint(answerOf(t, again, req2)); a != b {
				t.Errorf("item %d: the run's id changes the answer", i)
			}
			if got := fmt.Sprint(answerOf(t, again, ask("small", item(i)))); got != first[i] {
				t.Errorf("item %d: %s\nwas %s", i, got, first[i])
			}
		})
	}
	wg.Wait()
	other := newSim(t, map[string]any{"ability": 0.5, "format": 0.5, "truncate": 0.1}, "seed", 8)
	differ := 0
	for i := range n {
		if fmt.Sprint(answerOf(t, other, ask("small", item(i)))) != first[i] {
			differ++
		}
	}
	if differ == 0 {
		t.Error("another seed makes the same mistakes")
	}
}

// A mistake of shape leaves the facts alone, so that the host's fixes and gates
// are what decides.
func TestFormatMistakesKeepTheFacts(t *testing.T) {
	m := newSim(t, map[string]any{"format": 0})
	want, _ := decode([]byte(digestRef))
	kinds := map[string]bool{}
	for i := range 300 {
		req := item(i)
		req.Gates = []gate{{Kind: "one_of", Path: "output.tweets.status", OneOf: []string{"new", "ignore", "follow_up"}},
			{Kind: "max_chars", Path: "tweets[].summary", Limit: 80}, {Kind: "max_items", Path: "output.decisions", Limit: 3}}
		text := answerOf(t, m, ask("small", req)).Message.String()
		if text == encode(want) {
			t.Fatalf("item %d: the shape is right", i)
		}
		if got := recall(text, want, "content", []string{"content"}); got < 1 {
			t.Errorf("item %d: facts are lost (recall %v): %s", i, got, text)
		}
		switch {
		case strings.Contains(text, "```"):
			kinds["fence"] = true
		case strings.Contains(text, `"New "`), strings.Contains(text, `"Ignore "`), strings.Contains(text, `"Follow_up "`):
			kinds["enum"] = true
		case strings.Contains(text, `"answer Mara","refund both",`):
			kinds["many"] = true
		case strings.Contains(text, "It is worth noting"):
			kinds["long"] = true
		}
	}
	if len(kinds) != 4 {
		t.Errorf("only these kinds of mistakes were seen: %v", kinds)
	}
}

// Every wrong dimension shows in its own score and, on the whole, not in others.
func TestJudgeTellsDimensionsApart(t *testing.T) {
	dims := []dimension{{Name: "coverage", Kind: "reasoning"}, {Name: "accuracy", Kind: "reasoning"}, {Name: "shape", Kind: "format"}}
	m := newSim(t, map[string]any{"abilities": map[string]any{"coverage": 0.5, "accuracy": 1.0}})
	low, n := 0, 0
	for i := range 200 {
		it := item(i)
		it.Dimensions = dims
		text := answerOf(t, m, ask("small", it)).Message.String()
		scores := judgeScores(t, m, dims, text)
		want, _ := decode([]byte(digestRef))
		if v, _ := decode([]byte(text)); encode(v) == encode(want) {
			if scores["coverage"] != 1 || scores["accuracy"] != 1 || scores["shape"] != 1 {
				t.Fatalf("a right answer is scored %v", scores)
			}
			continue
		}
		n++
		if scores["coverage"] == 1 {
			t.Errorf("item %d: coverage went wrong and is scored 1: %s", i, text)
		}
		if scores["accuracy"] < scores["coverage"] {
			low++
		}
	}
	if n < 60 || low > n/5 {
		t.Errorf("of %d answers without coverage, %d were blamed on accuracy", n, low)
	}
}

func judgeScores(t testing.TB, m backend.Model, dims []dimension, output string) map[string]float64 {
	t.Helper()
	raw, err := json.Marshal(judged{Dimensions: dims, Output: output, Reference: json.RawMessage(digestRef)})
	if err != nil {
		t.Fatal(err)
	}
	req := message.Request{Model: "small", Metadata: map[string]string{JudgeKey: string(raw)}}
	var doc struct {
		Scores map[string]float64 `json:"scores"`
	}
	text := answerOf(t, m, req).Message.String()
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return doc.Scores
}

func TestJudgeNoiseAndNonsense(t *testing.T) {
	dims := []dimension{{Name: "coverage", Kind: "reasoning"}}
	noisy := newSim(t, map[string]any{}, "judge_noise", 0.2)
	seen := map[float64]bool{}
	for i := range 20 {
		s := judgeScores(t, noisy, dims, strings.Replace(digestRef, "41", fmt.Sprint(100+i), 1))["coverage"]
		if s < 0 || s > 1 {
			t.Errorf("score %v", s)
		}
		seen[s] = true
	}
	if len(seen) < 5 {
		t.Errorf("noise gives only %d different scores", len(seen))
	}
	mad := newSim(t, map[string]any{}, "judge_nonsense", 1)
	raw, _ := json.Marshal(judged{Dimensions: dims, Output: digestRef, Reference: json.RawMessage(digestRef)})
	text := answerOf(t, mad, message.Request{Model: "small", Metadata: map[string]string{JudgeKey: string(raw)}}).Message.String()
	if json.Valid([]byte(text)) {
		t.Errorf("judge_nonsense 1 answers JSON: %s", text)
	}
}

func TestTextReference(t *testing.T) {
	ref, _ := json.Marshal("We ship on Friday. Mara writes the notes. The old plan of 12 May is void. Ask Jo for the keys.")
	for name, cfg := range map[string]map[string]any{"right": {}, "wrong content": {"ability": 0.0}, "wrong shape": {"format": 0.0}} {
		m := newSim(t, cfg)
		for i := range 50 {
			it := item(i)
			it.Reference = ref
			text := answerOf(t, m, ask("small", it)).Message.String()
			var want string
			_ = json.Unmarshal(ref, &want)
			if (text == want) != (name == "right") {
				t.Errorf("%s, item %d: %q", name, i, text)
			}
			if name == "wrong shape" && recall(text, any(want), "content", []string{"content"}) != 1 && !strings.Contains(text, "2. ") {
				t.Errorf("%s, item %d: content is lost: %q", name, i, text)
			}
		}
	}
}

// Whatever the reference is, an unable model's answer differs from it.
func TestEveryReferenceCanBeSpoiled(t *testing.T) {
	m := newSim(t, map[string]any{"ability": 0})
	for _, ref := range []string{`{}`, `[]`, `""`, `"x"`, `"unclear"`, `0`, `-1.5`, `true`, `[null]`, `{"a":null}`, `[[[]]]`,
		`9223372036854775807`, `1e300`, `1e400`, `[9007199254740993]`, `"2026-01-31"`, `{"a":{"b":{}}}`, `["same","same"]`, `"one. two. three."`, `" "`} {
		for i := range 20 {
			it := item(i)
			it.Reference = json.RawMessage(ref)
			text := answerOf(t, m, ask("small", it)).Message.String()
			plain := ref
			_ = json.Unmarshal([]byte(ref), &plain)
			if text == plain || text == ref {
				t.Errorf("%s comes out unchanged: %q", ref, text)
			}
		}
	}
}

func TestFailures(t *testing.T) {
	bg := context.Background()
	generate := func(cfg map[string]any, ctx context.Context) (message.Response, error) {
		return backend.Collect(ctx, newSim(t, cfg), ask("small", item(1)))
	}
	_, err := generate(map[string]any{"error_429": 1.0}, bg)
	if e := backend.AsError(err); e.Code != backend.RateLimited || !e.Retryable || e.RetryAfter <= 0 {
		t.Errorf("429: %+v", e)
	}
	_, err = generate(map[string]any{"error_500": 1.0}, bg)
	if e := backend.AsError(err); e.Code != backend.Unavailable || !e.Retryable {
		t.Errorf("500: %+v", e)
	}
	ctx, cancel := context.WithTimeout(bg, 20*time.Millisecond)
	defer cancel()
	if _, err = generate(map[string]any{"timeout": 1.0}, ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("timeout: %v", err)
	}
	if r, err := generate(map[string]any{"refuse": 1.0}, bg); err != nil || r.Finish != message.FinishRefusal {
		t.Errorf("refusal: %v %v", r, err)
	}
	r, err := generate(map[string]any{"truncate": 1.0}, bg)
	if err != nil || r.Finish != message.FinishLength || json.Valid([]byte(r.Message.String())) {
		t.Errorf("truncation: %v %v", r, err)
	}
	req := ask("small", item(1))
	req.Sampling.MaxOutput = 5
	if r := answerOf(t, newSim(t, map[string]any{}), req); r.Finish != message.FinishLength || r.Usage.Output > 5 {
		t.Errorf("max_output: %+v", r)
	}
	if _, err := backend.Collect(bg, newSim(t, map[string]any{}), message.Request{Model: "smal"}); backend.AsError(err).Code != backend.InvalidRequest || !strings.Contains(err.Error(), "small") {
		t.Errorf("unknown model: %v", err)
	}
}

// A failure that is drawn once would fail for ever; the next try is another draw.
func TestTriesAreDrawnAnew(t *testing.T) {
	m := newSim(t, map[string]any{"error_500": 0.5})
	changed := false
	for i := range 30 {
		req := ask("small", item(i))
		outcomes := map[bool]bool{}
		for try := range 6 {
			req.Idempotency = fmt.Sprintf("run/c%d", try)
			_, err := backend.Collect(context.Background(), m, req)
			outcomes[err == nil] = true
		}
		changed = changed || len(outcomes) == 2
	}
	if !changed {
		t.Error("no item ever succeeded at another try")
	}
}

func TestWithoutTruthItSaysWhatItIs(t *testing.T) {
	m := newSim(t, map[string]any{"reports": "small-2"})
	r := answerOf(t, m, message.Request{Model: "small", Messages: []message.Message{message.Text(message.User, "Name a ship.")}})
	if !strings.Contains(r.Message.String(), "simulated") || r.Model != "small-2" {
		t.Errorf("%+v", r)
	}
	d, err := m.Describe(context.Background())
	if err != nil || !d.Simulated || len(d.Models) != 2 {
		t.Errorf("%+v %v", d, err)
	}
}

func TestConfigIsChecked(t *testing.T) {
	for _, c := range []struct{ config, want string }{
		{`{"models":{"a":{"ability":1.5}}}`, "models.a.ability is 1.5"},
		{`{"models":{"a":{"abilities":{"x":-1}}}}`, "models.a.abilities.x"},
		{`{"models":{}}`, "declares no model"},
		{`{"models":{"a":{"abilityy":1}}}`, "abilityy"},
		{`{"correlation":2,"models":{"a":{}}}`, "correlation"},
		{`{"models":{"a":{"latency_ms":-1}}}`, "latency_ms"},
	} {
		var values map[string]any
		if err := json.Unmarshal([]byte(c.config), &values); err != nil {
			t.Fatal(err)
		}
		if _, err := New(values); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.config, err)
		}
	}
}

func TestOverTheWire(t *testing.T) {
	h := backend.NewHarness(t, New, map[string]any{"seed": int64(1)<<60 + 1, "models": map[string]any{"small": map[string]any{}}})
	r, err := h.Ask(context.Background(), ask("small", item(3)))
	if err != nil {
		t.Fatal(err)
	}
	var got, want any
	if json.Unmarshal([]byte(r.Message.String()), &got) != nil || json.Unmarshal([]byte(digestRef), &want) != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s", r.Message.String())
	}
	if r.Usage.Input == 0 || r.Usage.Output == 0 {
		t.Errorf("usage %+v", r.Usage)
	}
}

func FuzzTruth(f *testing.F) {
	f.Add(digestRef, "output.tweets.status", "digest", uint8(0))
	f.Add(`"one. two."`, "", "", uint8(2))
	f.Add(`[[],{},null,1e400]`, "[]", "x", uint8(3))
	m := newSim(f, map[string]any{"ability": 0.3, "format": 0.3})
	f.Fuzz(func(t *testing.T, reference, path, skill string, n uint8) {
		if !json.Valid([]byte(reference)) {
			return
		}
		tr := truth{Item: "i", Skill: skill, Reference: json.RawMessage(reference), Gates: []gate{{Kind: "max_chars", Path: path, Limit: int(n)}}}
		for i := range n % 4 {
			tr.Dimensions = append(tr.Dimensions, dimension{Name: fmt.Sprint(i), Kind: []string{"reasoning", "format"}[i%2]})
		}
		raw, err := json.Marshal(tr)
		if err != nil {
			return
		}
		req := message.Request{Model: "small", Metadata: map[string]string{TruthKey: string(raw)}}
		a, errA := backend.Collect(context.Background(), m, req)
		b, errB := backend.Collect(context.Background(), m, req)
		if fmt.Sprint(a, errA) != fmt.Sprint(b, errB) {
			t.Errorf("two answers: %v %v and %v %v", a, errA, b, errB)
		}
	})
}

func BenchmarkGenerate(b *testing.B) {
	m := newSim(b, map[string]any{"ability": 0.5, "format": 0.5})
	req := ask("small", item(1))
	for b.Loop() {
		if _, err := backend.Collect(context.Background(), m, req); err != nil {
			b.Fatal(err)
		}
	}
}
