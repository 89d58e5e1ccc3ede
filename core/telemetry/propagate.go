package telemetry

import (
	"context"
	"fmt"
	"net/http"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// Trace context travels with HTTP and, since one stream carries many requests,
// with each MCP request in params._meta under the bare names "traceparent" and
// "tracestate" (SEP-414). Baggage is dropped: it is free text of the caller,
// which connectors have no business with.
//
// All of this works without a receiver of traces: the trace of a caller goes
// through to the connectors, and into the audit log.
var w3c = propagation.TraceContext{}

type linkKey struct{}

// FromHTTP takes the trace context of an HTTP request.
func FromHTTP(ctx context.Context, h http.Header) context.Context {
	return w3c.Extract(ctx, propagation.HeaderCarrier(h))
}

// FromMeta takes the trace context of an MCP request's _meta: it is the parent,
// and what came by HTTP becomes a link. Without one, ctx stays as it is.
func FromMeta(ctx context.Context, meta map[string]any) context.Context {
	carrier := propagation.MapCarrier{}
	for _, key := range w3c.Fields() {
		if s, ok := meta[key].(string); ok && len(s) <= 512 {
			carrier[key] = s
		}
	}
	sent := trace.SpanContextFromContext(w3c.Extract(context.Background(), carrier))
	if !sent.IsValid() {
		return ctx
	}
	if ambient := trace.SpanContextFromContext(ctx); ambient.IsValid() && !ambient.Equal(sent) {
		ctx = context.WithValue(ctx, linkKey{}, ambient)
	}
	return trace.ContextWithRemoteSpanContext(ctx, sent)
}

// ToMeta returns meta with the trace context of ctx in place of what is there:
// a copy, or meta itself when there is nothing to change. A caller's baggage is
// left out.
func ToMeta(ctx context.Context, meta map[string]any) map[string]any {
	carrier := propagation.MapCarrier{}
	w3c.Inject(ctx, carrier)
	out := make(map[string]any, len(meta)+len(carrier))
	changed := len(carrier) > 0
	for k, v := range meta {
		switch k {
		case "traceparent", "tracestate", "baggage":
			changed = true
		default:
			out[k] = v
		}
	}
	for k, v := range carrier {
		out[k] = v
	}
	if !changed {
		return meta
	}
	return out
}

// Traceparent is the W3C trace context of ctx in 55 characters, or "".
func Traceparent(ctx context.Context) string {
	s := trace.SpanContextFromContext(ctx)
	if !s.IsValid() {
		return ""
	}
	return fmt.Sprintf("00-%s-%s-%02x", s.TraceID(), s.SpanID(), byte(s.TraceFlags()&trace.FlagsSampled))
}
