package config

import "github.com/plimsoll-dev/plimsoll/hcl/diag"

// Search is the `search` block: how find ranks.
type Search struct {
	Threshold  *float64    // scores below are no answer; nil takes the measured default of core/harness
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
