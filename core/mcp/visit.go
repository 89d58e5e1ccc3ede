package mcp

import (
	"context"
	"strings"
	"unicode"
	"unicode/utf8"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/plimsoll-dev/plimsoll/core/access"
	"github.com/plimsoll-dev/plimsoll/core/telemetry"
)

// visit is who came and how, found out once per session (older revisions, stdio)
// or once per request (2026-07-28). It travels in the context, because that is
// all that the SDK hands from a transport to a handler.
type visit struct {
	principal access.Principal
	session   string // "" when there is none
	via       string
	request   string      // JSON-RPC id, where the visit is one request
	server    *sdk.Server // for the SDK's handler to find
	live      func(*sdk.ServerSession)
}

type visitKey struct{}

func withVisit(ctx context.Context, v *visit) context.Context {
	return context.WithValue(ctx, visitKey{}, v)
}

func visitOf(ctx context.Context) *visit {
	v, _ := ctx.Value(visitKey{}).(*visit)
	return v
}

// caller puts together what is known of who sent req.
func (v *visit) caller(ctx context.Context, req sdk.Request) Caller {
	c := Caller{Principal: v.principal, Session: v.session, Via: v.via}
	if ss, ok := req.GetSession().(*sdk.ServerSession); ok {
		if p := ss.InitializeParams(); p != nil && p.ClientInfo != nil {
			c.Client = Client{Name: short(p.ClientInfo.Name), Version: short(p.ClientInfo.Version)}
		}
	}
	c.Traceparent = telemetry.Traceparent(ctx) // measured has put it there
	return c
}

// short cuts what a client says of itself to 256 bytes of printable text.
func short(s string) string {
	s = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, s[:min(len(s), 1024)])
	for len(s) > 256 {
		_, n := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-n]
	}
	return s
}
