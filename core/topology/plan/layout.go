package plan

import (
	"errors"
	"fmt"
	"slices"

	"github.com/plimsoll-dev/plimsoll/core/topology"
)

// pool is servers of one kind: so many that share nothing.
type pool struct {
	role     Role
	replicas int
	tensor   int
	data     int     // ranks inside one server
	expert   bool    // experts are spread over the ranks instead of cut
	gpus     [][]int // of each server, by index; nil on Kubernetes, which has its own
}

// size is how many GPUs one server takes.
func (p pool) size() int { return p.tensor * p.data }

// pools are what t is made of. Without a split there is one.
//
// A dense model's data parallel ranks stay ranks of one server here, unlike in the
// model of its speed, where they are replicas: vLLM balances between them itself
// behind one port (docs/serving/data_parallel_deployment.md), as in the reference.
func pools(t topology.Topology, m topology.Model) ([]pool, error) {
	if !t.Split() {
		p, err := one(Engine, t.Pool, m)
		return []pool{p}, err
	}
	a, errA := one(Prefill, *t.Prefill, m)
	b, errB := one(Decode, *t.Decode, m)
	return []pool{a, b}, errors.Join(errA, errB)
}

func one(role Role, p topology.Pool, m topology.Model) (pool, error) {
	out := pool{role: role, replicas: max(p.Replicas, 1), tensor: p.TensorParallel, data: max(p.DataParallel, 1)}
	if out.tensor < 1 {
		out.tensor = 1
		if n := len(p.GPUs); n > 0 && n%(out.replicas*out.data) == 0 {
			out.tensor = n / (out.replicas * out.data)
		}
	}
	switch {
	case p.ExpertParallel == topology.NoExpertParallel && m.Arch.Mixture():
		out.replicas, out.data = out.replicas*out.data, 1 // each holds every expert
	case p.ExpertParallel > 0 && !m.Arch.Mixture():
		return out, fmt.Errorf("%s has expert_parallel = %d, and %s has no experts", role, p.ExpertParallel, m.Name)
	case p.ExpertParallel > 0:
		if p.ExpertParallel != out.size() {
			return out, fmt.Errorf("%s has expert_parallel = %d, and experts are spread over all %d GPUs of a server: tensor parallel %d x data parallel %d", role, p.ExpertParallel, out.size(), out.tensor, out.data)
		}
		out.expert = true
	}
	if h := heads(m); h > 0 && out.tensor > 1 && h%out.tensor != 0 && out.tensor%h != 0 {
		return out, fmt.Errorf("%s has tensor_parallel = %d, which neither divides the %d KV heads of %s nor is divided by them", role, out.tensor, h, m.Name)
	}
	return out, nil
}

// heads is the least number of KV heads of any layer that has more than one; 0 when
// the caches cannot be cut.
func heads(m topology.Model) int {
	least := 0
	for _, l := range m.Arch.Layers {
		if n := int(l.Heads); n > 1 && (least == 0 || n < least) {
			least = n
		}
	}
	return least
}

// place gives each server of all pools its GPUs: those that its block names, or the
// first that are free of those that the plan may take. They are all of one machine.
func place(all []pool, s Spec) error {
	t, h := s.Topology, s.Hardware
	machine := h.Count
	if h.PerNode > 0 {
		machine = min(h.PerNode, h.Count)
	}
	may, err := allowed(s.GPUs, machine)
	if err != nil {
		return err
	}
	need, taken, want := 0, map[int]Role{}, make([][]int, len(all))
	var errs []error
	for i, p := range all {
		need += p.replicas * p.size()
		switch p.role {
		case Prefill:
			want[i] = t.Prefill.GPUs
		case Decode:
			want[i] = t.Decode.GPUs
		default:
			want[i] = t.Pool.GPUs
		}
		if n := len(want[i]); n > 0 && n != p.replicas*p.size() {
			errs = append(errs, fmt.Errorf("%s names %d GPUs, and %d servers x tensor parallel %d x data parallel %d take %d", p.role, n, p.replicas, p.tensor, p.data, p.replicas*p.size()))
		}
		for _, g := range want[i] {
			if g < 0 || g >= machine {
				errs = append(errs, fmt.Errorf("%s names GPU %d, and the machine has 0 to %d", p.role, g, machine-1))
			} else if !slices.Contains(may, g) {
				errs = append(errs, fmt.Errorf("%s names GPU %d, which is not one of %v that the plan may take", p.role, g, may))
			}
			if other, ok := taken[g]; ok {
				errs = append(errs, fmt.Errorf("GPU %d is named by %s and by %s", g, other, p.role))
			}
			taken[g] = p.role
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if need > len(may) {
		return &Refused{fmt.Sprintf("The topology takes %d GPUs, and %d of one machine of %s are to be had", need, len(may), h.Name), `Use runtime = "kubernetes", which spreads servers over machines, or fewer GPUs.`}
	}
	free := slices.DeleteFunc(may, func(g int) bool { _, ok := taken[g]; return ok })
	for i := range all {
		list, n := want[i], all[i].replicas*all[i].size()
		if len(list) == 0 {
			if n > len(free) {
				return &Refused{fmt.Sprintf("Beside the GPUs that blocks name, %d are left, and %s takes %d", len(free), all[i].role, n), "Name the GPUs of every block, or of none."}
			}
			list, free = free[:n], free[n:]
		}
		for r := range all[i].replicas {
			all[i].gpus = append(all[i].gpus, slices.Clone(list[r*all[i].size():(r+1)*all[i].size()]))
		}
	}
	return nil
}

// allowed are the GPUs that a plan may take of a machine, each once, in order.
func allowed(named []int, machine int) ([]int, error) {
	if named == nil {
		named = make([]int, machine)
		for i := range named {
			named[i] = i
		}
	}
	out := slices.Sorted(slices.Values(named))
	for i, g := range out {
		if g < 0 || g >= machine || i > 0 && out[i-1] == g {
			return nil, fmt.Errorf("the plan may take GPU %d, which the machine of %d has not, or which stands there twice", g, machine)
		}
	}
	return out, nil
}
