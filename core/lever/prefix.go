package lever

import (
	"slices"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/price"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// Prompt is one stored prompt of a step, with what its call used and when.
type Prompt struct {
	At       time.Time
	Tier     string
	Messages []message.Message
	Usage    message.Usage
	Rates    price.Rates // of the tier
}

// Window is what the prompts were looked at over.
type Window struct {
	Span  time.Duration // 0: from the first prompt to the last
	Keep  time.Duration // how long a cached prefix lives without being read; 0 is five minutes
	Least int64         // tokens below which a provider caches nothing; 0 is 1,024
}

// What vendors said in 2026 of their prompt caches: five minutes, renewed by each
// use, and 1,024 tokens for most models (some ask for 2,048 or 4,096).
const (
	KeepDefault  = 5 * time.Minute
	LeastDefault = 1024
)

// Prefix is what the prompts of a step have in common at their beginnings.
type Prefix struct {
	Prompts  int     `json:"prompts"`         // calls looked at
	Distinct int     `json:"distinct"`        // different prompts among them
	Tokens   int64   `json:"tokens"`          // of a prompt, on average
	Measured bool    `json:"tokens_measured"` // Tokens is what backends reported; otherwise estimated
	Stable   int64   `json:"stable"`          // tokens at the beginning that all of them share
	Could    int64   `json:"could"`           // that they could share, were the breaks mended
	Breaks   []Break `json:"breaks,omitempty"`
	// Shares of the prompts' tokens, in millionths: read from a cache as measured,
	// and as they could be at the times at which the calls came.
	Cached   int64 `json:"cached_share"`
	Possible int64 `json:"cached_share_possible"`
	Warm     int64 `json:"warm_share"` // of calls that came while the prefix of one before was still kept, millionths
	// Money in the window, micro-dollars; meaningless when not Priced.
	Priced bool  `json:"priced"`
	Spent  int64 `json:"spent"`          // on prompts and answers, as charged
	After  int64 `json:"spent_after"`    // with the breaks mended and the prefix marked
	Bare   int64 `json:"spent_uncached"` // with no cache at all
	Month  int64 `json:"saving_month"`   // (Spent - After) over 30 days; may be negative
	Least  int64 `json:"least"`          // the provider's minimum that was assumed
}

// Break is one place where the prompts stop being the same.
type Break struct {
	Kind   Kind   `json:"kind"`
	Offset int    `json:"offset"`  // bytes from the beginning of the prompt
	Role   string `json:"role"`    // of the message it stands in
	In     int    `json:"in"`      // bytes from the beginning of that message
	Before string `json:"before"`  // the constant text right before it
	Shape  string `json:"example"` // how it is made, with what it says hidden: "9999-99-99"
	Behind int64  `json:"behind"`  // tokens of constant text behind it, up to the next break
}

// Advice says how to mend the break.
func (b Break) Advice() string {
	switch b.Kind {
	case Timestamp:
		return "put the time at the end of the prompt, or leave it out"
	case UUID, RandomID:
		return "leave the id out, or put it at the end of the prompt"
	case Counter:
		return "put the number at the end of the prompt, or leave it out"
	case KeyOrder:
		return "write the object's keys in sorted order"
	}
	return "put the constant part before the item's data"
}

// worthTokens is the least constant text behind a break that makes it worth a
// word: below it the break is most likely the item's own data.
const worthTokens = 16

// maxSamples bounds how many different prompts are compared: the places where
// prompts differ show in a few, and each is up to a context window long.
const maxSamples = 40

// Stabilise finds where the prompts of one step begin to differ, and why. Prompts
// come in any order; two different ones are needed, or nothing can be said.
func Stabilise(prompts []Prompt, w Window) Prefix {
	if w.Keep == 0 {
		w.Keep = KeepDefault
	}
	if w.Least == 0 {
		w.Least = LeastDefault
	}
	prompts = slices.Clone(prompts)
	slices.SortStableFunc(prompts, func(a, b Prompt) int { return a.At.Compare(b.At) })
	flat := make([]flatPrompt, len(prompts))
	var samples []flatPrompt
	seen := map[string]bool{}
	for i, p := range prompts {
		flat[i] = flatten(p.Messages)
		if !seen[flat[i].text] {
			seen[flat[i].text] = true
			samples = append(samples, flat[i])
		}
	}
	out := Prefix{Prompts: len(prompts), Distinct: len(samples), Least: w.Least}
	var bytes, measured int64
	counted := len(prompts) > 0
	for i, p := range prompts {
		bytes += int64(len(flat[i].text))
		measured += p.Usage.Prompt()
		counted = counted && p.Usage.Prompt() > 0
	}
	if len(prompts) == 0 {
		return out
	}
	out.Measured = counted
	scale := ratio{1, bytesPerToken}
	if counted && bytes > 0 {
		scale = ratio{measured, bytes}
	}
	out.Tokens = scale.of(bytes) / int64(len(prompts))
	if len(samples) < 2 {
		out.Stable = out.Tokens
		out.Could = out.Tokens
		return out
	}
	if len(samples) > maxSamples { // the newest: the skill may have changed
		samples = samples[len(samples)-maxSamples:]
	}
	d := difference(samples)
	out.Stable = scale.of(int64(d.stable))
	constant := int64(d.stable)
	for _, b := range d.breaks {
		out.Breaks = append(out.Breaks, Break{
			Kind: b.kind, Offset: b.at, Role: samples[0].roleAt(b.at), In: b.at - samples[0].startAt(b.at),
			Before: tail(samples[0].text[samples[0].startAt(b.at):b.at], 40), Shape: shape(b.text), Behind: scale.of(int64(b.behind)),
		})
		constant += int64(b.behind)
	}
	out.Could = scale.of(constant)
	out.cost(prompts, flat, constant, w)
	return out
}

// ratio scales bytes to tokens.
type ratio struct{ num, den int64 }

func (r ratio) of(n int64) int64 { return (n*r.num + r.den/2) / r.den }

// cost prices the calls three ways: as they were, with the constant bytes cached
// as far as their times allow, and with no cache at all.
func (out *Prefix) cost(prompts []Prompt, flat []flatPrompt, constant int64, w Window) {
	last := map[string]time.Time{}
	var spent, after, bare []price.Cost
	var total, cached, possible, warm int64
	for i, p := range prompts {
		u := p.Usage
		all := u.Prompt()
		total, cached = total+all, cached+u.CachedInput
		prefix := int64(0)
		if n := int64(len(flat[i].text)); n > 0 {
			prefix = min(all, all*constant/n)
		}
		before, again := last[p.Tier]
		hit := again && p.At.Sub(before) <= w.Keep
		last[p.Tier] = p.At
		if hit {
			warm++
		}
		v := u
		switch {
		case prefix < w.Least || u.CachedInput >= prefix:
		case hit:
			v = message.Usage{CachedInput: prefix, Input: all - prefix, Output: u.Output, Reasoning: u.Reasoning}
		case p.Rates.CacheWrite > 0:
			v = message.Usage{CacheWrite: prefix, Input: all - prefix, Output: u.Output, Reasoning: u.Reasoning}
		}
		possible += v.CachedInput
		spent = append(spent, price.Of(p.Rates, u, 0))
		after = append(after, price.Of(p.Rates, v, 0))
		bare = append(bare, price.Of(p.Rates, message.Usage{Input: all, Output: u.Output, Reasoning: u.Reasoning}, 0))
	}
	out.Cached, out.Possible, out.Warm = share(cached, total), share(possible, total), share(warm, int64(len(prompts)))
	a, b, c := price.Sum(spent...), price.Sum(after...), price.Sum(bare...)
	// A bound is no price: where a cache rate is not stated, a saving by the cache
	// cannot be claimed.
	out.Priced = a.Known && b.Known && c.Known && !a.Upper && !b.Upper
	if !out.Priced {
		return
	}
	out.Spent, out.After, out.Bare = a.Micro, b.Micro, c.Micro
	span := w.Span
	if span <= 0 {
		span = prompts[len(prompts)-1].At.Sub(prompts[0].At)
	}
	if hours := int64(span / time.Hour); hours > 0 {
		out.Month = (out.Spent - out.After) * 30 * 24 / hours
	}
}

// Overpaid tells whether what was written to caches cost more than what was read
// from them saved: then no cache at all would have been cheaper.
func (out Prefix) Overpaid() bool { return out.Priced && out.Spent > out.Bare }

// flatPrompt is a prompt as one text, with where its messages begin.
type flatPrompt struct {
	text   string
	starts []int
	roles  []string
}

func flatten(msgs []message.Message) flatPrompt {
	var b strings.Builder
	var f flatPrompt
	for _, m := range msgs {
		f.starts = append(f.starts, b.Len())
		f.roles = append(f.roles, string(m.Role))
		b.WriteString(m.String())
		b.WriteByte('\n')
	}
	f.text = b.String()
	return f
}

func (f flatPrompt) index(at int) int {
	i, found := slices.BinarySearch(f.starts, at)
	if !found {
		i--
	}
	return max(i, 0)
}

func (f flatPrompt) roleAt(at int) string {
	if len(f.roles) == 0 {
		return ""
	}
	return f.roles[f.index(at)]
}

func (f flatPrompt) startAt(at int) int {
	if len(f.starts) == 0 {
		return 0
	}
	return f.starts[f.index(at)]
}

// tail is the end of a text, on one line.
func tail(s string, n int) string {
	if len(s) > n {
		s = s[len(s)-n:]
	}
	return strings.ToValidUTF8(strings.Join(strings.Fields(s), " "), "")
}
