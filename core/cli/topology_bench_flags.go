package cli

import (
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/topology/load"
	"github.com/plimsoll-dev/plimsoll/core/topology/load/page"
	"github.com/plimsoll-dev/plimsoll/core/topology/load/trace"
	"github.com/plimsoll-dev/plimsoll/core/topology/metric"
	"github.com/spf13/cobra"
)

// benchFlags are the flags of a sweep. Those that are not given are a block's, or
// the built-in workload's.
type benchFlags struct {
	url, model, served                     string
	topology, workload, slo                string
	api, keyEnv                            string
	headers                                []string
	plain, redo                            bool
	input, output, prompts, shared, warmup int
	spread, burstiness, speed              float64
	seed                                   uint64
	trace                                  string
	arrivals                               int
	rates, concurrency                     []string
	ttft, tpot, latency                    time.Duration
	first, stall, request, rest, ready     time.Duration
	label, out                             string
	gpus                                   int
}

func (f *benchFlags) register(cmd *cobra.Command) {
	s := cmd.Flags()
	s.SortFlags = false
	s.StringVar(&f.url, "url", "", "the server, such as http://127.0.0.1:8000/v1")
	s.StringVar(&f.model, "model", "", "with --topology a model block, else the name that the server knows it by (default: the first that it lists)")
	s.StringVar(&f.served, "served-model", "", "the name that the server knows the model by, where that is not the block's")
	s.StringVar(&f.topology, "topology", "", "a topology block: where the server is, how many GPUs it has, what the results are called")
	s.StringVar(&f.workload, "workload", "", "a workload block")
	s.StringVar(&f.slo, "slo", "", "an slo block, for goodput and the lines of the page")
	s.IntVar(&f.input, "input", 0, "tokens of a prompt")
	s.IntVar(&f.output, "output", 0, "tokens of an answer")
	s.IntVar(&f.prompts, "prompts", 0, "requests of each run")
	s.StringSliceVar(&f.rates, "rates", nil, "requests a second, a run for each, such as 1,2,4,inf; inf is all at once")
	s.StringSliceVar(&f.concurrency, "concurrency", nil, "at most so many in flight, a run for each, such as 1,8,32")
	s.Float64Var(&f.burstiness, "burstiness", 0, "shape of the arrivals: 1 is Poisson, smaller is burstier")
	s.Float64Var(&f.spread, "spread", 0, "lengths vary by this share up and down, 0 to below 1")
	s.IntVar(&f.shared, "shared-prefix", 0, "tokens at the start of every prompt that are the same")
	s.Uint64Var(&f.seed, "seed", 1, "of lengths, texts and arrivals")
	s.StringVar(&f.trace, "trace", "", "replay recorded arrivals: timestamp_s,input_tokens,output_tokens; Azure's and Mooncake's forms too, gzip or not")
	s.IntVar(&f.arrivals, "trace-arrivals", 0, "the first so many of the trace")
	s.Float64Var(&f.speed, "speed", 0, "of the trace: 2 replays it in half the time")
	s.IntVar(&f.warmup, "warmup", 8, "requests before each run that are not counted")
	s.DurationVar(&f.ttft, "ttft", 0, "SLO: time to first token of each request")
	s.DurationVar(&f.tpot, "tpot", 0, "SLO: time per output token of each request")
	s.DurationVar(&f.latency, "latency", 0, "SLO: time of each whole request")
	s.StringVar(&f.out, "out", "", "folder of the results; a sweep that was stopped goes on there")
	s.BoolVar(&f.redo, "redo", false, "make invalid runs of the folder again")
	s.StringVar(&f.label, "label", "", "what the results are called (default: the topology, else the folder)")
	s.IntVar(&f.gpus, "gpus", 0, "GPUs of the server, for figures a GPU")
	s.StringVar(&f.api, "api", "", "chat, completions or token_ids (default chat)")
	s.BoolVar(&f.plain, "plain", false, "send only what OpenAI's API knows; answers may end early then")
	s.StringVar(&f.keyEnv, "key-env", "", "the environment variable that has the server's key")
	s.StringArrayVar(&f.headers, "header", nil, "a further header, NAME=VALUE; may be repeated; never written down")
	s.DurationVar(&f.ready, "ready", 0, "wait so long for the server to be there")
	s.DurationVar(&f.first, "first", 0, "longest wait for a first chunk (default 10m)")
	s.DurationVar(&f.stall, "stall", 0, "longest silence within an answer (default 1m)")
	s.DurationVar(&f.request, "request", 0, "longest whole request (default 1h)")
	s.DurationVar(&f.rest, "rest", time.Second, "pause between runs")
}

// benchSLO is an SLO in the two forms that a bench needs: for each request, and at
// the quantiles that it names.
type benchSLO struct {
	each  metric.Limits
	lines []page.Limit
}

// benchOf reads the flags, and in a project the blocks that they name.
func (c *command) benchOf(cmd *cobra.Command, f *benchFlags) (bench, error) {
	b := bench{label: f.label, gpus: f.gpus, out: f.out, ready: f.ready}
	conf := &b.sweep.Config
	var pace load.Pace // of a workload block or the built-in one, where no flag says another
	conf.Workload, pace = builtIn()
	if f.blocks() || f.url == "" && c.hasProject() {
		var err error
		if pace, err = c.benchProject(cmd.Context(), f, &b); err != nil {
			return b, err
		}
	}
	if err := c.benchEndpoint(f, conf); err != nil {
		return b, err
	}
	b.keyed = conf.Endpoint.Key != "" || len(conf.Endpoint.Headers) > 0
	given := cmd.Flags().Changed
	for name, set := range map[string]func(){
		"input": func() { conf.Workload.Input = f.input }, "output": func() { conf.Workload.Output = f.output }, "prompts": func() { conf.Workload.Prompts = f.prompts },
		"shared-prefix": func() { conf.Workload.SharedPrefix = f.shared }, "spread": func() { conf.Workload.Spread = f.spread }, "seed": func() { conf.Workload.Seed = f.seed },
		"burstiness": func() { pace.Burstiness = f.burstiness },
	} {
		if given(name) {
			set()
		}
	}
	if f.trace != "" {
		if err := c.benchTrace(f, conf); err != nil {
			return b, err
		}
		pace.Rate, pace.Concurrency, pace.Burstiness = 0, 0, 0 // a trace has arrivals of its own
	}
	var err error
	if b.sweep.Paces, err = f.paces(pace, len(conf.Workload.Trace) > 0); err != nil {
		return b, err
	}
	for _, d := range []struct {
		name string
		v    time.Duration
	}{{"ttft", f.ttft}, {"tpot", f.tpot}, {"latency", f.latency}, {"first", f.first}, {"stall", f.stall}, {"request", f.request}, {"rest", f.rest}, {"ready", f.ready}} {
		if d.v < 0 {
			return b, usage("--%s %s is negative", d.name, d.v)
		}
	}
	if f.ttft > 0 || f.tpot > 0 || f.latency > 0 {
		b.slo = benchSLO{each: eachRequest(f.ttft, f.tpot, f.latency)} // drawn as the results say
	}
	if f.gpus < 0 {
		return b, usage("--gpus %d is negative", f.gpus)
	}
	conf.Warmup = min(f.warmup, max(conf.Workload.Prompts, len(conf.Workload.Trace)))
	conf.Limits = load.Limits{First: f.first, Stall: f.stall, Request: f.request}
	b.sweep.Rest, b.sweep.Redo = f.rest, f.redo
	if b.label == "" {
		b.label = benchLabel(b.out, conf.Endpoint.URL)
	}
	for _, p := range b.sweep.Paces {
		one := *conf
		one.Pace = p
		if err := one.Check(); err != nil {
			return b, usage("this cannot be measured: %w", err)
		}
	}
	return b, nil
}

// benchLabel is what results are called without a topology.
func benchLabel(out, url string) string {
	if base := strings.Trim(baseName(out), "./"); base != "" {
		return base
	}
	_, host, _ := strings.Cut(url, "://")
	host, _, _ = strings.Cut(host, "/")
	return host
}

func (c *command) benchEndpoint(f *benchFlags, conf *load.Config) error {
	e := &conf.Endpoint
	if f.url != "" {
		e.URL = f.url
	}
	if e.URL == "" {
		return usage("say which server: --url http://127.0.0.1:8000/v1, or --topology NAME of a project")
	}
	switch {
	case f.served != "":
		e.Model = f.served
	case e.Model == "":
		e.Model = f.model
	}
	e.API, e.Plain = load.API(f.api), f.plain
	if f.keyEnv != "" {
		key, ok := c.lookup(f.keyEnv)
		if !ok || key == "" {
			return fmt.Errorf("--key-env: the environment has no %s, or it is empty", f.keyEnv)
		}
		e.Key = key
	}
	for _, h := range f.headers {
		name, value, ok := strings.Cut(h, "=")
		if !ok || name == "" || strings.ContainsAny(name, " :\r\n") || strings.ContainsAny(value, "\r\n") {
			return usage("--header %q: write NAME=VALUE", name)
		}
		if e.Headers == nil {
			e.Headers = map[string]string{}
		}
		e.Headers[name] = value
	}
	return nil
}

func (c *command) benchTrace(f *benchFlags, conf *load.Config) error {
	in, err := os.Open(c.at(f.trace))
	if err != nil {
		return fmt.Errorf("reading the trace: %w", err)
	}
	defer in.Close()
	arrivals, err := trace.Read(in, trace.Limits{Arrivals: f.arrivals})
	if err != nil {
		return fmt.Errorf("%s: %w", f.trace, err)
	}
	name := baseName(f.trace)
	conf.Workload.Trace, conf.Workload.TraceName = arrivals, name
	conf.Workload.Name = name
	return nil
}

// baseName is the last part of a path as somebody wrote it; "" of none.
func baseName(path string) string {
	path = strings.TrimRight(strings.ReplaceAll(path, `\`, "/"), "/")
	return path[strings.LastIndex(path, "/")+1:]
}

// blocks tells whether a flag names a block of a project.
func (f *benchFlags) blocks() bool { return f.topology != "" || f.workload != "" || f.slo != "" }

// paces of the sweep: every rate with every cap, each once.
func (f *benchFlags) paces(of load.Pace, traced bool) ([]load.Pace, error) {
	if traced && len(f.rates) > 0 {
		return nil, usage("--rates and a trace: a trace has arrivals of its own; --speed replays it faster or slower")
	}
	if !traced && f.speed != 0 {
		return nil, usage("--speed is of a trace; give --trace too, or --rates")
	}
	rates, caps := []load.Rate{of.Rate}, []int{of.Concurrency}
	if len(f.rates) > 0 {
		rates = nil
		for _, text := range f.rates {
			r, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
			switch {
			case err != nil || math.IsNaN(r) || r < 0:
				return nil, usage("--rates: %q is no rate; write requests a second, or inf", text)
			case r == 0:
				return nil, usage("--rates: at a rate of 0 nothing is sent; write inf for all at once")
			}
			rates = append(rates, load.Rate(r))
		}
		if len(f.concurrency) == 0 {
			caps = []int{0}
		}
	}
	if len(f.concurrency) > 0 {
		caps = nil
		for _, text := range f.concurrency {
			n, err := strconv.Atoi(strings.TrimSpace(text))
			if err != nil || n < 1 {
				return nil, usage("--concurrency: %q is no number of requests; write 1 or more", text)
			}
			caps = append(caps, n)
		}
		if len(f.rates) == 0 && !traced {
			rates = nil
		}
	}
	var out []load.Pace
	for _, p := range load.Grid(rates, caps) {
		p.Burstiness, p.Speed = of.Burstiness, f.speed
		if !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	return out, nil
}
