package cli

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/topology"
	"github.com/plimsoll-dev/plimsoll/core/topology/answer"
	"github.com/plimsoll-dev/plimsoll/core/topology/measured"
)

// rankedAtFirst is how many candidates of a search are printed unless all are asked for.
const rankedAtFirst = 8

func (c *command) showAnswer(q asked, a answer.Answer, all bool) {
	d := q.decision
	c.say("%s on %s", c.bold("Decision "+a.Decision), hardwareWords(d.Hardware))
	c.say("%s", a.Placement.Words)
	c.say("Asked: %s.", sloWords(d))
	c.say("%s", a.Calibrated.Words)
	for _, r := range a.Rankings {
		c.showRanking(d, r, all)
	}
	c.leftOut(a.Left)
	c.unsaid(a.Unsaid)
	c.afterAnswer(q, a)
}

func hardwareWords(h topology.Hardware) string {
	nodes := ""
	if h.PerNode > 0 && h.PerNode < h.Count {
		nodes = fmt.Sprintf(", %d to a machine", h.PerNode)
	}
	return fmt.Sprintf("%d x %s (%s)%s", h.Count, h.GPU.Name, h.Name, nodes)
}

// sloWords is what is asked, in the words of the blocks.
func sloWords(d topology.Decision) string {
	var parts []string
	s := d.SLO
	for _, x := range []struct {
		name string
		d    time.Duration
	}{{"TTFT p50", s.TTFT50}, {"TTFT p95", s.TTFT95}, {"TTFT p99", s.TTFT99}, {"TPOT p50", s.TPOT50}, {"TPOT p95", s.TPOT95}, {"TPOT p99", s.TPOT99}, {"ITL p99", s.ITL99}, {"latency p95", s.Latency95}} {
		if x.d > 0 {
			parts = append(parts, fmt.Sprintf("%s <= %s", x.name, x.d))
		}
	}
	if s.OutputTPS > 0 {
		parts = append(parts, fmt.Sprintf("%s tokens/s", thousands(s.OutputTPS)))
	}
	if s.RequestsPerSec > 0 {
		parts = append(parts, fmt.Sprintf("%g requests/s", s.RequestsPerSec))
	}
	out := "the most " + objectiveWords(d.Objective)
	if d.Objective == topology.LowTPOT || d.Objective == topology.LowTTFT {
		out = "the least " + objectiveWords(d.Objective)
	}
	if len(parts) > 0 {
		out += fmt.Sprintf(", with slo %s: %s", s.Name, strings.Join(parts, ", "))
	}
	if d.Require != nil {
		out += "; and `require`"
	}
	return out
}

func objectiveWords(o topology.Objective) string {
	switch o {
	case topology.OutputTPS:
		return "output tokens/s"
	case topology.LowTPOT:
		return "time per output token"
	case topology.LowTTFT:
		return "time to the first token"
	}
	return "output tokens/s per GPU"
}

func (c *command) showRanking(d topology.Decision, r topology.Ranking, all bool) {
	c.say("\n%s", c.bold(r.Model))
	rows := [][]string{{"", "topology", "GPUs", "workload", "tokens/s", "per GPU", "TTFT p95", "TPOT p95", ""}}
	hidden := 0
	for i, x := range r.Ranked {
		if !all && searched(d, r) && i >= rankedAtFirst && !x.Measured {
			hidden++
			continue
		}
		rank := strconv.Itoa(i + 1)
		if !x.Admissible {
			rank = "-"
		}
		for k, o := range x.Outcomes {
			name, gpus := x.Topology.Name, strconv.Itoa(o.GPUs)
			if k > 0 {
				rank, name, gpus = "", "", ""
			}
			rows = append(rows, []string{rank, name, gpus, o.Workload, figure(o.OutputTPS), figure(o.PerGPU), lapse(o.TTFT95), lapse(o.TPOT95), admission(x, o)})
		}
	}
	columns(c.Out, rows)
	c.say("%s", c.dim("~ is predicted; without it, measured. - is not admissible."))
	if hidden > 0 {
		c.say("%s less good; --all shows them.", plural(hidden, "more layout is", "more layouts are"))
	}
	c.excluded(r, all)
	c.say("\nWhat decides:")
	for _, v := range r.Variables {
		c.say("  %s", v.Words)
	}
}

// keeps is what of the question a candidate keeps on one workload.
func admission(x topology.Ranked, o topology.Outcome) string {
	var parts []string
	if len(o.Missed) > 0 {
		parts = append(parts, "misses: "+strings.Join(o.Missed, "; "))
	}
	if len(o.Unknown) > 0 {
		parts = append(parts, "not known: "+strings.Join(o.Unknown, "; "))
	}
	switch {
	case len(parts) > 0:
		return strings.Join(parts, "; ")
	case !o.SLOMet:
		return "misses the SLO"
	case strings.Contains(x.Why, "does not satisfy `require`"):
		return "does not satisfy require"
	}
	return "keeps it"
}

// excluded candidates, those of the same reason together: a search leaves out many
// for one fact.
func (c *command) excluded(r topology.Ranking, all bool) {
	if len(r.Excluded) == 0 {
		return
	}
	c.say("\nLeft out:")
	var order []string
	by := map[string][]string{}
	for _, x := range r.Excluded {
		why := strings.TrimPrefix(strings.TrimPrefix(x.Err.Error(), "no plan can be made of "+x.Topology.Name+": "), x.Topology.Name+" ")
		why = strings.TrimPrefix(why, fmt.Sprintf("topology %q ", x.Topology.Name))
		if rest, ok := strings.CutPrefix(why, "is blocked: "); ok {
			why = "blocked by preflight: " + rest
		}
		if _, ok := by[why]; !ok {
			order = append(order, why)
		}
		by[why] = append(by[why], x.Topology.Name)
	}
	for i, why := range order {
		if !all && i >= rankedAtFirst {
			c.say("  and for %s; --all shows them.", plural(len(order)-i, "other reason", "other reasons"))
			return
		}
		names := by[why]
		if n := len(names); !all && n > 4 {
			names = append(slices.Clone(names[:3]), fmt.Sprintf("%d more", n-3))
		}
		c.say("  %s: %s", strings.Join(names, ", "), why)
	}
}

// leftOut are files of measurements that were not used.
func (c *command) leftOut(left []measured.Left) {
	if len(left) == 0 {
		return
	}
	c.say("\nMeasurements that were not used:")
	for _, l := range left {
		c.say("  %s: %s", l.File, l.Why)
	}
}

// unsaid are files that were believed by the name of their folder.
func (c *command) unsaid(all []measured.Left) {
	const most = 3
	if len(all) == 0 {
		return
	}
	c.say("\nMeasurements that do not say which layout they are of, and are taken by their folders' names:")
	for i, l := range all {
		if i == most {
			c.say("  and %d more.", len(all)-most)
			break
		}
		c.say("  %s", l.File)
	}
}

// searched tells whether nobody declared a layout for the model of r.
func searched(d topology.Decision, r topology.Ranking) bool {
	return len(d.Candidates(topology.Model{Name: r.Model})) == 0
}

// afterAnswer says what would change the answer, and what to do with it.
func (c *command) afterAnswer(q asked, a answer.Answer) {
	for _, r := range a.Rankings {
		if r.Next != nil {
			c.say("\nOne measurement could change it: %s\n  %s", r.Next.Why, r.Next.Command)
		}
	}
	for _, r := range a.Rankings {
		if !r.Met {
			c.next("no layout of %s keeps what is asked. Relax the slo, take narrower weights or more GPUs, or measure the first: predictions may be off.", r.Model)
			return
		}
	}
	for _, r := range a.Rankings {
		if searched(q.decision, r) {
			best := r.Ranked[0].Topology
			c.say("\nAs a block, to keep it:\n\n%s", topologyBlock(best, r.Model, len(q.decision.Models) > 1))
			c.next("add the block to a .hcl file, then plimsoll topology plan %s", best.Name)
			return
		}
	}
	first := a.Rankings[0]
	best := first.Ranked[0].Topology
	model := ""
	if len(q.set.Names().Models) > 1 {
		model = " --model " + first.Model
	}
	c.next("plimsoll topology plan %s%s shows how it is launched.", best.Name, model)
}

// topologyBlock writes a layout of a search as HCL, as plimsoll fmt would.
func topologyBlock(t topology.Topology, model string, several bool) string {
	own := [][2]string{{"engine", `"vllm"`}, {"version", `"0.24"   # as vllm --version says`}}
	if several {
		own = append(own, [2]string{"model", "model." + model})
	}
	var b strings.Builder
	fmt.Fprintf(&b, "topology %q {\n", t.Name)
	if !t.Split() {
		aligned(&b, "  ", append(own, parallelSizes(t.Pool)...))
	} else {
		aligned(&b, "  ", own)
		for _, side := range []struct {
			name string
			p    *topology.Pool
		}{{"prefill", t.Prefill}, {"decode", t.Decode}} {
			fmt.Fprintf(&b, "  %s {\n", side.name)
			aligned(&b, "    ", parallelSizes(*side.p))
			b.WriteString("  }\n")
		}
		if t.Transfer != nil {
			fmt.Fprintf(&b, "  kv_transfer {\n    connector = %q\n  }\n", t.Transfer.Connector)
		}
	}
	b.WriteString("}")
	return b.String()
}

func parallelSizes(p topology.Pool) [][2]string {
	var out [][2]string
	add := func(name string, n int, say bool) {
		if say {
			out = append(out, [2]string{name, strconv.Itoa(n)})
		}
	}
	add("replicas", p.Replicas, p.Replicas > 1)
	add("data_parallel", p.DataParallel, p.DataParallel > 1)
	add("tensor_parallel", p.TensorParallel, p.TensorParallel > 1)
	add("expert_parallel", p.ExpertParallel, p.ExpertParallel > 1 || p.ExpertParallel == topology.NoExpertParallel && p.DataParallel > 1)
	if len(out) == 0 {
		add("tensor_parallel", 1, true)
	}
	return out
}

// aligned writes attributes with their signs under each other.
func aligned(b *strings.Builder, indent string, all [][2]string) {
	widest := 0
	for _, x := range all {
		widest = max(widest, len(x[0]))
	}
	for _, x := range all {
		fmt.Fprintf(b, "%s%-*s = %s\n", indent, widest, x[0], x[1])
	}
}

func figure(v topology.Value) string {
	if !v.Known() {
		return "?"
	}
	return mark(v) + thousands(v.Number)
}

func mark(v topology.Value) string {
	if v.Basis == topology.Measured {
		return ""
	}
	return "~"
}

// lapse is a time as people compare it: three digits.
func lapse(v topology.Value) string {
	if !v.Known() {
		return "?"
	}
	return mark(v) + duration(v.Number)
}

func duration(s float64) string {
	if s < 1 {
		return digits(s*1e3) + " ms"
	}
	return digits(s) + " s"
}

func digits(v float64) string {
	switch {
	case v >= 99.5:
		return thousands(v)
	case v >= 9.95:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return strconv.FormatFloat(v, 'f', 2, 64)
}

// thousands writes a whole number with commas.
func thousands(v float64) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return "?"
	}
	s := strconv.FormatFloat(math.Abs(v), 'f', 0, 64)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	if v < 0 {
		s = "-" + s
	}
	return s
}
