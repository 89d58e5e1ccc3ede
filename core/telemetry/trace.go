package telemetry

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// The batching of spans. A queue that is full drops spans and blocks nobody.
const (
	batchDelay   = 2 * time.Second
	batchSize    = 512
	queueSize    = 4096
	exportWait   = 10 * time.Second
	maxMessage   = 256 // bytes of Result.Message
	maxAttribute = 256 // bytes of an attribute's value: names that come from outside
)

type tracer struct {
	provider *sdktrace.TracerProvider
	exporter sdktrace.SpanExporter
	client   *http.Client
	tracer   trace.Tracer
}

// newTracer sets every option itself, because the SDK would else take them from
// the environment, and nothing reaches out that was not declared.
func newTracer(c Config, failed func(error)) (*tracer, error) {
	endpoint, err := tracesURL(c.Traces)
	if err != nil {
		return nil, err
	}
	client := c.Client
	if client == nil {
		// A connection for each batch: one that is kept would outlive Close when it
		// is dialled at that moment.
		client = &http.Client{
			Timeout:       exportWait,
			Transport:     &http.Transport{Proxy: nil, DialContext: (&net.Dialer{Timeout: 5 * time.Second}).DialContext, DisableKeepAlives: true},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	}
	headers := map[string]string{}
	for k, v := range c.Headers {
		headers[k] = v
	}
	exporter := otlptrace.NewUnstarted(otlptracehttp.NewClient(
		otlptracehttp.WithEndpointURL(endpoint),
		otlptracehttp.WithHeaders(headers),
		otlptracehttp.WithHTTPClient(client),
		otlptracehttp.WithCompression(otlptracehttp.NoCompression),
		otlptracehttp.WithTimeout(exportWait),
		otlptracehttp.WithRetry(otlptracehttp.RetryConfig{Enabled: true, InitialInterval: time.Second, MaxInterval: 5 * time.Second, MaxElapsedTime: exportWait}),
	))
	if err := exporter.Start(context.Background()); err != nil {
		return nil, fmt.Errorf("starting the export of traces to %s: %w", endpoint, err)
	}
	limits := sdktrace.SpanLimits{
		AttributeValueLengthLimit: maxAttribute, AttributeCountLimit: 64, EventCountLimit: 8, LinkCountLimit: 4,
		AttributePerEventCountLimit: 8, AttributePerLinkCountLimit: 8,
	}
	provider := sdktrace.NewTracerProvider(
		sdktrace.WithBatcher(quiet{exporter, failed},
			sdktrace.WithBatchTimeout(batchDelay), sdktrace.WithMaxExportBatchSize(batchSize),
			sdktrace.WithMaxQueueSize(queueSize), sdktrace.WithExportTimeout(exportWait)),
		sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.AlwaysSample())),
		sdktrace.WithRawSpanLimits(limits),
		sdktrace.WithResource(resource.NewSchemaless(attribute.String("service.name", "plimsoll"), attribute.String("service.version", c.Version))),
	)
	return &tracer{provider: provider, exporter: exporter, client: client, tracer: provider.Tracer("github.com/plimsoll-dev/plimsoll/core/telemetry", trace.WithInstrumentationVersion(c.Version))}, nil
}

// tracesURL is where the batches go. Spans name tools and skills, so that they
// leave the machine over TLS only.
func tracesURL(base string) (string, error) {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return "", fmt.Errorf("the receiver of traces %q is no http or https URL, such as http://127.0.0.1:4318", base)
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", errors.New("the URL of the receiver of traces must carry no user, query or fragment: give a header")
	}
	if ip, err := netip.ParseAddr(u.Hostname()); u.Scheme == "http" && u.Hostname() != "localhost" && (err != nil || !ip.IsLoopback()) {
		return "", fmt.Errorf("the receiver of traces %q is not on this machine: use https", base)
	}
	if path := strings.TrimRight(u.Path, "/"); !strings.HasSuffix(path, "/v1/traces") {
		u.Path = path + "/v1/traces"
	}
	return u.String(), nil
}

// quiet keeps errors of the exporter from the process-wide handler of the SDK,
// which would print them.
type quiet struct {
	sdktrace.SpanExporter
	failed func(error)
}

func (q quiet) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	if err := q.SpanExporter.ExportSpans(ctx, spans); err != nil {
		q.failed(fmt.Errorf("sending %d spans: %w", len(spans), err))
	}
	return nil
}

func (t *tracer) close(ctx context.Context) error {
	defer t.client.CloseIdleConnections()
	err := t.provider.Shutdown(ctx)
	if err == nil {
		return nil
	}
	// The provider goes on sending in the background when ctx is over: the
	// exporter is told to give up, so that nothing outlives Close for long.
	over, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	return fmt.Errorf("sending the last spans: %w", errors.Join(err, t.exporter.Shutdown(over)))
}

// operation is gen_ai.operation.name of an operation; MCP requests have one when
// they call a tool.
func operation(o Op) string {
	switch o {
	case Model:
		return "chat"
	case Embed:
		return "embeddings"
	case Skill:
		return "invoke_agent"
	case Execute:
		return "execute_tool"
	case Find:
		return "retrieval"
	}
	return ""
}

type span struct{ trace.Span }

// start begins the span of an operation. Names in a span's name are known ones;
// the others stand in attributes alone.
func (t *tracer) start(ctx context.Context, words *vocabulary, l Labels, at time.Time) (context.Context, *span) {
	name, kind := spanName(words, l), trace.SpanKindInternal
	switch l.Op {
	case Serve:
		kind = trace.SpanKindServer
	case Request, Model, Embed:
		kind = trace.SpanKindClient
	}
	options := []trace.SpanStartOption{trace.WithSpanKind(kind), trace.WithTimestamp(at), trace.WithAttributes(attributes(l)...)}
	if link, ok := ctx.Value(linkKey{}).(trace.SpanContext); ok && l.Op == Serve {
		options = append(options, trace.WithLinks(trace.Link{SpanContext: link}))
	}
	ctx, s := t.tracer.Start(ctx, name, options...)
	return ctx, &span{s}
}

// spanName follows the conventions: "tools/call github_issues_get", "chat
// gpt-5", "execute_tool github_issues_get", "invoke_agent digest".
func spanName(words *vocabulary, l Labels) string {
	with := func(first string, k Kind, target string) string {
		if target == "" || !words.knows(k, target) {
			return first
		}
		return first + " " + target
	}
	switch l.Op {
	case Serve, Request:
		method := words.bound("mcp_method_name", l.Method)
		if l.Prompt != "" {
			return with(method, Prompts, l.Prompt)
		}
		return with(method, Tools, l.Tool)
	case Model, Embed:
		return with(operation(l.Op), Models, l.Model)
	case Skill:
		return with(operation(l.Op), Skills, l.Skill)
	case Execute:
		return with(operation(l.Op), Tools, l.Tool)
	}
	return operation(l.Op)
}

// carried says which attributes the spans of an operation have. What a caller
// puts into Labels or Result beyond that is left out, so that the page that
// lists them stays true.
var carried = func() map[Op]map[attribute.Key]bool {
	message := "error.type rpc.response.status_code gen_ai.operation.name gen_ai.tool.name gen_ai.prompt.name mcp.method.name " +
		"mcp.protocol.version network.transport plimsoll.connector"
	usage := "error.type gen_ai.operation.name gen_ai.usage.input_tokens gen_ai.usage.output_tokens gen_ai.usage.cache_read.input_tokens " +
		"gen_ai.usage.cache_creation.input_tokens gen_ai.usage.reasoning.output_tokens"
	out := map[Op]map[attribute.Key]bool{}
	for op, list := range map[Op]string{
		Serve: message + " mcp.session.id jsonrpc.request.id", Request: message + " plimsoll.result.bytes server.address server.port",
		Model:   usage + " gen_ai.provider.name gen_ai.request.model gen_ai.response.model gen_ai.response.finish_reasons",
		Embed:   "error.type gen_ai.operation.name gen_ai.request.model",
		Skill:   usage + " gen_ai.agent.name plimsoll.run plimsoll.tier plimsoll.cost_microdollars",
		Execute: "error.type gen_ai.operation.name gen_ai.tool.name plimsoll.connector plimsoll.result.bytes",
		Find:    "error.type gen_ai.operation.name plimsoll.found",
	} {
		out[op] = map[attribute.Key]bool{}
		for key := range strings.FieldsSeq(list) {
			out[op][attribute.Key(key)] = true
		}
	}
	return out
}()

func fitting(o Op, list []attribute.KeyValue) []attribute.KeyValue {
	return slices.DeleteFunc(list, func(kv attribute.KeyValue) bool { return !carried[o][kv.Key] })
}

func attributes(l Labels) []attribute.KeyValue {
	var out []attribute.KeyValue
	put := func(key, value string) {
		if value != "" {
			out = append(out, attribute.String(key, strings.ToValidUTF8(value, "\uFFFD")))
		}
	}
	put("gen_ai.operation.name", operation(l.Op))
	if (l.Op == Serve || l.Op == Request) && l.Method == "tools/call" {
		put("gen_ai.operation.name", "execute_tool")
	}
	put("mcp.method.name", l.Method)
	put("mcp.protocol.version", l.Protocol)
	put("mcp.session.id", l.Session)
	put("jsonrpc.request.id", l.RequestID)
	put("network.transport", string(l.Transport))
	put("gen_ai.tool.name", l.Tool)
	put("gen_ai.prompt.name", l.Prompt)
	put("gen_ai.agent.name", l.Skill)
	put("gen_ai.provider.name", l.Provider)
	put("gen_ai.request.model", l.Model)
	put("plimsoll.connector", l.Connector)
	put("plimsoll.tier", l.Tier)
	put("plimsoll.run", l.Run)
	put("server.address", l.Address)
	if l.Port > 0 {
		out = append(out, attribute.Int("server.port", l.Port))
	}
	return fitting(l.Op, out)
}

func (s *span) end(l Labels, r Result, at time.Time) {
	var out []attribute.KeyValue
	number := func(key string, n int64) {
		if n > 0 {
			out = append(out, attribute.Int64(key, n))
		}
	}
	number("gen_ai.usage.input_tokens", r.Input)
	number("gen_ai.usage.output_tokens", r.Output)
	number("gen_ai.usage.cache_read.input_tokens", r.CacheRead)
	number("gen_ai.usage.cache_creation.input_tokens", r.CacheWrite)
	number("gen_ai.usage.reasoning.output_tokens", r.Reasoning)
	number("plimsoll.cost_microdollars", r.Cost)
	number("plimsoll.result.bytes", r.Bytes)
	if l.Op == Find {
		out = append(out, attribute.Int("plimsoll.found", r.Found))
	}
	if r.Model != "" {
		out = append(out, attribute.String("gen_ai.response.model", strings.ToValidUTF8(r.Model, "\uFFFD")))
	}
	if r.Finish != "" {
		out = append(out, attribute.StringSlice("gen_ai.response.finish_reasons", []string{strings.ToValidUTF8(r.Finish, "\uFFFD")}))
	}
	if r.Error != "" {
		out = append(out, attribute.String("error.type", strings.ToValidUTF8(r.Error, "\uFFFD")))
		if (l.Op == Serve || l.Op == Request) && isCode(r.Error) {
			out = append(out, attribute.String("rpc.response.status_code", r.Error))
		}
		s.SetStatus(codes.Error, head(r.Message))
	}
	s.SetAttributes(fitting(l.Op, out)...)
	s.End(trace.WithTimestamp(at))
}

// isCode tells a JSON-RPC error code from a word.
func isCode(s string) bool {
	digits := strings.TrimPrefix(s, "-")
	return digits != "" && digits != s && strings.Trim(digits, "0123456789") == ""
}

func head(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= maxMessage {
		return s
	}
	for cut := maxMessage; ; cut-- {
		if utf8.RuneStart(s[cut]) {
			return s[:cut]
		}
	}
}
