package plan

import (
	"fmt"
	"regexp"
	"strconv"
)

// version is a release of an engine: major and minor, which is what flags follow.
type version struct{ major, minor int }

func (v version) String() string { return fmt.Sprintf("%d.%d", v.major, v.minor) }
func (v version) atLeast(o version) bool {
	return v.major > o.major || v.major == o.major && v.minor >= o.minor
}

var versionForm = regexp.MustCompile(`^v?([0-9]{1,4})\.([0-9]{1,4})(\.[0-9]{1,4})?(\.post[0-9]{1,3})?$`)

// oldest is the first release that has every flag that any plan needs, and newest
// the one that the reference was measured on.
var (
	oldest = version{0, 13}
	newest = version{0, 24}
)

func read(s string) (version, error) {
	m := versionForm.FindStringSubmatch(s)
	if m == nil {
		if s == "" {
			return version{}, &Refused{"The topology names no version of vLLM, and flags differ between versions", `Write version = "0.24", or what vllm --version says.`}
		}
		return version{}, &Refused{fmt.Sprintf("vLLM %q is not a release", s), `Write it as "0.24" or "0.24.1": what a nightly build or a fork takes is not known.`}
	}
	major, _ := strconv.Atoi(m[1]) // four digits at most
	minor, _ := strconv.Atoi(m[2])
	v := version{major, minor}
	if !v.atLeast(oldest) {
		return v, &Refused{fmt.Sprintf("vLLM %s is older than plans are made for", v), fmt.Sprintf("Use %s or later: it is the first with --attention-backend.", oldest)}
	}
	return v, nil
}

// Change is something that came, went or changed its name with a version of vLLM.
type Change struct {
	ID     string
	Before string // the newest release that is known to be without it; "": none of those that plans are made for
	Since  string // the oldest that is known to have it
	Says   string
	Source string
}

// The changes that plans depend on.
const (
	attentionFlag = "attention-backend"
	attentionGone = "attention-variable-gone"
	leaseConfig   = "kv-lease-duration"
	hybridCache   = "hybrid-cache-by-default"
	deltaTransfer = "gated-delta-transfer"
	manyNodes     = "native-nodes"
)

// Changes is the table. Releases between Before and Since are not known to be either.
func Changes() []Change {
	return []Change{
		{attentionFlag, "", "0.13", "--attention-backend names the attention backend", "vllm-project/vllm#26315, docs #30564 of 2025-12-12; docs.vllm.ai/en/v0.20.1/design/attention_backends"},
		{attentionGone, "0.14", "0.15", "VLLM_ATTENTION_BACKEND is not read any more; 0.13 and 0.14 read it with a warning", "vllm-project/vllm#32812 of 2026-01-21, after 0.14.0; the warning was seen on 0.14.1 (EuroEval/EuroEval#1488)"},
		{leaseConfig, "0.20", "0.24", "prefill keeps a cache for kv_lease_duration of kv_connector_extra_config, 30 s and renewed by heartbeats; before, for VLLM_NIXL_ABORT_REQUEST_TIMEOUT, 480 s", "vllm-project/vllm#41383 of 2026-04-30, docs/design/nixl_kv_cache_lease.md (#43099 of 2026-05-19); the default of 480 s is #25897"},
		{hybridCache, "0.20", "0.24", "the hybrid cache manager stays on with a KV connector that supports it; before, --no-disable-hybrid-kv-cache-manager asks for it", "vllm-project/vllm#41847 of 2026-05-06, which closes #41830"},
		{deltaTransfer, "0.20", "0.24", "NixlConnector moves the recurrent state of gated delta networks (Qwen3.5, Qwen3.6)", "vllm-project/vllm#41869; 0.20.0 does not (#41860); the reference ran 0.24"},
		{manyNodes, "0.17", "0.18", "--nnodes, --node-rank and --master-addr run one engine over several nodes without Ray", "GPUStack 2.2, running distributed vLLM with multiprocessing: the backend from 0.18.0 on"},
	}
}

// state is whether a version has a change: yes, no, or not known.
type state int

const (
	no state = iota
	unknown
	yes
)

// has looks v up in the table.
func (v version) has(id string) (state, Change) {
	for _, c := range Changes() {
		if c.ID != id {
			continue
		}
		switch {
		case v.atLeast(release(c.Since)):
			return yes, c
		case c.Before != "" && release(c.Before).atLeast(v):
			return no, c
		}
		return unknown, c
	}
	return no, Change{}
}

// release reads a version of the table, which a test checks.
func release(s string) version {
	var v version
	_, _ = fmt.Sscanf(s, "%d.%d", &v.major, &v.minor)
	return v
}
