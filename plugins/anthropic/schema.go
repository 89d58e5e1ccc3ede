package anthropic

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
)

// maxSchemaDepth bounds the nesting that fitSchema looks into.
const maxSchemaDepth = 64

// hintKeyword is where the rest goes, for the model to read.
const hintKeyword = "description"

// Constrained decoding takes these keywords and refuses a request that holds
// another one (the official SDKs keep the same list).
var (
	keptKeywords  = []string{"$ref", "$defs", "definitions", "type", "anyOf", "allOf", "title", "enum", "const", "default", "properties", "required", "items", "additionalProperties"}
	keptFormats   = []string{"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"}
	closingMember = member{"additionalProperties", json.RawMessage("false")}
)

// member is one key of a JSON object, in its place.
type member struct {
	key   string
	value json.RawMessage
}

// fitSchema makes a schema one that the API takes: objects are closed, oneOf
// becomes anyOf, and keywords that decoding cannot enforce move into the
// description. What fits the result fits the schema but for those; the caller's
// own check of the answer still holds them. The order of keys stays. Anything
// that it cannot read stays as it is, for the API to explain.
func fitSchema(raw json.RawMessage) json.RawMessage { return fit(raw, 0) }

func fit(raw json.RawMessage, depth int) json.RawMessage {
	list, ok := members(raw)
	if !ok || depth > maxSchemaDepth {
		return raw
	}
	var out []member
	var hints []string
	description, at := "", -1
	has := map[string]bool{}
	isObject := false
	for _, m := range list {
		written := m.key
		if m.key == "oneOf" {
			m.key = "anyOf"
		}
		if has[m.key] || !keeps(m) { // has: oneOf beside anyOf, or a key given twice
			if m.key != "$schema" && m.key != "$id" {
				// As it was written: a fitted one may hold hints of its own, and
				// quoting quotes again and again doubles their size each time.
				hints = append(hints, written+": "+string(m.value))
			}
			continue
		}
		has[m.key] = true
		switch m.key {
		case "anyOf", "allOf":
			m.value = each(m.value, depth)
		case "items", "additionalProperties":
			m.value = fit(m.value, depth+1)
		case "properties", "$defs", "definitions":
			m.value = named(m.value, depth)
		case "type":
			isObject = string(m.value) == `"object"`
		case hintKeyword:
			if json.Unmarshal(m.value, &description) != nil {
				description = ""
			}
			at = len(out)
		}
		out = append(out, m)
	}
	if len(hints) > 0 {
		text := strings.TrimSpace(description + "\n\n{" + strings.Join(hints, ", ") + "}")
		m := member{hintKeyword, quote(text)}
		if at >= 0 {
			out[at] = m
		} else {
			out = append(out, m)
		}
	}
	if has["properties"] || isObject {
		if i := slices.IndexFunc(out, func(m member) bool { return m.key == closingMember.key }); i < 0 {
			if has["properties"] { // an object of any keys closed would be an empty one
				out = append(out, closingMember)
			}
		} else if has["properties"] {
			out[i] = closingMember
		}
	}
	return join(out)
}

// keeps tells whether the API takes a keyword with its value.
func keeps(m member) bool {
	switch m.key {
	case "format":
		return slices.Contains(keptFormats, strings.Trim(string(m.value), `"`))
	case "minItems":
		return string(m.value) == "0" || string(m.value) == "1"
	}
	return m.key == hintKeyword || slices.Contains(keptKeywords, m.key)
}

// each fits the schemas of a list.
func each(raw json.RawMessage, depth int) json.RawMessage {
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil {
		return raw
	}
	parts := make([][]byte, len(list))
	for i, s := range list {
		parts[i] = fit(s, depth+1)
	}
	return slices.Concat([]byte("["), bytes.Join(parts, []byte(",")), []byte("]"))
}

// named fits the schemas of an object whose keys are names.
func named(raw json.RawMessage, depth int) json.RawMessage {
	list, ok := members(raw)
	if !ok {
		return raw
	}
	for i := range list {
		list[i].value = fit(list[i].value, depth+1)
	}
	return join(list)
}

// members reads an object in the order in which it is written.
func members(raw json.RawMessage) ([]member, bool) {
	d := json.NewDecoder(bytes.NewReader(raw))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, false
	}
	var out []member
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, false
		}
		m := member{key: key.(string)}
		if d.Decode(&m.value) != nil {
			return nil, false
		}
		out = append(out, m)
	}
	_, err := d.Token()
	return out, err == nil
}

func join(list []member) json.RawMessage {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range list {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(quote(m.key))
		b.WriteByte(':')
		b.Write(m.value)
	}
	b.WriteByte('}')
	return b.Bytes()
}

// quote writes a JSON string. Strings always marshal.
func quote(s string) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s)
	return bytes.TrimSpace(b.Bytes())
}
