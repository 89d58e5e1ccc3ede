package vllm

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/plimsoll-dev/plimsoll/sdk/backend"
)

const good = `{"format":1,"name":"p","runtime":"process","model":"m","endpoints":["http://127.0.0.1:8000"],"processes":[
  {"name":"a","role":"prefill","command":["vllm","serve"],"port":8001,"ready":"http://127.0.0.1:8001/health","ready_seconds":600},
  {"name":"b","role":"proxy","command":["vllm-router"],"port":8000,"ready":"http://127.0.0.1:8000/health","ready_seconds":60,"after":["a"]}]}`

func TestReadRefuses(t *testing.T) {
	if _, err := read(backend.Plan{ID: "p", Document: json.RawMessage(good)}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ old, new, want string }{
		{`"format":1`, `"format":2`, "reads format 1"},
		{`"runtime":"process"`, `"runtime":"kubernetes"`, "apply its manifests"},
		{`"runtime":"process"`, `"runtime":"bare"`, "its runtime is"},
		{`"runtime":"process"`, `"runtime":"attach"`, "has processes"},
		{`"endpoints":["http://127.0.0.1:8000"]`, `"endpoints":[]`, "no endpoint"},
		{`"endpoints":["http://127.0.0.1:8000"]`, `"endpoints":["http://u:p@h/"]`, "without credentials"},
		{`"name":"b"`, `"name":"a"`, "is there twice"},
		{`"name":"b"`, `"name":"../b"`, "cannot be the name of a file"},
		{`["vllm-router"]`, `[]`, "no command"},
		{`["vllm-router"]`, `["x\ny"]`, "line break"},
		{`"after":["a"]`, `"after":["c"]`, "does not stand before it"},
		{`"name":"a","role"`, `"after":["b"],"name":"a","role"`, "does not stand before it"},
		{`"ready_seconds":60,`, `"ready_seconds":0,`, "1 to 86400"},
		{`"ready":"http://127.0.0.1:8000/health"`, `"ready":"file:///etc/passwd"`, "at which address"},
		{`"role":"proxy"`, `"role":"proxy","env":{"A=B":"c"}`, "cannot be one"},
		{`"processes":[`, `"processes":5,"x":[`, "cannot be read"},
	} {
		doc := strings.Replace(good, c.old, c.new, 1)
		if doc == good {
			t.Fatalf("%s is not in the document", c.old)
		}
		_, err := read(backend.Plan{ID: "p", Document: json.RawMessage(doc)})
		if err == nil || backend.AsError(err).Code != backend.InvalidRequest || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.new, err, c.want)
		}
	}
}

// FuzzRead: a document is refused or can be run, and nothing panics.
func FuzzRead(f *testing.F) {
	f.Add([]byte(good))
	f.Add([]byte(`{"format":1,"runtime":"attach","endpoints":["http://h:1"]}`))
	f.Add([]byte(`{"processes":[{"name":"a","env":{"":""}}]}`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		d, err := read(backend.Plan{ID: "p", Document: doc})
		if err != nil {
			return
		}
		for _, x := range d.Processes {
			if x.Name == "" || strings.ContainsAny(x.Name, "/\\") || len(x.Command) == 0 {
				t.Errorf("it takes %+v", x)
			}
		}
	})
}

func TestSecretsAreNotShown(t *testing.T) {
	x := process{
		Command: []string{"podman", "run", "--env", "HF_TOKEN=hf_secret_1", "-e", "VLLM_PORT=80001234", "image", "--api-key", "sk-secret-2", "--hf-token=hf_secret_3", "--max-model-len", "8192"},
		Env:     map[string]string{"MY_PASSWORD": "secret_4", "A_KEY": "no"},
	}
	got := strings.Join(shown(x), " ")
	if strings.Contains(got, "secret") || !strings.Contains(got, "8192") || !strings.Contains(got, "80001234") || !strings.Contains(got, "HF_TOKEN="+masked) {
		t.Errorf("shown is %s", got)
	}
	if line := hiding(x)("it printed secret_4 and sk-secret-2, no less"); strings.Contains(line, "secret") || !strings.Contains(line, "no less") {
		t.Errorf("the log has %s", line)
	}
}
