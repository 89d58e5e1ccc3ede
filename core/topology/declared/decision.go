package declared

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/rule"
	"github.com/plimsoll-dev/plimsoll/core/topology"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

type decision struct{ topology.Decision }

// Decision by its name, ready for topology.Decide. Without a block it is what
// follows from the others: the only hardware, all models, workloads and
// topologies, the only SLO; and the built-in ones where there is none.
func (s *Set) Decision(name string) (topology.Decision, error) {
	if s.decisions.builtin(name) {
		return s.implied()
	}
	d, err := s.decisions.get("decision", name)
	return d.Decision, err
}

func (s *Set) implied() (topology.Decision, error) {
	h, err := s.Hardware("")
	slo, badSLO := s.SLO("")
	d := topology.Decision{Name: Builtin, Hardware: h, SLO: slo}
	errs := []error{err, badSLO}
	if len(s.models.order) == 0 {
		_, err := s.Model("")
		errs = append(errs, err)
	}
	for _, name := range s.models.order {
		m, err := s.Model(name)
		d.Models, errs = append(d.Models, m.Model), append(errs, err)
	}
	works, err := s.allWorkloads()
	d.Workloads = works
	errs = append(errs, err)
	d.Topologies, err = s.candidates(h.Name, s.project.Models)
	if err := errors.Join(append(errs, err)...); err != nil {
		return topology.Decision{}, err
	}
	return d, nil
}

func (s *Set) allWorkloads() ([]topology.Workload, error) {
	if len(s.workloads.order) == 0 {
		return []topology.Workload{Workload()}, nil
	}
	var out []topology.Workload
	var errs []error
	for _, name := range s.workloads.order {
		w, err := s.Workload(name)
		out, errs = append(out, w), append(errs, err)
	}
	return out, errors.Join(errs...)
}

// candidates are the topologies of the project that may be laid on a hardware
// for one of the models; none means a search.
func (s *Set) candidates(hardware string, models []*config.Model) ([]topology.Topology, error) {
	var out []topology.Topology
	var errs []error
	for _, name := range s.topologies.order {
		t, err := s.topologies.get("topology", name)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if b := t.block; (b.Hardware == nil || b.Hardware.Name == hardware) && (b.Model == nil || slices.Contains(models, b.Model)) {
			out = append(out, t.Topology)
		}
	}
	return out, errors.Join(errs...)
}

func (r *reader) addDecision(d *config.Decision) {
	out := topology.Decision{Name: d.Name, Objective: topology.Objective(d.Objective)}
	good := len(d.Models) > 0
	keep := func(err error) {
		good = good && err == nil // of a block with an error of its own
	}
	var err error
	if out.Hardware, good = r.decisionHardware(d, good); good {
		for _, m := range d.Models {
			x, err := r.Model(m.Name)
			out.Models = append(out.Models, x.Model)
			keep(err)
		}
	}
	if out.Workloads, err = r.allWorkloads(); len(d.Workloads) > 0 {
		out.Workloads, err = nil, nil
		for _, w := range d.Workloads {
			x, err := r.Workload(w.Name)
			out.Workloads = append(out.Workloads, x)
			keep(err)
		}
	}
	keep(err)
	good = r.decisionSLO(d, &out) && good
	good = r.decisionTopologies(d, &out) && good
	if d.Require != nil {
		program, err := rule.CompileRequirement(d.Require.Source)
		if err != nil {
			r.add(ruleDiag(d.Require, d.Name, err))
			good = false
		} else {
			out.Require = requirement(program)
		}
	}
	r.decisions.add(d.Name, decision{out}, good)
}

func (r *reader) decisionHardware(d *config.Decision, good bool) (topology.Hardware, bool) {
	name := ""
	if d.Hardware != nil {
		name = d.Hardware.Name
	}
	h, err := r.Hardware(name)
	switch n := len(r.hardware.order); {
	case err == nil:
		return h, good
	case name != "" || n == 1:
	case n == 0:
		r.add(diag.Errorf(d.Range, "missing-hardware", "No hardware is declared", "decision %q is about nothing: no hardware block says which GPUs there are. `plimsoll topology detect` writes one.", d.Name).WithSuggestion("hardware \"NAME\" {\n  gpu   = \"B200\"\n  count = 2\n}"))
	default:
		r.add(diag.Errorf(d.Range, "missing-hardware", "Which hardware is not said", "There are several hardware blocks, and decision %q names none of them.", d.Name).WithSuggestion("hardware = hardware." + r.hardware.order[0]))
	}
	return h, false
}

func (r *reader) decisionSLO(d *config.Decision, out *topology.Decision) bool {
	name := ""
	if d.SLO != nil {
		name = d.SLO.Name
	}
	slo, err := r.SLO(name)
	out.SLO = slo
	if err != nil && d.SLO == nil && len(r.slos.order) > 1 {
		r.add(diag.Errorf(d.Range, "missing-slo", "Which slo is not said", "There are several slo blocks, and decision %q names none of them.", d.Name).WithSuggestion("slo = slo." + r.slos.order[0]))
	}
	return err == nil
}

func (r *reader) decisionTopologies(d *config.Decision, out *topology.Decision) bool {
	if d.Search {
		return true
	}
	if d.Topologies == nil {
		var err error
		out.Topologies, err = r.candidates(out.Hardware.Name, d.Models)
		return err == nil
	}
	good := true
	for _, t := range d.Topologies {
		x, err := r.Topology(t.Name)
		good = good && err == nil
		out.Topologies = append(out.Topologies, x)
		at := d.Ranges.At("topologies", d.Range)
		if t.Hardware != nil && out.Hardware.Name != "" && t.Hardware.Name != out.Hardware.Name {
			r.add(impossible(at, "topology %q is laid on hardware %q, and the decision is about %q.", t.Name, t.Hardware.Name, out.Hardware.Name))
			good = false
		}
		if t.Model != nil && len(d.Models) > 0 && !slices.Contains(d.Models, t.Model) {
			r.add(impossible(at, "topology %q serves %q, which is none of the decision's models.", t.Name, t.Model.Name))
			good = false
		}
	}
	return good
}

// requirement asks a rule about an outcome. One that cannot be evaluated lets
// nothing pass: the candidate is left out, with the reason.
func requirement(p *rule.Program) func(topology.Outcome) (bool, error) {
	return func(o topology.Outcome) (bool, error) {
		ok, err := p.Bool(&rule.Figures{Numbers: o.Numbers(), SLOMet: o.SLOMet})
		if err != nil {
			return false, &topology.Abstention{Fact: "require", Why: "the rule of the decision cannot be answered: " + err.Error(), Do: "Measure it, or ask for what is known."}
		}
		return ok, nil
	}
}

// ruleDiag maps a rule's error to its place in the file.
func ruleDiag(x *config.Expr, name string, err error) diag.Diagnostic {
	at, detail, hint := x.Range, err.Error(), ""
	var re *rule.Error
	if errors.As(err, &re) {
		at, detail, hint = x.At(re.Line, re.Column), re.Message, re.Hint
	}
	d := diag.Errorf(at, "rule", "Rule cannot be used", "The require of decision %s: %s.", name, detail)
	meant := ""
	switch _, err := fmt.Sscanf(hint, "did you mean %q?", &meant); {
	case err == nil:
		d.Detail += fmt.Sprintf(" Did you mean %q?", meant)
		d = d.WithSuggestion(meant)
	case hint != "":
		d.Detail += fmt.Sprintf(" %s.", strings.ToUpper(hint[:1])+hint[1:])
	}
	return d
}
