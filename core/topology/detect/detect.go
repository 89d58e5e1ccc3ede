// Package detect looks at the machine: its GPUs and how they are joined, the
// driver, the CUDA compiler, the engine, container runtimes, and the config.json
// of the models in a folder. Out come facts, what was not found, and the blocks
// of HCL that say the same.
//
// It must not guess: a GPU that core/topology/hardware does not have becomes a
// block to fill in, and what a program did not say is a Gap with what to do. It
// starts programs that print and nothing else, and changes nothing.
//
//	m := detect.Look(ctx, detect.Config{Runner: detect.Programs{}, Models: []string{"/models"}})
//	fmt.Print(m.HCL(detect.Block{Folder: "/project"}))    // gpu, hardware and model blocks
//	for _, g := range m.Gaps { fmt.Println(g.What, g.Why, g.Do) }
//	facts := m.Facts()                                    // for plan.Spec.Machine
//
// The parsers are pure and take whatever bytes there are.
package detect

import (
	"context"
	"os"
	"path/filepath"

	"github.com/plimsoll-dev/plimsoll/core/topology/plan"
)

// Machine is what was found. Empty strings and nil are what was not.
type Machine struct {
	GPUs      []GPU             `json:"gpus"`
	Between   [][]string        `json:"between,omitempty"` // how GPU i reaches GPU j, in nvidia-smi's words: NV18, PHB, SYS
	Driver    string            `json:"driver,omitempty"`
	NVCC      string            `json:"nvcc,omitempty"`     // release of CUDA, as 12.8
	Engine    string            `json:"engine,omitempty"`   // version of vLLM
	Packages  map[string]string `json:"packages,omitempty"` // of Python, that concern an engine
	Docker    string            `json:"docker,omitempty"`
	Podman    string            `json:"podman,omitempty"`
	ColdCache *bool             `json:"cold_cache,omitempty"` // vLLM's compile cache has nothing in it
	Models    []Model           `json:"models"`
	Gaps      []Gap             `json:"gaps"`
}

// Gap is something that was looked for and not found, or is not as expected.
type Gap struct {
	What string `json:"what"`
	Why  string `json:"why"`
	Do   string `json:"do,omitempty"`
}

// Config is where to look.
type Config struct {
	Runner Runner
	Models []string                      // folders with models; none: no model is looked for
	Env    func(string) (string, bool)   // the environment; nil: os.LookupEnv
	Glob   func(string) ([]string, bool) // names in a folder, false when there is none; nil: the disk's
}

// Look asks every program once. It never fails: what cannot be found is a Gap.
func Look(ctx context.Context, c Config) Machine {
	if c.Env == nil {
		c.Env = os.LookupEnv
	}
	if c.Glob == nil {
		c.Glob = names
	}
	m := Machine{GPUs: []GPU{}, Models: []Model{}, Gaps: []Gap{}}
	m.look(ctx, c.Runner)
	m.compiler(ctx, c)
	m.engine(ctx, c.Runner)
	m.containers(ctx, c.Runner)
	m.cache(c)
	for _, dir := range c.Models {
		m.models(dir)
	}
	return m
}

func (m *Machine) gap(what, why, do string) { m.Gaps = append(m.Gaps, Gap{what, why, do}) }

// Facts are what a plan may take from this machine, when it is made to run here.
func (m Machine) Facts() plan.Machine {
	yes := true
	f := plan.Machine{ColdCache: m.ColdCache}
	nvcc := m.NVCC != ""
	f.NVCC = &nvcc
	if m.ColdCache != nil && *m.ColdCache {
		f.FirstStart = &yes // whatever started here would have filled the cache
	}
	if len(m.Packages) > 0 && m.Packages["vllm"] != "" {
		_, cache := m.Packages["flashinfer-jit-cache"]
		f.PrebuiltKernels = &cache
	}
	return f
}

// names are those of a folder's entries.
func names(dir string) ([]string, bool) {
	all, err := os.ReadDir(dir)
	if err != nil {
		return nil, false
	}
	var out []string
	for _, e := range all {
		out = append(out, e.Name())
	}
	return out, true
}

// cache looks whether anything was ever compiled here: vLLM keeps it in
// VLLM_CACHE_ROOT, or ~/.cache/vllm, below torch_compile_cache.
func (m *Machine) cache(c Config) {
	root, ok := c.Env("VLLM_CACHE_ROOT")
	if !ok || root == "" {
		base, ok := c.Env("XDG_CACHE_HOME")
		if home, known := c.Env("HOME"); !ok || base == "" {
			if !known || home == "" {
				return
			}
			base = filepath.Join(home, ".cache")
		}
		root = filepath.Join(base, "vllm")
	}
	have, ok := c.Glob(filepath.Join(root, "torch_compile_cache"))
	cold := !ok || len(have) == 0
	m.ColdCache = &cold
}
