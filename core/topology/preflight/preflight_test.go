package preflight_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/topology/preflight"
)

func yes() *bool { b := true; return &b }
func no() *bool  { b := false; return &b }

func side(change func(*preflight.Side)) *preflight.Side {
	s := preflight.Side{Engine: "vllm", Version: "0.24", Connector: "NixlConnector", Model: "qwen27b", Attention: "TRITON_ATTN", KV: "fp8", TensorParallel: 1}
	if change != nil {
		change(&s)
	}
	return &s
}

const gib = 1 << 30

// fixtures: each rule's failing facts, its passing facts, and words it must say.
var fixtures = map[string]struct {
	fails, passes preflight.Facts
	says          []string
}{
	"P1": {
		preflight.Facts{Engine: "vllm", NVCC: no(), PrebuiltKernels: no()},
		preflight.Facts{Engine: "vllm", NVCC: no(), PrebuiltKernels: yes()},
		[]string{"nvcc", "Triton"},
	},
	"P2": {
		preflight.Facts{Engine: "vllm", Version: "0.24", Env: map[string]string{"VLLM_ATTENTION_BACKEND": "FLASHINFER"}},
		preflight.Facts{Engine: "vllm", Version: "0.24", Args: map[string]string{"attention-backend": "FLASHINFER"}},
		[]string{"--attention-backend FLASHINFER"},
	},
	"P3": {
		preflight.Facts{FirstStart: yes(), ColdCache: yes(), DataParallel: 2},
		preflight.Facts{FirstStart: yes(), ColdCache: yes(), DataParallel: 2, ReadyTimeout: 1800 * time.Second},
		[]string{"1800 s", "probe"},
	},
	"P4": {
		preflight.Facts{Hybrid: true, Prefill: side(nil), Decode: side(func(s *preflight.Side) { s.TensorParallel = 2 }), Connector: "NixlConnector"},
		preflight.Facts{Hybrid: true, Prefill: side(nil), Decode: side(nil), Connector: "NixlConnector", Env: map[string]string{"VLLM_SSM_CONV_STATE_LAYOUT": "DS"}, AccuracyChecked: yes()},
		[]string{"DS", "1 and 2", "Compare answers"},
	},
	"P5": {
		preflight.Facts{Engine: "vllm", Version: "0.24", Family: "gemma4_text", Experts: true, DataParallel: 2},
		preflight.Facts{Engine: "vllm", Version: "0.24", Family: "gemma4_text", Experts: true, DataParallel: 1},
		[]string{"data parallel 2", "tensor parallel"},
	},
	"P6": {
		preflight.Facts{Prefill: side(nil), Decode: side(func(s *preflight.Side) { s.KV, s.Version = "bf16", "0.23" })},
		preflight.Facts{Prefill: side(nil), Decode: side(nil)},
		[]string{"KV dtype", "0.23"},
	},
	"P7": {
		preflight.Facts{Ports: []preflight.Port{{"a", "prefill-0", 5600}, {"b", "prefill-1", 5600}, {"a", "decode-0", 5600}}},
		preflight.Facts{Ports: []preflight.Port{{"a", "prefill-0", 5600}, {"b", "prefill-1", 5600}, {"a", "decode-0", 5601}}},
		[]string{"prefill-0", "decode-0", "a:5600"},
	},
	"P8": {
		preflight.Facts{Lease: 30 * time.Second, DecodeQueue: 45 * time.Second},
		preflight.Facts{Lease: 60 * time.Second, DecodeQueue: 45 * time.Second},
		[]string{"30s", "1m30s"},
	},
	"P9": {
		preflight.Facts{Memory: &preflight.Memory{Weights: 60 * gib, State: .15 * gib, KV: .25 * gib, Requests: 64, HBM: 80 * gib, Utilisation: .9}},
		preflight.Facts{Memory: &preflight.Memory{Weights: 20 * gib, State: .15 * gib, KV: .25 * gib, Requests: 64, HBM: 80 * gib, Utilisation: .9}},
		[]string{"60.0 GiB", "64 requests", "85.6 GiB", "72.0 GiB"},
	},
	"P10": {
		preflight.Facts{Bench: &preflight.Bench{}},
		preflight.Facts{Bench: &preflight.Bench{Warmup: 8}},
		[]string{"warm-up"},
	},
}

func TestEachRuleFiresWhereItShould(t *testing.T) {
	for _, r := range preflight.Rules() {
		fix, ok := fixtures[r.ID]
		if !ok {
			t.Errorf("%s has no fixtures", r.ID)
			continue
		}
		found := preflight.Check(fix.fails)
		i := slices.IndexFunc(found, func(f preflight.Finding) bool { return f.ID == r.ID })
		if i < 0 {
			t.Errorf("%s does not fire on its failing fixture", r.ID)
			continue
		}
		for _, word := range fix.says {
			if !strings.Contains(found[i].Says, word) {
				t.Errorf("%s says %q, which lacks %q", r.ID, found[i].Says, word)
			}
		}
		if (r.Effect == preflight.Block) != preflight.Blocked(found) {
			t.Errorf("%s: blocked is %v, and the effect is %s", r.ID, preflight.Blocked(found), r.Effect)
		}
		if env, args, ready := preflight.Merged(found); r.Effect == preflight.Environment && len(env)+len(args) == 0 && ready == 0 {
			t.Errorf("%s should set something", r.ID)
		}
		for _, f := range preflight.Check(fix.passes) {
			t.Errorf("%s: its passing fixture fires %s: %s", r.ID, f.ID, f.Says)
		}
		if r.Evidence == "" || r.Title == "" {
			t.Errorf("%s has no title or no evidence", r.ID)
		}
	}
	if len(fixtures) != len(preflight.Rules()) {
		t.Errorf("there are %d fixtures for %d rules", len(fixtures), len(preflight.Rules()))
	}
}

// A lease is raised where the version reads it, and an old variable is ignored by
// versions that took it out.
func TestRulesFollowTheVersion(t *testing.T) {
	const key, variable = "kv-transfer-config.kv_connector_extra_config.kv_lease_duration", "VLLM_NIXL_ABORT_REQUEST_TIMEOUT"
	for version, want := range map[string][2]string{"0.20": {"", "90"}, "0.22": {"90", "90"}, "0.24.1": {"90", ""}, "": {"90", "90"}} {
		env, args, _ := preflight.Merged(preflight.Check(preflight.Facts{Version: version, Lease: 30 * time.Second, DecodeQueue: 45 * time.Second}))
		if got := [2]string{args[key], env[variable]}; got != want {
			t.Errorf("vLLM %q gets the lease %q, and should get %q", version, got, want)
		}
	}
	for version, ignored := range map[string]bool{"0.13": false, "0.14.1": false, "0.15": true, "0.24": true} {
		if got := preflight.Blocked(preflight.Check(preflight.Facts{Engine: "vllm", Version: version, Env: map[string]string{"VLLM_ATTENTION_BACKEND": "X"}})); got != ignored {
			t.Errorf("vLLM %s ignores the variable: %v", version, got)
		}
	}
}

func TestNothingDeclaredFiresNothing(t *testing.T) {
	if found := preflight.Check(preflight.Facts{}); len(found) > 0 {
		t.Errorf("no facts fire %+v", found)
	}
	if preflight.Blocked(preflight.Check(preflight.Facts{Engine: "vllm", Version: "nightly", Env: map[string]string{"VLLM_ATTENTION_BACKEND": "X"}})) {
		t.Error("a version that cannot be read was compared")
	}
}
