package adopt_test

import (
	"bytes"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/plimsoll-dev/plimsoll/core/adopt"
	"github.com/plimsoll-dev/plimsoll/core/adopt/transcript"
	"github.com/plimsoll-dev/plimsoll/core/adopt/transcript/forge"
	"github.com/plimsoll-dev/plimsoll/core/price"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/hcl/policyfile"
	"github.com/plimsoll-dev/plimsoll/hcl/pricelist"
)

// listed are the prices that ship.
func listed(model string) (price.Rates, string, bool) {
	e, name, err := pricelist.Shipped().Dated(model)
	return price.Rates{Known: err == nil, Tokens: price.Tokens(e.Rates)}, name, err == nil
}

var models = []string{"claude-opus-4-8", "claude-haiku-4-5-20251001", "claude-sonnet-4-6", "gpt-5.4", "nobodys-model-1"}

// The spend is that of the log, to the micro-dollar: the sum over calls, each
// reckoned by itself from the truth in exact arithmetic, is the sum over rows, over
// skills with the rest, and over models. Calls of a model without a price are
// counted, and are no zero.
func TestSpendIsThatOfTheLog(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var list []forge.Skill
		index := &transcript.Index{}
		for i := range rapid.IntRange(0, 4).Draw(t, "skills") {
			s := forge.Skill{Name: fmt.Sprintf("skill-%d", i), Body: fmt.Sprintf("# Skill %d\nIt does the thing number %d with all the care that such a thing deserves, always.", i, i)}
			list = append(list, s)
			index.Add(s.Name, s.Body)
		}
		ledger := adopt.NewLedger(listed)
		r := transcript.New(transcript.Options{Skills: index, Mapping: forge.Mapping()})
		want, unpriced, calls := new(big.Int), int64(0), int64(0)
		bySkill := map[string]int64{}
		for i, shape := range []string{transcript.Claude, transcript.Codex, transcript.Span, transcript.Exchange, transcript.Mapped} {
			var b bytes.Buffer
			truth, err := forge.Write(&b, forge.Options{Shape: shape, Seed: rapid.Uint64().Draw(t, "seed"), Calls: rapid.IntRange(0, 30).Draw(t, "calls"), Skills: list, Models: models, Session: fmt.Sprintf("s%d", i)})
			if err != nil {
				t.Fatal(err)
			}
			for range 2 { // the second copy adds nothing
				if err := r.Read(bytes.NewReader(b.Bytes()), shape, func(c transcript.Call) error { ledger.Add(c); return nil }); err != nil {
					t.Fatal(err)
				}
			}
			for _, c := range truth.Calls {
				calls++
				micro, ok := exact(c)
				if !ok {
					unpriced++
				}
				want.Add(want, big.NewInt(micro))
				bySkill[c.Skill] += micro
			}
		}
		s := ledger.Spend()
		if s.Micro != want.Int64() || s.Calls != calls || s.Unpriced != unpriced {
			t.Fatalf("%d micro-dollars in %d calls (%d unpriced); the log has %v in %d (%d)", s.Micro, s.Calls, s.Unpriced, want, calls, unpriced)
		}
		var rows, skills, none, byModel int64
		for _, row := range s.Rows {
			rows += row.Micro
			if row.Skill == "" {
				none += row.Micro
			}
		}
		for _, x := range s.BySkill() {
			skills += x.Micro
			if x.Micro != bySkill[x.Skill] {
				t.Fatalf("%s: %d, want %d", x.Skill, x.Micro, bySkill[x.Skill])
			}
		}
		for _, m := range s.ByModel() {
			byModel += m.Micro
		}
		if rows != s.Micro || skills+none != s.Micro || byModel != s.Micro || none != bySkill[""] {
			t.Fatalf("%d, by rows %d, by skills %d and %d, by models %d", s.Micro, rows, skills, none, byModel)
		}
	})
}

// exact is the cost of a call in rational numbers, rounded half up at its end:
// another way than core/price goes.
func exact(c transcript.Call) (int64, bool) {
	e, _, err := pricelist.Shipped().Dated(c.Model)
	if err != nil {
		return 0, false
	}
	write, hour := e.Rates.CacheWrite, e.Rates.CacheWrite1h
	if write == 0 {
		write = 2 * e.Rates.Input
	}
	if hour == 0 {
		hour = 2 * e.Rates.Input
	}
	sum := new(big.Rat)
	add := func(tokens, rate int64) {
		sum.Add(sum, new(big.Rat).SetFrac64(tokens, 1).Mul(new(big.Rat).SetInt64(tokens), big.NewRat(rate, 1_000_000)))
	}
	add(c.Usage.Input, e.Rates.Input)
	add(c.Usage.CachedInput, e.Rates.CacheRead)
	add(c.Usage.CacheWrite-c.Usage.CacheWrite1h, write)
	add(c.Usage.CacheWrite1h, hour)
	add(c.Usage.Output, e.Rates.Output)
	sum.Add(sum, big.NewRat(1, 2))
	return new(big.Int).Div(sum.Num(), sum.Denom()).Int64(), true
}

// What the log states is believed; an unknown price is unknown.
func TestCost(t *testing.T) {
	l := adopt.NewLedger(listed)
	for name, x := range map[string]struct {
		call transcript.Call
		want price.Cost
	}{
		"stated":            {transcript.Call{Model: "nobodys-model-1", Stated: true, Micro: 12}, price.Cost{Micro: 12, Known: true}},
		"stated and listed": {transcript.Call{Model: "gpt-5.4", Stated: true, Counted: true, Micro: 7}, price.Cost{Micro: 7, Known: true}},
		"no price":          {transcript.Call{Model: "nobodys-model-1", Counted: true}, price.Cost{}},
		"no tokens":         {transcript.Call{Model: "gpt-5.4"}, price.Cost{}},
		"no name":           {transcript.Call{Counted: true}, price.Cost{}},
	} {
		if got := l.Add(x.call); got != x.want {
			t.Errorf("%s: %+v, want %+v", name, got, x.want)
		}
	}
	if s := l.Spend(); s.Micro != 19 || s.Unpriced != 3 || s.Stated != 19 {
		t.Errorf("%+v", s)
	}
}

func day(n int) time.Time { return time.Date(2026, 6, n, 12, 0, 0, 0, time.UTC) }

func call(skill, model string, n int) transcript.Call {
	c := transcript.Call{Skill: skill, Model: model, Counted: true, At: day(n)}
	c.Usage.Input, c.Usage.Output = 1000, 100
	return c
}

func plan(t *testing.T) *adopt.Plan {
	t.Helper()
	l := adopt.NewLedger(listed)
	for _, c := range []transcript.Call{
		call("pdf", "claude-haiku-4-5", 3), call("pdf", "claude-opus-4-8", 1), call("pdf", "claude-opus-4-8", 2), // moved down in mid-log
		call("triage", "claude-opus-4-8", 4), call("notes", "gpt-5.4", 5), call("far", "kimi-k2.6", 6), call("", "claude-sonnet-4-6", 7),
		call("ghost", "claude-brand-new", 8), call("lost", "", 8),
	} {
		l.Add(c)
	}
	var found []adopt.Found
	for _, name := range []string{"far", "fresh", "ghost", "lost", "notes", "pdf", "triage"} {
		found = append(found, adopt.Found{Name: name, Path: "skills/" + name, Steps: []string{"main"}})
	}
	return adopt.Make(adopt.Facts{From: []string{"skills/*"}, Except: []string{"skills/twin"}, Skills: found, Spend: l.Spend(), Prices: listed})
}

const wantHCL = `backend "anthropic" {
  plugin = "anthropic"
  env    = ["ANTHROPIC_API_KEY"]
}

ladder "anthropic" { # the models in the logs, cheapest first, at list prices
  backend = backend.anthropic
  models  = ["claude-haiku-4-5", "claude-sonnet-4-6", "claude-opus-4-8"]
}

ladder "anthropic-claude-brand-new" { # no list price: nothing moves to it or from it
  backend = backend.anthropic
  models  = ["claude-brand-new"]
}

backend "openai" {
  plugin = "openai"
  env    = ["OPENAI_API_KEY"]
}

ladder "openai" { # the models in the logs, cheapest first, at list prices
  backend = backend.openai
  models  = ["gpt-5.4"]
}

skills "adopted" {
  from   = ["skills/*"]
  except = ["skills/twin", "skills/far", "skills/lost"]
  policy = preset.careful
  ladder = ladder.anthropic
}
`

// Today's tier is the model that a skill ran on last; a model whose host is not
// known for sure is not guessed.
func TestMake(t *testing.T) {
	p := plan(t)
	if got := string(p.HCL()); got != wantHCL {
		t.Errorf("%s", got)
	}
	policy, added, err := p.Policy("policy.hcl", nil)
	if err != nil || added != 4 {
		t.Fatalf("%d assignments: %v", added, err)
	}
	file, diags := policyfile.Parse("policy.hcl", policy)
	if diags.HasErrors() {
		t.Fatal(diags.Err())
	}
	for skill, tier := range map[string]string{"pdf": "ladder.anthropic.claude-haiku-4-5", "triage": "ladder.anthropic.claude-opus-4-8", "notes": "ladder.openai.gpt-5-4", "ghost": "ladder.anthropic-claude-brand-new.claude-brand-new"} {
		if a, ok := file.Get(skill, "main"); !ok || a.Tier.String() != tier {
			t.Errorf("%s stands on %s, want %s", skill, a.Tier, tier)
		}
	}
	if a, _ := file.Get("pdf", "main"); !a.Since.Equal(day(3)) {
		t.Errorf("pdf is there since %s", a.Since)
	}
	if len(p.Left) != 2 || len(p.Fresh) != 1 || p.Fresh[0] != "fresh" {
		t.Errorf("%+v %+v", p.Left, p.Fresh)
	}
	// A second time nothing is added, and what a person wrote stays.
	again, added, err := p.Policy("policy.hcl", policy)
	if err != nil || added != 0 || !bytes.Equal(again, policy) {
		t.Errorf("%d more: %v", added, err)
	}
}

// Nobody knows whether a move to or from a model without a price saves money, and
// a night makes it all the same where quality allows it: so each stands alone.
func TestUnpricedStandAlone(t *testing.T) {
	l := adopt.NewLedger(listed)
	var found []adopt.Found
	for i, m := range []string{"gpt-5.4", "gpt-5", "gpt-5-mini", "gpt-5.4-mini", "claude-opus-4-5", "claude-sonnet-4-5"} {
		l.Add(call(m, m, i+1))
		found = append(found, adopt.Found{Name: m, Steps: []string{"main"}})
	}
	l.Add(call("claude-sonnet-4-5", "claude-sonnet-4-5", 6))
	p := adopt.Make(adopt.Facts{From: []string{"skills/*"}, Skills: found, Spend: l.Spend(), Prices: listed})
	var got []string
	for _, r := range p.Rungs {
		got = append(got, r.Name+" "+strings.Join(r.Models, "<"))
	}
	want := "openai gpt-5.4-mini<gpt-5.4; openai-gpt-5 gpt-5; openai-gpt-5-mini gpt-5-mini; anthropic claude-sonnet-4-5; anthropic-claude-opus-4-5 claude-opus-4-5"
	if s := strings.Join(got, "; "); s != want {
		t.Errorf("%s\nwant %s", s, want)
	}
	if len(p.Assigned) != len(found) || strings.Count(string(p.HCL()), "backend \"") != 2 {
		t.Errorf("%+v\n%s", p.Left, p.HCL())
	}
}

// A clock that is wrong decides nothing: what is dated after tomorrow costs what it
// costs, and is neither the last nor the first.
func TestFuture(t *testing.T) {
	l := adopt.NewLedger(listed)
	l.Now = day(10)
	ahead := call("pdf", "claude-opus-4-8", 1)
	ahead.At = time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC)
	soon := call("notes", "claude-opus-4-8", 10)
	soon.At = soon.At.Add(time.Hour)
	for _, c := range []transcript.Call{call("pdf", "claude-haiku-4-5", 3), ahead, soon} {
		l.Add(c)
	}
	s := l.Spend()
	if s.Calls != 3 || s.Micro != 1000+500+2*(5000+2500) || !s.First.Equal(day(3)) || s.Last.Year() != 2026 {
		t.Errorf("%+v", s)
	}
	for _, x := range s.BySkill() {
		if x.Skill == "pdf" && (x.Model != "claude-haiku-4-5" || x.Calls != 2) || x.Since.After(l.Now) {
			t.Errorf("%+v", x)
		}
	}
}

// A model that two sorts of logs name with and without its provider is one, and its
// last call says who answers for it.
func TestOneModelOfTwoLogs(t *testing.T) {
	l := adopt.NewLedger(listed)
	for i, provider := range []string{"", "bedrock", "anthropic"} {
		c := call("pdf", "claude-opus-4-8", i+1)
		c.Provider = provider
		l.Add(c)
	}
	s := l.Spend()
	x, m := s.BySkill()[0], s.ByModel()
	if x.Changed() || x.Provider != "anthropic" || x.Uses[0].Calls != 3 || !x.Since.Equal(day(1)) || !x.Uses[0].Last.Equal(day(3)) {
		t.Errorf("%+v", x)
	}
	if len(m) != 1 || m[0].Calls != 3 || m[0].Micro != s.Micro {
		t.Errorf("%+v", m)
	}
	p := adopt.Make(adopt.Facts{Skills: []adopt.Found{{Name: "pdf", Steps: []string{"main"}}}, Spend: s, Prices: listed})
	if len(p.Assigned) != 1 || len(p.Rungs) != 1 {
		t.Errorf("%+v", p)
	}
}

// With one provider a project has at most 15 lines.
func TestShort(t *testing.T) {
	l := adopt.NewLedger(listed)
	for i, m := range models[:3] {
		l.Add(call("pdf", m, i+1))
	}
	p := adopt.Make(adopt.Facts{From: []string{"skills/*", "more/*/*"}, Except: []string{"skills/x"}, Skills: []adopt.Found{{Name: "pdf", Steps: []string{"main"}}}, Spend: l.Spend(), Prices: listed})
	lines := 0
	for line := range strings.Lines(string(p.HCL())) {
		if strings.TrimSpace(line) != "" {
			lines++
		}
	}
	if lines > 15 {
		t.Errorf("%d lines:\n%s", lines, p.HCL())
	}
}

// Whatever names stand in logs and folders, what is written is HCL that loads, with
// the ladders in order of price.
func TestPlansLoad(t *testing.T) {
	names := rapid.OneOf(rapid.SampledFrom(models), rapid.String(), rapid.StringMatching(`(claude|gpt|o)-[a-z0-9.-]{0,12}`))
	rapid.Check(t, func(t *rapid.T) {
		l := adopt.NewLedger(listed)
		var found []adopt.Found
		for i := range rapid.IntRange(1, 6).Draw(t, "n") {
			name := fmt.Sprintf("skill-%d", i)
			l.Add(call(name, names.Draw(t, "model"), i+1))
			found = append(found, adopt.Found{Name: name, Path: "skills/x" + rapid.String().Draw(t, "path"), Steps: []string{"main"}})
		}
		p := adopt.Make(adopt.Facts{From: []string{adopt.Pattern("x" + rapid.String().Draw(t, "from"))}, Skills: found, Spend: l.Spend(), Prices: listed, Model: "claude-opus-4-8"})
		policy, added, err := p.Policy("policy.hcl", nil)
		if err != nil || added != len(p.Assigned) || len(p.Assigned)+len(p.Left) != len(found) {
			t.Fatalf("%d of %d: %v", added, len(found), err)
		}
		if again, _, err := p.Policy("policy.hcl", policy); err != nil || !bytes.Equal(again, policy) {
			t.Fatalf("%v", err)
		}
		if diags := load(t, p.HCL()); diags != "" {
			t.Fatalf("%s\n%s", diags, p.HCL())
		}
	})
}

// load reads HCL as a project, and gives its errors.
func load(t *rapid.T, src []byte) string {
	dir, err := os.MkdirTemp("", "adopt-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := os.WriteFile(filepath.Join(dir, "plimsoll.hcl"), src, 0o600); err != nil {
		t.Fatal(err)
	}
	p, diags := config.Load(dir, config.Options{Environ: func(string) (string, bool) { return "", false }})
	if diags.HasErrors() {
		return diags.Err().Error()
	}
	for _, d := range diags {
		if d.Code == "price-order" {
			return d.Detail
		}
	}
	if len(p.Ladders) == 0 {
		return "no ladder"
	}
	return ""
}
