package wire

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"strconv"
	"strings"
)

// nameOf is what Mcp-Name carries: the name of a tool or a prompt, the URI of a
// resource, encoded where a header could not hold it.
func nameOf(r *Request) string {
	var v struct {
		Name string `json:"name"`
		URI  string `json:"uri"`
	}
	if r.Name != "" {
		return headerText(r.Name)
	}
	switch r.Method {
	case "tools/call", "prompts/get", "resources/read":
		if json.Unmarshal(r.Params, &v) != nil {
			return ""
		}
	default:
		return ""
	}
	if r.Method == "resources/read" {
		return headerText(v.URI)
	}
	return headerText(v.Name)
}

// headerText is SEP-2243's encoding: plain where it can be, else base64 between
// marks.
func headerText(s string) string {
	plain := s == strings.TrimSpace(s) && !(strings.HasPrefix(s, "=?base64?") && strings.HasSuffix(s, "?="))
	for i := 0; plain && i < len(s); i++ {
		plain = s[i] >= 0x20 && s[i] < 0x7f
	}
	if plain {
		return s
	}
	return "=?base64?" + base64.StdEncoding.EncodeToString([]byte(s)) + "?="
}

type property struct {
	Type       any                 `json:"type"`
	Header     json.RawMessage     `json:"x-mcp-header"`
	Properties map[string]property `json:"properties"`
}

// ParamHeaders are the Mcp-Param-* headers of a call: the arguments that the
// tool's input schema marks with x-mcp-header.
func ParamHeaders(definition, args json.RawMessage) map[string]string {
	var tool struct {
		Input property `json:"inputSchema"`
	}
	if !strings.Contains(string(definition), "x-mcp-header") || json.Unmarshal(definition, &tool) != nil {
		return nil
	}
	out := map[string]string{}
	collect(tool.Input.Properties, args, out, 0)
	return out
}

func collect(props map[string]property, args json.RawMessage, out map[string]string, depth int) {
	var values map[string]json.RawMessage
	if depth > 16 || json.Unmarshal(args, &values) != nil {
		return
	}
	for name, p := range props {
		v, ok := values[name]
		if !ok || string(v) == "null" {
			continue
		}
		var header string
		if json.Unmarshal(p.Header, &header) == nil && isToken(header) {
			if text, ok := primitive(v); ok {
				out["Mcp-Param-"+header] = headerText(text)
			}
		}
		if len(p.Properties) > 0 {
			collect(p.Properties, v, out, depth+1)
		}
	}
}

func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0) {
			return false
		}
	}
	return s != ""
}

// primitive is a string, a boolean or an integer that every client reads alike.
func primitive(raw json.RawMessage) (string, bool) {
	var v any
	if json.Unmarshal(raw, &v) != nil {
		return "", false
	}
	switch v := v.(type) {
	case string:
		return v, true
	case bool:
		return strconv.FormatBool(v), true
	case float64:
		if v == math.Trunc(v) && math.Abs(v) <= 1<<53-1 {
			return strconv.FormatInt(int64(v), 10), true
		}
	}
	return "", false
}
