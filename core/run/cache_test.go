package run_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/run"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// caching is a vendor with an explicit prompt cache: what stands before a
// breakpoint is written once and read from then on.
type caching struct {
	kept  map[string]bool
	asked []message.Request
}

func (c *caching) Generate(_ context.Context, _ string, req message.Request) (message.Response, bool, error) {
	c.asked = append(c.asked, req)
	var u message.Usage
	var before string
	for _, m := range req.Messages {
		n := int64(len(m.String())) / 4
		before += m.String()
		switch {
		case !m.CacheHere:
			u.Input += n
		case c.kept[req.Model+before]:
			u.CachedInput, u.Input = u.CachedInput+u.Input+n, 0
		default:
			c.kept[req.Model+before] = true
			u.CacheWrite, u.Input = u.CacheWrite+u.Input+n, 0
		}
	}
	return message.Response{Message: message.Text(message.Assistant, "fine"), Finish: message.FinishStop, Model: req.Model, Usage: u}, false, nil
}

func doWith(t *testing.T, m run.Models, p *run.Plan, r run.Request) *run.Record {
	t.Helper()
	at := time.Date(2026, 7, 2, 2, 0, 0, 0, time.UTC)
	x := run.Executor{Models: m, Blobs: &blobs{}, Sleep: func(context.Context, time.Duration) {}, Now: func() time.Time { return at }}
	rec, err := x.Do(t.Context(), p, r)
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

func cached(t *config.Tier) *config.Tier {
	t.Price.CacheRead, t.Price.CacheWrite = 100_000, 1_250_000
	return t
}

// usage runs n different inputs and sums what they used and cost.
func usage(t *testing.T, p *run.Plan, tier *config.Tier, n int) (u message.Usage, micro int64) {
	t.Helper()
	c := &caching{kept: map[string]bool{}}
	for i := range n {
		rec := doWith(t, c, p, run.Request{ID: fmt.Sprint("r", i), Input: json.RawMessage(fmt.Sprintf(`"input %d"`, i)), Tiers: map[string]*config.Tier{"main": tier}, Trial: i%2 == 1})
		for _, call := range rec.Attempts[0].Calls {
			u, micro = u.Add(call.Usage), micro+call.Micro
		}
	}
	return u, micro
}

// The cached share of the tokens before and after: none without breakpoints,
// nearly all but the first call's with them, and the bill falls with it.
func TestBreakpointsSave(t *testing.T) {
	p := plan(t)
	p.Steps[0].Prompt = strings.Repeat("A rule of the house. ", 400) // 2,100 tokens
	tier := cached(ladder().Tiers[0])

	p.Uncached = true
	before, dear := usage(t, p, tier, 20)
	p.Uncached = false
	after, cheap := usage(t, p, tier, 20)
	if before.CachedInput != 0 || before.CacheWrite != 0 {
		t.Errorf("without breakpoints: %+v", before)
	}
	if after.Prompt() != before.Prompt() {
		t.Errorf("the prompts have %d tokens with and %d without", after.Prompt(), before.Prompt())
	}
	share := float64(after.CachedInput) / float64(after.Prompt())
	if share < 0.94 || after.CacheWrite != 2100 {
		t.Errorf("with breakpoints the cached share is %.3f: %+v", share, after)
	}
	if cheap*5 > dear {
		t.Errorf("it cost %d before and %d after", dear, cheap)
	}
	t.Logf("cached share 0 before, %.3f after; cost %d before, %d after", share, dear, cheap)
}

// Where there is nothing to gain, or nobody knows, requests are what they were.
func TestNoBreakpoint(t *testing.T) {
	long := strings.Repeat("A rule of the house. ", 400)
	for name, c := range map[string]struct {
		prompt string
		off    bool
		tier   *config.Tier
	}{
		"a short prompt":                 {"Be short.", false, cached(ladder().Tiers[0])},
		"no cache prices":                {long, false, ladder().Tiers[0]},
		"writing to the cache is free":   {long, false, func() *config.Tier { t := cached(ladder().Tiers[0]); t.Price.CacheWrite = 0; return t }()},
		"turned off":                     {long, true, cached(ladder().Tiers[0])},
		"a tier without any known price": {long, false, func() *config.Tier { t := cached(ladder().Tiers[0]); t.Price.Known = false; return t }()},
	} {
		p := plan(t)
		p.Steps[0].Prompt, p.Uncached = c.prompt, c.off
		m := &caching{kept: map[string]bool{}}
		doWith(t, m, p, run.Request{ID: "r", Input: json.RawMessage(`"x"`), Tiers: map[string]*config.Tier{"main": c.tier}})
		for _, msg := range m.asked[0].Messages {
			if msg.CacheHere {
				t.Errorf("%s: a message is marked", name)
			}
		}
		if got := p.Caching("main", c.tier); len(got) != 0 {
			t.Errorf("%s: the epoch would know of %v", name, got)
		}
	}
	p := plan(t)
	p.Steps[0].Prompt = long
	small, large := cached(ladder().Tiers[0]), cached(ladder().Tiers[2])
	if got := p.Caching("main", large, small, nil, large); strings.Join(got, ",") != "main ladder.desk.large,main ladder.desk.small" {
		t.Errorf("the epoch knows of %v", got)
	}
}

// A retry keeps the mark at the same place, so that it reads what the first try
// wrote.
func TestBreakpointInRetry(t *testing.T) {
	p := plan(t, short)
	p.Steps[0].Prompt = strings.Repeat("A rule of the house. ", 400)
	c := &caching{kept: map[string]bool{}}
	m := answering{c, "much too long"}
	doWith(t, m, p, run.Request{ID: "r", Input: json.RawMessage(`"x"`), Tiers: map[string]*config.Tier{"main": cached(ladder().Tiers[0])}, Trial: true})
	if len(c.asked) != 2 || !c.asked[1].Messages[0].CacheHere || len(c.asked[1].Messages) != 4 {
		t.Fatalf("asked %+v", c.asked)
	}
	for _, msg := range c.asked[1].Messages[1:] {
		if msg.CacheHere {
			t.Error("more than the prompt is marked")
		}
	}
}

type answering struct {
	*caching
	text string
}

func (a answering) Generate(ctx context.Context, b string, req message.Request) (message.Response, bool, error) {
	resp, lost, err := a.caching.Generate(ctx, b, req)
	resp.Message = message.Text(message.Assistant, a.text)
	return resp, lost, err
}
