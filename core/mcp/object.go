package mcp

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// object is a JSON object whose members keep their order and their bytes. A map
// would sort the members and an any would round the numbers of what only passes
// through here.
type object []member

type member struct {
	key string
	raw json.RawMessage
}

var errNoObject = errors.New("not a JSON object")

// readObject splits one level of data. Of a name that stands twice both stay;
// get answers with the last, as most readers do.
func readObject(data []byte) (object, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, errNoObject
	}
	var out object
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return nil, fmt.Errorf("reading a JSON object: %w", err)
		}
		key, ok := t.(string)
		if !ok {
			return nil, errNoObject
		}
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return nil, fmt.Errorf("reading member %q: %w", key, err)
		}
		out = append(out, member{key, raw})
	}
	if _, err := dec.Token(); err != nil {
		return nil, fmt.Errorf("reading a JSON object: %w", err)
	}
	return out, nil
}

func (o object) get(key string) json.RawMessage {
	for i := len(o) - 1; i >= 0; i-- {
		if o[i].key == key {
			return o[i].raw
		}
	}
	return nil
}

// text is a member that is a string, or "".
func (o object) text(key string) string {
	var s string
	if raw := o.get(key); raw != nil && json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

// set replaces the member, or appends it.
func (o object) set(key string, raw json.RawMessage) object {
	for i := range o {
		if o[i].key == key {
			o[i].raw = raw
			return o
		}
	}
	return append(o, member{key, raw})
}

// drop removes the members.
func (o object) drop(keys ...string) object {
	out := o[:0:0]
next:
	for _, m := range o {
		for _, k := range keys {
			if m.key == k {
				continue next
			}
		}
		out = append(out, m)
	}
	return out
}

func (o object) bytes() json.RawMessage {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(quote(m.key))
		b.WriteByte(':')
		b.Write(m.raw)
	}
	b.WriteByte('}')
	return b.Bytes()
}

// quote is a JSON string. Marshalling a string cannot fail.
func quote(s string) json.RawMessage {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s)
	return bytes.TrimRight(b.Bytes(), "\n")
}
