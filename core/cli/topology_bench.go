package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/topology/load"
	"github.com/plimsoll-dev/plimsoll/core/topology/load/result"
	"github.com/plimsoll-dev/plimsoll/core/topology/metric"
	"github.com/spf13/cobra"
)

// sweepState is the file of a folder of measurements that says which runs are
// done. It is no .json, since those are results.
const sweepState = "sweep.state"

// topologyBenchCommand measures a server under load.
func (c *command) topologyBenchCommand() *cobra.Command {
	var f benchFlags
	cmd := &cobra.Command{
		Use: "bench", Short: "Measure a server under load, and compare what was measured",
		Long: "Sends requests to a server that speaks OpenAI's HTTP at the times that a rate says,\n" +
			"not when the server is ready for more, and keeps when every chunk of every answer\n" +
			"came. It measures itself too: a run whose generator was late is marked invalid.\n\n" +
			"Works without a project: --url says where, the flags say what is sent. In a project\n" +
			"--topology, --model, --workload and --slo name blocks, and the results go to\n" +
			"topology/MODEL/TOPOLOGY/WORKLOAD, where `plimsoll topology decide` reads them.",
		Example: "  plimsoll topology bench --url http://127.0.0.1:8000/v1 --input 512 --output 128 --rates 1,2,4,inf\n" +
			"  plimsoll topology bench --topology dp2 --model qwen27b --workload chat\n" +
			"  plimsoll topology bench compare topology/qwen27b/dp2/chat topology/qwen27b/tp2/chat",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return fmt.Errorf("there is no %q. It has: compare, import, show; to measure, give flags alone", args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			b, err := c.benchOf(cmd, &f)
			if err != nil {
				return err
			}
			return c.bench(cmd.Context(), b)
		},
	}
	f.register(cmd)
	cmd.AddCommand(c.benchShowCommand(), c.benchCompareCommand(), c.benchImportCommand())
	return cmd
}

// bench is a sweep that is ready to go.
type bench struct {
	sweep    load.Sweep
	out      string // folder of the results; "": none is kept
	label    string
	gpus     int
	layout   *result.Layout // of the topology block; nil: none
	slo      benchSLO
	ready    time.Duration
	decide   bool   // the results go where decide reads them
	topology string // block; "": none
	keyed    bool   // a key is sent
}

// bench makes the runs, and tells of them.
func (c *command) bench(ctx context.Context, b bench) error {
	p := benchProgress{c: c, of: len(b.sweep.Paces), work: b.sweep.Config.Workload}
	defer p.clear()
	if b.ready > 0 {
		err := load.Ready(ctx, b.sweep.Config.Endpoint, b.ready, p.waiting)
		p.clear()
		if err != nil {
			return err
		}
	}
	dir := b.out
	if dir == "" {
		temporary, err := os.MkdirTemp("", "plimsoll-bench-")
		if err != nil {
			return fmt.Errorf("making a folder for the results: %w", err)
		}
		defer os.RemoveAll(temporary)
		dir = temporary
	} else if err := os.MkdirAll(c.at(dir), 0o755); err != nil {
		return fmt.Errorf("making the folder of the results: %w", err)
	}
	dir = c.at(dir)
	b.sweep.Config.Progress = p.tell
	fresh := map[string]result.Result{}
	save := func(run *load.Run) (string, error) {
		p.clear()
		r := result.Of(run, result.Options{Label: b.label, GPUs: b.gpus, Layout: b.layout, Limits: b.slo.each})
		name := result.FileName(run.Workload, run.Pace)
		fresh[name] = r
		_, err := r.Save(dir, name)
		return name, err
	}
	steps, failed := b.sweep.Drive(ctx, filepath.Join(dir, sweepState), save, p.run)
	p.clear()
	var all []result.Result
	for _, s := range steps {
		r, ok := fresh[s.Files]
		if !ok {
			some, err := result.Read(filepath.Join(dir, filepath.Base(s.Files)+".json"))
			if err != nil {
				return errors.Join(failed, fmt.Errorf("a run that was made before: %w", err))
			}
			r = some[0]
		}
		all = append(all, r)
	}
	if len(all) == 0 {
		return b.unreached(failed)
	}
	for i := range all {
		b.otherSLO(&all[i])
	}
	return c.benched(b, all, p.skipped, failed)
}

// unreached is why there is no run at all, with what may help.
func (b bench) unreached(failed error) error {
	if failed != nil && !b.keyed && strings.Contains(failed.Error(), "HTTP 401") {
		return fmt.Errorf("%w.\nThe server asks for a key: --key-env NAME names the environment variable that has it, and it is never written down", failed)
	}
	var dial *net.OpError
	if !errors.As(failed, &dial) {
		return failed
	}
	start := ""
	if b.topology != "" {
		start = "start it with `plimsoll topology up " + b.topology + "`, or "
	}
	return fmt.Errorf("%w.\nIs it there? Mend --url, %sgive --ready 30m to wait for a server that still loads its model", failed, start)
}

// otherSLO says of a run that was made before that its goodput is of other limits.
func (b bench) otherSLO(r *result.Result) {
	was := result.Limits{}
	if r.SLO != nil {
		was = *r.SLO
	}
	if is := (result.Limits{TTFT: b.slo.each.TTFT, TPOT: b.slo.each.TPOT, Latency: b.slo.each.Latency}); was != is {
		r.Warnings = append(slices.Clone(r.Warnings), "it was made before, with another SLO or none: its goodput is of that")
	}
}

// benched writes the pages of a sweep and prints it.
func (c *command) benched(b bench, all []result.Result, skipped int, failed error) error {
	var files []string
	if b.out != "" {
		var err error
		if files, err = c.benchPages(b.out, all, b.slo); err != nil {
			return errors.Join(failed, err)
		}
	}
	if c.json {
		doc := benchDocument(all)
		doc["out"], doc["files"], doc["skipped"] = filepath.ToSlash(b.out), files, skipped
		if failed != nil {
			doc["stopped"] = failed.Error()
		}
		if err := c.document(doc); err != nil {
			return err
		}
		if failed != nil || benchInvalid(all) > 0 {
			return errSilent
		}
		return nil
	}
	c.benchText(all, b.slo)
	if skipped > 0 {
		c.say("\n%s made before and not made again.", plural(skipped, "run was", "runs were"))
	}
	if b.out != "" {
		c.say("\nKept in %s: a result for each run, its raw requests beside it, runs.csv, index.html.", c.short(c.at(b.out)))
	}
	c.benchNext(b, all, failed)
	if failed != nil {
		return fmt.Errorf("the sweep is not whole, %d of %d runs were made: %w", len(all), len(b.sweep.Paces), failed)
	}
	if benchInvalid(all) > 0 {
		return errSilent
	}
	return nil
}

func (c *command) benchNext(b bench, all []result.Result, failed error) {
	invalid := benchInvalid(all)
	switch {
	case failed != nil && b.out != "":
		c.next("give the same command again; it goes on with the runs that are missing.")
	case failed != nil:
		c.next("mend what failed and measure again; with --out DIR a sweep goes on where it stopped.")
	case invalid > 0 && b.out != "":
		c.next("mend what the invalid runs' reasons say, and give the same command with --redo: it makes those alone again.")
	case invalid > 0:
		c.next("mend what the invalid runs' reasons say, and measure again.")
	case b.decide:
		c.next("plimsoll topology decide")
	case b.out != "":
		c.next("open %s, or compare with another sweep: plimsoll topology bench compare %[2]s OTHER", c.short(filepath.Join(c.at(b.out), "index.html")), c.short(c.at(b.out)))
	default:
		c.next("nothing was kept: give --out DIR to keep the raw requests, a page and a table.")
	}
}

func benchInvalid(all []result.Result) int {
	n := 0
	for _, r := range all {
		if !r.Valid {
			n++
		}
	}
	return n
}

// eachRequest are the limits of an SLO for goodput, which asks them of every
// request.
func eachRequest(ttft, tpot, latency time.Duration) metric.Limits {
	return metric.Limits{TTFT: ttft.Seconds(), TPOT: tpot.Seconds(), Latency: latency.Seconds()}
}

// benchTitle is what a page is called: what was compared.
func benchTitle(all []result.Result) string {
	var labels []string
	seen := map[string]bool{}
	for _, r := range all {
		if r.Label != "" && !seen[r.Label] {
			seen[r.Label] = true
			labels = append(labels, r.Label)
		}
	}
	switch {
	case len(labels) > 4:
		return fmt.Sprintf("%s and %d more", strings.Join(labels[:3], ", "), len(labels)-3)
	case len(labels) > 0:
		return strings.Join(labels, ", ")
	}
	return all[0].Endpoint.Model
}
