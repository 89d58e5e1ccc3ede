package mcp

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/plimsoll-dev/plimsoll/core/telemetry"
)

// measured makes one span and one duration of every request, in the trace that
// the client is in: what its _meta says, which it set for this very message,
// before what a proxy may have set in the header. Of a connector served whole,
// name is the connector's. It is added last, so that it sees all of a request.
func measured(r telemetry.Recorder, name string) sdk.Middleware {
	return func(next sdk.MethodHandler) sdk.MethodHandler {
		return func(ctx context.Context, method string, req sdk.Request) (sdk.Result, error) {
			if e := req.GetExtra(); e != nil && e.Header != nil {
				ctx = telemetry.FromHTTP(ctx, e.Header)
			}
			if p := req.GetParams(); !isNil(p) {
				ctx = telemetry.FromMeta(ctx, p.GetMeta())
			}
			// A notification has no answer, and a stream lasts as long as its client.
			if strings.HasPrefix(method, "notifications/") || method == "subscriptions/listen" {
				return next(ctx, method, req)
			}
			ctx, end := r.Call(ctx, labels(ctx, method, req, name))
			res, err := next(ctx, method, req)
			end(telemetry.Result{Error: class(res, err)})
			return res, err
		}
	}
}

func labels(ctx context.Context, method string, req sdk.Request, connector string) telemetry.Labels {
	l := telemetry.Labels{Op: telemetry.Serve, Method: method, Connector: connector, Transport: telemetry.HTTP}
	if v := visitOf(ctx); v != nil {
		l.Session, l.RequestID = v.session, v.request
		if v.via == "stdio" {
			l.Transport = telemetry.Stdio
		}
	}
	if ss, ok := req.GetSession().(*sdk.ServerSession); ok && ss != nil {
		if p := ss.InitializeParams(); p != nil {
			l.Protocol = p.ProtocolVersion
		}
	}
	switch r := req.(type) {
	case *sdk.ServerRequest[*sdk.InitializeParams]:
		l.Protocol = r.Params.ProtocolVersion // there is no session before it
	case *sdk.CallToolRequest:
		l.Tool = r.Params.Name
	case *sdk.GetPromptRequest:
		l.Prompt = r.Params.Name
	}
	return l
}

// class is the error.type of an answer.
func class(res sdk.Result, err error) string {
	var wire *jsonrpc.Error
	if errors.As(err, &wire) {
		return strconv.FormatInt(wire.Code, 10)
	}
	failed := false
	switch r := res.(type) {
	case *sdk.CallToolResult:
		failed = r != nil && r.IsError
	case *reply:
		failed = r != nil && string(r.body.get("isError")) == "true"
	}
	if err == nil && failed {
		return "tool_error"
	}
	return telemetry.ErrorOf(err)
}

// MetaTools are the names of the tools of the meta surface.
func MetaTools() []string {
	var out []string
	for _, t := range metaTools {
		out = append(out, t.name)
	}
	return out
}
