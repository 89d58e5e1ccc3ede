package lever

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
)

// Server is one MCP server of a .mcp.json file.
type Server struct {
	Name string
	Type string // stdio, http, sse; "" is not said
}

// maxMCP bounds a .mcp.json file: those of people have a few KiB.
const maxMCP = 1 << 20

// serverKeys are the members that clients keep their servers under.
var serverKeys = []string{"mcpServers", "servers"}

// ReadMCP lists the servers of a .mcp.json file, in its order. What stands in
// their env and headers is not kept.
func ReadMCP(src []byte) ([]Server, error) {
	members, _, err := serversOf(src)
	if err != nil {
		return nil, err
	}
	var out []Server
	for _, m := range members {
		var def struct {
			Type    string `json:"type"`
			Command string `json:"command"`
			URL     string `json:"url"`
		}
		if err := json.Unmarshal(src[m.value:m.end], &def); err != nil {
			return nil, fmt.Errorf("server %q: %w", m.name, err)
		}
		s := Server{Name: m.name, Type: def.Type}
		if s.Type == "" && def.Command != "" {
			s.Type = "stdio"
		} else if s.Type == "" && def.URL != "" {
			s.Type = "http"
		}
		out = append(out, s)
	}
	return out, nil
}

// RemoveServers takes servers out of a .mcp.json file and leaves every other byte
// as it was. The error names one that is not there.
func RemoveServers(src []byte, names ...string) ([]byte, error) {
	for _, name := range names {
		members, open, err := serversOf(src)
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(members, func(m entry) bool { return m.name == name })
		if i < 0 {
			return nil, fmt.Errorf("there is no server %q", name)
		}
		start, end := members[i].start, members[i].end
		switch {
		case i+1 < len(members): // with the comma behind it, up to the next
			end = members[i+1].start
		case i > 0: // with the comma before it
			start = members[i-1].end
		default: // the only one: the braces stay, with nothing between them
			start, end = open, members[i].end
			end += bytes.IndexByte(src[end:], '}')
		}
		src = slices.Concat(src[:start], src[end:])
		if !json.Valid(src) {
			return nil, fmt.Errorf("taking server %q out leaves no JSON", name)
		}
	}
	return src, nil
}

// Masked is a .mcp.json file for people to read: of each server only its type and
// command keep their values, since tokens stand in all the others.
func Masked(src []byte) []byte {
	servers, _, err := serversOf(src)
	if err != nil {
		return []byte("{}\n") // nobody can say what is secret in it
	}
	out := src
	for _, s := range slices.Backward(servers) { // from the end: offsets before it stay
		fields, _, err := membersOf(src, s.value)
		if err != nil {
			out = slices.Concat(out[:s.value], []byte(`"…"`), out[s.end:])
			continue
		}
		for _, f := range slices.Backward(fields) {
			if f.name != "type" && f.name != "command" {
				out = slices.Concat(out[:f.value], []byte(`"…"`), out[f.end:])
			}
		}
	}
	return out
}

// entry is one member of an object: where its name begins, where its value
// begins and where that ends.
type entry struct {
	name              string
	start, value, end int
}

// serversOf finds the members of the object of servers, and the offset behind its
// opening brace.
func serversOf(src []byte) ([]entry, int, error) {
	if len(src) > maxMCP {
		return nil, 0, fmt.Errorf("it has %d bytes; at most %d are read", len(src), maxMCP)
	}
	if !json.Valid(src) {
		var v any
		return nil, 0, fmt.Errorf("it is not JSON: %w", json.Unmarshal(src, &v))
	}
	top, _, err := membersOf(src, 0)
	if err != nil {
		return nil, 0, err
	}
	for _, key := range serverKeys {
		for _, m := range top {
			if m.name == key {
				return membersOf(src, m.value)
			}
		}
	}
	return nil, 0, errors.New("it has no mcpServers")
}

// membersOf reads the object that begins at an offset.
func membersOf(src []byte, at int) (out []entry, open int, err error) {
	d := json.NewDecoder(bytes.NewReader(src[at:]))
	token, err := d.Token()
	if err != nil || token != json.Delim('{') {
		return nil, 0, errors.New("it is not an object of servers by name")
	}
	open = at + int(d.InputOffset())
	for d.More() {
		from := at + int(d.InputOffset())
		token, err := d.Token()
		name, ok := token.(string)
		if err != nil || !ok {
			return nil, 0, fmt.Errorf("reading a name: %w", errors.Join(err, io.ErrUnexpectedEOF))
		}
		m := entry{name: name, start: from + bytes.IndexByte(src[from:], '"')}
		behind := at + int(d.InputOffset())
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return nil, 0, err
		}
		m.end = at + int(d.InputOffset())
		m.value = m.end - len(raw)
		if m.value < behind {
			return nil, 0, fmt.Errorf("server %q: its value cannot be found", name)
		}
		out = append(out, m)
	}
	return out, open, nil
}

// Definitions are the tools of a server as a tools/list answer names them, with
// the bytes that a model would see of each.
type Definitions struct {
	Tools map[string]int // bytes by tool
	Bytes int
}

// ReadTools reads a tools/list answer, with or without its JSON-RPC envelope. A
// model sees name, description and input schema, as the bytes of compact JSON.
func ReadTools(src []byte) (Definitions, error) {
	out := Definitions{Tools: map[string]int{}}
	type tool struct {
		Name        string          `json:"name"`
		Description string          `json:"description,omitempty"`
		Schema      json.RawMessage `json:"inputSchema,omitempty"`
	}
	var doc struct {
		Tools  []tool `json:"tools"`
		Result struct {
			Tools []tool `json:"tools"`
		} `json:"result"`
	}
	if err := json.Unmarshal(src, &doc); err != nil {
		return out, fmt.Errorf("reading a tools/list answer: %w", err)
	}
	list := append(doc.Tools, doc.Result.Tools...)
	if len(list) == 0 {
		return out, errors.New("reading a tools/list answer: it has no tools")
	}
	for _, t := range list {
		raw, err := json.Marshal(t)
		if err != nil {
			return out, fmt.Errorf("reading tool %q: %w", t.Name, err)
		}
		out.Tools[t.Name] += len(raw)
		out.Bytes += len(raw)
	}
	return out, nil
}
