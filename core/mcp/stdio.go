package mcp

import (
	"context"
	"errors"
	"fmt"
	"io"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/plimsoll-dev/plimsoll/core/access"
)

// ServeStdio serves the meta surface to the one client at the other end of from
// and to, as the principal given, until from ends, ctx ends or Shutdown. Closing
// is the caller's, of to too. It returns nil when the client left.
func (s *Server) ServeStdio(ctx context.Context, p access.Principal, from io.ReadCloser, to io.Writer) error {
	v := &visit{principal: p, session: "stdio", via: "stdio"}
	in, why := s.flights.enter(p)
	if why != "" {
		return errors.New(why)
	}
	defer in.leave()
	if why := in.streams(); why != "" {
		return errors.New(why)
	}
	server, done, err := s.points["/mcp"].session(ctx, v, Hello{})
	if err != nil {
		return fmt.Errorf("serving MCP over stdio: %w", err)
	}
	defer done()
	ctx, cancel := context.WithCancel(withVisit(ctx, v))
	defer cancel()
	defer context.AfterFunc(s.base, cancel)()
	err = server.Run(ctx, &sdk.IOTransport{Reader: from, Writer: unclosed{to}, MaxLineLength: int(s.limits.Body)})
	if err != nil && ctx.Err() == nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("serving MCP over stdio: %w", err)
	}
	return nil
}

// unclosed leaves the writer open: stdout belongs to the process.
type unclosed struct{ io.Writer }

func (unclosed) Close() error { return nil }
