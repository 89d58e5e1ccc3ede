// Package telemetry is what Plimsoll tells of itself while it works: metrics in
// the format of Prometheus, and traces over OTLP where a receiver is declared.
// Names follow OpenTelemetry's conventions for generative AI and for MCP
// (open-telemetry/semantic-conventions-genai, docs/gen-ai/mcp.md at 0393513c,
// status development); docs/telemetry.md lists every metric and span, and a test
// keeps that page and this code equal.
//
// It must not carry arguments, results, prompts, secrets or names of principals.
// Labels have few values: a name that is not in the catalogue (see
// [Telemetry.Know]) is "other". It must not reach out: without Config.Traces
// nothing is sent.
//
//	t, err := telemetry.New(telemetry.Config{Version: v, Now: clock, Traces: "http://127.0.0.1:4318"})
//	t.Know(telemetry.Tools, names)
//	ctx, end := t.Call(ctx, telemetry.Labels{Op: telemetry.Serve, Method: "tools/call", Tool: name})
//	result, err := act(ctx)
//	end(telemetry.Result{Error: telemetry.ErrorOf(err)})
package telemetry

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"
)

// Recorder is what the parts are handed. All methods may be called from several
// goroutines, never block, and never fail.
type Recorder interface {
	// Call begins an operation: a span under the one of ctx, and a duration. end
	// is called once; what is called again counts nothing.
	Call(ctx context.Context, l Labels) (inside context.Context, end func(Result))
	// Add raises a counter by n >= 0. values are those of the metric's labels, in
	// the order of docs/telemetry.md; too few are "", too many are left out.
	Add(m Counter, n int64, values ...string)
	// Set sets a gauge.
	Set(m Gauge, value float64, values ...string)
	// Observe puts one value into a histogram, in its base unit.
	Observe(m Histogram, value float64, values ...string)
}

// Op is the kind of an operation.
type Op int

// The operations. Each makes one span, and one duration.
const (
	Serve   Op = iota + 1 // an MCP request that we answer
	Request               // an MCP request that we make of a connector
	Model                 // a call of a model: chat
	Embed                 // a call of an embeddings endpoint
	Skill                 // a skill that runs: invoke_agent
	Execute               // a tool that runs, ours or a connector's: execute_tool
	Find                  // a search in the catalogue: retrieval
)

// Labels say what an operation is about, as far as it is known when it begins.
// Everything but Op may stay empty. Session, RequestID, Run and Address stand in
// spans alone.
type Labels struct {
	Op        Op
	Method    string // of MCP: "tools/call"
	Tool      string // as the caller knows it; must be in the catalogue to be told apart
	Prompt    string // name of an MCP prompt
	Skill     string
	Tier      string
	Connector string
	Provider  string // of a model: "openai", "anthropic", or the backend's name
	Model     string
	Protocol  string // revision of MCP: "2026-07-28"
	Transport Transport
	Session   string // id of an MCP session
	RequestID string // of JSON-RPC
	Run       string
	Address   string // of the server that is asked
	Port      int
}

// Transport is how MCP messages travel, in the words of network.transport.
type Transport string

// The transports.
const (
	Stdio Transport = "pipe"
	HTTP  Transport = "tcp"
)

// Result is how an operation ended.
type Result struct {
	// Error is "" for success, else a class of few values, such as those of
	// ErrorOf, "tool_error" (a tool that said it failed), "denied", or a JSON-RPC
	// code ("-32602").
	Error string
	// Message goes into the span's status. It may come from outside, so give it
	// only where it holds no argument and no secret; at most 256 bytes are kept.
	Message string
	// Model, Finish and the tokens are of a model call.
	Model                            string
	Finish                           string
	Input, Output                    int64 // tokens
	CacheRead, CacheWrite, Reasoning int64 // tokens, parts of Input and of Output
	Cost                             int64 // micro-dollars
	Bytes                            int64 // of the result
	Found                            int   // of a search; 0 is an abstention
}

// ErrorOf gives the class of an error: "" for nil, "timeout", "cancelled", else
// "_OTHER", which the conventions keep for what has no class of its own.
func ErrorOf(err error) string {
	switch {
	case err == nil:
		return ""
	case errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	case errors.Is(err, context.Canceled):
		return "cancelled"
	}
	return otherError
}

const otherError = "_OTHER"

// Config is what telemetry needs. Without Traces there are no spans.
type Config struct {
	Version string           // of Plimsoll
	Now     func() time.Time // required
	// Traces is the base URL of an OTLP receiver over HTTP: "http://127.0.0.1:4318";
	// "/v1/traces" is added unless the path ends in it. http is for loopback only.
	Traces  string
	Headers map[string]string // sent with every batch of traces, such as a token
	// Client sends the traces; without one, a client that knows no proxy and
	// follows no redirect.
	Client *http.Client
	// Names bounds how many names of one kind are told apart in labels; 0 is 2000.
	Names int
	// Failed is told when a batch of traces could not be sent; it must not block.
	// Optional.
	Failed func(error)
}

// Telemetry records. It is a Recorder.
type Telemetry struct {
	config Config
	words  *vocabulary
	meter  meter
	tracer *tracer // nil without Config.Traces
}

// meter keeps the numbers.
type meter interface {
	add(m Counter, n float64, values []string)
	set(m Gauge, v float64, values []string)
	observe(m Histogram, v float64, values []string)
	handler() http.Handler
}

var _ Recorder = (*Telemetry)(nil)

// New makes a Telemetry. With Config.Traces it sends batches in the background
// until Close; a receiver that is away stops nothing and is no error of New.
func New(c Config) (*Telemetry, error) {
	if c.Now == nil {
		return nil, errors.New("telemetry needs a clock")
	}
	if c.Names <= 0 {
		c.Names = 2000
	}
	t := &Telemetry{config: c, words: newVocabulary(c.Names)}
	m, err := newMeter(c.Version)
	if err != nil {
		return nil, err
	}
	t.meter = m
	if c.Traces != "" {
		if t.tracer, err = newTracer(c, func(err error) {
			t.Add(TraceFailures, 1)
			if c.Failed != nil {
				c.Failed(err)
			}
		}); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// Handler answers GET with the metrics. Serve it on a listener of its own.
func (t *Telemetry) Handler() http.Handler { return t.meter.handler() }

// Know makes names of a kind known, instead of those that were: the tools of the
// catalogue, the skills of the project. Others become "other" in metrics, and
// stay out of the names of spans.
func (t *Telemetry) Know(k Kind, names []string) { t.words.know(k, names) }

// Close sends the spans that wait, as long as ctx allows.
func (t *Telemetry) Close(ctx context.Context) error {
	if t.tracer == nil {
		return nil
	}
	return t.tracer.close(ctx)
}

// Add raises a counter.
func (t *Telemetry) Add(m Counter, n int64, values ...string) {
	if n < 0 {
		return
	}
	t.meter.add(m, float64(n), t.bound(string(m), values))
}

// Set sets a gauge.
func (t *Telemetry) Set(m Gauge, value float64, values ...string) {
	t.meter.set(m, value, t.bound(string(m), values))
}

// Observe puts a value into a histogram.
func (t *Telemetry) Observe(m Histogram, value float64, values ...string) {
	t.meter.observe(m, value, t.bound(string(m), values))
}

// bound fits label values to a metric and to what they may be.
func (t *Telemetry) bound(name string, values []string) []string {
	m, ok := metrics[name]
	if !ok {
		return nil
	}
	out := make([]string, len(m.Labels))
	for i, l := range m.Labels {
		if i < len(values) {
			out[i] = t.words.bound(l, values[i])
		}
	}
	return out
}

// Call begins an operation.
func (t *Telemetry) Call(ctx context.Context, l Labels) (context.Context, func(Result)) {
	begin := t.config.Now()
	var span *span
	if t.tracer != nil {
		ctx, span = t.tracer.start(ctx, t.words, l, begin)
	}
	var once sync.Once
	return ctx, func(r Result) {
		once.Do(func() {
			now := t.config.Now()
			t.measure(l, r, max(now.Sub(begin), 0).Seconds())
			if span != nil {
				span.end(l, r, now)
			}
		})
	}
}

// Nothing is the Recorder that records nothing and costs nothing.
func Nothing() Recorder { return nothing{} }

type nothing struct{}

func (nothing) Call(ctx context.Context, _ Labels) (context.Context, func(Result)) { return ctx, ended }
func (nothing) Add(Counter, int64, ...string)                                      {}
func (nothing) Set(Gauge, float64, ...string)                                      {}
func (nothing) Observe(Histogram, float64, ...string)                              {}

func ended(Result) {}
