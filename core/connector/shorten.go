package connector

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/plimsoll-dev/plimsoll/core/connector/wire"
)

// Names in _meta of a result that was shortened.
const (
	MetaBlob  = "dev.plimsoll/blob"  // the digest of the whole result
	MetaBytes = "dev.plimsoll/bytes" // how many it has
	MetaCut   = "dev.plimsoll/cut"   // true when even the blob ends early
)

// shorten makes a result of the head of one that is too long. The text is the
// head of its first text, when it begins with one, since half of an escaped
// string is of no use to a reader; else the head of the JSON.
func shorten(o *wire.Over, revision string) (*Result, error) {
	text := headText(o.Head)
	failed := bytes.Contains(compact(o.Tail), []byte(`"isError":true`)) || bytes.Contains(compact(o.Head[:min(len(o.Head), 4096)]), []byte(`"isError":true`))
	where := "the rest was not kept"
	if o.Kept {
		where = "the whole is kept as blob " + o.Digest
		if o.Cut {
			where = "its beginning is kept as blob " + o.Digest + ", the rest was cut off"
		}
	}
	note := fmt.Sprintf("[Plimsoll: this result has %d bytes, more than output_limit. Above is its beginning; %s. Ask for less, or for pages.]", o.Bytes, where)
	raw, err := plainJSON(map[string]any{
		"content": []map[string]any{{"type": "text", "text": text}, {"type": "text", "text": note}},
		"isError": failed,
		"_meta":   map[string]any{MetaBlob: o.Digest, MetaBytes: o.Bytes, MetaCut: o.Cut || !o.Kept},
	})
	if err != nil {
		return nil, err
	}
	res := &Result{Raw: raw, IsError: failed, Truncated: true, Cut: o.Cut, Bytes: o.Bytes, Revision: revision}
	if o.Kept {
		res.Blob = o.Digest
	}
	return res, nil
}

// compact drops white space; inside texts, too, where it does no harm here.
func compact(b []byte) []byte {
	return bytes.Map(func(r rune) rune {
		if r == ' ' || r == '\n' || r == '\t' || r == '\r' {
			return -1
		}
		return r
	}, b)
}

// headText is the beginning of the first text in the head of a result.
func headText(head []byte) string {
	at := bytes.Index(head, []byte(`"text"`))
	for at >= 0 {
		rest := bytes.TrimLeft(head[at+len(`"text"`):], " \t\r\n")
		if len(rest) > 0 && rest[0] == ':' {
			rest = bytes.TrimLeft(rest[1:], " \t\r\n")
			if len(rest) > 0 && rest[0] == '"' {
				return unquoteHead(rest[1:])
			}
		}
		next := bytes.Index(head[at+1:], []byte(`"text"`))
		if next < 0 {
			break
		}
		at += 1 + next
	}
	return strings.ToValidUTF8(string(head), "")
}

// unquoteHead reads a JSON string that may end in the middle.
func unquoteHead(b []byte) string {
	end := len(b)
	for i := 0; i < len(b); i++ {
		if b[i] == '\\' {
			i++
			continue
		}
		if b[i] == '"' {
			end = i
			break
		}
	}
	b = b[:end]
	// Half an escape or half a rune at the end goes.
	for cut := 0; cut <= 12 && cut <= len(b); cut++ {
		part := b[:len(b)-cut]
		if r, n := utf8.DecodeLastRune(part); r == utf8.RuneError && n == 1 {
			continue
		}
		quoted := append(append([]byte{'"'}, part...), '"')
		var s string
		if json.Unmarshal(quoted, &s) == nil {
			return s
		}
	}
	return strings.ToValidUTF8(string(b), "")
}
