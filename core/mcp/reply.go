package mcp

import (
	"encoding/json"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

// The revisions that differ in what this package has to do.
const (
	rev2026 = "2026-07-28" // stateless, results have a type, lists and reads may be cached
	rev2025 = "2025-11-25" // the last with sessions
)

const (
	typeComplete = "complete"
	typeInput    = "input_required"
)

// reply is a result that goes out as it stands. The SDK's own result types would
// drop what they do not know and reorder the rest.
type reply struct {
	sdk.ResultBase
	body object
}

// MarshalJSON adds what the SDK put into _meta (who this server is), unless the
// body says it already.
func (r *reply) MarshalJSON() ([]byte, error) {
	if len(r.Meta) == 0 {
		return r.body.bytes(), nil
	}
	own, err := json.Marshal(r.Meta)
	if err != nil {
		return nil, err
	}
	raw := r.body.get("_meta")
	if raw == nil {
		return append(object(nil), append(r.body[:len(r.body):len(r.body)], member{"_meta", own})...).bytes(), nil
	}
	meta, err := readObject(raw)
	if err != nil {
		return r.body.bytes(), nil // not ours to mend
	}
	mine, err := readObject(own)
	if err != nil {
		return nil, err
	}
	for _, m := range mine {
		if meta.get(m.key) == nil {
			meta = append(meta, m)
		}
	}
	out := append(object(nil), r.body...)
	return out.set("_meta", meta.bytes()).bytes(), nil
}

// cacheable are the methods whose results carry ttlMs and cacheScope (SEP-2549).
func cacheable(method string) bool {
	switch method {
	case "tools/list", "prompts/list", "resources/list", "resources/templates/list", "resources/read",
		methodSkillsList, methodSkillsGet, methodDirectory:
		return true
	}
	return false
}

// dress makes a result fit the client's revision: 2026-07-28 needs the type of
// the result and, on lists and reads, how long it may be kept; older revisions
// know neither. What the upstream said of caching stays; where it said nothing,
// nothing may be kept, and never for others.
func dress(body object, method, revision string) object {
	if revision < rev2026 {
		return body.drop("resultType", "ttlMs", "cacheScope")
	}
	if body.get("resultType") == nil {
		body = append(body[:len(body):len(body)], member{"resultType", quote(typeComplete)})
	}
	if cacheable(method) && body.text("resultType") == typeComplete {
		if body.get("ttlMs") == nil {
			body = append(body, member{"ttlMs", json.RawMessage("0")})
		}
		if body.get("cacheScope") == nil {
			body = append(body, member{"cacheScope", quote("private")})
		}
	}
	return body
}
