package load

import (
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
)

// words are common English ones that are a token each, with the space before
// them, in the vocabularies of present models (byte pairs of 32,000 to 262,000).
// So a prompt of n words is about n tokens; where a server's usage says otherwise
// the ratio is measured.
var words = strings.Fields(`the of and to in is that for it as was with be by on not he his but at are this have from or had an they which one you were all her she there would their we him been has when who will no more if out so up said what its about than into them can only other time new some could these two may first then do any like my now over such our man me even most made after also did many off before must well back through years much where your way down should because long each just state those people too mr how little good world make very year still see own work men day get here old life both between being under three never know same last another while us might great go come since against right came take used himself few house use place during high without again home around small however found part once general`)

// vocabulary is the range that token ids are drawn from: ordinary tokens of every
// vocabulary, past the special ones that many have at the start.
const (
	firstID = 1000
	lastID  = 30000
)

// writer makes prompts: random words or ids, so that no two share a prefix that a
// server may have cached, after a prefix that all share when that is asked.
type writer struct {
	api    API
	prompt Prompt
	seed   uint64
	prefix string // of text
	ids    string // of ids, each with its comma
	shared int
}

func newWriter(c Config, p Prompt) *writer {
	w := &writer{api: p.API, prompt: p, seed: c.Workload.Seed, shared: c.Workload.SharedPrefix}
	if w.shared > 0 {
		r := rand.New(rand.NewPCG(w.seed, 3))
		w.prefix, w.ids = phrase(r, w.text(w.shared, true)), numbers(r, w.shared)
	}
	return w
}

// text is how many words make so many tokens.
func (w *writer) text(tokens int, part bool) int {
	n := float64(tokens)
	if !part {
		n -= w.prompt.Template
	}
	return max(1, int(math.Round(n/w.prompt.PerWord)))
}

// JSON of the prompt of request n: a string, or a list of ids.
func (w *writer) json(n, tokens int) string {
	r := rand.New(rand.NewPCG(w.seed^0x706c696d, uint64(n)))
	if w.api == TokenIDs {
		ids := w.ids + numbers(r, max(tokens-w.shared, 0))
		return "[" + strings.TrimSuffix(ids, ",") + "]"
	}
	rest := w.text(tokens, false)
	if w.shared > 0 {
		rest -= w.text(w.shared, true)
	}
	return `"` + strings.TrimPrefix(w.prefix+phrase(r, max(rest, 0)), " ") + `"`
}

func phrase(r *rand.Rand, n int) string {
	var b strings.Builder
	b.Grow(n * 6)
	for range n {
		b.WriteByte(' ')
		b.WriteString(words[r.IntN(len(words))])
	}
	return b.String()
}

func numbers(r *rand.Rand, n int) string {
	b := make([]byte, 0, n*6)
	for range n {
		b = strconv.AppendInt(b, int64(firstID+r.IntN(lastID-firstID)), 10)
		b = append(b, ',')
	}
	return string(b)
}

// body of a request. The words need no escaping.
func (w *writer) body(c Config, n int, it item) []byte {
	var b strings.Builder
	prompt := w.json(n, it.input)
	b.Grow(len(prompt) + 256)
	b.WriteString(`{"model":`)
	b.WriteString(quote(c.Endpoint.Model))
	out := strconv.Itoa(it.output)
	if w.api == Chat {
		b.WriteString(`,"messages":[{"role":"user","content":` + prompt + `}]`)
	} else {
		b.WriteString(`,"prompt":` + prompt)
	}
	b.WriteString(`,"max_tokens":` + out + `,"temperature":0,"stream":true,"stream_options":{"include_usage":true}`)
	if !c.Endpoint.Plain {
		b.WriteString(`,"ignore_eos":true,"min_tokens":` + out)
	}
	b.WriteByte('}')
	return []byte(b.String())
}
