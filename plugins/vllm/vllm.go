// Package vllm is the serving backend of vLLM: it starts the processes of a plan
// that core/topology made, watches them, explains from their logs why one failed,
// and ends them. It also generates, as the openai backend does against a server of
// vLLM, so that one block is both an engine and a tier.
//
// It makes no plans and changes none: a command runs as it stands. It hands down
// no variable that neither the plan nor environment.go names. What it started does
// not outlive it, however it ends: see warden.go.
//
//	backend "local" {
//	  plugin   = "vllm"
//	  topology = topology.dp2      # base_urls then come from `plimsoll topology up dp2`
//	}
package vllm

import (
	"context"
	"hash/fnv"
	"maps"
	"slices"
	"sync/atomic"

	"github.com/plimsoll-dev/plimsoll/plugins/openai"
	"github.com/plimsoll-dev/plimsoll/sdk/backend"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

const (
	name    = "vllm"
	version = "1.0.0"
	// usualURL is where vLLM listens unless it is told otherwise.
	usualURL = "http://127.0.0.1:8000/v1"
)

// model is one configured backend: the endpoints that answer, and the engines that
// it was asked to launch.
type model struct {
	*fleet
	endpoints []backend.Model
	turn      atomic.Uint64
	described bool // made without a config: it can only describe itself
}

var (
	_ backend.Model        = (*model)(nil)
	_ backend.Embedder     = (*model)(nil)
	_ backend.TokenCounter = (*model)(nil)
	_ backend.Serving      = (*model)(nil)
)

// config is what the openai backend does not know. Everything else is its.
type config struct {
	BaseURLs []string `json:"base_urls"`
	RunDir   string   `json:"run_dir"`
	Restarts int64    `json:"restarts"`
}

// most restarts that are believed to be meant: beyond them something else is wrong.
const maxRestarts = 100

// New makes the backend. Without base_url it calls the address that vLLM has of its
// own.
func New(values map[string]any) (backend.Model, error) {
	if values == nil {
		return &model{described: true, fleet: newFleet("", 0)}, nil
	}
	own, rest := map[string]any{}, maps.Clone(values)
	for _, f := range ownSchema() {
		if v, ok := rest[f.Name]; ok {
			own[f.Name] = v
			delete(rest, f.Name)
		}
	}
	var c config
	if err := backend.DecodeConfig(own, &c); err != nil {
		return nil, err
	}
	if c.Restarts < 0 || c.Restarts > maxRestarts {
		return nil, backend.Errorf(backend.InvalidRequest, "config: restarts is %d and has to be 0..%d", c.Restarts, maxRestarts)
	}
	for _, key := range hidden {
		if _, ok := rest[key]; ok {
			return nil, backend.Errorf(backend.InvalidRequest, "config: vllm knows no config key %s: it speaks to vLLM alone, use plugin = %q for other servers", key, "openai")
		}
	}
	var one struct {
		BaseURL string `json:"base_url"`
	}
	urls := c.BaseURLs
	if v, ok := rest["base_url"]; ok {
		if err := backend.DecodeConfig(map[string]any{"base_url": v}, &one); err != nil {
			return nil, err
		}
	}
	switch {
	case one.BaseURL != "" && len(urls) == 0:
		urls = []string{one.BaseURL}
	case one.BaseURL != "":
		return nil, backend.Errorf(backend.InvalidRequest, "config: base_url and base_urls are both set: name all addresses in base_urls")
	}
	if len(urls) == 0 {
		urls = []string{usualURL}
	}
	m := &model{fleet: newFleet(c.RunDir, int(c.Restarts))}
	for _, u := range urls {
		rest["base_url"], rest["dialect"] = u, "vllm"
		inner, err := openai.New(rest)
		if err != nil {
			return nil, err
		}
		m.endpoints = append(m.endpoints, inner)
	}
	return m, nil
}

// hidden are keys of the openai backend that mean nothing at a server of vLLM.
var hidden = []string{"dialect", "organization", "project"}

func ownSchema() []backend.ConfigField {
	return []backend.ConfigField{
		{Name: "base_urls", Type: backend.TypeList, Elem: &backend.ConfigField{Type: backend.TypeString}, Doc: "several servers of the same model, called in turns; a session stays at one"},
		{Name: "run_dir", Type: backend.TypeString, Doc: "the folder of the logs of what is launched; default a temporary one"},
		{Name: "restarts", Type: backend.TypeNumber, Doc: "how often each process that ends by itself is started again; default 0"},
	}
}

// Describe says what vLLM can do.
func (m *model) Describe(ctx context.Context) (backend.Description, error) {
	inner, err := openai.New(map[string]any{"base_url": usualURL, "dialect": "vllm"})
	if err != nil {
		return backend.Description{}, err
	}
	d, err := inner.Describe(ctx)
	if err != nil {
		return d, err
	}
	d.Name, d.Version = name, version
	d.ConfigSchema = slices.Concat(ownSchema(), slices.DeleteFunc(d.ConfigSchema, func(f backend.ConfigField) bool { return slices.Contains(hidden, f.Name) }))
	for i, f := range d.ConfigSchema {
		if f.Name == "base_url" {
			d.ConfigSchema[i].Doc = "the address up to and with /v1; default " + usualURL + ", or that of the topology"
		}
	}
	return d, nil
}

// Generate asks one of the endpoints.
func (m *model) Generate(ctx context.Context, req message.Request, out backend.Sink) error {
	to, err := m.pick(req.Session)
	if err != nil {
		return err
	}
	return to.Generate(ctx, req, out)
}

// Embed asks one of the endpoints.
func (m *model) Embed(ctx context.Context, model string, texts []string) ([][]float32, message.Usage, error) {
	to, err := m.pick("")
	if err != nil {
		return nil, message.Usage{}, err
	}
	return to.(backend.Embedder).Embed(ctx, model, texts)
}

// CountTokens asks one of the endpoints.
func (m *model) CountTokens(ctx context.Context, req message.Request) (int64, error) {
	to, err := m.pick(req.Session)
	if err != nil {
		return 0, err
	}
	return to.(backend.TokenCounter).CountTokens(ctx, req)
}

// pick takes turns. A session goes where it went before: its prefix is cached
// there.
func (m *model) pick(session string) (backend.Model, error) {
	if m.described {
		return nil, backend.Errorf(backend.InvalidRequest, "this backend was made without a config and can only describe itself")
	}
	n := m.turn.Add(1) - 1
	if session != "" {
		h := fnv.New64a()
		_, _ = h.Write([]byte(session)) // never fails
		n = h.Sum64()
	}
	return m.endpoints[n%uint64(len(m.endpoints))], nil
}
