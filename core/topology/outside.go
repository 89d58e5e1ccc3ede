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
	if old(t) {
		return &Abstention{Topology: t.Name, Fact: "engine version",
			Why: fmt.Sprintf("vLLM %s schedules prompts and decoding differently, without the graphs that the model's overheads stand for: nothing before 0.6 was checked", t.Version),
			Do:  "Use a newer version, or measure it: `plimsoll topology bench`."}
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

// old says whether the engine is of a generation that no measurement behind the
// model has: vLLM before 0.6. What cannot be read as a version is taken as new.
func old(t Topology) bool {
	var major, minor int
	if n, _ := fmt.Sscanf(t.Version, "%d.%d", &major, &minor); n < 2 || t.Engine != "vllm" {
		return false
	}
	return major == 0 && minor < 6
}
