package main

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// fixture is a small set in the form of the public ones: every topic has a
// document and queries that have its word.
func fixture(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	topics := strings.Fields("weather mail invoice calendar translate music hotel flight recipe chess stocks garden")
	for _, name := range sets {
		var corpus, queries strings.Builder
		for _, topic := range topics {
			fmt.Fprintf(&corpus, `{"id":%q,"name":%q,"server":"s","description":"about %s"}`+"\n", topic, topic, topic)
		}
		for i := range 400 {
			a, b := topics[i%len(topics)], topics[(i*5+1)%len(topics)]
			gold := fmt.Sprintf("[%q]", a)
			text := fmt.Sprintf("tell something about %s number%d", a, i%40)
			if name == stable {
				gold = fmt.Sprintf("[%q,%q]", a, b)
				text += fmt.Sprintf(". Then look into the %s for us", b)
			}
			fmt.Fprintf(&queries, `{"id":"q%d","query":%q,"gold":%s}`+"\n", i, text, gold)
		}
		at := filepath.Join(dir, "retrieval", name)
		if err := os.MkdirAll(at, 0o755); err != nil {
			t.Fatal(err)
		}
		for file, text := range map[string]string{"corpus.jsonl": corpus.String(), "queries.jsonl": queries.String()} {
			if err := os.WriteFile(filepath.Join(at, file), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	return dir
}

func TestEveryPartMeasures(t *testing.T) {
	b := bench{data: fixture(t), seeds: 2, repeats: 1}
	for _, p := range parts() {
		if p.name == "speed" && testing.Short() {
			continue
		}
		figures, err := p.run(b)
		if err != nil || len(figures) == 0 {
			t.Errorf("%s: %d figures, %v", p.name, len(figures), err)
		}
	}
	var out, progress bytes.Buffer
	b.only = "recall"
	if ok, err := b.run(&out, &progress); !ok || err != nil {
		t.Errorf("%v %v\n%s", ok, err, &out)
	}
	if !strings.Contains(out.String(), "recall: 3 of 3 targets hold") {
		t.Errorf("%s", &out)
	}
}

func TestAMissedFloorIsSaid(t *testing.T) {
	dir := fixture(t)
	at := filepath.Join(dir, "retrieval", skills, "queries.jsonl")
	if err := os.WriteFile(at, []byte(`{"id":"1","query":"nothing of the kind","gold":["mail"]}`+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	ok, err := bench{data: dir, only: "recall"}.run(&out, &bytes.Buffer{})
	if ok || err != nil || !strings.Contains(out.String(), "MISSED") || !strings.Contains(out.String(), "2 of 3") {
		t.Errorf("%v %v\n%s", ok, err, &out)
	}
}

func TestWithoutData(t *testing.T) {
	var out bytes.Buffer
	for _, data := range []string{"", t.TempDir()} {
		if ok, err := (bench{data: data}).run(&out, &out); !ok || err != nil || !strings.Contains(out.String(), "skipped") {
			t.Errorf("%v %v %s", ok, err, &out)
		}
	}
	if _, err := (bench{data: "x", only: "none"}).run(&out, &out); err == nil {
		t.Error("an unknown part runs")
	}
}

func TestMeasures(t *testing.T) {
	got, gold := []string{"a", "x", "b"}, []string{"b", "a", "c"}
	if r := recall(got, gold, 2); r != 1.0/3 {
		t.Errorf("recall@2 %v", r)
	}
	if r := recall(got, gold, 5); r != 2.0/3 {
		t.Errorf("recall@5 %v", r)
	}
	want := (1 + .5) / (1 + 1/math.Log2(3) + .5)
	if n := ndcg(got, gold, 3); math.Abs(n-want) > 1e-12 {
		t.Errorf("ndcg %v, want %v", n, want)
	}
	if n := ndcg(gold, gold, 5); n != 1 {
		t.Errorf("ndcg of the ideal %v", n)
	}
	if mean, half := interval([]float64{1, 2, 3}); mean != 2 || math.Abs(half-1.96/math.Sqrt(3)) > 1e-12 {
		t.Errorf("%v +- %v", mean, half)
	}
}

func TestStepsAreCutByTheText(t *testing.T) {
	got := cutSteps("I plan a trip to Rome. Find me a hotel there, and also book a flight to it! Thank you.")
	want := []string{"I plan a trip to Rome", "Find me a hotel there", "book a flight to it"}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if got := cutSteps("Hi. You."); !slices.Equal(got, []string{"Hi. You."}) {
		t.Errorf("%q", got)
	}
	if got := without("Say Hello, hello!", "hello"); got != "Say  ,  !" {
		t.Errorf("%q", got)
	}
}
