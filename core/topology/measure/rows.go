package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/topology"
	"github.com/plimsoll-dev/plimsoll/core/topology/arch"
	"github.com/plimsoll-dev/plimsoll/core/topology/hardware"
)

// columns reads a CSV file with a header into one map a row.
func columns(path string) (rows []map[string]string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("opening a table: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	all, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", filepath.Base(path), err)
	}
	if len(all) < 2 {
		return nil, fmt.Errorf("reading %s: it has no rows", filepath.Base(path))
	}
	for _, line := range all[1:] {
		row := map[string]string{}
		for i, name := range all[0] {
			row[name] = line[i]
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// numbers takes columns as floats; an empty cell is 0.
func numbers(row map[string]string, names ...string) ([]float64, error) {
	out := make([]float64, len(names))
	for i, n := range names {
		text, ok := row[n]
		if !ok {
			return nil, fmt.Errorf("there is no column %q", n)
		}
		if text == "" {
			continue
		}
		v, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", n, err)
		}
		out[i] = v
	}
	return out, nil
}

// row is one measured deployment at one concurrency.
type row struct {
	family string // the model whose config.json it has
	engine string
	group  string // model, system, engine, precision, tokens: what a decision is about
	hw     topology.Hardware
	model  topology.Model
	load   topology.Workload
	topo   topology.Topology
	gpus   int
	split  bool
	ttft   float64 // seconds, measured
	tpot   float64
	perGPU float64
}

// configs maps the models of the table to the config.json of their architecture.
var configs = map[string]string{
	"deepseek-ai/DeepSeek-V3":                 "deepseek-ai--DeepSeek-V3",
	"nvidia/DeepSeek-R1-NVFP4":                "deepseek-ai--DeepSeek-V3",
	"nvidia/DeepSeek-V3.1-NVFP4":              "deepseek-ai--DeepSeek-V3",
	"openai/gpt-oss-120b":                     "openai--gpt-oss-120b",
	"Qwen/Qwen3-32B":                          "Qwen--Qwen3-32B",
	"nvidia/Qwen3-32B-NVFP4":                  "Qwen--Qwen3-32B",
	"Qwen/Qwen3-235B-A22B-FP8":                "Qwen--Qwen3-235B-A22B-FP8",
	"meta-llama/Llama-3.1-8B-Instruct":        "meta-llama--Meta-Llama-3.1-8B",
	"nvidia/Llama-3.1-8B-Instruct-FP8":        "meta-llama--Meta-Llama-3.1-8B",
	"RedHatAI/gemma-4-26B-A4B-it-FP8-Dynamic": "google--gemma-4-26B-A4B",
	"nvidia/Qwen3.6-27B-NVFP4":                "nvidia--Qwen3.6-27B-NVFP4",
}

// library reads the models' config.json files once.
type library struct {
	dir  string
	have map[string]arch.Arch
}

func (l *library) get(model string) (arch.Arch, string, error) {
	file, ok := configs[model]
	if !ok {
		return arch.Arch{}, "", fmt.Errorf("no config.json is known for the model %q", model)
	}
	if a, ok := l.have[file]; ok {
		return a, file, nil
	}
	src, err := os.ReadFile(filepath.Join(l.dir, "models", file+".json"))
	if err != nil {
		return arch.Arch{}, "", fmt.Errorf("reading a model: %w", err)
	}
	a, err := arch.Read(src)
	if err != nil {
		return arch.Arch{}, "", fmt.Errorf("reading %s: %w", file, err)
	}
	if l.have == nil {
		l.have = map[string]arch.Arch{}
	}
	l.have[file] = a
	return a, file, nil
}

// weights is the format of a row: what it says, else what the name says, else
// as published.
func weights(model, precision string) string {
	switch {
	case precision == "fp4" && strings.Contains(model, "gpt-oss"):
		return "mxfp4"
	case precision == "fp4":
		return "nvfp4"
	case precision == "fp8" && strings.Contains(model, "gpt-oss"):
		return "mxfp4" // the row's precision is that of activations
	case precision != "":
		return precision
	}
	return ""
}

// measured reads measured_configs.csv.
func measured(dir string, lib *library) ([]row, error) {
	t, err := columns(filepath.Join(dir, "measured_configs.csv"))
	if err != nil {
		return nil, err
	}
	var out []row
	for i, c := range t {
		r, err := oneRow(c, lib)
		if err != nil {
			return nil, fmt.Errorf("measured_configs.csv, row %d: %w", i+2, err)
		}
		out = append(out, r)
	}
	return out, nil
}

func oneRow(c map[string]string, lib *library) (row, error) {
	v, err := numbers(c, "isl", "osl", "conc", "p_n", "p_tp", "p_dp", "p_ep", "d_n", "d_tp", "d_dp", "d_ep", "gpus", "ttft_ms", "tpot_ms", "out_tps_per_gpu")
	if err != nil {
		return row{}, err
	}
	a, family, err := lib.get(c["model"])
	if err != nil {
		return row{}, err
	}
	gpu, ok := hardware.Lookup(c["system"])
	if !ok {
		return row{}, fmt.Errorf("the GPU %q is not known", c["system"])
	}
	n := func(i int) int { return int(v[i]) }
	kv := "fp8"
	if c["precision"] == "" || strings.Contains(c["model"], "gpt-oss") {
		kv = "bf16"
	}
	r := row{
		family: family, engine: c["backend"],
		group: strings.Join([]string{c["model"], c["system"], c["backend"], c["precision"], c["isl"], c["osl"]}, " "),
		hw:    topology.Hardware{Name: c["system"], GPU: gpu, Count: max(n(11), 1), PerNode: min(gpu.Domain, max(n(11), 1))},
		model: topology.Model{Name: c["model"], Arch: a, Weights: weights(c["model"], c["precision"]), KV: kv},
		load:  topology.Workload{Name: "row", Input: n(0), Output: n(1), Concurrency: n(2)},
		gpus:  n(11), split: c["mode"] == "disagg",
		ttft: v[12] / 1e3, tpot: v[13] / 1e3, perGPU: v[14],
	}
	pool := func(k int) topology.Pool {
		p := topology.Pool{Replicas: n(k), TensorParallel: n(k + 1), DataParallel: n(k + 2), ExpertParallel: n(k + 3)}
		return p
	}
	r.topo = topology.Topology{Engine: c["backend"], Version: c["version"]}
	if r.split {
		p, d := pool(3), pool(7)
		r.topo.Prefill, r.topo.Decode = &p, &d
		r.topo.Name = fmt.Sprintf("%dx(tp%d dp%d)+%dx(tp%d dp%d ep%d)", p.Replicas, p.TensorParallel, p.DataParallel, d.Replicas, d.TensorParallel, d.DataParallel, d.ExpertParallel)
	} else {
		r.topo.Pool = pool(7)
		r.topo.Name = fmt.Sprintf("%dx(tp%d dp%d ep%d)", n(7), n(8), n(9), n(10))
	}
	return r, nil
}

// sorted are the keys of m in order, so that two runs print the same.
func sorted[V any](m map[string]V) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// fit is the row as calibration takes it.
func (r row) fit() topology.Row {
	return topology.Row{Hardware: r.hw, Model: r.model, Workload: r.load, Topology: r.topo, TTFT: r.ttft, TPOT: r.tpot}
}

// impossible says that the row claims more than the data sheet allows: the
// FLOPs of its prompts alone, at full peak and without attention, are more than
// its GPUs have. A cached prefix or a wrong count of GPUs does that. The rule
// looks at no prediction, and such rows are counted in every target.
func (r row) impossible() bool {
	width, _, err := r.model.Format()
	if err != nil {
		return false
	}
	peak := r.hw.GPU.Rate(min(width.Dense, width.Expert, width.Mixer))
	rate := r.perGPU / float64(r.load.Output) // requests a second and GPU
	tokens := rate * float64(r.load.Input+r.load.Output)
	return tokens*2*float64(r.model.Arch.Active()-r.model.Arch.Vocab*r.model.Arch.Hidden) > peak
}
