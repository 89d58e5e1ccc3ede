// Package declared turns the blocks of a project that are about serving models
// (gpu, hardware, model, workload, slo, topology, decision) into what
// core/topology, its plan and its load generator work with, and says of each
// block what cannot be meant, at its place.
//
// It converts and checks, once, and holds nothing that changes. Files come
// through a function that it is given; it must not look at the machine, start
// anything, or read a clock.
//
//	set, diags := declared.Read(project.Config, declared.Files(project.Dir))
//	if diags.HasErrors() { ... }                       // `plimsoll validate` shows them
//	d, err := set.Decision("")                         // the only one, or what follows from a hardware and a model
//	spec, err := set.Plan("dp2", "")                   // for plan.Make
//	b, err := set.Bench("dp2", "qwen27b", "chat")      // for load.Drive
//
// A name may be "" wherever the project has one of its kind.
package declared

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/topology"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

// Builtin names the workload and the SLO of a project that declares none.
const Builtin = "default"

// Folder of measurements in a project. It is committed.
const Folder = "topology"

// Workload is the built-in one: 32 requests in flight, as a team's own tools
// make them. A burst would ask every layout for the same queue at its start.
func Workload() topology.Workload {
	return topology.Workload{Name: Builtin, Input: 2048, Output: 256, Prompts: 128, Concurrency: 32}
}

// SLO is the built-in one: text comes faster than people read, and begins
// before they wonder.
func SLO() topology.SLO {
	return topology.SLO{Name: Builtin, TTFT95: 2 * time.Second, TPOT95: 50 * time.Millisecond}
}

// Set is everything that a project declares about serving models, converted. It
// may be used by several goroutines.
type Set struct {
	dir        string
	project    *config.Project
	hardware   kind[topology.Hardware]
	models     kind[Model]
	workloads  kind[work]
	slos       kind[topology.SLO]
	topologies kind[layout]
	decisions  kind[decision]
}

// Names are what a project declares, each kind in the order of its files.
type Names struct {
	Hardware, Models, Workloads, SLOs, Topologies, Decisions []string
}

// Read converts and checks. read gives a file by its path as it is written in a
// block; Files makes such a function. What has an error is left out of the set.
func Read(p *config.Project, read func(path string) ([]byte, error)) (*Set, diag.List) {
	s := &Set{dir: p.Dir, project: p}
	r := &reader{Set: s, read: read}
	for _, h := range p.Hardware {
		r.addHardware(h)
	}
	for _, m := range p.Models {
		r.addModel(m)
	}
	for _, w := range p.Workloads {
		r.addWorkload(w)
	}
	for _, x := range p.SLOs {
		s.slos.add(x.Name, convertSLO(x), true)
	}
	for _, t := range p.Topologies {
		r.addTopology(t)
	}
	for _, d := range p.Decisions {
		r.addDecision(d)
	}
	return s, r.diags.Sorted()
}

// Empty tells that nothing about serving models is declared.
func (s *Set) Empty() bool {
	n := s.Names()
	return len(n.Hardware)+len(n.Models)+len(n.Workloads)+len(n.SLOs)+len(n.Topologies)+len(n.Decisions) == 0
}

// Names of everything that is declared, what has an error included.
func (s *Set) Names() Names {
	return Names{s.hardware.order, s.models.order, s.workloads.order, s.slos.order, s.topologies.order, s.decisions.order}
}

// Hardware by its name.
func (s *Set) Hardware(name string) (topology.Hardware, error) {
	return s.hardware.get("hardware", name)
}

// Model by its name.
func (s *Set) Model(name string) (Model, error) { return s.models.get("model", name) }

// Workload by its name; the built-in one where none is declared.
func (s *Set) Workload(name string) (topology.Workload, error) {
	w, err := s.work(name)
	return w.Workload, err
}

// SLO by its name; the built-in one where none is declared.
func (s *Set) SLO(name string) (topology.SLO, error) {
	if s.slos.builtin(name) {
		return SLO(), nil
	}
	return s.slos.get("slo", name)
}

// Topology by its name.
func (s *Set) Topology(name string) (topology.Topology, error) {
	t, err := s.topologies.get("topology", name)
	return t.Topology, err
}

// Results is the folder, relative to the project and with slashes, where
// measurements of a topology lie.
func Results(model, topology, workload string) string {
	return path.Join(Folder, model, topology, workload)
}

// reader is a set that is being made.
type reader struct {
	*Set
	read  func(string) ([]byte, error)
	diags diag.List
}

func (r *reader) add(d diag.Diagnostic) { r.diags = append(r.diags, d) }

// kind is the blocks of one kind, by name. One that has an error has no value.
type kind[T any] struct {
	order []string
	by    map[string]T
}

func (k *kind[T]) add(name string, x T, good bool) {
	if k.by == nil {
		k.by = map[string]T{}
	}
	k.order = append(k.order, name)
	if good {
		k.by[name] = x
	}
}

// builtin tells whether a name means what every project has: there is no block
// that could be meant.
func (k *kind[T]) builtin(name string) bool {
	if name == Builtin {
		return !slices.Contains(k.order, name)
	}
	return name == "" && len(k.order) == 0
}

// writer says what writes a block of a kind; "" when nobody but a person does.
func writer(what string) string {
	switch what {
	case "hardware", "model":
		return ", or let `plimsoll topology detect` write one"
	case "topology":
		return "; `plimsoll topology decide` prints the one that comes first"
	}
	return ""
}

// namer says how one of several blocks is named, where commands have a flag for it.
func namer(what, first string) string {
	switch what {
	case "model":
		return fmt.Sprintf(". Give --model %s, or write model = model.%s in the topology", first, first)
	case "workload":
		return ". Give --workload " + first
	}
	return ""
}

func (k *kind[T]) get(what, name string) (T, error) {
	var none T
	switch {
	case len(k.order) == 0:
		return none, fmt.Errorf("no %s is declared: add a %s block to a .hcl file%s", what, what, writer(what))
	case name == "" && len(k.order) > 1:
		return none, fmt.Errorf("there are several %s blocks, so that one has to be named: %s%s", what, strings.Join(k.order, ", "), namer(what, k.order[0]))
	case name == "":
		name = k.order[0]
	}
	if x, ok := k.by[name]; ok {
		return x, nil
	}
	if slices.Contains(k.order, name) {
		return none, fmt.Errorf("%s %q has an error; `plimsoll validate` shows it", what, name)
	}
	return none, fmt.Errorf("there is no %s %q.%s There are %s", what, name, diag.DidYouMean(name, k.order), strings.Join(k.order, ", "))
}
