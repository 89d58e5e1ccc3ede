package desk

import (
	"context"
	"encoding/json"

	"github.com/plimsoll-dev/plimsoll/core/access"
	"github.com/plimsoll-dev/plimsoll/core/audit"
	"github.com/plimsoll-dev/plimsoll/core/harness"
	"github.com/plimsoll-dev/plimsoll/core/mcp"
	"github.com/plimsoll-dev/plimsoll/core/store"
	"github.com/plimsoll-dev/plimsoll/core/telemetry"
)

// summaryLimit is how much of a description a hit shows, in bytes: find is for
// choosing, describe for using.
const summaryLimit = 240

// Find searches what the caller may see.
func (d *Desk) Find(ctx context.Context, caller mcp.Caller, q mcp.Find) (mcp.Found, error) {
	found, err := d.Search(ctx, caller, q)
	if err != nil {
		return mcp.Found{}, err
	}
	out := mcp.Found{Note: found.Outcome.Advice()}
	shown := d.Shown()
	for _, h := range found.Hits {
		e := shown.byID[h.Document.ID]
		if e == nil {
			continue // gone since: another catalogue is shown now
		}
		out.Hits = append(out.Hits, mcp.Hit{Name: e.Name, Kind: string(e.Kind), Summary: clip(line(e.Description), summaryLimit), Stale: d.stale(e)})
	}
	return out, nil
}

// Search is Find with all that is known of each hit.
func (d *Desk) Search(ctx context.Context, caller mcp.Caller, q mcp.Find) (harness.Found, error) {
	c, now := d.Shown(), d.host.Now()
	ctx, done := d.host.Recorder.Call(ctx, telemetry.Labels{Op: telemetry.Find})
	found := c.find(ctx, caller, q, now)
	done(telemetry.Result{Found: len(found.Hits)})

	record := d.call(caller, audit.ActionFind)
	record.Outcome, record.Duration = audit.OutcomeOK, d.host.Now().Sub(now)
	names := make([]string, len(found.Hits))
	ids := make([]string, len(found.Hits))
	for i, h := range found.Hits {
		names[i], ids[i] = h.Document.Name, h.Document.ID
	}
	record.Result = digestOf(names)
	if err := d.journal.note(ctx, record, map[string]any{"queries": bounded(q.Queries), "kind": q.Kind, "limit": q.Limit}); err != nil {
		return harness.Found{}, err
	}
	for i, text := range q.Queries {
		var hits []string
		for j, h := range found.Hits {
			if h.Query == i {
				hits = append(hits, ids[j])
			}
		}
		d.memory.found(caller, text, hits, now)
	}
	return found, nil
}

// bounded keeps the record of a search small: what is too long to be searched is
// written down by its size.
func bounded(queries []string) any {
	if len(queries) > harness.MaxQueries {
		return map[string]any{"count": len(queries)}
	}
	out := make([]any, len(queries))
	for i, q := range queries {
		out[i] = clean(q)
		if len(q) > harness.MaxQuery {
			out[i] = map[string]any{"bytes": len(q)}
		}
	}
	return out
}

// Describe tells all that is needed to use what is named.
func (d *Desk) Describe(ctx context.Context, caller mcp.Caller, names []string) (mcp.Described, error) {
	c, now := d.Shown(), d.host.Now()
	var out mcp.Described
	known := []string{}
	for _, name := range names {
		e, ok := c.named(name, caller, access.Describe, now)
		if !ok {
			out.Items = append(out.Items, mcp.Description{Name: clip(clean(name), 128), Unknown: true, Note: "There is no such skill or tool for you. Use find, and take a name from its answer."})
			continue
		}
		known = append(known, name)
		item := c.describe(e, caller, now)
		item.Stale = d.stale(e)
		out.Items = append(out.Items, item)
	}
	record := d.call(caller, audit.ActionDescribe)
	record.Outcome, record.Result, record.Duration = audit.OutcomeOK, digestOf(out), d.host.Now().Sub(now)
	if len(known) == 0 {
		record.Outcome = audit.OutcomeUnknown
	}
	return out, d.journal.note(ctx, record, map[string]any{"names": bounded(names)})
}

// digestOf is that of a value's JSON; "" for what has none.
func digestOf(v any) string {
	raw, ok := v.(json.RawMessage)
	if !ok {
		var err error
		if raw, err = json.Marshal(v); err != nil {
			return ""
		}
	}
	return store.Digest(raw)
}

// stale tells whether the server of an entry should answer and does not.
func (d *Desk) stale(e *Entry) bool { return e.Connector != "" && d.host.Stale(e.Connector) }
