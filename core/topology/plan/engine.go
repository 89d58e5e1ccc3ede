package plan

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/topology"
	"github.com/plimsoll-dev/plimsoll/core/topology/arch"
)

// owned are flags that a plan sets itself: declared by hand they would contradict it.
var owned = []string{
	"model", "served-model-name", "host", "port", "tensor-parallel-size", "data-parallel-size", "data-parallel-size-local",
	"data-parallel-rank", "data-parallel-start-rank", "data-parallel-address", "data-parallel-rpc-port", "enable-expert-parallel",
	"gpu-memory-utilization", "max-model-len", "kv-cache-dtype", "quantization", "kv-transfer-config", "headless", "nnodes", "node-rank",
	"model-path", "tp-size", "tp", "dp-size", "dp", "ep-size", "ep", "expert-parallel-size", "mem-fraction-static", "context-length", "enable-dp-attention", "chunked-prefill-size",
	"dist-init-addr", "disaggregation-mode", "disaggregation-bootstrap-port", "disaggregation-transfer-backend",
	"master-addr", "no-enable-chunked-prefill", "enable-chunked-prefill", "disable-hybrid-kv-cache-manager", "no-disable-hybrid-kv-cache-manager",
}

// ownedEnv are variables that a plan sets itself.
var ownedEnv = []string{"CUDA_VISIBLE_DEVICES", "VLLM_NIXL_SIDE_CHANNEL_HOST", "VLLM_NIXL_SIDE_CHANNEL_PORT", "VLLM_NIXL_ABORT_REQUEST_TIMEOUT", "VLLM_HOST_IP"}

// The prefix under which preflight sets a value inside --kv-transfer-config, as vLLM
// spells keys of JSON arguments.
const transferPrefix = "kv-transfer-config."

// connector is the only one whose configuration is known here.
const connector = "NixlConnector"

// leaseFlag and leaseVariable are where a lease is set, by version.
const (
	leaseKey      = "kv_lease_duration"
	leaseVariable = "VLLM_NIXL_ABORT_REQUEST_TIMEOUT"
)

// engine is what all servers of a plan have in common.
type engine struct {
	kind    string // vllm, sglang
	version version
	source  string
	served  string
	share   float64
	env     map[string]string
	args    map[string]string // beyond those that follow from the layout; "" is a switch
	kv      map[string]string // of kv_connector_extra_config
	split   bool
	hybrid  bool
	mixture bool
	latent  bool
	layered bool // caches of several kinds: windows or states beside full attention
	lease   time.Duration
	seconds int
}

// configure gathers args and env that follow from the model and the topology.
func (e *engine) configure(s Spec, all []pool) error {
	if e.kind == sglang {
		return e.configureSGLang(s)
	}
	m, t := s.Model, s.Topology
	set := func(k, v string) { e.args[k] = v }
	if s.Context > 0 {
		set("max-model-len", strconv.Itoa(s.Context))
	}
	switch m.KV {
	case "":
	case "bf16":
		set("kv-cache-dtype", "bfloat16")
	case "fp8":
		set("kv-cache-dtype", "fp8")
	default:
		return &Refused{fmt.Sprintf("vLLM keeps no cache in %q", m.KV), `Use kv = "bf16" or "fp8".`}
	}
	if m.Weights != "" && m.Weights != m.Published() {
		if m.Weights != "fp8" || m.Published() != "bf16" {
			return &Refused{fmt.Sprintf("The checkpoint of %s is published in %s, and vLLM cannot make %s of it while it loads", m.Name, m.Published(), m.Weights), "Name a checkpoint in that format."}
		}
		set("quantization", "fp8")
	}
	if t.Attention != "" {
		set("attention-backend", t.Attention)
	}
	if t.Unchunked {
		set("no-enable-chunked-prefill", "")
	}
	kinds := m.Arch.Kinds()
	e.hybrid, e.layered, e.latent, e.split = m.Arch.Hybrid(), len(kinds) > 1, kinds[arch.Latent] > 0, t.Split()
	if !t.Split() {
		return nil
	}
	if t.Transfer != nil {
		if c := t.Transfer.Connector; c != "" && c != connector {
			return &Refused{fmt.Sprintf("How to configure the KV connector %q is not known here", c), fmt.Sprintf("Use %s, or start the servers yourself and declare attach.", connector)}
		}
		e.lease = t.Transfer.Lease
	}
	if e.hybrid {
		if has, c := e.version.has(deltaTransfer); has != yes {
			return &Refused{fmt.Sprintf("%s keeps recurrent state, and vLLM %s is not known to move it from prefill to decode (%s)", m.Name, e.version, c.Source), fmt.Sprintf("Use vLLM %s or later, or do not split.", c.Since)}
		}
		if p, d := all[0].tensor, all[1].tensor; p != d {
			return &Refused{fmt.Sprintf("%s keeps recurrent state, and prefill has tensor parallel %d where decode has %d: vLLM's compatibility matrix has that as unfinished", m.Name, p, d), "Use the same on both sides."}
		}
		if all[0].tensor > 1 {
			set("no-async-scheduling", "") // #36687: states may be moved while they are written
		}
	}
	if has, _ := e.version.has(hybridCache); e.layered && has != yes {
		set("no-disable-hybrid-kv-cache-manager", "") // a flag of every version; the default of later ones
	}
	e.keep(e.lease)
	return nil
}

// keep sets the lease where the version reads it. Where it is not known which of the
// two a version reads, both are set: each ignores the other's.
func (e *engine) keep(lease time.Duration) {
	if lease <= 0 {
		return
	}
	has, _ := e.version.has(leaseConfig)
	seconds := strconv.Itoa(int((lease + time.Second - 1) / time.Second))
	if has != no {
		e.kv[leaseKey] = seconds
	}
	if has != yes {
		e.env[leaseVariable] = seconds
	}
}

// transfer is the value of --kv-transfer-config. The role does not matter to
// NixlConnector: the proxy decides who prefills.
func (e *engine) transfer() string {
	config := map[string]any{"kv_connector": connector, "kv_role": "kv_both"}
	if len(e.kv) > 0 {
		extra := map[string]any{}
		for k, v := range e.kv {
			extra[k] = v
			if n, err := strconv.Atoi(v); err == nil {
				extra[k] = n
			}
		}
		config["kv_connector_extra_config"] = extra
	}
	out, _ := json.Marshal(config) // strings and numbers: cannot fail
	return string(out)
}

// serve is the command of one server of p, without what only one place knows: more
// goes in the middle.
func (e *engine) serve(p pool, host string, port int, more ...string) []string {
	if e.kind == sglang {
		return e.serveSGLang(p, host, port)
	}
	c := []string{"vllm", "serve", e.source, "--served-model-name", e.served, "--host", host, "--port", strconv.Itoa(port)}
	return append(c, e.flags(p, more...)...)
}

// flags are those of serve that do not say where it listens and what it is called.
func (e *engine) flags(p pool, more ...string) []string {
	c := []string{"--tensor-parallel-size", strconv.Itoa(p.tensor)}
	if p.data > 1 {
		c = append(c, "--data-parallel-size", strconv.Itoa(p.data))
	}
	if p.expert {
		c = append(c, "--enable-expert-parallel")
	}
	c = append(c, more...)
	c = append(c, "--gpu-memory-utilization", strconv.FormatFloat(e.share, 'f', -1, 64))
	c = append(c, e.declared()...)
	if e.split {
		c = append(c, "--kv-transfer-config", e.transfer())
	}
	return c
}

// declared are the flags beyond those that follow from the layout, in order.
func (e *engine) declared() []string {
	var c []string
	for _, k := range slices.Sorted(maps.Keys(e.args)) {
		c = append(c, "--"+k)
		if v := e.args[k]; v != "" {
			c = append(c, v)
		}
	}
	return c
}

// list writes GPUs as CUDA_VISIBLE_DEVICES wants them.
func list(gpus []int) string {
	out := make([]string, len(gpus))
	for i, g := range gpus {
		out[i] = strconv.Itoa(g)
	}
	return strings.Join(out, ",")
}

func utilisation(h topology.Hardware) float64 {
	if h.Utilisation == 0 {
		return .9
	}
	return h.Utilisation
}
