package desk

import (
	"context"
	"errors"
	"unicode/utf8"

	"github.com/plimsoll-dev/plimsoll/core/audit"
	"github.com/plimsoll-dev/plimsoll/core/mcp"
	"github.com/plimsoll-dev/plimsoll/core/store"
)

// partSize is how many bytes of a kept result are read at once.
const partSize = 256 << 10

func (d *Desk) resultKey(caller mcp.Caller, digest string) []byte {
	return store.Key(store.TableResult, d.host.Scope, digest, principal(caller))
}

// kept says whose result a blob is. A digest alone opens nothing: equal content of
// two callers is kept once.
func (d *Desk) kept(caller mcp.Caller, e *Entry, blob string) []store.Put {
	if blob == "" {
		return nil
	}
	put := store.Put{Key: d.resultKey(caller, blob)}
	if e.Sanitise {
		put.Value = []byte(sanitise)
	}
	return []store.Put{put}
}

// sanitise marks a result whose parts are read without hidden characters.
const sanitise = "sanitise"

// Result reads a part of a result that was too long, of the caller's own calls.
func (d *Desk) Result(ctx context.Context, caller mcp.Caller, digest string, from int64) (mcp.Part, error) {
	began := d.host.Now()
	record := d.call(caller, audit.ActionDescribe)
	arguments := map[string]any{"result": clip(line(digest), 128), "from": from}
	data, hidden, err := d.own(caller, digest)
	if errors.Is(err, store.ErrNotFound) { // perhaps the end of its call is not written yet
		d.journal.flush()
		data, hidden, err = d.own(caller, digest)
	}
	if errors.Is(err, store.ErrNotFound) || err == nil && from > int64(len(data)) {
		record.Outcome, record.Reason = audit.OutcomeUnknown, "there is no such result for this caller"
		if err := d.journal.note(ctx, record, arguments); err != nil {
			return mcp.Part{}, err
		}
		return mcp.Part{}, &mcp.Problem{Code: mcp.CodeUnknown, What: "There is no such result."}
	}
	if err != nil {
		return mcp.Part{}, err
	}
	part := mcp.Part{Bytes: int64(len(data))}
	rest := data[from:]
	for len(rest) > 0 && !utf8.RuneStart(rest[0]) { // a part begins at a character
		rest, from = rest[1:], from+1
	}
	if len(rest) > partSize {
		end := partSize
		for !utf8.RuneStart(rest[end]) {
			end--
		}
		rest, part.Next = rest[:end], from+int64(end)
	}
	part.Text = string(rest)
	if hidden {
		part.Text = clean(part.Text)
	}
	record.Outcome, record.Result, record.Bytes, record.Duration = audit.OutcomeOK, store.Digest(rest), int64(len(rest)), d.host.Now().Sub(began)
	return part, d.journal.note(ctx, record, arguments)
}

// own is a blob that a call of this caller left, and whether its hidden characters
// are to be taken out.
func (d *Desk) own(caller mcp.Caller, digest string) (data []byte, hidden bool, err error) {
	if store.CheckDigest(digest) != nil {
		return nil, false, store.ErrNotFound
	}
	mark, err := d.host.Store.Get(d.resultKey(caller, digest))
	if err != nil {
		return nil, false, err
	}
	data, err = d.host.Store.GetBlob(digest)
	return data, string(mark) == sanitise, err
}
