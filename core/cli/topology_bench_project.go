package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/engine"
	"github.com/plimsoll-dev/plimsoll/core/topology"
	"github.com/plimsoll-dev/plimsoll/core/topology/declared"
	"github.com/plimsoll-dev/plimsoll/core/topology/load"
	"github.com/plimsoll-dev/plimsoll/core/topology/load/page"
)

// benchBlock is what a measurement takes from a project's blocks.
type benchBlock struct {
	declared.Bench
	out, label, model, workload string
	gpus, input, outputTokens   int
	traced                      bool
}

// benchSet is what the project declares about serving models.
func (c *command) benchSet() (*declared.Set, *engine.Project, error) {
	p, err := c.load("")
	if err != nil {
		return nil, nil, err
	}
	set, diags := declared.Read(p.Config, declared.Files(p.Dir))
	if diags.HasErrors() {
		return nil, nil, c.refuse(p, diags)
	}
	return set, p, nil
}

func (c *command) benchBlocks(topologyName, model, workload string) (benchBlock, error) {
	set, p, err := c.benchSet()
	if err != nil {
		return benchBlock{}, err
	}
	b, err := set.Bench(topologyName, model, workload)
	if err != nil {
		return benchBlock{}, err
	}
	w := b.Config.Workload
	return benchBlock{
		Bench: b, out: filepath.Join(p.Dir, filepath.FromSlash(b.Folder)), label: b.Options.Label, gpus: b.Options.GPUs, model: b.Config.Endpoint.Model,
		workload: w.Name, input: w.Input, outputTokens: w.Output, traced: len(w.Trace) > 0,
	}, nil
}

// hasProject tells whether a project is here whose topologies may be meant. One
// with errors is: they are shown when it is read.
func (c *command) hasProject() bool {
	o, err := c.loadOptions()
	if err != nil {
		return true
	}
	p, diags := engine.LoadProject(o)
	return diags.HasErrors() || !p.Empty() && len(p.Config.Topologies) > 0
}

// benchProject takes from blocks what they say. Flags come after, and win; a flag
// that changes what is sent keeps the results out of the block's folder, because
// decide would take them for measurements of the block.
func (c *command) benchProject(ctx context.Context, f *benchFlags, b *bench) (load.Pace, error) {
	found, err := c.benchBlocks(f.topology, f.model, f.workload)
	if err != nil {
		return load.Pace{}, err
	}
	b.sweep.Config, b.topology, b.layout = found.Config, found.Topology, found.Options.Layout
	laid, err := json.Marshal(b.layout)
	if err != nil {
		return load.Pace{}, fmt.Errorf("writing down the layout: %w", err)
	}
	b.sweep.Serves = string(laid)
	pace := found.Config.Pace
	if b.label == "" {
		b.label = found.label
	}
	if b.gpus == 0 {
		b.gpus = found.gpus
	}
	slo := found.SLO
	b.slo = benchSLO{each: found.Options.Limits}
	if f.slo != "" {
		set, _, err := c.benchSet()
		if err != nil {
			return pace, err
		}
		if slo, err = set.SLO(f.slo); err != nil {
			return pace, err
		}
		b.slo.each = eachRequest(firstOf(slo.TTFT95, slo.TTFT99, slo.TTFT50), firstOf(slo.TPOT95, slo.TPOT99, slo.TPOT50), slo.Latency95)
	}
	b.slo.lines = sloLines(slo)
	if changed := f.changedLoad(); len(changed) > 0 && b.out == "" {
		return pace, usage("%s is other than workload %q says: the results are not measurements of that block; give --out DIR", strings.Join(changed, ", "), found.workload)
	}
	if b.out == "" {
		b.out, b.decide = found.out, true
	}
	if f.url == "" && found.Config.Endpoint.URL == "" {
		return pace, usage("topology %q does not say where it answers: give --url", found.Topology)
	}
	if f.url == "" && !found.Attach {
		b.sweep.Config.Endpoint.URL, err = c.benchRunning(ctx, found, f.ready)
	}
	return pace, err
}

// changedLoad are the flags that send something else than a workload block says.
// Rates and caps of concurrency are not: they are other paces of the same load.
func (f *benchFlags) changedLoad() []string {
	var out []string
	for name, changed := range map[string]bool{"--input": f.input != 0, "--output": f.output != 0, "--spread": f.spread != 0, "--shared-prefix": f.shared != 0, "--trace": f.trace != ""} {
		if changed {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

func firstOf(all ...time.Duration) time.Duration {
	for _, d := range all {
		if d > 0 {
			return d
		}
	}
	return 0
}

// sloLines are an SLO's limits at its own quantiles.
func sloLines(s topology.SLO) []page.Limit {
	var out []page.Limit
	for _, l := range []struct {
		figure, quantile string
		d                time.Duration
	}{
		{"TTFT", "p50", s.TTFT50}, {"TTFT", "p95", s.TTFT95}, {"TTFT", "p99", s.TTFT99},
		{"TPOT", "p50", s.TPOT50}, {"TPOT", "p95", s.TPOT95}, {"TPOT", "p99", s.TPOT99},
		{"ITL", "p99", s.ITL99}, {"latency", "p95", s.Latency95},
	} {
		if l.d > 0 {
			out = append(out, page.Limit{Figure: l.figure, Quantile: l.quantile, Seconds: l.d.Seconds()})
		}
	}
	return out
}

// builtIn is what is sent where nobody says: the workload that decide takes, too.
func builtIn() (load.Workload, load.Pace) {
	w := declared.Workload()
	return load.Workload{Name: w.Name, Input: w.Input, Output: w.Output, Prompts: w.Prompts, Seed: 1}, load.Pace{Concurrency: w.Concurrency}
}
