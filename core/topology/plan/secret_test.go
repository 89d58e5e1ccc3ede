package plan_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/plimsoll-dev/plimsoll/core/topology/plan"
)

// Whatever the runtime, nothing that is shown has the value of a secret, and what
// is launched has it.
func TestSecretsAreMasked(t *testing.T) {
	secret := func(s *plan.Spec) {
		s.Env = map[string]string{"HF_TOKEN": "hf_1-tell-nobody", "PLAIN": "seen"}
		s.Args = map[string]string{"api-key": "sk_2-tell-nobody", "seed": "7"}
	}
	for name, s := range map[string]plan.Spec{
		"process":    spec(qwen(t), "0.24", with(dp2, secret)),
		"podman":     spec(model(t, "qwen3-32b"), "0.24", with(pd, runtime("podman"), secret)),
		"docker":     spec(qwen(t), "0.24", with(dp2, runtime("docker"), secret)),
		"kubernetes": spec(qwen(t), "0.24", with(dp2, cluster(""), secret)),
		"kserve":     spec(model(t, "qwen3-32b"), "0.24", with(pd, cluster("kserve"), secret)),
	} {
		whole, err := plan.Make(s)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		shown, err := plan.Make(s.Masked())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, v := range []string{"hf_1-tell-nobody", "sk_2-tell-nobody"} {
			if !strings.Contains(whole.String(), v) {
				t.Errorf("%s: what is launched has no %s", name, v)
			}
		}
		doc, err := json.Marshal(shown)
		if err != nil {
			t.Fatal(err)
		}
		text := shown.String() + string(doc)
		if strings.Contains(text, "tell-nobody") || !strings.Contains(text, plan.Mask) || !strings.Contains(text, "seen") || !strings.Contains(text, "seed") {
			t.Errorf("%s is shown as\n%s", name, shown)
		}
		if got := s.Secrets(); !slices.Equal(got, []string{"env HF_TOKEN", "args api-key"}) {
			t.Errorf("%s: the secrets are %q", name, got)
		}
		if s.Env["HF_TOKEN"] != "hf_1-tell-nobody" || s.Args["api-key"] != "sk_2-tell-nobody" {
			t.Errorf("%s: masking has changed what it was made from", name)
		}
	}
}

func TestWhatIsASecret(t *testing.T) {
	s := plan.Spec{
		Env: map[string]string{
			"HF_TOKEN": "x", "AWS_SECRET_ACCESS_KEY": "x", "MY_PASSWORD": "x", "openai_api_key": "x", "PGPASSWD": "x", "AWS_CREDENTIALS": "x",
			"VLLM_KEYED_BY": "x", "TOKENIZERS_PARALLELISM": "false", "VLLM_MAX_TOKENS": "4", "MONKEY": "x", "HF_HOME": "x", "EMPTY_TOKEN": "",
		},
		Args: map[string]string{"api-key": "x", "hf-token": "x", "max-num-batched-tokens": "8192", "tokenizer": "x", "tokenizer-mode": "auto", "ssl-keyfile": "/x", "enable-auto-tool-choice": ""},
	}
	want := []string{"env AWS_CREDENTIALS", "env AWS_SECRET_ACCESS_KEY", "env HF_TOKEN", "env MY_PASSWORD", "env PGPASSWD", "env openai_api_key", "args api-key", "args hf-token"}
	if got := s.Secrets(); !slices.Equal(got, want) {
		t.Errorf("the secrets are %q", got)
	}
	if got := (plan.Spec{}).Masked(); got.Env != nil || got.Args != nil {
		t.Errorf("nothing becomes %v %v", got.Env, got.Args)
	}
}

// Two projects that call their topologies alike have containers of different names,
// and each stops its own.
func TestInstancesHaveContainersOfTheirOwn(t *testing.T) {
	s := spec(model(t, "qwen3-32b"), "0.24", with(pd, runtime("podman")))
	s.Proxy.Image = router
	plain, err := plan.Make(s)
	if err != nil {
		t.Fatal(err)
	}
	s.Instance = "0123456789ab"
	own, err := plan.Make(s)
	if err != nil {
		t.Fatal(err)
	}
	for i, x := range own.Processes {
		name := x.Name + "-0123456789ab"
		at := slices.Index(x.Command, "--name")
		if x.Command[at+1] != name || x.Stop[len(x.Stop)-1] != name {
			t.Errorf("%s is started as %s and stopped as %v", x.Name, x.Command[at+1], x.Stop)
		}
		if old := plain.Processes[i]; x.Name != old.Name || slices.Contains(old.Command, name) {
			t.Errorf("%s was %s, with %v", x.Name, old.Name, old.Command)
		}
	}
	for _, bad := range []string{"-x", "a b", "A", "x'", strings.Repeat("a", 80)} {
		s.Instance = bad
		if _, err := plan.Make(s); err == nil {
			t.Errorf("the instance %q is taken", bad)
		}
	}
}
