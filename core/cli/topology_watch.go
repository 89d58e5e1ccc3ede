package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/engine"
	"github.com/plimsoll-dev/plimsoll/core/topology/answer"
	"github.com/plimsoll-dev/plimsoll/core/topology/traffic"
	"github.com/spf13/cobra"
)

// watchAsked is what watch was given.
type watchAsked struct {
	metrics                 []string
	model, running, folder  string
	interval                time.Duration
	once, detailed, fetches bool
}

func (c *command) topologyWatchCommand() *cobra.Command {
	var o watchAsked
	cmd := &cobra.Command{
		Use: "watch [DECISION]", Short: "Whether live traffic has crossed the boundary where another topology wins",
		Long: "Reads an engine's metrics twice, works out the traffic between the two looks, and\n" +
			"asks the decision again with that traffic. It goes on until Ctrl-C; --once stops\n" +
			"after the first answer.\n\n" +
			"--metrics is the address of the engine, or of its /metrics; of several servers give\n" +
			"it for each, and they are summed. Or it is two files that were recorded --interval\n" +
			"apart. Where prefill and decode are apart, name the decode servers: they see every\n" +
			"request whole.",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.check(c.json); err != nil {
				return err
			}
			name := ""
			if len(args) > 0 {
				name = args[0]
			}
			q, err := c.question(name, o.folder)
			if err != nil {
				return err
			}
			return c.topologyWatch(cmd.Context(), q, o)
		},
	}
	cmd.Flags().StringArrayVar(&o.metrics, "metrics", nil, "address of the engine's metrics, one for each server, or two recorded files")
	cmd.Flags().StringVar(&o.model, "model", "", "the model that has this traffic, where the decision is about several")
	cmd.Flags().StringVar(&o.running, "topology", "", "the topology that serves it (default: the one that the decision takes)")
	cmd.Flags().StringVar(&o.folder, "measured", "", "folder of measurements (default: topology, in the project)")
	cmd.Flags().DurationVar(&o.interval, "interval", time.Minute, "time between two looks")
	cmd.Flags().BoolVar(&o.once, "once", false, "stop after the first answer")
	cmd.Flags().BoolVar(&o.detailed, "detailed-exitcode", false, "exit 3 when the boundary was crossed; goes with --once")
	return cmd
}

func (o *watchAsked) check(json bool) error {
	if o.interval < time.Second || o.interval > 24*time.Hour {
		return usage("--interval %s: give a time from 1s to 24h, as 60s or 5m", o.interval)
	}
	files := 0
	for i, m := range o.metrics {
		if m == "" {
			return usage("--metrics: the address is empty")
		}
		if strings.HasPrefix(m, "http://") || strings.HasPrefix(m, "https://") {
			o.fetches = true
			if slices.Contains(o.metrics[:i], m) {
				return usage("--metrics %s is given twice: an address is read twice by itself", m)
			}
			continue
		}
		files++
	}
	switch n := len(o.metrics); {
	case n == 0:
		return usage("--metrics is missing: give the engine's address, as --metrics http://127.0.0.1:8000, or two recorded files")
	case o.fetches && files > 0:
		return usage("--metrics: give addresses, or two recorded files, and not both")
	case !o.fetches && n != 2:
		return usage("--metrics: of a file there must be two, recorded --interval apart, because counters of one moment show no rate: curl -s URL/metrics > a; sleep 60; curl -s URL/metrics > b")
	case json && !o.once && o.fetches:
		return usage("--json wants --once: a watch never ends")
	case o.detailed && !o.once && o.fetches:
		return usage("--detailed-exitcode wants --once: a watch never ends")
	}
	return nil
}

// topologyWatch looks until it is told to stop. A look with too little traffic waits
// for the next one, and the window grows.
func (c *command) topologyWatch(ctx context.Context, q asked, o watchAsked) error {
	before, since, err := c.look(ctx, q, o, 0)
	if err != nil {
		return err
	}
	if o.fetches {
		c.note("Looking at %s for %s.", strings.Join(o.metrics, ", "), o.interval)
	}
	for {
		if o.fetches {
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(o.interval):
			}
		}
		after, at, err := c.look(ctx, q, o, len(o.metrics)-1)
		over := o.interval
		if o.fetches {
			over = at.Sub(since)
		}
		var live traffic.Live
		if err == nil {
			live, err = after.Since(before, over)
		}
		if ctx.Err() != nil {
			return nil
		}
		var few *traffic.Few
		switch {
		case err == nil:
			before, since = after, at
			err = c.crossing(q, o, live)
			if o.once || !o.fetches || err != nil {
				return err
			}
		case o.once || !o.fetches:
			return err
		case errors.As(err, &few):
			c.note("%v; looking on.", few)
		default: // it was started again, or does not answer for a while
			c.note("%v; looking on.", err)
			if after.Models != nil {
				before, since = after, at
			}
		}
	}
}

// look is one page of metrics, and when it was read.
func (c *command) look(ctx context.Context, q asked, o watchAsked, i int) (traffic.Look, time.Time, error) {
	if !o.fetches {
		src, err := os.ReadFile(c.at(o.metrics[i]))
		at := engine.Now()
		if err != nil {
			return traffic.Look{}, at, fmt.Errorf("--metrics: %w", err)
		}
		l, err := lookIn(src, q, o)
		return l, at, err
	}
	var all []traffic.Look
	for _, address := range o.metrics {
		src, err := fetchMetrics(ctx, address)
		if err != nil {
			return traffic.Look{}, engine.Now(), fmt.Errorf("--metrics: %w", err)
		}
		l, err := lookIn(src, q, o)
		if err != nil {
			return traffic.Look{}, engine.Now(), fmt.Errorf("%s: %w", address, err)
		}
		all = append(all, l)
	}
	return traffic.Sum(all...), engine.Now(), nil
}

// lookIn is a page for the model that is meant.
func lookIn(src []byte, q asked, o watchAsked) (traffic.Look, error) {
	l, err := traffic.Parse(src, "")
	if err != nil && len(l.Models) > 1 {
		model := o.model
		if model == "" && len(q.decision.Models) == 1 {
			model = q.decision.Models[0].Name
		}
		if model != "" {
			l, err = traffic.Parse(src, model)
		}
	}
	return l, err
}

// fetchMetrics reads an engine's page. The address may be the engine's own.
func fetchMetrics(ctx context.Context, address string) ([]byte, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("%q is no address", address)
	}
	if p := strings.Trim(u.Path, "/"); p == "" || p == "v1" {
		u.Path = "/metrics"
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("reading the metrics: %w", err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("reading the metrics: %w", err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s", u.String(), res.Status)
	}
	src, err := io.ReadAll(io.LimitReader(res.Body, 33<<20))
	if err != nil {
		return nil, fmt.Errorf("reading the metrics: %w", err)
	}
	return src, nil
}

// crossing asks the decision again, and says what became of its answer.
func (c *command) crossing(q asked, o watchAsked, live traffic.Live) error {
	x, err := answer.Live(q.decision, q.measured, o.model, o.running, live.Workload("live"))
	if err != nil {
		return err
	}
	if c.json {
		err = c.document(map[string]any{"watch": crossingJSON(x, live)})
	} else {
		c.showCrossing(x, live)
	}
	if err == nil && o.detailed && x.Side == answer.Crossed {
		return &problem{code: exitPending, silent: true}
	}
	return err
}

func crossingJSON(x answer.Crossing, v traffic.Live) map[string]any {
	ranked := rankingJSON(x.Live.Rankings[0])
	return map[string]any{
		"model": x.Model, "side": x.Side, "was": x.Was.Topology.Name, "now": x.Now.Topology.Name, "gain": number(x.Gain),
		"live": map[string]any{
			"over_s": v.Over.Seconds(), "requests": v.Requests, "requests_per_s": number(v.Rate), "input_tokens": number(v.Input), "output_tokens": number(v.Output),
			"cached": number(v.Cached), "ttft_s": number(v.TTFT), "tpot_s": number(v.TPOT), "latency_s": number(v.Latency), "running": v.Running, "waiting": v.Waiting,
		},
		"ranked": ranked["ranked"], "excluded": ranked["excluded"],
	}
}
