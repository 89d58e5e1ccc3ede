package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/backend"
	"github.com/plimsoll-dev/plimsoll/core/plugin"
	"github.com/plimsoll-dev/plimsoll/core/topology/supervise"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	sdk "github.com/plimsoll-dev/plimsoll/sdk/backend"
	"github.com/plimsoll-dev/plimsoll/sdk/canonjson"
)

// Config keys of plugins that call a server: one address, or several of plugin vllm.
const (
	oneAddress  = "base_url"
	manyAddress = "base_urls"
)

// served is the config of a backend, with the addresses of its topology when it has
// one. Whether that runs is looked up now: an engine is opened for each command.
func (p *Project) served(b *config.Backend) (map[string]any, error) {
	if b.Topology == nil {
		return b.Config, nil
	}
	for _, key := range []string{oneAddress, manyAddress} {
		if _, ok := b.Config[key]; ok {
			return nil, fmt.Errorf("its topology says where it answers, and its config has %s too: take one of them out", key)
		}
	}
	urls, err := p.Endpoints(b.Topology)
	if err != nil {
		return nil, err
	}
	out := maps.Clone(b.Config)
	if out == nil {
		out = map[string]any{}
	}
	switch {
	case len(urls) == 1:
		out[oneAddress] = urls[0]
	case b.Plugin != supervise.Plugin:
		return nil, fmt.Errorf("topology %q answers at %d addresses, and plugin %q calls one: use plugin = %q", b.Topology.Name, len(urls), b.Plugin, supervise.Plugin)
	default:
		var all []any
		for _, u := range urls {
			all = append(all, u)
		}
		out[manyAddress] = all
	}
	return out, nil
}

// Endpoints are the addresses, up to and with /v1, of a topology that is ready. An
// error says what to do.
func (p *Project) Endpoints(t *config.Topology) ([]string, error) {
	up := fmt.Sprintf("plimsoll topology up %s", t.Name)
	if t.Attach != "" {
		return []string{address(t.Attach)}, nil
	}
	if t.Runtime == "kubernetes" {
		return nil, fmt.Errorf("topology %q runs on Kubernetes, which says where it answers: set base_url in the backend's config instead of topology", t.Name)
	}
	i, err := supervise.Read(supervise.Dir(filepath.Join(p.Dir, StateDir), t.Name))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("topology %q does not run: start it with `%s`", t.Name, up)
	case err != nil:
		return nil, err
	case !i.Alive() && i.Phase == sdk.Failed:
		return nil, fmt.Errorf("topology %q could not be launched: %s. When that is mended: `%s`", t.Name, i.Message, up)
	case !i.Alive():
		return nil, fmt.Errorf("topology %q does not run any more, its supervisor was killed: start it again with `%s`", t.Name, up)
	case i.Phase == sdk.Starting:
		return nil, fmt.Errorf("topology %q is not ready yet: `plimsoll topology status %s` says how far it is", t.Name, t.Name)
	case i.Phase == sdk.Stopping:
		return nil, fmt.Errorf("topology %q is being stopped: start it again with `%s`", t.Name, up)
	case i.Phase == sdk.Failed && !slices.ContainsFunc(i.Processes, func(x supervise.Process) bool { return x.Phase == sdk.Ready }):
		return nil, fmt.Errorf("topology %q has failed: %s. When that is mended: `%s`", t.Name, i.Message, up)
	}
	if err := p.current(t, i); err != nil {
		return nil, err
	}
	var out []string
	for n, e := range i.Endpoints {
		// Of several servers those that answer are called; one that failed is left out.
		if len(i.Endpoints) == len(i.Processes) && len(i.Endpoints) > 1 && i.Processes[n].Phase != sdk.Ready {
			continue
		}
		out = append(out, address(e))
	}
	return out, nil
}

// address of the API of a server.
func address(endpoint string) string {
	return strings.TrimSuffix(strings.TrimRight(endpoint, "/"), "/v1") + "/v1"
}

// checkTopology looks at the topology behind a backend: that it answers, and for
// the model that tiers ask for.
func (p *Project) checkTopology(ctx context.Context, b *config.Backend, offline bool) (string, error) {
	t := b.Topology
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	urls, err := p.Endpoints(t)
	if err != nil {
		return "", err
	}
	where := fmt.Sprintf("ready at %s", strings.Join(urls, ", "))
	switch {
	case t.Attach != "" && offline:
		return "attached to " + urls[0] + ", which was not asked", nil
	case t.Attach != "":
		if err := healthy(ctx, urls[0]); err != nil {
			return "", fmt.Errorf("topology %q attaches to %s, and %w: start that server, or correct attach in its block", t.Name, t.Attach, err)
		}
		return "attached to " + urls[0] + ", which answers", nil
	}
	i, err := supervise.Read(supervise.Dir(filepath.Join(p.Dir, StateDir), t.Name))
	if err != nil {
		return "", err
	}
	if _, err := supervise.Status(ctx, i); err != nil {
		return "", fmt.Errorf("topology %q: %w; stop it with `plimsoll topology down %s` and start it again", t.Name, err, t.Name)
	}
	for _, l := range p.Config.Ladders {
		for _, tier := range l.Tiers {
			if tier.Backend == b && tier.Model != i.Model && t.Args["served-model-name"] == "" && t.Args["lora-modules"] == "" {
				return "", fmt.Errorf("it serves %q, and tier %s.%s asks for %q: give the tier the name of the model block", i.Model, l.Name, tier.Name, tier.Model)
			}
		}
	}
	return where, nil
}

// healthy asks a server that somebody else runs, as engines are asked when they are
// launched. address is that of its API.
func healthy(ctx context.Context, address string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(address, "/v1")+"/health", nil)
	if err != nil {
		return fmt.Errorf("it cannot be asked: %w", err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("it does not answer: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("it answers %s at %s", resp.Status, req.URL)
	}
	return nil
}

// TopologyOf says in a few words how the topology behind a backend is, for a list;
// "" where there is none.
func (p *Project) TopologyOf(b *config.Backend) string {
	if b.Topology == nil {
		return ""
	}
	if urls, err := p.Endpoints(b.Topology); err != nil {
		return err.Error()
	} else {
		return fmt.Sprintf("topology %q answers at %s", b.Topology.Name, strings.Join(urls, ", "))
	}
}

// located refuses the backends that cannot be called because their topology does
// not run, each for its own calls: what needs only others goes on.
type located struct {
	backend.Source
	missing map[string]error
}

func (l located) Model(spec plugin.Spec) (sdk.Model, error) {
	if err := l.missing[spec.Backend]; err != nil {
		return nil, err
	}
	return l.Source.Model(spec)
}

// current is an error unless i answers as t is declared now. An epoch is kept under
// what is declared: calls to an engine that was declared otherwise would be counted
// for one that nobody has asked.
func (p *Project) current(t *config.Topology, i supervise.Instance) error {
	again := fmt.Sprintf("`plimsoll topology down %s`, then `plimsoll topology up %s`", t.Name, t.Name)
	if t.Model == nil && len(p.Config.Models) > 1 {
		again = strings.TrimSuffix(again, "`") + " --model NAME`"
	}
	now, err := p.Serves(t, i.Model)
	if err != nil {
		return fmt.Errorf("topology %q runs: %w. To start it as it is declared now: %s", t.Name, err, again)
	}
	if now != i.Serves {
		return fmt.Errorf("topology %q runs as it was declared before, and what is declared now would answer otherwise. To start it as it is declared now: %s", t.Name, again)
	}
	return nil
}

// Serves is the digest of what a topology that serves a model answers by. `topology
// up` leaves it with the instance.
func (p *Project) Serves(t *config.Topology, model string) (string, error) {
	m := t.Model
	if m == nil {
		at := slices.IndexFunc(p.Config.Models, func(m *config.Model) bool { return m.Name == model })
		if at < 0 {
			return "", fmt.Errorf("it serves model %q, which is not declared any more", model)
		}
		m = p.Config.Models[at]
	}
	return canonjson.Digest(behindTopology(t, m))
}

// behind is what of the topology of a backend changes answers. Where its block names
// no model that is the only one of the project, else all that the backend's tiers
// ask for: which of them runs is seen by its calls alone.
func (p *Project) behind(b *config.Backend) map[string]any {
	t := b.Topology
	if t.Model != nil || len(p.Config.Models) == 0 {
		return behindTopology(t, t.Model)
	}
	if len(p.Config.Models) == 1 {
		return behindTopology(t, p.Config.Models[0])
	}
	out := behindTopology(t, nil)
	asked := map[string]any{}
	for _, l := range p.Config.Ladders {
		for _, tier := range l.Tiers {
			for _, m := range p.Config.Models {
				if tier.Backend == b && tier.Model == m.Name {
					asked[m.Name] = loaded(m)
				}
			}
		}
	}
	out["models"] = asked
	return out
}

// behindTopology is what of a topology changes answers: the engine, and the model as
// it is loaded. On how many GPUs, at which port and how patiently does not.
func behindTopology(t *config.Topology, m *config.Model) map[string]any {
	out := map[string]any{"engine": t.Engine, "version": t.Version, "attention": t.Attention, "args": t.Args, "image": t.Image, "attach": t.Attach}
	if m != nil {
		out["model"] = loaded(m)
	}
	return out
}

func loaded(m *config.Model) map[string]any {
	return map[string]any{"name": m.Name, "source": m.Source, "weights": m.Weights, "kv": m.KV}
}
