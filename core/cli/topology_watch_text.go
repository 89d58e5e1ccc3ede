package cli

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/topology/answer"
	"github.com/plimsoll-dev/plimsoll/core/topology/traffic"
)

func (c *command) showCrossing(x answer.Crossing, v traffic.Live) {
	c.say("%s %s", c.bold("Traffic of "+x.Model), trafficWords(v))
	rows := [][]string{{"", "topology", "GPUs", "tokens/s", "TTFT p95", "TPOT p95", ""}}
	for i, r := range x.Live.Rankings[0].Ranked {
		if i > 2 && r.Topology.Name != x.Was.Topology.Name {
			continue
		}
		rank, o := fmt.Sprint(i+1), r.Outcomes[0]
		if !r.Admissible {
			rank = "-"
		}
		rows = append(rows, []string{rank, r.Topology.Name, fmt.Sprint(o.GPUs), figure(o.OutputTPS), lapse(o.TTFT95), lapse(o.TPOT95), admission(r, o)})
	}
	columns(c.Out, rows)
	c.say("%s", c.dim("For this traffic. ~ is predicted; - is not admissible."))
	was, now := x.Was.Topology.Name, x.Now.Topology.Name
	switch x.Side {
	case answer.Holds:
		first := "is still first"
		if was != now {
			first = "does as well as any other"
		}
		c.say("\n%s: %s %s.", c.bold("The decision holds"), was, first)
		if !x.Now.Admissible {
			c.say("It does not keep what is asked of it at this traffic, and nothing else does.")
			c.next("plimsoll topology decide with this traffic as a workload says what it would take.")
			return
		}
		c.next("nothing to do; look again when the traffic changes.")
		return
	case answer.Near:
		c.say("\n%s: %s comes before %s by %.0f %%, which is less than the model can tell apart.", c.bold("Near the boundary"), now, was, 100*x.Gain)
	default:
		why := "which has no numbers for this traffic"
		switch {
		case x.Still != nil && !x.Still.Admissible && x.Now.Admissible:
			why = "which does not keep what is asked any more"
		case x.Still != nil && !math.IsNaN(x.Gain):
			why = fmt.Sprintf("by %.0f %%", 100*x.Gain)
		}
		c.say("\n%s: %s comes before %s, %s.", c.bold("The boundary is crossed"), now, was, why)
	}
	c.say("\nThe traffic as a block, to decide and measure with:\n\n%s", workloadBlock(v))
	c.next("add the block to a .hcl file, then plimsoll topology bench --topology %s --model %s --workload %s proves it.", now, x.Model, liveName)
}

// liveName is what the block of live traffic is called.
const liveName = "live"

func trafficWords(v traffic.Live) string {
	parts := []string{fmt.Sprintf("over %s: %d requests, %s a second, %s tokens in and %s out", v.Over.Round(time.Second), v.Requests, digits(v.Rate), thousands(v.Input), thousands(v.Output))}
	if !math.IsNaN(v.Cached) && v.Cached > .01 {
		parts = append(parts, fmt.Sprintf("%.0f %% of prompts cached", 100*v.Cached))
	}
	if !math.IsNaN(v.TTFT) {
		parts = append(parts, "TTFT "+duration(v.TTFT)+" on average")
	}
	if !math.IsNaN(v.TPOT) {
		parts = append(parts, "TPOT "+duration(v.TPOT))
	}
	return strings.Join(append(parts, fmt.Sprintf("%.0f running, %.0f waiting", v.Running, v.Waiting)), "; ")
}

func workloadBlock(v traffic.Live) string {
	w := v.Workload(liveName)
	var b strings.Builder
	fmt.Fprintf(&b, "workload %q {\n", liveName)
	all := [][2]string{{"input_tokens", fmt.Sprint(w.Input)}, {"output_tokens", fmt.Sprint(w.Output)}, {"prompts", fmt.Sprint(w.Prompts)}, {"rate", fmt.Sprintf("%.3g", w.Rate)}}
	if w.SharedPrefix > 0 {
		all = append(all, [2]string{"shared_prefix", fmt.Sprint(w.SharedPrefix)})
	}
	aligned(&b, "  ", all)
	b.WriteString("}")
	return b.String()
}
