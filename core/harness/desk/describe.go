package desk

import (
	"context"
	"encoding/json"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/access"
	"github.com/plimsoll-dev/plimsoll/core/harness"
	"github.com/plimsoll-dev/plimsoll/core/mcp"
)

// find searches by words, and by vectors too where there are any.
func (c *Catalogue) find(ctx context.Context, caller mcp.Caller, q mcp.Find, at time.Time) harness.Found {
	v := c.view(caller, at)
	if v == nil {
		return harness.Found{Outcome: harness.Unstocked}
	}
	o := c.options
	o.Limit, o.Kind = q.Limit, harness.Kind(q.Kind)
	if c.hybrid != nil {
		return c.hybrid.Find(ctx, v, q.Queries, o)
	}
	return v.Find(q.Queries, o)
}

// definition is what the desk reads of a tool.
type definition struct {
	Description  string          `json:"description"`
	InputSchema  json.RawMessage `json:"inputSchema"`
	OutputSchema json.RawMessage `json:"outputSchema"`
	Annotations  json.RawMessage `json:"annotations"`
}

// describe tells a caller who may see it what an entry is.
func (c *Catalogue) describe(e *Entry, caller mcp.Caller, at time.Time) mcp.Description {
	out := mcp.Description{Name: e.Name, Kind: string(e.Kind), Description: e.Description, Note: e.Shut}
	if e.Skill != nil {
		out.Input, out.Output = e.Skill.Input, e.Skill.Output
	} else {
		var def definition
		if json.Unmarshal(e.Raw, &def) == nil { // it was read when the catalogue was made
			out.Input, out.Output, out.Annotations = def.InputSchema, def.OutputSchema, def.Annotations
		}
	}
	// Whether a person must be asked may depend on the arguments; here it is what
	// holds for every call.
	out.Approval = c.meter.Decide(request(e, caller, access.Describe, at)).Effect == access.Ask
	return out
}
