package mcp

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/plimsoll-dev/plimsoll/core/telemetry"
)

// listener is a recorder that remembers.
type listener struct {
	telemetry.Recorder
	labels  []telemetry.Labels
	results []telemetry.Result
}

func (l *listener) Call(ctx context.Context, labels telemetry.Labels) (context.Context, func(telemetry.Result)) {
	l.labels = append(l.labels, labels)
	return ctx, func(r telemetry.Result) { l.results = append(l.results, r) }
}

// A request is in the trace that its _meta names, else in that of its header;
// every answer has a class; what has no answer, or none for hours, is not measured.
func TestRequestsAreMeasured(t *testing.T) {
	const meta, header = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "00-1af7651916cd43dd8448eb211c80319c-c7ad6b7169203331-00"
	ctx := withVisit(t.Context(), &visit{session: "s", request: "7", via: "stdio"})
	for name, c := range map[string]struct {
		method   string
		meta     sdk.Meta
		header   string
		res      sdk.Result
		err      error
		trace    string
		class    string
		measured bool
	}{
		"meta":         {method: "tools/call", meta: sdk.Meta{"traceparent": meta}, res: &sdk.CallToolResult{}, trace: meta, measured: true},
		"header":       {method: "tools/call", header: header, res: &sdk.CallToolResult{}, trace: header, measured: true},
		"both":         {method: "tools/call", meta: sdk.Meta{"traceparent": meta}, header: header, res: &sdk.CallToolResult{}, trace: meta, measured: true},
		"malformed":    {method: "tools/call", meta: sdk.Meta{"traceparent": "00-zz"}, header: "x", res: &sdk.CallToolResult{}, measured: true},
		"tool error":   {method: "tools/call", res: &sdk.CallToolResult{IsError: true}, class: "tool_error", measured: true},
		"raw error":    {method: "tools/call", res: &reply{body: object{{"isError", []byte("true")}}}, class: "tool_error", measured: true},
		"code":         {method: "tools/call", err: &jsonrpc.Error{Code: -32602}, class: "-32602", measured: true},
		"cancelled":    {method: "tools/call", err: context.Canceled, class: "cancelled", measured: true},
		"other":        {method: "tools/call", err: errors.New("x"), class: "_OTHER", measured: true},
		"stream":       {method: "subscriptions/listen", meta: sdk.Meta{"traceparent": meta}, trace: meta},
		"notification": {method: "notifications/progress"},
	} {
		l := &listener{Recorder: telemetry.Nothing()}
		req := &sdk.CallToolRequest{Params: &sdk.CallToolParamsRaw{Meta: c.meta, Name: "find"}, Extra: &sdk.RequestExtra{Header: http.Header{}}}
		if c.header != "" {
			req.Extra.Header.Set("traceparent", c.header)
		}
		var trace string
		_, err := measured(l, "github")(func(ctx context.Context, _ string, _ sdk.Request) (sdk.Result, error) {
			trace = telemetry.Traceparent(ctx)
			return c.res, c.err
		})(ctx, c.method, req)
		if !errors.Is(err, c.err) || trace != c.trace {
			t.Errorf("%s: trace %q, error %v", name, trace, err)
		}
		if !c.measured {
			if len(l.labels) > 0 {
				t.Errorf("%s: measured as %v", name, l.labels)
			}
			continue
		}
		want := telemetry.Labels{Op: telemetry.Serve, Method: c.method, Tool: "find", Connector: "github", Transport: telemetry.Stdio, Session: "s", RequestID: "7"}
		if len(l.results) != 1 || l.labels[0] != want || l.results[0].Error != c.class {
			t.Errorf("%s: %+v %+v", name, l.labels, l.results)
		}
	}
}
