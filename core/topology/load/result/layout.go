package result

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/topology"
)

// Layout is what served a run, as it was declared then. A topology's name alone
// does not say it: a block is changed, and keeps its name. Arguments and variables
// of the engine are not in it.
type Layout struct {
	Engine    string `json:"engine,omitempty"` // "": not declared, as of what a search made
	Version   string `json:"version,omitempty"`
	Pool             // of prefill and decode together
	Prefill   *Pool  `json:"prefill,omitempty"`
	Decode    *Pool  `json:"decode,omitempty"`
	Connector string `json:"connector,omitempty"`
	Attention string `json:"attention,omitempty"` // "": the engine's choice
	Unchunked bool   `json:"unchunked,omitempty"`
	Weights   string `json:"weights,omitempty"`
	KV        string `json:"kv,omitempty"`
}

// Pool are the sizes of one pool, those that a block leaves out too.
type Pool struct {
	Replicas       int `json:"replicas,omitempty"`
	DataParallel   int `json:"data_parallel,omitempty"`
	TensorParallel int `json:"tensor_parallel,omitempty"`
	ExpertParallel int `json:"expert_parallel,omitempty"` // of a mixture alone; topology.NoExpertParallel: every rank holds all
}

// LayoutOf is m on t. What says the same in other words is the same: which GPUs
// are meant does not matter, nor whether a block states a default.
func LayoutOf(t topology.Topology, m topology.Model) Layout {
	out := Layout{
		Engine: t.Engine, Version: strings.TrimPrefix(t.Version, "v"), Attention: t.Attention, Unchunked: t.Unchunked,
		Weights: cmp.Or(m.Weights, m.Published()), KV: cmp.Or(m.KV, "bf16"),
	}
	if !t.Split() {
		out.Pool = poolOf(t.Pool, m)
		return out
	}
	prefill, decode := poolOf(*t.Prefill, m), poolOf(*t.Decode, m)
	out.Prefill, out.Decode = &prefill, &decode
	if t.Transfer != nil {
		out.Connector = t.Transfer.Connector
	}
	return out
}

func poolOf(p topology.Pool, m topology.Model) Pool {
	out := Pool{Replicas: max(p.Replicas, 1), DataParallel: max(p.DataParallel, 1)}
	out.TensorParallel = (topology.Topology{Pool: p}).GPUs(m) / (out.Replicas * out.DataParallel)
	if m.Arch.Mixture() && (p.ExpertParallel > 1 || p.ExpertParallel == topology.NoExpertParallel && out.DataParallel > 1) {
		out.ExpertParallel = p.ExpertParallel
	}
	return out
}

// Differs says in words what l has and now has in its place; both are "" when they
// are the same. A layout of a search says nothing of its engine, and only what both
// say is held against each other.
func (l Layout) Differs(now Layout) (had, has string) {
	var a, b []string
	differ := func(what string, was, is any) {
		if was != is {
			a, b = append(a, said(what, was)), append(b, said(what, is))
		}
	}
	if l.Engine != "" && now.Engine != "" {
		differ("engine", l.Engine, now.Engine)
		differ("attention", l.Attention, now.Attention)
		differ("unchunked", l.Unchunked, now.Unchunked)
		differ("connector", l.Connector, now.Connector)
	}
	if l.Version != "" && now.Version != "" {
		differ("version", l.Version, now.Version)
	}
	differ("weights", l.Weights, now.Weights)
	differ("kv", l.KV, now.KV)
	if was, is := l.pools(), now.pools(); was != is {
		a, b = append(a, was), append(b, is)
	}
	return strings.Join(a, ", "), strings.Join(b, ", ")
}

func said(what string, v any) string {
	if v == "" {
		return "no " + what
	}
	return fmt.Sprintf("%s %v", what, v)
}

// pools in the words of a block.
func (l Layout) pools() string {
	if l.Prefill == nil || l.Decode == nil {
		return l.Pool.String()
	}
	return "prefill " + l.Prefill.String() + ", decode " + l.Decode.String()
}

// String is the sizes that are not 1, such as "data_parallel 2, expert_parallel 2".
func (p Pool) String() string {
	var out []string
	for _, x := range []struct {
		name string
		n    int
	}{{"replicas", p.Replicas}, {"data_parallel", p.DataParallel}, {"tensor_parallel", p.TensorParallel}, {"expert_parallel", p.ExpertParallel}} {
		switch {
		case x.n == topology.NoExpertParallel:
			out = append(out, "expert_parallel off")
		case x.n > 1:
			out = append(out, fmt.Sprintf("%s %d", x.name, x.n))
		}
	}
	if len(out) == 0 {
		return "tensor_parallel 1"
	}
	return strings.Join(out, ", ")
}
