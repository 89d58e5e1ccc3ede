package plan

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// The second engine. Its servers are planned, and what joins them is not: a split
// needs SGLang's own router and bootstrap ports, and is refused with words.
//
// Flags are those of docs/advanced_features/server_arguments.md and
// dp_dpa_smg_guide.md of sgl-project/sglang, for the releases of 0.5. Data parallel
// means two things there: copies of the model behind one port (--dp-size alone,
// GPUs = dp x tp), and ranks of attention inside one tensor group that share the
// experts (--enable-dp-attention, GPUs = tp, of which dp groups attend apart).

// sglang is the engine's name in a topology block.
const sglang = "sglang"

// The releases of SGLang that plans are made for.
var (
	sglangOldest = version{0, 5}
	sglangNewest = version{0, 5}
)

// kind is the engine that a topology names; without one it is vLLM.
func kind(engine string) string {
	if engine == sglang {
		return sglang
	}
	return "vllm"
}

// title is how an engine writes its own name.
func title(kind string) string {
	if kind == sglang {
		return "SGLang"
	}
	return "vLLM"
}

// published is an image as the engine's project publishes them.
func published(engine string) string {
	if kind(engine) == sglang {
		return "lmsysorg/sglang:v0.5.9"
	}
	return "vllm/vllm-openai:v0.24.0"
}

var patchForm = regexp.MustCompile(`^v?([0-9]{1,4})\.([0-9]{1,4})(\.[0-9]{1,4})?(rc[0-9]{1,3})?(\.post[0-9]{1,3})?$`)

// readSGLang reads a release of SGLang.
func readSGLang(s string) (version, error) {
	m := patchForm.FindStringSubmatch(s)
	if m == nil {
		return version{}, &Refused{fmt.Sprintf("SGLang %q is not a release", s), `Write version = "0.5.9", or what python3 -m sglang.launch_server --version says.`}
	}
	major, _ := strconv.Atoi(m[1]) // four digits at most
	minor, _ := strconv.Atoi(m[2])
	v := version{major, minor}
	if !v.atLeast(sglangOldest) {
		return v, &Refused{fmt.Sprintf("SGLang %s is older than plans are made for", v), fmt.Sprintf("Use %s or later, or start the server yourself and declare attach.", sglangOldest)}
	}
	return v, nil
}

// configureSGLang gathers args that follow from the model and the topology.
func (e *engine) configureSGLang(s Spec) error {
	m, t := s.Model, s.Topology
	switch {
	case t.Split():
		return &Refused{"SGLang's prefill and decode are joined by its own router, which is not planned here", "Start them yourself and declare attach, or do not split."}
	case t.Runtime == "kubernetes":
		return &Refused{"Manifests are made for vLLM alone", "Use another runtime, or apply your own and declare attach."}
	case t.Attention != strings.ToLower(t.Attention):
		return &Refused{fmt.Sprintf("%q is no name of an attention backend of SGLang", t.Attention), "It writes them small: triton, flashinfer, fa3, trtllm_mla."}
	}
	set := func(k, v string) { e.args[k] = v }
	if s.Context > 0 {
		set("context-length", strconv.Itoa(s.Context))
	}
	switch m.KV {
	case "", "bf16": // the default: as the model's weights are computed in
	case "fp8":
		set("kv-cache-dtype", "fp8_e4m3")
	default:
		return &Refused{fmt.Sprintf("It is not known whether SGLang keeps a cache in %q", m.KV), `Use kv = "bf16" or "fp8".`}
	}
	if m.Weights != "" && m.Weights != m.Published() {
		if m.Weights != "fp8" || m.Published() != "bf16" {
			return &Refused{fmt.Sprintf("The checkpoint of %s is published in %s, and SGLang cannot make %s of it while it loads", m.Name, m.Published(), m.Weights), "Name a checkpoint in that format."}
		}
		set("quantization", "fp8")
	}
	if t.Attention != "" {
		set("attention-backend", t.Attention)
	}
	if t.Unchunked {
		set("chunked-prefill-size", "-1")
	}
	e.mixture = m.Arch.Mixture()
	return nil
}

// serveSGLang is the command of one server of p.
func (e *engine) serveSGLang(p pool, host string, port int) []string {
	c := []string{"python3", "-m", "sglang.launch_server", "--model-path", e.source, "--served-model-name", e.served, "--host", host, "--port", strconv.Itoa(port)}
	add := func(flag string, n int) { c = append(c, flag, strconv.Itoa(n)) }
	switch {
	case p.data > 1 && e.mixture: // ranks attend apart and share the experts
		add("--tp-size", p.size())
		add("--dp-size", p.data)
		c = append(c, "--enable-dp-attention")
	case p.data > 1:
		add("--tp-size", p.tensor)
		add("--dp-size", p.data)
	default:
		add("--tp-size", p.tensor)
	}
	if p.expert {
		add("--ep-size", p.size())
	}
	c = append(c, "--mem-fraction-static", strconv.FormatFloat(e.share, 'f', -1, 64))
	return append(c, e.declared()...)
}
