package mcp

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// A result that was too long for its caller is kept whole, and read part by part at
// result://DIGEST/FROM: FROM is a byte, 0 the first.
const resultScheme = "result://"

// resultOf reads a part of a kept result; ok is false for other URIs.
func (m *meta) resultOf(ctx context.Context, c Caller, uri string) (body object, ok bool, err error) {
	rest, ok := strings.CutPrefix(uri, resultScheme)
	if !ok {
		return nil, false, nil
	}
	digest, at, _ := strings.Cut(rest, "/")
	from, err := strconv.ParseInt(at, 10, 64)
	if err != nil || from < 0 {
		return nil, true, invalid("A kept result is read at %sDIGEST/FROM, where FROM is the byte to begin at.", resultScheme)
	}
	part, err := m.config.Library.Result(ctx, c, digest, from)
	if err != nil {
		return nil, true, err
	}
	contents, err := marshal([]map[string]any{{"uri": uri, "mimeType": "application/json", "text": part.Text, "_meta": map[string]any{
		"dev.plimsoll/bytes": part.Bytes, "dev.plimsoll/next": part.Next,
	}}})
	if err != nil {
		return nil, true, fmt.Errorf("writing a part of a result: %w", err)
	}
	return object{{"contents", contents}}, true, nil
}
