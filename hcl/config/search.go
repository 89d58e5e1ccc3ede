package config

import (
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
	"github.com/plimsoll-dev/plimsoll/hcl/secret"
)

// Search is the `search` block: how find ranks.
type Search struct {
	Threshold  *float64    // 0..1: a first hit of less confidence is no answer; nil takes the measured default of core/harness
	Embeddings *Embeddings // nil: words alone
	Range      diag.Range
}

// Embeddings is an OpenAI-compatible endpoint.
type Embeddings struct {
	URL     string // of the endpoint itself: "http://127.0.0.1:8081/v1/embeddings"
	Model   string
	Headers []*Header
	Range   diag.Range
}

// Searching is the search block, or what holds without one.
func (p *Project) Searching() *Search {
	if p.Search == nil {
		return &Search{}
	}
	return p.Search
}

func (l *loader) fillSearch(b *body, out *Search) {
	*out = Search{Range: b.header}
	if b.has("threshold") {
		if x := b.number("threshold", -1); x >= 0 {
			out.Threshold = &x
		}
	}
	b.each("embeddings", func(n *body, _ label) {
		e := &Embeddings{URL: n.secret("url"), Model: n.str("model"), Headers: l.headers(n), Range: n.header}
		if why := badHook(e.URL, n.boolean("plaintext")); why != "" {
			l.add(badURL.at(n.rng("url"), "%s", why).Masked())
			e.URL = ""
		}
		if written := l.text(n.rng("url")); secret.In(written) || keyInQuery(written) {
			l.add(secretInFile.at(n.rng("url"), "url holds what looks like a secret, and it would stand in the repository and in logs. Use a header block.").WithSuggestion(n.doc.Block("header").Example).Masked())
		}
		out.Embeddings = e
	})
}
