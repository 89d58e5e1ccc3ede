package topology

import "fmt"

// outside names what the model was never checked against. The alternative, a
// number with a warning, was refused: people remember numbers.
func outside(h Hardware, m Model, w Workload, t Topology) error {
	if err := h.Check(); err != nil {
		return err
	}
	if err := w.Check(); err != nil {
		return err
	}
	if err := t.Check(); err != nil {
		return err
	}
	if len(m.Arch.Layers) == 0 {
		return &Abstention{Topology: t.Name, Fact: "architecture", Why: fmt.Sprintf("nothing is known of how model %q is built", m.Name), Do: "Give its config.json, or measure."}
	}
	pools := []Pool{t.Pool}
	if t.Split() {
		pools = []Pool{*t.Prefill, *t.Decode}
	}
	domain := max(h.gpu().GPU.Domain, 1)
	for _, p := range pools {
		l := p.layout(m)
		one := l.tensor * l.attention
		if one > domain && m.Arch.Mixture() {
			return &Abstention{Topology: t.Name, Fact: "expert parallel across nodes",
				Why: fmt.Sprintf("its experts are spread over %d GPUs, and only %d share fast links: what dispatch between nodes costs, and how evenly experts are hit, is not modelled", one, domain),
				Do:  "Measure it: `plimsoll topology bench`."}
		}
		if one > domain {
			return &Abstention{Topology: t.Name, Fact: "tensor parallel across nodes",
				Why: fmt.Sprintf("its layers are cut over %d GPUs, and only %d share fast links", one, domain),
				Do:  "Keep tensor parallel groups inside a node, or measure it: `plimsoll topology bench`."}
		}
		if k := int(m.heads()); l.tensor > k {
			return &Misfit{Topology: t.Name, Why: fmt.Sprintf("a tensor parallel size of %d needs as many attention heads, and the model has %d", l.tensor, k)}
		}
	}
	return nil
}

// heads bounds tensor parallelism: KV heads are copied when there are fewer.
func (m Model) heads() int64 {
	n := int64(1)
	for _, l := range m.Arch.Layers {
		n = max(n, l.Heads)
	}
	return max(n, m.Arch.Hidden/64)
}
