package cli

import (
	"errors"
	"math"

	"github.com/plimsoll-dev/plimsoll/core/topology"
	"github.com/plimsoll-dev/plimsoll/core/topology/answer"
	"github.com/plimsoll-dev/plimsoll/core/topology/measured"
	"github.com/spf13/cobra"
)

func (c *command) topologyDecideCommand() *cobra.Command {
	var folder string
	var all bool
	cmd := &cobra.Command{
		Use: "decide [DECISION]", Short: "Which topology should win: measured where measured, predicted where not",
		Long: "Ranks the topologies of a decision, with what was measured in the folder `topology`\n" +
			"in the place of predictions, and says what one more measurement could change.\n\n" +
			"It ends with 0 when every model has a layout that keeps what is asked, and with 1\n" +
			"when one has none: nothing is admissible, or nothing can be predicted. So a script\n" +
			"that launches what comes first stops. Candidates that are left out with a reason,\n" +
			"beside others that are ranked, are no problem.",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("measured") && folder == "" {
				return usage("--measured: the name of the folder is empty")
			}
			name := ""
			if len(args) > 0 {
				name = args[0]
			}
			q, err := c.question(name, folder)
			if err != nil {
				return err
			}
			a, err := answer.Decide(q.decision, q.measured)
			if err != nil {
				return c.noAnswer(q, a, err)
			}
			if c.json {
				err = c.document(map[string]any{"decision": decisionJSON(q.decision, a)})
			} else {
				c.showAnswer(q, a, all)
			}
			if err == nil && !a.Found() {
				err = errSilent
			}
			return err
		},
	}
	cmd.Flags().StringVar(&folder, "measured", "", "folder of measurements (default: topology, in the project)")
	cmd.Flags().BoolVar(&all, "all", false, "show every candidate, not only the first of a search")
	return cmd
}

// noAnswer is an abstention from the whole, or a question that cannot be meant.
func (c *command) noAnswer(q asked, a answer.Answer, err error) error {
	var abstained *topology.Abstention
	if !errors.As(err, &abstained) {
		return err
	}
	if c.json {
		return errors.Join(c.document(map[string]any{"decision": map[string]any{
			"name": q.decision.Name, "found": false, "abstained": map[string]string{"fact": abstained.Fact, "why": abstained.Why, "do": abstained.Do},
			"models": []any{}, "not_used": leftJSON(a.Left),
		}}), errSilent)
	}
	c.say("There is no answer, because nothing can be ranked.\n\n%s.\n%s", abstained.Why, abstained.Do)
	c.leftOut(a.Left)
	return errSilent
}

// decisionJSON is an answer as a document. Times are seconds.
func decisionJSON(d topology.Decision, a answer.Answer) map[string]any {
	models := []map[string]any{}
	for _, r := range a.Rankings {
		models = append(models, rankingJSON(r))
	}
	workloads := []string{}
	for _, w := range d.Workloads {
		workloads = append(workloads, w.Name)
	}
	return map[string]any{
		"name": a.Decision, "found": a.Found(), "hardware": d.Hardware.Name, "gpus": d.Hardware.Count, "slo": d.SLO.Name, "workloads": workloads,
		"placement":   map[string]any{"kind": a.Placement.Kind, "gpus": a.Placement.GPUs, "words": a.Placement.Words},
		"calibration": map[string]any{"measurements": a.Calibrated.Rows, "error": number(a.Calibrated.Error), "words": a.Calibrated.Words},
		"models":      models, "not_used": leftJSON(a.Left), "layout_not_said": leftJSON(a.Unsaid),
	}
}

func rankingJSON(r topology.Ranking) map[string]any {
	ranked := []map[string]any{}
	for _, x := range r.Ranked {
		outcomes := []map[string]any{}
		for _, o := range x.Outcomes {
			outcomes = append(outcomes, outcomeJSON(o))
		}
		ranked = append(ranked, map[string]any{"topology": x.Topology.Name, "gpus": x.Outcomes[0].GPUs, "admissible": x.Admissible, "measured": x.Measured, "score": number(x.Score), "why": x.Why, "outcomes": outcomes})
	}
	excluded := []map[string]any{}
	for _, x := range r.Excluded {
		excluded = append(excluded, map[string]any{"topology": x.Topology.Name, "why": x.Err.Error()})
	}
	variables := []map[string]any{}
	for _, v := range r.Variables {
		variables = append(variables, map[string]any{"name": v.Name, "value": number(v.Value), "unit": v.Unit, "words": v.Words})
	}
	var next any
	if r.Next != nil {
		next = map[string]string{"topology": r.Next.Topology, "workload": r.Next.Workload, "command": r.Next.Command, "why": r.Next.Why}
	}
	var best any
	if r.Met {
		best = r.Ranked[0].Topology.Name
	}
	return map[string]any{"model": r.Model, "gpus": r.GPUs, "objective": r.Objective, "found": r.Met, "best": best, "ranked": ranked, "excluded": excluded, "variables": variables, "next": next}
}

func outcomeJSON(o topology.Outcome) map[string]any {
	values := map[string]any{}
	for name, v := range map[string]topology.Value{
		"output_tps": o.OutputTPS, "output_tps_per_gpu": o.PerGPU, "requests_per_s": o.Requests,
		"ttft_s": o.TTFT, "ttft_p50_s": o.TTFT50, "ttft_p95_s": o.TTFT95, "ttft_p99_s": o.TTFT99,
		"tpot_s": o.TPOT, "tpot_p50_s": o.TPOT50, "tpot_p95_s": o.TPOT95, "tpot_p99_s": o.TPOT99, "itl_p99_s": o.ITL99, "latency_p95_s": o.Latency95,
	} {
		if v.Known() {
			values[name] = map[string]any{"value": number(v.Number), "basis": v.Basis}
		}
	}
	return map[string]any{"workload": o.Workload, "slo_met": o.SLOMet, "missed": append([]string{}, o.Missed...), "unknown": append([]string{}, o.Unknown...), "values": values}
}

// number is null where there is none: JSON has no NaN.
func number(v float64) any {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return v
}

func leftJSON(all []measured.Left) []measured.Left { return append([]measured.Left{}, all...) }
