package telemetry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"go.opentelemetry.io/otel/trace"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	wire "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

var start = time.Date(2026, 7, 2, 12, 0, 0, 0, time.UTC)

// ticking is a clock that goes on by 3 ms whenever it is read.
func ticking() func() time.Time {
	var mu sync.Mutex
	at := start
	return func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		at = at.Add(3 * time.Millisecond)
		return at
	}
}

func open(t testing.TB, c Config) *Telemetry {
	t.Helper()
	if c.Now == nil {
		c.Now = ticking()
	}
	c.Version = "1.2.3"
	out, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// full are labels and a result of every operation with every field set.
func full(o Op) (Labels, Result) {
	l := Labels{
		Op: o, Method: "tools/call", Tool: "github_issues_get", Skill: "digest", Tier: "small", Connector: "github",
		Provider: "openai", Model: "gpt-x", Protocol: "2026-07-28", Transport: HTTP, Session: "s1", RequestID: "7", Run: "r1",
		Address: "api.example.com", Port: 443,
	}
	r := Result{Model: "gpt-x-1", Finish: "stop", Input: 100, Output: 20, CacheRead: 5, CacheWrite: 6, Reasoning: 7, Cost: 42, Bytes: 300, Found: 1}
	return l, r
}

var operations = []Op{Serve, Request, Model, Embed, Skill, Execute, Find}

func known(t *Telemetry) {
	t.Know(Tools, []string{"github_issues_get"})
	t.Know(Prompts, []string{"greet"})
	t.Know(Skills, []string{"digest"})
	t.Know(Steps, []string{"main"})
	t.Know(Tiers, []string{"small"})
	t.Know(Connectors, []string{"github"})
	t.Know(Providers, []string{"openai"})
	t.Know(Models, []string{"gpt-x"})
}

// feed gives every instrument a value.
func feed(t *Telemetry) {
	for _, o := range operations {
		l, r := full(o)
		_, end := t.Call(context.Background(), l)
		end(r)
	}
	for name, m := range metrics {
		values := make([]string, len(m.Labels))
		for i, l := range m.Labels {
			values[i] = "x"
			if words := fixed[l]; len(words) > 0 {
				values[i] = words[0]
			}
		}
		switch m.Type {
		case "counter":
			t.Add(Counter(name), 1, values...)
		case "gauge":
			t.Set(Gauge(name), 1, values...)
		case "histogram":
			t.Observe(Histogram(name), 0.004, values...)
		}
	}
}

func scrape(t testing.TB, tel *Telemetry) (map[string]*dto.MetricFamily, string) {
	t.Helper()
	w := httptest.NewRecorder()
	tel.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(w.Body.String()))
	if err != nil {
		t.Fatal(err)
	}
	return families, w.Body.String()
}

func TestEveryMetricIsServedAsDescribed(t *testing.T) {
	tel := open(t, Config{})
	known(tel)
	feed(tel)
	families, text := scrape(t, tel)
	for name, m := range metrics {
		f := families[name]
		if f == nil {
			t.Errorf("%s is not served", name)
			continue
		}
		if got := strings.ToLower(f.GetType().String()); got != m.Type || f.GetHelp() != m.Help {
			t.Errorf("%s is a %s %q", name, got, f.GetHelp())
		}
		var labels []string
		for _, l := range f.GetMetric()[0].GetLabel() {
			labels = append(labels, l.GetName())
		}
		want := slices.Sorted(slices.Values(m.Labels))
		if slices.Sort(labels); !slices.Equal(labels, want) {
			t.Errorf("%s has the labels %v, want %v", name, labels, want)
		}
	}
	for name := range families {
		if _, ok := metrics[name]; !ok && !strings.HasPrefix(name, "go_") && !strings.HasPrefix(name, "process_") {
			t.Errorf("%s is served and not described", name)
		}
	}
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if strings.HasPrefix(p.Metric, "go_") || strings.HasPrefix(p.Metric, "process_") {
			continue // of the library
		}
		t.Errorf("promlint: %s: %s", p.Metric, p.Text)
	}
}

func value(f *dto.MetricFamily, labels ...string) *dto.Metric {
	for _, m := range f.GetMetric() {
		fits := true
		for i := 0; i+1 < len(labels); i += 2 {
			fits = fits && slices.ContainsFunc(m.GetLabel(), func(l *dto.LabelPair) bool { return l.GetName() == labels[i] && l.GetValue() == labels[i+1] })
		}
		if fits {
			return m
		}
	}
	return nil
}

func TestDurationsOfOperations(t *testing.T) {
	tel := open(t, Config{})
	known(tel)
	l, r := full(Execute)
	_, end := tel.Call(context.Background(), l)
	end(r)
	end(r) // counts nothing
	l.Tool = "tool-of-nobody"
	_, end = tel.Call(context.Background(), l)
	end(Result{Error: "whatever a stranger says"})
	families, text := scrape(t, tel)
	f := families[string(ToolDuration)]
	m := value(f, "gen_ai_tool_name", "github_issues_get", "connector", "github", "error_type", "")
	if m.GetHistogram().GetSampleCount() != 1 || m.GetHistogram().GetSampleSum() < 0.0029 || m.GetHistogram().GetSampleSum() > 0.0031 {
		t.Errorf("the good call: %v", m)
	}
	if m := value(f, "gen_ai_tool_name", "other", "error_type", "_OTHER"); m.GetHistogram().GetSampleCount() != 1 {
		t.Errorf("the other call: %v", m)
	}
	if strings.Contains(text, "nobody") || strings.Contains(text, "stranger") {
		t.Error("an unknown name or error became a label")
	}
}

func TestLabelsAreBounded(t *testing.T) {
	tel := open(t, Config{Names: 10})
	var names []string
	for i := range 1000 {
		names = append(names, fmt.Sprintf("tool-%03d", i))
	}
	tel.Know(Tools, names)
	for i := range 5000 {
		_, end := tel.Call(context.Background(), Labels{Op: Serve, Method: fmt.Sprintf("made/up%d", i), Tool: fmt.Sprintf("tool-%03d", i%1000), Protocol: fmt.Sprint(i)})
		end(Result{Error: fmt.Sprint("error ", i)})
		tel.Add(Logins, 1, fmt.Sprint("outcome ", i))
		tel.Add(Decisions, 1, "call", "allow", fmt.Sprint("person ", i))
		tel.Add(Logins, 1, strings.Repeat("x", 10_000))
	}
	families, text := scrape(t, tel)
	if n := len(families[string(ServeDuration)].GetMetric()); n != 11 {
		t.Errorf("%d series of tools, want 10 and other", n)
	}
	if n := len(families[string(Logins)].GetMetric()); n != maxWords+1 {
		t.Errorf("%d series of outcomes, want %d", n, maxWords+1)
	}
	if strings.Contains(text, "person") {
		t.Error("a principal is named")
	}
}

func TestWrongUseCountsNothing(t *testing.T) {
	tel := open(t, Config{})
	tel.Add("no_such_metric", 1, "a")
	tel.Set("no_such_metric", 1)
	tel.Observe("no_such_metric", 1)
	tel.Add(Runs, -1, "a", "b", "c")
	tel.Know(Skills, []string{"\xff"})
	tel.Add(Runs, 1, "\xff", "\xff", "\xff")
	tel.Add(Runs, 1)                          // too few
	tel.Add(Runs, 1, "a", "b", "c", "d", "e") // too many
	families, _ := scrape(t, tel)
	if n := len(families[string(Runs)].GetMetric()); n != 3 {
		t.Errorf("%d series, want 3", n)
	}
}

func TestNothingCostsNothing(t *testing.T) {
	r := Nothing()
	ctx := context.Background()
	if n := testing.AllocsPerRun(100, func() {
		_, end := r.Call(ctx, Labels{Op: Execute, Tool: "a"})
		end(Result{})
		r.Add(Runs, 1, "a", "b", "c")
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// receiver is an OTLP receiver over HTTP.
type receiver struct {
	*httptest.Server
	mu      sync.Mutex
	spans   []*wire.Span
	headers []http.Header
	status  int
}

func receive(t testing.TB) *receiver {
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		raw, err := io.ReadAll(req.Body)
		var body collector.ExportTraceServiceRequest
		if err == nil {
			err = proto.Unmarshal(raw, &body)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		if err != nil || req.URL.Path != "/v1/traces" {
			t.Errorf("%s: %v", req.URL, err)
		}
		r.headers = append(r.headers, req.Header)
		if r.status != 0 {
			w.WriteHeader(r.status)
			return
		}
		for _, rs := range body.ResourceSpans {
			for _, ss := range rs.ScopeSpans {
				r.spans = append(r.spans, ss.Spans...)
			}
		}
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) named(name string) *wire.Span {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.spans {
		if s.Name == name {
			return s
		}
	}
	return nil
}

func attr(s *wire.Span, key string) string {
	for _, kv := range s.GetAttributes() {
		if kv.Key == key {
			if v := kv.Value.GetStringValue(); v != "" {
				return v
			}
			return fmt.Sprint(kv.Value.GetIntValue())
		}
	}
	return ""
}

func TestSpansArriveByTheConventions(t *testing.T) {
	// What stands in the environment must not change where spans go, nor how many.
	t.Setenv("OTEL_TRACES_SAMPLER", "always_off")
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-leak=secret")
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	t.Setenv("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "1")
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "leak=secret")
	r := receive(t)
	tel := open(t, Config{Traces: r.URL, Headers: map[string]string{"X-Token": "t"}})
	known(tel)

	// The caller's trace comes in _meta, the transport's in the header.
	http1 := http.Header{"Traceparent": {"00-11111111111111111111111111111111-2222222222222222-01"}}
	ctx := FromHTTP(context.Background(), http1)
	ctx = FromMeta(ctx, map[string]any{"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "tracestate": "a=b"})
	l, res := full(Serve)
	ctx, endServe := tel.Call(ctx, l)
	l, _ = full(Execute)
	inner, endExecute := tel.Call(ctx, l)
	l, _ = full(Request)
	upstream, endRequest := tel.Call(inner, l)
	sent := ToMeta(upstream, map[string]any{"progressToken": 1, "traceparent": "theirs", "baggage": "user=alice"})
	endRequest(Result{Error: "-32602", Message: "bad \xff params"})
	endExecute(Result{Error: "tool_error", Message: strings.Repeat("ä", 400)})
	endServe(res)
	l, res = full(Model)
	_, end := tel.Call(context.Background(), l)
	end(res)
	_, end = tel.Call(context.Background(), Labels{Op: Serve, Method: "evil/method", Tool: "stranger"})
	end(Result{})
	if err := tel.Close(context.Background()); err != nil {
		t.Fatal(err)
	}

	serve, execute := r.named("tools/call github_issues_get"), r.named("execute_tool github_issues_get")
	if serve == nil || execute == nil {
		t.Fatalf("got %v", r.spans)
	}
	r.mu.Lock()
	var client *wire.Span
	for _, s := range r.spans {
		if s.Name == "tools/call github_issues_get" && s.Kind == wire.Span_SPAN_KIND_CLIENT {
			client = s
		} else if s.Name == "tools/call github_issues_get" {
			serve = s
		}
	}
	r.mu.Unlock()
	if got := fmt.Sprintf("%x %x", serve.TraceId, serve.ParentSpanId); got != "4bf92f3577b34da6a3ce929d0e0e4736 00f067aa0ba902b7" {
		t.Errorf("the parent of the server span: %s", got)
	}
	if len(serve.Links) != 1 || fmt.Sprintf("%x", serve.Links[0].SpanId) != "2222222222222222" {
		t.Errorf("the links of the server span: %v", serve.Links)
	}
	if serve.Kind != wire.Span_SPAN_KIND_SERVER || serve.GetStatus().GetCode() != wire.Status_STATUS_CODE_UNSET {
		t.Errorf("the server span: %v", serve)
	}
	if string(execute.ParentSpanId) != string(serve.SpanId) || string(client.ParentSpanId) != string(execute.SpanId) {
		t.Error("the spans do not stand under one another")
	}
	if serve.EndTimeUnixNano-serve.StartTimeUnixNano != uint64(15*time.Millisecond) {
		t.Errorf("the span took %d ns by the given clock", serve.EndTimeUnixNano-serve.StartTimeUnixNano)
	}
	for key, want := range map[string]string{
		"mcp.method.name": "tools/call", "mcp.protocol.version": "2026-07-28", "mcp.session.id": "s1", "jsonrpc.request.id": "7", "network.transport": "tcp",
		"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "github_issues_get", "plimsoll.connector": "github",
	} {
		if got := attr(serve, key); got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
	if attr(client, "error.type") != "-32602" || attr(client, "rpc.response.status_code") != "-32602" || client.GetStatus().GetMessage() != "bad \uFFFD params" {
		t.Errorf("the failed request: %v", client)
	}
	if m := execute.GetStatus().GetMessage(); len(m) > maxMessage || attr(execute, "rpc.response.status_code") != "" || attr(execute, "error.type") != "tool_error" {
		t.Errorf("the failed tool: %v", execute)
	}
	if got := sent["traceparent"]; got != fmt.Sprintf("00-%x-%x-01", client.TraceId, client.SpanId) || sent["baggage"] != nil || sent["progressToken"] != 1 || sent["tracestate"] != "a=b" {
		t.Errorf("sent %v", sent)
	}
	chat := r.named("chat gpt-x")
	for key, want := range map[string]string{
		"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-x", "gen_ai.response.model": "gpt-x-1",
		"gen_ai.usage.input_tokens": "100", "gen_ai.usage.output_tokens": "20", "gen_ai.usage.cache_read.input_tokens": "5",
		"gen_ai.usage.cache_creation.input_tokens": "6", "gen_ai.usage.reasoning.output_tokens": "7",
	} {
		if got := attr(chat, key); got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
	if r.named("other") == nil {
		t.Error("an unknown method and tool must not name a span")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, h := range r.headers {
		if h.Get("X-Leak") != "" || h.Get("X-Token") != "t" {
			t.Errorf("headers %v", h)
		}
	}
}

// A receiver that is away or hangs stops nobody, is told, and leaves nothing
// behind once Close has returned.
func TestAReceiverThatIsAway(t *testing.T) {
	hang := make(chan struct{})
	hanging := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		select {
		case <-hang:
		case <-r.Context().Done():
		}
	}))
	defer hanging.Close()
	defer close(hang)
	for name, url := range map[string]string{"away": "http://127.0.0.1:1", "hanging": hanging.URL} {
		before := runtime.NumGoroutine()
		failed := make(chan error, 1)
		tel := open(t, Config{Traces: url, Failed: func(err error) {
			select {
			case failed <- err:
			default:
			}
		}})
		for range 10_000 {
			l, r := full(Execute)
			_, end := tel.Call(context.Background(), l)
			end(r)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
		if err := tel.Close(ctx); name == "hanging" && !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: Close: %v", name, err)
		}
		cancel()
		select {
		case err := <-failed:
			if err == nil {
				t.Error("no error")
			}
		case <-time.After(15 * time.Second):
			t.Errorf("%s: nobody was told", name)
		}
		deadline := time.Now().Add(10 * time.Second)
		for runtime.NumGoroutine() > before && time.Now().Before(deadline) {
			time.Sleep(20 * time.Millisecond)
		}
		if n := runtime.NumGoroutine(); n > before {
			stacks := make([]byte, 1<<20)
			t.Errorf("%s: %d goroutines, %d before:\n%s", name, n, before, stacks[:runtime.Stack(stacks, true)])
		}
	}
}

func TestAReceiverThatRefuses(t *testing.T) {
	r := receive(t)
	r.status = 400
	var got error
	tel := open(t, Config{Traces: r.URL, Failed: func(err error) { got = err }})
	_, end := tel.Call(context.Background(), Labels{Op: Find})
	end(Result{})
	if err := tel.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	families, _ := scrape(t, tel)
	if n := value(families[string(TraceFailures)]).GetCounter().GetValue(); got == nil || n != 1 {
		t.Errorf("%v, counted %v", got, n)
	}
}

func TestWhereTracesGo(t *testing.T) {
	for base, want := range map[string]string{
		"http://127.0.0.1:4318":                "http://127.0.0.1:4318/v1/traces",
		"http://localhost:4318/":               "http://localhost:4318/v1/traces",
		"http://[::1]:4318/x/":                 "http://[::1]:4318/x/v1/traces",
		"https://otel.example.com/v1/traces":   "https://otel.example.com/v1/traces",
		"http://otel.example.com":              "",
		"http://10.0.0.1:4318":                 "",
		"ftp://127.0.0.1":                      "",
		"127.0.0.1:4318":                       "",
		"https://user:secret@otel.example.com": "",
		"https://otel.example.com/?a=b":        "",
	} {
		got, err := tracesURL(base)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v", base, got, err)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("the error repeats a secret: %v", err)
		}
	}
}

func TestTraceContextWithoutAReceiver(t *testing.T) {
	const parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	ctx := FromMeta(context.Background(), map[string]any{"traceparent": parent})
	tel := open(t, Config{})
	ctx, end := tel.Call(ctx, Labels{Op: Serve})
	defer end(Result{})
	if got := Traceparent(ctx); got != parent {
		t.Errorf("got %q", got)
	}
	for _, bad := range []any{nil, 7, "", "00-0-0-0", "00-00000000000000000000000000000000-00f067aa0ba902b7-01", strings.Repeat("0", 1<<20)} {
		ctx := FromMeta(context.Background(), map[string]any{"traceparent": bad, "tracestate": bad})
		if trace.SpanContextFromContext(ctx).IsValid() || Traceparent(ctx) != "" {
			t.Errorf("%v was taken", bad)
		}
	}
	meta := map[string]any{"a": 1}
	if got := ToMeta(context.Background(), meta); len(got) != 1 {
		t.Errorf("got %v", got)
	}
	if got := ToMeta(context.Background(), map[string]any{"traceparent": "theirs"}); len(got) != 0 {
		t.Errorf("a trace that is not ours is passed on: %v", got)
	}
}

func TestErrorOf(t *testing.T) {
	for want, err := range map[string]error{
		"": nil, "timeout": fmt.Errorf("x: %w", context.DeadlineExceeded), "cancelled": context.Canceled, "_OTHER": errors.New("x"),
	} {
		if got := ErrorOf(err); got != want {
			t.Errorf("%v: %q", err, got)
		}
	}
}

func TestManyAtOnce(t *testing.T) {
	r := receive(t)
	tel := open(t, Config{Traces: r.URL})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				known(tel)
				feed(tel)
				scrape(t, tel)
			}
		})
	}
	wg.Wait()
	if err := tel.Close(context.Background()); err != nil {
		t.Error(err)
	}
}

func FuzzLabels(f *testing.F) {
	tel, err := New(Config{Now: ticking(), Version: "fuzz"})
	if err != nil {
		f.Fatal(err)
	}
	f.Add("tools/call", "tool", "-32602", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	f.Add("\xff", "\x00", "\n", "00-")
	f.Fuzz(func(t *testing.T, method, name, fail, parent string) {
		ctx := FromMeta(context.Background(), map[string]any{"traceparent": parent})
		_, end := tel.Call(ctx, Labels{Op: Serve, Method: method, Tool: name, Protocol: parent})
		end(Result{Error: fail})
		tel.Add(Logins, 1, name)
		if p := Traceparent(ctx); p != "" && len(p) != 55 {
			t.Fatalf("%q", p)
		}
	})
}

func BenchmarkCall(b *testing.B) {
	tel := open(b, Config{})
	known(tel)
	l, r := full(Serve)
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		_, end := tel.Call(ctx, l)
		end(r)
	}
}
