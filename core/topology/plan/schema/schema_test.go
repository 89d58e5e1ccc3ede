package schema_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/plimsoll-dev/plimsoll/core/topology/plan/schema"
)

// manifest reads the objects of a golden plan.
func manifest(t testing.TB, name string) string {
	t.Helper()
	src, err := os.ReadFile(filepath.Join("..", "testdata", "0.24", name+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	_, objects, ok := strings.Cut(string(src), "---\n")
	if !ok {
		t.Fatalf("%s has no objects", name)
	}
	return "---\n" + objects
}

const (
	one   = "kubernetes-dp2"       // a Deployment and its Service
	split = "kubernetes-1p1d"      // three of each
	group = "kubernetes-tp16"      // a LeaderWorkerSet over two machines
	kube  = "kserve-1p1d"          // an LLMInferenceService
	solo  = "kubernetes-tp2-group" // a LeaderWorkerSet of one pod a group
)

// mutations break a good manifest in one place each: the first place where old stands.
var mutations = []struct{ what, in, old, new string }{
	{"no API version", one, "apiVersion: apps/v1\n", ""},
	{"an old API version", one, "apiVersion: apps/v1\n", "apiVersion: extensions/v1beta1\n"},
	{"another kind", one, "kind: Deployment", "kind: Deploymnt"},
	{"a kind that no plan emits", one, "kind: Deployment", "kind: Secret"},
	{"no kind", one, "kind: Deployment\n", ""},
	{"no name", one, "  name: dp2\n", ""},
	{"a name in capitals", one, "name: dp2", "name: DP2"},
	{"a name with a dot", one, "name: dp2", "name: dp2.a"},
	{"a name of 64 letters", one, "name: dp2", "name: " + strings.Repeat("a", 64)},
	{"a namespace with a slash", one, "namespace: serving", "namespace: a/b"},
	{"a label that is a number", one, "app.kubernetes.io/component: engine", "app.kubernetes.io/component: 1"},
	{"a queue with a blank", one, "queue-name: gpus", "queue-name: 'my gpus'"},
	{"a label without a key", one, "kueue.x-k8s.io/queue-name", "kueue.x-k8s.io/"},
	{"metadata of a slip", one, "  namespace: serving", "  namespcae: serving"},
	{"replicas in words", one, "replicas: 1", `replicas: "1"`},
	{"less than no replicas", one, "replicas: 1", "replicas: -1"},
	{"half a replica", one, "replicas: 1", "replicas: 1.5"},
	{"no replicas", one, "replicas: 1", "replicas: 0"},
	{"more replicas than an int32 counts", one, "replicas: 1", "replicas: 4294967296"},
	{"an unknown strategy", one, "type: Recreate", "type: Replace"},
	{"no selector", one, "  selector:\n    matchLabels:\n      app.kubernetes.io/component: engine\n      app.kubernetes.io/name: dp2\n", ""},
	{"a selector of other pods", one, "    matchLabels:\n      app.kubernetes.io/component: engine", "    matchLabels:\n      app.kubernetes.io/component: proxy"},
	{"an empty selector", one, "    matchLabels:\n      app.kubernetes.io/component: engine\n      app.kubernetes.io/name: dp2\n", "    matchLabels: {}\n"},
	{"no containers", one, "      containers:", "      container:"},
	{"a container without a name", one, "- name: engine\n          image", "- image"},
	{"an image by tag", one, "vllm-openai@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "vllm-openai:v0.24.0"},
	{"a short digest", one, "@sha256:0123456789", "@sha256:"},
	{"a command as one word", one, "command:\n            - vllm\n            - serve\n", "command: vllm serve\n          args:\n            - serve\n"},
	{"a number in a command", one, `- "8000"`, "- 8000"},
	{"a value that is a number", one, `value: "1800"`, "value: 1800"},
	{"a variable without a value", one, "            - name: VLLM_USE_FLASHINFER_SAMPLER\n              value: \"0\"\n", "            - name: VLLM_USE_FLASHINFER_SAMPLER\n"},
	{"a variable twice", one, "- name: VLLM_USE_FLASHINFER_SAMPLER", "- name: VLLM_ENGINE_READY_TIMEOUT_S"},
	{"a variable with a dash", one, "- name: VLLM_USE_FLASHINFER_SAMPLER", "- name: VLLM-USE"},
	{"a port too far", one, "containerPort: 8000", "containerPort: 80000"},
	{"a port in words", one, "containerPort: 8000", "containerPort: http"},
	{"a port's name too long", one, "- name: http\n              containerPort", "- name: hypertext-transfer\n              containerPort"},
	{"GPUs in halves", one, `nvidia.com/gpu: "2"`, `nvidia.com/gpu: "1.5"`},
	{"GPUs of nobody", one, "nvidia.com/gpu", "nvidia.com/gpus"},
	{"a probe of another port", one, "            httpGet:\n              path: /health\n              port: http\n", "            httpGet:\n              path: /health\n              port: web\n"},
	{"a probe of no path", one, "path: /health", "path: health"},
	{"a probe that never fails", one, "failureThreshold: 180", "failureThreshold: 0"},
	{"a probe of nothing", one, "            httpGet:\n              path: /health\n              port: http\n", ""},
	{"a volume that is not there", one, "            - name: shm\n              mountPath", "            - name: shn\n              mountPath"},
	{"two volumes at a place", one, "mountPath: /models", "mountPath: /dev/shm"},
	{"a volume of nothing", one, "          emptyDir:\n            medium: Memory\n            sizeLimit: 16Gi\n", ""},
	{"memory of a slip", one, "sizeLimit: 16Gi", "sizeLimit: 16 GB"},
	{"a field of a slip", one, "terminationGracePeriodSeconds", "terminationGracePeriod"},
	{"a key twice", one, "  replicas: 1\n", "  replicas: 1\n  replicas: 2\n"},
	{"a service of other pods", split, "  selector:\n    app.kubernetes.io/component: prefill", "  selector:\n    app.kubernetes.io/component: prefil"},
	{"a service of a closed port", split, "targetPort: http", "targetPort: web"},
	{"a service without ports", split, "  ports:\n    - name: http\n      port: 8000\n      targetPort: http\n", "  ports: []\n"},
	{"an object twice", split, "name: pd1x1-decode\n", "name: pd1x1-prefill\n"},
	{"a service in another namespace", split, "kind: Service\nmetadata:\n  name: pd1x1-prefill\n  namespace: serving", "kind: Service\nmetadata:\n  name: pd1x1-prefill\n  namespace: other"},
	{"two ports of a number", split, "containerPort: 5600", "containerPort: 8000"},
	{"a field of no pod", split, "fieldPath: status.podIP", "fieldPath: status.podIPs"},
	{"a value from two places", split, "              valueFrom:", "              value: x\n              valueFrom:"},
	{"a group of none", group, "size: 2", "size: 0"},
	{"a group of one with a leader", group, "size: 2", "size: 1"},
	{"no workers", group, "    workerTemplate:", "    workersTemplate:"},
	{"an unknown restart policy", group, "RecreateGroupOnPodRestart", "Always"},
	{"an unknown start", group, "LeaderCreated", "LeaderFirst"},
	{"workers that answer for the leader", group, "engine-worker", "engine"},
	{"a large group without a leader's template", solo, "size: 1", "size: 2"},
	{"a model without a URI", kube, "    uri: pvc://weights/qwen3-32b\n", ""},
	{"a model of no store", kube, "pvc://weights", "file://weights"},
	{"tensor parallel of none", kube, "tensor: 1", "tensor: 0"},
	{"parallel of a slip", kube, "tensor: 1", "tensors: 1"},
	{"a container that KServe does not know", kube, "- name: main", "- name: engine"},
	{"no template", kube, "  template:\n    enableServiceLinks", "  templates:\n    enableServiceLinks"},
	{"a prefill without a template", kube, "    template:\n      enableServiceLinks", "    templates:\n      enableServiceLinks"},
	{"a scheduler in words", kube, "scheduler: {}", "scheduler: yes please"},
	{"no router", kube, "  router:\n    gateway: {}\n    route: {}\n    scheduler: {}\n", ""},
}

func TestBrokenManifestsAreRefused(t *testing.T) {
	for _, name := range []string{one, split, group, kube, solo} {
		if err := schema.Check([]byte(manifest(t, name))); err != nil {
			t.Fatalf("%s is good, and refused: %v", name, err)
		}
	}
	refused := map[string]bool{}
	for _, m := range mutations {
		src := manifest(t, m.in)
		if !strings.Contains(src, m.old) {
			t.Errorf("%s: %q does not stand in %s", m.what, m.old, m.in)
			continue
		}
		err := schema.Check([]byte(strings.Replace(src, m.old, m.new, 1)))
		if err == nil {
			t.Errorf("%s is accepted", m.what)
			continue
		}
		refused[m.what] = true
		t.Logf("%s: %v", m.what, err)
	}
	if len(refused) < 50 {
		t.Errorf("%d mutations are refused, and 50 are asked for", len(refused))
	}
}

func TestStreamsThatAreNotManifests(t *testing.T) {
	for what, src := range map[string]string{
		"nothing":    "",
		"a comment":  "# nothing\n---\n",
		"a list":     "- a\n- b\n",
		"not YAML":   "a: [b\n",
		"an anchor":  "a: &x [1]\nb: *x\n",
		"too long":   strings.Repeat("#", 2<<20),
		"only a key": "kind:\n",
		"brackets":   strings.Repeat("[", 200_000),
		"braces":     strings.Repeat("{a: ", 50_000),
		"dashes":     strings.Repeat("- ", 100_000) + "a",
		"questions":  strings.Repeat("? ", 100_000) + "a",
		"stairs":     stairs(700),
	} {
		if err := schema.Check([]byte(src)); err == nil {
			t.Errorf("%s is accepted", what)
		}
	}
}

// stairs are mappings in mappings, a blank deeper on each line.
func stairs(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}

func TestEverySchemaSaysWhereItIsFrom(t *testing.T) {
	all, err := schema.Sources()
	if err != nil {
		t.Fatal(err)
	}
	kinds := 0
	for _, s := range all {
		if s.Source == "" || s.Version == "" || s.Licence != "Apache-2.0" || s.Takes == "" {
			t.Errorf("%+v", s)
		}
		if s.Kind != "" {
			kinds++
		}
	}
	if kinds != 4 {
		t.Errorf("there are schemas of %d kinds", kinds)
	}
	notice, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "NOTICE"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(notice), "core/topology/plan/schema") {
		t.Error("NOTICE does not name the schemas")
	}
}

// FuzzCheck: whatever the bytes are, there is an answer.
func FuzzCheck(f *testing.F) {
	for _, name := range []string{one, split, group, kube, solo} {
		f.Add([]byte(manifest(f, name)))
	}
	f.Add([]byte("? [a]\n: b\n"))
	f.Add([]byte("kind: Service\nspec: {selector: 1}\n"))
	f.Fuzz(func(t *testing.T, src []byte) { _ = schema.Check(src) })
}
