package harness

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var today = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func use(document, query, run, principal string) Use {
	return Use{Document: document, Query: query, Run: run, Principal: principal, At: today, Succeeded: true}
}

func learn(t testing.TB, uses ...Use) *Learned {
	t.Helper()
	l := &Learned{}
	for _, u := range uses {
		if err := l.Add(u); err != nil {
			t.Fatal(err)
		}
	}
	return l
}

// taught is the desk with what was learned.
func taught(t testing.TB, l *Learned) *Index {
	t.Helper()
	docs := append([]Document(nil), desk...)
	phrases := l.Phrases(today)
	for i := range docs {
		docs[i].Learned = phrases[docs[i].ID]
	}
	x, err := Build(docs)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func TestPastUseIsFound(t *testing.T) {
	query := []string{"will I need my umbrella"}
	l := learn(t, use("weather", "umbrella today?", "r1", "ann"))
	ann, bob := Viewer{Principal: "ann", Allowed: Everything}, Viewer{Principal: "bob", Allowed: Everything}
	if f := taught(t, &Learned{}).Find(ann, query, Options{}); f.Outcome != NoMatch {
		t.Fatalf("before: %+v", f)
	}
	x := taught(t, l)
	f := x.Find(ann, query, Options{})
	if f.Outcome != Matched || f.Hits[0].Document.ID != "weather" || !f.Hits[0].Learned {
		t.Errorf("one's own use: %+v", f)
	}
	if f := x.Find(bob, query, Options{}); f.Outcome != NoMatch {
		t.Errorf("one other's use: %+v", f)
	}
	if err := l.Add(use("weather", "umbrella or not", "r2", "cid")); err != nil {
		t.Fatal(err)
	}
	if f := taught(t, l).Find(bob, query, Options{}); f.Outcome != Matched || f.Hits[0].Document.ID != "weather" {
		t.Errorf("two others' uses: %+v", f)
	}
}

// One principal runs a tool with other people's queries a thousand times, and
// every run is a verified success. Nobody else finds the tool by them.
func TestPoisoning(t *testing.T) {
	honest := []Use{use("weather", "forecast for tomorrow", "h1", "ann"), use("weather", "weather in the city", "h2", "bob"), use("pdf", "merge two files", "h3", "ann"), use("pdf", "split files", "h4", "bob")}
	l := learn(t, honest...)
	clean := taught(t, l)
	for i := range 1000 {
		if err := l.Add(use("mail", "weather forecast city tomorrow merge split files", fmt.Sprint("p", i), "eve")); err != nil {
			t.Fatal(err)
		}
	}
	poisoned := taught(t, l)
	for _, q := range []string{"weather forecast", "forecast of the city", "merge files", "tomorrow's weather"} {
		for _, who := range []string{"ann", "bob", "zoe"} {
			v := Viewer{Principal: who, Allowed: Everything}
			before, after := clean.Find(v, []string{q}, Options{}), poisoned.Find(v, []string{q}, Options{})
			if b, a := fmt.Sprint(idsOf(before)), fmt.Sprint(idsOf(after)); a != b {
				t.Errorf("%q for %s: %s, before %s", q, who, a, b)
			}
		}
	}
	// The attack is a real one: where one person is a quorum, the tool comes up.
	trusting := Viewer{Principal: "zoe", Quorum: 1, Allowed: Everything}
	if got := idsOf(poisoned.Find(trusting, []string{"merge split files tomorrow"}, Options{})); len(got) == 0 || got[0] != "mail" {
		t.Errorf("without the protection the attack should win: %v", got)
	}
	// Nor does failing on purpose take away what others have learned.
	for i := range 1000 {
		u := use("weather", "umbrella weather forecast tomorrow city", fmt.Sprint("f", i), "eve")
		u.Succeeded = false
		if err := l.Add(u); err != nil {
			t.Fatal(err)
		}
	}
	v := Viewer{Principal: "ann", Allowed: Everything}
	b, a := clean.Find(v, []string{"forecast for tomorrow"}, Options{}).Hits[0], taught(t, l).Find(v, []string{"forecast for tomorrow"}, Options{}).Hits[0]
	if b.Document.ID != a.Document.ID || b.Score != a.Score {
		t.Errorf("failures of one: %s %d, before %s %d", a.Document.ID, a.Score, b.Document.ID, b.Score)
	}
}

func TestFailingRunsReduce(t *testing.T) {
	score := func(l *Learned, who string) int64 {
		h := taught(t, l).Find(Viewer{Principal: who, Allowed: Everything}, []string{"umbrella weather"}, Options{}).Hits
		return h[0].Score
	}
	good := []Use{use("weather", "umbrella", "1", "ann"), use("weather", "umbrella", "2", "bob"), use("weather", "umbrella", "3", "cid")}
	fail := func(run, who string) Use {
		u := use("weather", "umbrella", run, who)
		u.Succeeded = false
		return u
	}
	base := score(learn(t, good...), "zoe")
	if own := score(learn(t, append(good, fail("4", "ann"), fail("5", "ann"))...), "ann"); own >= score(learn(t, good...), "ann") {
		t.Error("one's own failures change nothing for oneself")
	}
	if two := score(learn(t, append(good, fail("4", "dan"), fail("5", "eli"))...), "zoe"); two >= base {
		t.Errorf("failures of two people change nothing: %d, before %d", two, base)
	}
}

func TestUseFades(t *testing.T) {
	for age, want := range map[time.Duration]int64{
		-day: million, 0: million, day - 1: million, HalfLife: million / 2, HalfLife / 2: million * 3 / 4, 2 * HalfLife: million / 4, 1 << 62: 0,
	} {
		if got := fading(age); got != want {
			t.Errorf("%v: %d, want %d", age, got, want)
		}
	}
	l := learn(t, use("weather", "umbrella", "1", "ann"))
	if n := len(l.Phrases(today.Add(Horizon - 1))["weather"]); n != 1 {
		t.Error("gone before the horizon")
	}
	if n := len(l.Phrases(today.Add(Horizon))["weather"]); n != 0 {
		t.Error("there at the horizon")
	}
	l.Fold(nil, today.Add(Horizon))
	if l.Len() != 0 {
		t.Error("kept past the horizon")
	}
}

func TestCaps(t *testing.T) {
	l := &Learned{}
	for i := range 200 {
		for _, who := range []string{"eve", "ann"} {
			u := use("weather", fmt.Sprint("query ", i), fmt.Sprint(who, i), who)
			u.At = today.Add(-time.Duration(i) * time.Minute)
			if err := l.Add(u); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i := range 60 {
		if err := l.Add(use("weather", "another", fmt.Sprint("x", i), fmt.Sprint("person", i))); err != nil {
			t.Fatal(err)
		}
	}
	count := map[string]int{}
	for _, p := range l.Phrases(today)["weather"] {
		count[p.Principal]++
	}
	total := 0
	for who, n := range count {
		total += n
		if n > PerPrincipal {
			t.Errorf("%s has %d", who, n)
		}
	}
	if total != PerDocument || len(count) != 62 {
		t.Errorf("%d phrases of %d people; everybody has a turn", total, len(count))
	}
	l.Fold(nil, today)
	if l.Len() != PerDocument {
		t.Errorf("%d uses after folding", l.Len())
	}
}

func TestForget(t *testing.T) {
	l := learn(t, use("weather", "umbrella", "1", "ann"), use("weather", "rain", "2", "eve"), use("pdf", "merge", "3", "eve"))
	if n := l.Forget(func(u Use) bool { return u.Principal == "eve" }); n != 2 || l.Len() != 1 || bytes.Contains(l.Bytes(), []byte("eve")) {
		t.Errorf("%d forgotten, %d left", n, l.Len())
	}
}

func TestAddRefusesWhatCannotBeAttributed(t *testing.T) {
	good := use("weather", "umbrella", "1", "ann")
	for want, change := range map[string]func(*Use){
		"must all be given": func(u *Use) { u.Principal = "" },
		"no time":           func(u *Use) { u.At = time.Time{} },
		"query is empty":    func(u *Use) { u.Query = " \n" },
		"more than 512":     func(u *Use) { u.Query = strings.Repeat("x", MaxLearned+1) },
		"not UTF-8":         func(u *Use) { u.Run = "\xff" },
	} {
		u, l := good, &Learned{}
		change(&u)
		if err := l.Add(u); err == nil || !strings.Contains(err.Error(), want) || l.Len() != 0 {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// The same uses are the same bytes, whatever the order and the folds between.
func TestPropertyLearnedBytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		uses := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Use {
			return Use{
				Document: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "document"), Query: rapid.SampledFrom([]string{"x", "y <&>", "z\xff"}).Draw(t, "query"),
				Run: fmt.Sprint(rapid.IntRange(0, 9).Draw(t, "run")), Principal: rapid.SampledFrom([]string{"ann", "bob"}).Draw(t, "principal"),
				At: today.Add(-time.Duration(rapid.IntRange(0, 400).Draw(t, "age")) * day), Succeeded: rapid.Bool().Draw(t, "succeeded"),
			}
		}), 0, 30).Draw(t, "uses")
		one, two, other := &Learned{}, &Learned{}, &Learned{}
		for _, u := range uses {
			if err := one.Add(u); err != nil {
				t.Fatal(err)
			}
		}
		for i, u := range rapid.Permutation(uses).Draw(t, "order") {
			to := two
			if i%2 == 0 {
				to = other
			}
			if err := to.Add(u); err != nil {
				t.Fatal(err)
			}
		}
		two.Fold(other, today)
		one.Fold(nil, today)
		if !bytes.Equal(one.Bytes(), two.Bytes()) {
			t.Fatalf("%s\nand\n%s", one.Bytes(), two.Bytes())
		}
		read, err := ParseLearned(one.Bytes())
		if err != nil || !bytes.Equal(read.Bytes(), one.Bytes()) {
			t.Fatalf("read back: %v\n%s", err, read.Bytes())
		}
	})
}

func TestParseLearnedNamesTheLine(t *testing.T) {
	good := string(learn(t, use("a", "b", "c", "d")).Bytes())
	for _, bad := range []string{"{", `{"document":1}`, "{}", `{"document":"a","extra":1}`, strings.TrimSpace(good) + " {}", "null"} {
		if _, err := ParseLearned([]byte(good + "\n" + bad)); err == nil || !strings.Contains(err.Error(), "line 3") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}
