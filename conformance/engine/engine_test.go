package engine_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/conformance/engine"
)

// log is a writer that several may use.
type log struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

var listening = regexp.MustCompile(`Uvicorn running on (http://[0-9.:]+)`)

// run is the whole program in this process, until the test ends or stop is called.
func run(t *testing.T, script string, args ...string) (url string, stderr *log, stop func() int) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	stderr = &log{}
	code := make(chan int, 1)
	go func() {
		code <- engine.Run(ctx, append([]string{"serve", "some/model", "--port", "0"}, args...), []string{engine.ScriptEnv + "=" + script}, io.Discard, stderr)
	}()
	stop = sync.OnceValue(func() int { cancel(); return <-code })
	t.Cleanup(func() { stop() })
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if m := listening.FindStringSubmatch(stderr.String()); m != nil {
			return m[1], stderr, stop
		}
	}
	t.Fatalf("it does not listen:\n%s", stderr)
	return "", nil, nil
}

func get(t *testing.T, url string) string {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, _ := io.ReadAll(res.Body)
	return string(b)
}

func post(t *testing.T, url, body string) (int, string) {
	t.Helper()
	res, err := http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		return 0, err.Error()
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return res.StatusCode, string(b) + "!" + err.Error()
	}
	return res.StatusCode, string(b)
}

// TestAPI: the paths of an engine, with and without a stream.
func TestAPI(t *testing.T) {
	url, _, stop := run(t, `{"ttft":{"mean":"2ms"},"tpot":{"mean":"1ms"}}`, "--served-model-name", "a", "b", "--tensor-parallel-size", "2")
	if s := get(t, url+"/v1/models"); !strings.Contains(s, `"id":"a"`) || !strings.Contains(s, `"id":"b"`) {
		t.Errorf("models: %s", s)
	}
	if s := get(t, url+"/version"); s != `{"version":"0.24.0"}` {
		t.Errorf("version: %s", s)
	}
	if code, s := post(t, url+"/v1/chat/completions", `{"model":"a","messages":[{"role":"user","content":"one two three"}],"max_tokens":2}`); code != 200 || !strings.Contains(s, `"content":" tide tide"`) || !strings.Contains(s, `"prompt_tokens":3`) {
		t.Errorf("chat: %d %s", code, s)
	}
	if code, s := post(t, url+"/v1/completions", `{"model":"b","prompt":[1,2,3,4],"max_tokens":3,"stream":true,"stream_options":{"include_usage":true}}`); code != 200 || strings.Count(s, `"text":" tide"`) != 3 || !strings.Contains(s, `"prompt_tokens":4`) || !strings.HasSuffix(s, "data: [DONE]\n\n") {
		t.Errorf("completion: %d %s", code, s)
	}
	if code, s := post(t, url+"/v1/completions", `{"model":"c","prompt":"x"}`); code != 404 || !strings.Contains(s, "does not exist") {
		t.Errorf("another model: %d %s", code, s)
	}
	for _, bad := range []string{`{`, `{"model":"a","prompt":7}`, `{"model":"a","prompt":"x","max_tokens":-1}`} {
		if code, _ := post(t, url+"/v1/completions", bad); code != 400 {
			t.Errorf("%s: %d", bad, code)
		}
	}
	for _, name := range []string{"vllm:num_requests_running{", "vllm:kv_cache_usage_perc{", `vllm:generation_tokens_total{engine="0",model_name="a"} 5`, "vllm:time_to_first_token_seconds_bucket{", `vllm:request_success_total{engine="0",model_name="a",finished_reason="length"} 2`} {
		if s := get(t, url+"/metrics"); !strings.Contains(s, name) {
			t.Errorf("metrics lack %s:\n%s", name, s)
		}
	}
	if code := stop(); code != 0 {
		t.Errorf("told to stop it ended with %d", code)
	}
}

// TestKnown: every failure of a start writes its log and ends as it says.
func TestKnown(t *testing.T) {
	for _, f := range engine.Known() {
		ctx, cancel := context.WithCancel(t.Context())
		var stderr bytes.Buffer
		if f.Hang {
			time.AfterFunc(50*time.Millisecond, cancel)
		}
		want := f.Exit
		if f.Hang {
			want = 143
		}
		if code := engine.Run(ctx, []string{"serve", "some/model", "--port", "0", "--fake-fail", f.ID}, nil, io.Discard, &stderr); code != want {
			t.Errorf("%s ended with %d, not %d", f.ID, code, want)
		}
		cancel()
		for _, l := range f.Log {
			if !strings.Contains(stderr.String(), strings.ReplaceAll(l, "{model}", "some/model")) {
				t.Errorf("%s does not write %q", f.ID, l)
			}
		}
	}
}

// TestPortInUse: a port that is taken gives the same log as the scripted failure.
func TestPortInUse(t *testing.T) {
	at, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer at.Close()
	_, port, _ := net.SplitHostPort(at.Addr().String())
	var stderr bytes.Buffer
	if code := engine.Run(t.Context(), []string{"some/model", "--port", port}, nil, io.Discard, &stderr); code != 1 || !strings.Contains(stderr.String(), "Address already in use") {
		t.Errorf("%d: %s", code, &stderr)
	}
}

// TestSlowAndWarned: it warns, takes its time, and starts.
func TestSlowAndWarned(t *testing.T) {
	began := time.Now()
	_, stderr, _ := run(t, ``, "--fake-slow-start", "80ms", "--fake-warn", "attention-env")
	if time.Since(began) < 80*time.Millisecond || !strings.Contains(stderr.String(), "VLLM_ATTENTION_BACKEND") {
		t.Errorf("after %s: %s", time.Since(began), stderr)
	}
}

// TestDie: an engine that dies takes its process with it.
func TestDie(t *testing.T) {
	url, stderr, stop := run(t, `{"ttft":{"mean":"1ms"},"tpot":{"mean":"1ms"},"faults":[{"kind":"die","after":2}]}`)
	if _, s := post(t, url+"/v1/completions", `{"model":"some/model","prompt":"x","max_tokens":9,"stream":true}`); strings.Contains(s, "[DONE]") {
		t.Errorf("it answered to the end: %s", s)
	}
	time.Sleep(50 * time.Millisecond)
	if code := stop(); code != 1 || !strings.Contains(stderr.String(), "EngineDeadError") {
		t.Errorf("ended with %d: %s", code, stderr)
	}
}

// TestArgs: a command line of vLLM's is taken as it is.
func TestArgs(t *testing.T) {
	l, err := engine.ParseArgs(strings.Fields("serve --trust-remote-code Qwen/Q --port=8001 -tp 2 --kv-transfer-config {\"kv_connector\":\"NixlConnector\"} --no-enable-prefix-caching --served-model-name q qq --seed -1 --api-key geheim --enforce-eager"), []string{"VLLM_USE_FLASHINFER_SAMPLER=0", "HF_TOKEN=geheim", "PATH=/bin", "CUDA_VISIBLE_DEVICES=0,1"})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(l)
	if err != nil {
		t.Fatal(err)
	}
	if l.Model != "Qwen/Q" || l.Port != 8001 || l.Flags["tp"][0] != "2" || l.Flags["seed"][0] != "-1" || len(l.Served) != 2 || l.Flags["no-enable-prefix-caching"][0] != "true" || l.Env["CUDA_VISIBLE_DEVICES"] != "0,1" || strings.Contains(string(raw), "geheim") || strings.Contains(string(raw), "PATH") {
		t.Errorf("%s", raw)
	}
	for args, want := range map[string]string{
		"serve":                               "name a model",
		"serve a b":                           "two models",
		"serve a --port x":                    "is no port",
		"serve a --fake-nothing":              "none of the fake's flags",
		"serve a --fake-fail nothing":         "is not known",
		"serve a --fake-ttft soon":            "--fake-ttft",
		"serve a --fake-script /no/such/file": "reading the script",
	} {
		if _, err := engine.ParseArgs(strings.Fields(args), nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v lacks %q", args, err, want)
		}
	}
}

// TestPrint: what it was launched with, on demand.
func TestPrint(t *testing.T) {
	var out bytes.Buffer
	if code := engine.Run(t.Context(), []string{"serve", "a", "--max-model-len", "4096", "--fake-print"}, []string{"VLLM_X=1"}, &out, io.Discard); code != 0 || !strings.Contains(out.String(), `"VLLM_X": "1"`) || !strings.Contains(out.String(), `"4096"`) {
		t.Errorf("%d: %s", code, &out)
	}
	out.Reset()
	if code := engine.Run(t.Context(), []string{"--version"}, nil, &out, io.Discard); code != 0 || out.String() != "0.24.0\n" {
		t.Errorf("%d: %s", code, &out)
	}
}

// TestTruth: the same seed is the same script, and the stream keeps it.
func TestTruth(t *testing.T) {
	var ttfts [2][]float64
	for i := range ttfts {
		url, _, _ := run(t, `{"seed":7,"ttft":{"kind":"normal","mean":"20ms","spread":"5ms"},"tpot":{"kind":"exponential","mean":"3ms"},"per_chunk":true,"chunk_tokens":3}`)
		for range 4 {
			post(t, url+"/v1/completions", `{"model":"some/model","prompt":"x","max_tokens":10,"stream":true}`)
		}
		said := get(t, url+"/fake/truth")
		for until := time.Now().Add(time.Minute); strings.Count(said, "\n") < 4 && time.Now().Before(until); said = get(t, url+"/fake/truth") {
			time.Sleep(10 * time.Millisecond) // the last request's is written as it ends
		}
		d := json.NewDecoder(strings.NewReader(said))
		for d.More() {
			var v engine.Truth
			if err := d.Decode(&v); err != nil {
				t.Fatal(err)
			}
			if v.Tokens != 10 || v.Chunks != 4 || v.End != "done" || v.Last <= v.TTFT || v.Late < 0 {
				t.Errorf("%+v", v)
			}
			ttfts[i] = append(ttfts[i], v.TTFT, v.Last)
		}
	}
	if len(ttfts[0]) != 8 || len(ttfts[1]) != 8 {
		t.Fatalf("%v", ttfts)
	}
	for i := range ttfts[0] {
		if ttfts[0][i] != ttfts[1][i] {
			t.Errorf("the second time it is otherwise: %v", ttfts)
		}
	}
}

func FuzzScript(f *testing.F) {
	f.Add([]byte(`{"ttft":{"kind":"lognormal","mean":"1ms","spread":"1ms"},"faults":[{"kind":"cut","share":0.5}],"batch":{"slowdown":0.1}}`))
	f.Add([]byte(`{"start":{"fail":"oom","after":"1s"},"usage":"never"}`))
	f.Fuzz(func(t *testing.T, src []byte) {
		if s, err := engine.Parse(src); err == nil && (s.ChunkTokens < 1 || s.TokensPerWord <= 0) {
			t.Fatalf("%+v", s)
		}
	})
}
