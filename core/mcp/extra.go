package mcp

import (
	"context"
	"encoding/json"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

// Methods of extensions. The SDK knows none of them; it refuses what is not
// registered before a handler sees it.
const (
	methodSkillsList = "skills/list"
	methodSkillsGet  = "skills/get"
	methodDirectory  = "resources/directory/read"
)

// passing are the extension methods that an upstream served whole may have.
var passing = []string{
	methodSkillsList, methodSkillsGet, methodDirectory,
	"tasks/get", "tasks/list", "tasks/cancel", "tasks/result", "tasks/update",
}

// extra holds the params of an extension method as they came.
type extra struct {
	sdk.ParamsBase
	raw json.RawMessage
}

func (e *extra) UnmarshalJSON(data []byte) error {
	e.raw = append(e.raw[:0], data...)
	var p struct {
		Meta map[string]any `json:"_meta"`
	}
	if err := json.Unmarshal(data, &p); err != nil {
		return err
	}
	e.Meta = p.Meta
	return nil
}

func (e *extra) MarshalJSON() ([]byte, error) { return e.raw, nil }

// register makes the SDK accept an extension method.
func register(s *sdk.Server, method string, answer func(ctx context.Context, ss *sdk.ServerSession, params *extra) (*reply, error)) error {
	return sdk.AddReceivingCustomMethod(s, method, answer)
}
