package connector

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"strconv"

	"github.com/plimsoll-dev/plimsoll/core/connector/wire"
	"github.com/plimsoll-dev/plimsoll/core/telemetry"
)

// measured begins the span and the duration of one request of a server, and puts
// that span's trace into the request. A caller without a trace of its own may have
// given one in Meta. The streams of subscriptions/listen, which last as long as
// their session, are not measured.
func (c *Connector) measured(ctx context.Context, conn wire.Conn, tool string, req *wire.Request) (end func(bytes int, failed bool, err error)) {
	if telemetry.Traceparent(ctx) == "" {
		ctx = telemetry.FromMeta(ctx, req.Meta)
	}
	l := telemetry.Labels{
		Op: telemetry.Request, Method: req.Method, Connector: c.config.Name, Tool: tool, Protocol: conn.Server().Revision,
		Transport: telemetry.Stdio, Address: c.address, Port: c.port,
	}
	if c.config.URL != "" {
		l.Transport = telemetry.HTTP
	}
	if req.Method == "prompts/get" {
		var p struct{ Name string }
		if json.Unmarshal(req.Params, &p) == nil {
			l.Prompt = p.Name
		}
	}
	ctx, done := c.host.Recorder.Call(ctx, l)
	req.Meta = telemetry.ToMeta(ctx, req.Meta)
	return func(bytes int, failed bool, err error) {
		r := telemetry.Result{Error: class(err), Bytes: int64(bytes)}
		if err == nil && failed {
			r.Error = "tool_error"
		}
		done(r)
	}
}

// class is the error.type of a request.
func class(err error) string {
	var f *wire.Fault
	var e *Error
	switch {
	case errors.As(err, &f) && f.Answer != nil:
		return strconv.Itoa(f.Answer.Code)
	case errors.As(err, &f):
		return Kind(f.Kind).class(err)
	case errors.As(err, &e):
		return e.Class()
	}
	return telemetry.ErrorOf(err)
}

// Class is the error.type of the failure in core/telemetry's words.
func (e *Error) Class() string {
	if e.Kind == Upstream && e.Code != 0 {
		return strconv.Itoa(e.Code)
	}
	return e.Kind.class(e.Err)
}

func (k Kind) class(err error) string {
	switch k {
	case Timeout:
		return "timeout"
	case Cancelled:
		return "cancelled"
	case Unauthorised:
		return "unauthorized"
	case Network, NoStart, Died, Gone, Circuit, Closed:
		return "unreachable"
	case Protocol, Flood:
		return "protocol"
	case TooLarge:
		return "too_large"
	case Refused:
		return "denied"
	case Unknown:
		return "unknown"
	case BadInput, BadConfig:
		return "invalid"
	case Busy:
		return "limited"
	case Quarantine:
		return "quarantined"
	}
	if err == nil {
		return "_OTHER"
	}
	return telemetry.ErrorOf(err)
}

// place is the host and the port of a URL; none for a server over stdio.
func place(raw string) (string, int) {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" {
		return "", 0
	}
	port, err := strconv.Atoi(u.Port())
	switch {
	case err == nil:
	case u.Scheme == "https":
		port = 443
	default:
		port = 80
	}
	return u.Hostname(), port
}

// sizeOf is how many bytes a result has.
func sizeOf(r *wire.Response) int {
	switch {
	case r == nil:
		return 0
	case r.Over != nil:
		return int(r.Over.Bytes)
	}
	return len(r.Result)
}

// failed tells whether a tool says in its result that it failed.
func failed(r *wire.Response) bool {
	var v struct {
		IsError bool `json:"isError"`
	}
	return r != nil && r.Over == nil && json.Unmarshal(r.Result, &v) == nil && v.IsError
}
