package result

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/topology/load"
	"github.com/plimsoll-dev/plimsoll/core/topology/metric"
)

// VLLM is what Imported says of results of `vllm bench serve`. Its definitions are
// those that core/topology/metric took over, with one difference: for chat it
// counts the chunk with usage in the latency. So its figures keep ids of their own.
const VLLM = "vllm bench serve"

// vllmFile is what is read of a result file (vllm/benchmarks/serve.py, 0.9 to
// 0.24). Percentiles have members p99_ttft_ms and the like, and are read by name.
type vllmFile struct {
	Date           string          `json:"date"`
	Backend        string          `json:"backend"`
	EndpointType   string          `json:"endpoint_type"`
	Label          *string         `json:"label"`
	Model          string          `json:"model_id"`
	Prompts        int             `json:"num_prompts"`
	Rate           json.RawMessage `json:"request_rate"`
	Burstiness     *float64        `json:"burstiness"`
	Concurrency    *int            `json:"max_concurrency"`
	Duration       *float64        `json:"duration"`
	Completed      *int            `json:"completed"`
	Failed         *int            `json:"failed"`
	Input          *int            `json:"total_input_tokens"`
	Output         *int            `json:"total_output_tokens"`
	Throughput     *float64        `json:"request_throughput"`
	Goodput        *float64        `json:"request_goodput"`
	GoodputOld     *float64        `json:"request_goodput:"` // a slip of older versions
	OutputTPS      *float64        `json:"output_throughput"`
	TotalTPS       *float64        `json:"total_token_throughput"`
	InputLengths   []int           `json:"input_lens"`
	OutputLengths  []int           `json:"output_lens"`
	TensorParallel json.RawMessage `json:"tensor_parallel_size"`
}

// ImportVLLM reads one or several results of `vllm bench serve`. What a file does
// not have is null, and what cannot be is refused.
func ImportVLLM(src []byte, name string) ([]Result, error) {
	d := json.NewDecoder(bytes.NewReader(src))
	var out []Result
	for {
		var raw json.RawMessage
		err := d.Decode(&raw)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("result %d of the file is no JSON: %w", len(out)+1, err)
		}
		r, err := importOne(raw, name)
		if err != nil {
			return nil, fmt.Errorf("result %d of the file: %w", len(out)+1, err)
		}
		if out = append(out, r); len(out) > 10_000 {
			return nil, errors.New("it has more than 10,000 results")
		}
	}
	if len(out) == 0 {
		return nil, errors.New("it has no result")
	}
	return out, nil
}

func importOne(raw []byte, name string) (Result, error) {
	var f vllmFile
	var any map[string]json.RawMessage
	if err := json.Unmarshal(raw, &any); err != nil || any == nil {
		return Result{}, errors.New("it is no JSON object")
	}
	if err := json.Unmarshal(raw, &f); err != nil {
		return Result{}, fmt.Errorf("it is not shaped as one of vllm bench serve: %w", err)
	}
	if f.Duration == nil || f.Completed == nil || f.OutputTPS == nil && f.Throughput == nil {
		return Result{}, errors.New("it has no duration, completed or throughput: it is neither a result of Plimsoll nor of vllm bench serve")
	}
	failed := 0
	if f.Failed != nil {
		failed = *f.Failed
	} else if f.Prompts > *f.Completed {
		failed = f.Prompts - *f.Completed
	}
	for _, n := range []int{*f.Completed, failed, value(f.Input), value(f.Output), value(f.Concurrency)} {
		if n < 0 {
			return Result{}, errors.New("one of its counts is negative")
		}
	}
	if !(*f.Duration > 0) || math.IsInf(*f.Duration, 0) {
		return Result{}, fmt.Errorf("its duration is %g s", *f.Duration)
	}
	r := Result{Schema: Schema, Imported: VLLM, Label: label(f, name), Endpoint: load.Endpoint{Model: f.Model}, Duration: Number(*f.Duration), Requests: *f.Completed + failed, Succeeded: *f.Completed, Input: value(f.Input), Output: value(f.Output), Valid: true, Definitions: vllmDefinitions()}
	if t, err := time.Parse("20060102-150405", f.Date); err == nil {
		r.Started = t
		r.Warnings = append(r.Warnings, "its date has no time zone and is taken as UTC")
	}
	if err := r.takePace(f); err != nil {
		return r, err
	}
	r.Workload = load.Workload{Name: "imported", Prompts: r.Requests, Input: mean(r.Input, r.Succeeded), Output: mean(r.Output, r.Succeeded)}
	if err := r.takeFigures(f, any); err != nil {
		return r, err
	}
	r.takeDetail(raw)
	return r, nil
}

func value(n *int) int {
	if n == nil {
		return 0
	}
	return *n
}

func mean(total, n int) int {
	if n == 0 {
		return 0
	}
	return int(math.Round(float64(total) / float64(n)))
}

func label(f vllmFile, name string) string {
	if f.Label != nil && *f.Label != "" && *f.Label != f.Backend && *f.Label != f.EndpointType {
		return *f.Label
	}
	return strings.TrimSuffix(name, ".json")
}

func (r *Result) takePace(f vllmFile) error {
	var text string
	switch {
	case len(f.Rate) == 0 || string(f.Rate) == "null":
	case json.Unmarshal(f.Rate, &text) == nil:
		v, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return fmt.Errorf("its request_rate is %q", text)
		}
		r.Pace.Rate = load.Rate(v)
	default:
		var v float64
		if err := json.Unmarshal(f.Rate, &v); err != nil {
			return fmt.Errorf("its request_rate is %s", f.Rate)
		}
		r.Pace.Rate = load.Rate(v)
	}
	if v := float64(r.Pace.Rate); math.IsNaN(v) || v < 0 {
		return fmt.Errorf("its request_rate is %g", v)
	}
	if f.Burstiness != nil && *f.Burstiness != 1 {
		r.Pace.Burstiness = *f.Burstiness
	}
	r.Pace.Concurrency = value(f.Concurrency)
	return nil
}

func vllmID(id string) string { return "vllm-bench-serve/" + id }

func vllmDefinitions() map[string]string {
	out := map[string]string{}
	for _, d := range metric.Definitions() {
		out[vllmID(d.ID)] = d.Text + " (as vllm bench serve computed it; for chat its latency has the usage chunk in it)"
	}
	out[vllmID(TotalTPS)] = "prompt and output tokens of successful requests / duration of the run (as vllm bench serve computed it)"
	return out
}

// takeFigures reads mean_, median_, std_ and pNN_ members, which are milliseconds.
func (r *Result) takeFigures(f vllmFile, all map[string]json.RawMessage) error {
	var failed error
	of := func(member string, scale float64) Number {
		raw, ok := all[member]
		if !ok || string(raw) == "null" {
			return Number(math.NaN())
		}
		var v float64
		if err := json.Unmarshal(raw, &v); err != nil || v < 0 {
			failed = fmt.Errorf("its %s is %.40s, which is no figure", member, raw)
			return Number(math.NaN())
		}
		return Number(v * scale)
	}
	for _, s := range []struct {
		name, id string
		into     *Spread
	}{{"ttft", metric.TTFT, &r.TTFT}, {"tpot", metric.TPOT, &r.TPOT}, {"itl", metric.ITL, &r.ITL}, {"e2el", metric.Latency, &r.Latency}} {
		ms := func(what string) Number { return of(what+"_"+s.name+"_ms", 1e-3) }
		*s.into = Spread{Definition: vllmID(s.id), N: r.Succeeded, Mean: ms("mean"), Std: ms("std"), Median: ms("median"), P90: ms("p90"), P95: ms("p95"), P99: ms("p99"), Least: Number(math.NaN()), Most: Number(math.NaN())}
		if s.name == "itl" {
			s.into.N = 0 // how many gaps there were is not in the file
		}
		if !s.into.Median.Known() {
			s.into.Median = ms("p50")
		}
	}
	pointer := func(id string, v *float64) Value {
		n := Number(math.NaN())
		if v != nil {
			n = Number(*v)
			if *v < 0 {
				failed = fmt.Errorf("its %s is %g", id, *v)
			}
		}
		return Value{vllmID(id), n}
	}
	if f.Goodput == nil {
		f.Goodput = f.GoodputOld
	}
	r.OutputTPS, r.TotalTPS, r.Rate, r.Goodput = pointer(metric.OutputTPS, f.OutputTPS), pointer(TotalTPS, f.TotalTPS), pointer(metric.Rate, f.Throughput), pointer(metric.Goodput, f.Goodput)
	if failed != nil {
		return failed
	}
	if r.Succeeded == 0 {
		r.Valid = false
		r.Invalid = append(r.Invalid, "no request of it succeeded")
	} else if out := float64(r.OutputTPS.Value); r.Output > 0 && out > 0 {
		if by := float64(r.Output) / float64(r.Duration); math.Abs(by/out-1) > 0.01 {
			r.Warnings = append(r.Warnings, fmt.Sprintf("its throughput of %.4g tokens/s is not its %d tokens / %.4g s = %.4g", out, r.Output, float64(r.Duration), by))
		}
	}
	if r.Requests > r.Succeeded {
		r.Warnings = append(r.Warnings, fmt.Sprintf("%d of %d requests failed", r.Requests-r.Succeeded, r.Requests))
	}
	return nil
}
