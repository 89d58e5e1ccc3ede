package lever_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/lever"
	"github.com/plimsoll-dev/plimsoll/core/price"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
	"pgregory.net/rapid"
)

var start = time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC)

// rules is constant text of a size.
func rules(words int) string {
	var b strings.Builder
	for i := range words {
		fmt.Fprintf(&b, "%s rule ", string(rune('a'+i%26)))
	}
	return b.String()
}

var rates = price.Rates{Known: true, Tokens: price.Tokens{Input: 1_000_000, Output: 5_000_000, CacheRead: 100_000, CacheWrite: 1_250_000}}

// prompts makes n calls a minute apart; system and user are given the call's number.
func prompts(n int, gap time.Duration, system, user func(i int) string) []lever.Prompt {
	var out []lever.Prompt
	for i := range n {
		msgs := []message.Message{message.Text(message.System, system(i)), message.Text(message.User, user(i))}
		size := int64(len(system(i))+len(user(i))) / 4
		out = append(out, lever.Prompt{
			At: start.Add(time.Duration(i) * gap), Tier: "ladder.a.b", Messages: msgs, Rates: rates,
			Usage: message.Usage{Input: size, Output: 10},
		})
	}
	return out
}

func names(i int) string { return strings.Fields("apple banana cherry damson elder fig grape")[i%7] }

// Each kind of break is found where it is, and what stands behind it is counted.
func TestBreaks(t *testing.T) {
	constant := rules(800)
	item := func(i int) string { return "The fruit is " + names(i) + strings.Repeat(" "+names(i+1), i+2) }
	for name, c := range map[string]struct {
		system, user func(int) string
		kind         lever.Kind
		role, shape  string
		before       string
	}{
		"a timestamp": {func(i int) string {
			return "Now it is " + start.Add(time.Duration(i)*77*time.Minute).Format(time.RFC3339) + ".\n" + constant
		}, item, lever.Timestamp, "system", "9999-99-99A99:99:99A", "Now it is"},
		"a written date": {func(i int) string {
			return "Today: " + start.AddDate(0, 0, i).Format("Monday, January 2, 2006") + "\n" + constant
		}, item, lever.Timestamp, "system", "Aaaaaa", "Today:"},
		"a uuid": {func(i int) string {
			return fmt.Sprintf("Session 7c9e6679-7425-40de-944b-e07fc1f9%04x\n%s", i*7919, constant)
		}, item, lever.UUID, "system", "9a9a9999-9999-99aa-999a-a99aa9a99999", "Session"},
		"a random id": {func(i int) string { return fmt.Sprintf("Trace 9f8e7d6c5b%06x\n%s", i*104729+1048577, constant) },
			item, lever.RandomID, "system", "", "Trace"},
		"a counter": {func(i int) string { return fmt.Sprintf("Run number %d.\n%s", i+100, constant) },
			item, lever.Counter, "system", "999", "Run number"},
		"keys in another order": {func(i int) string {
			if i%2 == 0 {
				return `Settings: {"tone": "dry", "length": "short"}` + "\n" + constant
			}
			return `Settings: {"length": "short", "tone": "dry"}` + "\n" + constant
		}, item, lever.KeyOrder, "system", "aaaa", `Settings: {"`},
		"data first": {func(int) string { return "Answer." }, func(i int) string { return names(i) + "\n\nThese are the rules.\n" + constant },
			lever.DataFirst, "user", "aaaaa", ""},
	} {
		t.Run(name, func(t *testing.T) {
			p := lever.Stabilise(prompts(6, time.Minute, c.system, c.user), lever.Window{})
			if len(p.Breaks) == 0 {
				t.Fatalf("no break was found: %+v", p)
			}
			b := p.Breaks[0]
			if b.Kind != c.kind || b.Role != c.role || b.Before != c.before || c.shape != "" && b.Shape != c.shape {
				t.Errorf("the first break is %+v", b)
			}
			if want := lever.Estimate(len(constant)); b.Behind < want*9/10 || b.Behind > want*11/10 {
				t.Errorf("%d tokens stand behind it, and the constant text has about %d", b.Behind, want)
			}
			if len(p.Breaks) > 1 {
				t.Errorf("one break is told as %d: %+v", len(p.Breaks), p.Breaks)
			}
			if p.Could <= p.Stable+b.Behind/2 || p.Could > p.Tokens {
				t.Errorf("stable %d, could be %d of %d", p.Stable, p.Could, p.Tokens)
			}
			if !p.Priced || p.After >= p.Spent || p.Possible <= p.Cached {
				t.Errorf("mending saves nothing: %+v", p)
			}
			if b.Advice() == "" {
				t.Error("it does not say what to do")
			}
		})
	}
}

// What an item says is no break, and no example shows a letter of it.
func TestItemDataIsNoBreak(t *testing.T) {
	p := lever.Stabilise(prompts(6, time.Minute, func(int) string { return rules(900) }, func(i int) string {
		return fmt.Sprintf(`{"amount":%d,"from":"%s","note":"%s"}`, i*13, names(i), strings.Repeat(names(i)+" ", i+1))
	}), lever.Window{})
	if len(p.Breaks) != 0 {
		t.Errorf("breaks in an item's own data: %+v", p.Breaks)
	}
	if p.Stable < lever.Estimate(len(rules(900)))-2 {
		t.Errorf("the system prompt is not stable: %+v", p)
	}
}

// With calls further apart than a cache lives, nothing is saved and writing to it
// costs: both are said.
func TestColdCalls(t *testing.T) {
	all := prompts(6, time.Hour, func(int) string { return rules(900) }, func(i int) string { return names(i) })
	p := lever.Stabilise(all, lever.Window{})
	if p.Warm != 0 || p.Possible != 0 || p.After <= p.Spent || p.Month >= 0 {
		t.Errorf("a cold cache saves: %+v", p)
	}
	for i := range all {
		all[i].Usage = message.Usage{CacheWrite: all[i].Usage.Input, Output: 10}
	}
	if p = lever.Stabilise(all, lever.Window{}); !p.Overpaid() {
		t.Errorf("writing without reading is not called too dear: %+v", p)
	}
}

// Money is exact: 4,000 tokens of which 3,000 are constant, three calls in a row.
func TestMoney(t *testing.T) {
	constant := strings.Repeat("abc ", 2999) + "abc" // 11,999 bytes and the newline that ends the message
	var all []lever.Prompt
	for i := range 3 {
		user := strings.Repeat(names(i)[:1], 3999)
		all = append(all, lever.Prompt{
			At: start.Add(time.Duration(i) * time.Minute), Tier: "t", Rates: rates, Usage: message.Usage{Input: 4000},
			Messages: []message.Message{message.Text(message.System, constant), message.Text(message.User, user)},
		})
	}
	p := lever.Stabilise(all, lever.Window{Span: 30 * 24 * time.Hour})
	if p.Stable != 3000 || p.Tokens != 4000 || !p.Measured {
		t.Fatalf("%+v", p)
	}
	// 3 x 4,000 at 1; then 3,000 written at 1.25, twice 3,000 read at 0.1, and 3 x 1,000 at 1.
	if p.Spent != 12_000 || p.After != 3_750+600+3_000 || p.Month != p.Spent-p.After || p.Bare != p.Spent {
		t.Errorf("spent %d, after %d, month %d, bare %d", p.Spent, p.After, p.Month, p.Bare)
	}
	if p.Possible != 6_000*1_000_000/12_000 || p.Warm != 666_666 {
		t.Errorf("possible %d, warm %d", p.Possible, p.Warm)
	}
	// Where the rate of the cache is not stated nothing is claimed.
	for i := range all {
		all[i].Rates.CacheRead = 0
	}
	if p = lever.Stabilise(all, lever.Window{}); p.Priced || p.Month != 0 {
		t.Errorf("a saving is claimed without a price: %+v", p)
	}
}

func TestTooFew(t *testing.T) {
	if p := lever.Stabilise(nil, lever.Window{}); p.Prompts != 0 {
		t.Errorf("%+v", p)
	}
	same := prompts(4, time.Minute, func(int) string { return "a" }, func(int) string { return "b" })
	if p := lever.Stabilise(same, lever.Window{}); p.Distinct != 1 || len(p.Breaks) != 0 {
		t.Errorf("%+v", p)
	}
}

// Whatever the prompts are: it ends, counts no more than there is, and never says
// what stood in an item.
func TestStabiliseProperty(t *testing.T) {
	piece := rapid.SampledFrom([]string{"word ", "2026-11-01 ", "17:33:09 ", "12 ", `{"a":1,"b":2}`, `{"b":2,"a":1}`, "{", "}", "é", "\n", "secretname ", "7c9e6679-7425-40de-944b-e07fc1f90ae7 "})
	text := rapid.Custom(func(t *rapid.T) string { return strings.Join(rapid.SliceOfN(piece, 0, 30).Draw(t, "pieces"), "") })
	rapid.Check(t, func(t *rapid.T) {
		var all []lever.Prompt
		for i, s := range rapid.SliceOfN(text, 1, 8).Draw(t, "texts") {
			all = append(all, lever.Prompt{At: start.Add(time.Duration(i) * time.Minute), Rates: rates, Messages: []message.Message{message.Text(message.User, s)}, Usage: message.Usage{Input: lever.Estimate(len(s) + 1)}})
		}
		p := lever.Stabilise(all, lever.Window{Least: 1})
		if p.Stable < 0 || p.Could < p.Stable || p.Cached != 0 || p.Possible > 1_000_000 || p.Warm > 1_000_000 {
			t.Fatalf("%+v", p)
		}
		for _, b := range p.Breaks {
			if strings.Contains(b.Shape, "secret") || strings.ContainsAny(b.Shape, "012345678") {
				t.Fatalf("an example says what stood there: %+v", b)
			}
		}
	})
}

func BenchmarkStabilise(b *testing.B) {
	constant := rules(8000)
	all := prompts(40, time.Minute, func(i int) string {
		return "Now: " + start.Add(time.Duration(i)*time.Hour).Format(time.RFC3339) + constant
	}, func(i int) string { return names(i) })
	for b.Loop() {
		lever.Stabilise(all, lever.Window{})
	}
}
