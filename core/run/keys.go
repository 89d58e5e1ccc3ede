package run

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

// Keys is what skills have stored, each in a scope of its own. It is only read:
// what a run writes stands in its record and is committed with it.
type Keys interface {
	Value(skill, key string) (value json.RawMessage, found bool, err error)
	// Size is the number of bytes of a skill's keys and values.
	Size(skill string) (int64, error)
}

// overlay is what one attempt sees: the stored keys, and its own writes over
// them. A trial has nothing below: its scope begins empty and is dropped.
type overlay struct {
	below  Keys
	writes map[string]json.RawMessage // nil deletes
	size   int64                      // of what is visible; set by the first write
	sized  bool
}

func (o *overlay) value(skill, key string) (json.RawMessage, bool, error) {
	if v, ok := o.writes[key]; ok {
		return v, v != nil, nil
	}
	if o.below == nil {
		return nil, false, nil
	}
	return o.below.Value(skill, key)
}

// put changes a key if the whole stays within quota; room is what is left now.
func (o *overlay) put(skill, key string, value json.RawMessage, quota int64) (ok bool, room int64, err error) {
	if !o.sized && o.below != nil {
		if o.size, err = o.below.Size(skill); err != nil {
			return false, 0, err
		}
	}
	o.sized = true
	old, found, err := o.value(skill, key)
	if err != nil {
		return false, 0, err
	}
	size := o.size
	if found {
		size -= EntrySize(key, old)
	}
	if value != nil {
		if size += EntrySize(key, value); size > quota {
			return false, quota - o.size, nil
		}
	}
	if o.writes == nil {
		o.writes = map[string]json.RawMessage{}
	}
	o.size, o.writes[key] = size, value
	return true, quota - size, nil
}

// EntrySize is what a key counts against the quota: its bytes and its value's.
func EntrySize(key string, value json.RawMessage) int64 { return int64(len(key) + len(value)) }

func (h *host) get(payload []byte) ([]byte, error) {
	in, err := abi.ReadGet(payload)
	if err != nil {
		return nil, bad("%v", err)
	}
	if h.plan.grant().KV <= 0 {
		return nil, h.deny("kv.get is not granted to skill %s. %s", h.plan.Skill, h.plan.line("kv", `"1MiB"`))
	}
	v, found, err := h.keys.value(h.plan.Skill, in.Key)
	if err != nil {
		return nil, fmt.Errorf("reading what skill %s stored: %w", h.plan.Skill, err)
	}
	if !found {
		v = json.RawMessage("null")
	}
	return json.Marshal(abi.GetOutput{Found: found, Value: v})
}

func (h *host) put(payload []byte) ([]byte, error) {
	in, err := abi.ReadPut(payload)
	if err != nil {
		return nil, bad("%v", err)
	}
	quota := h.plan.grant().KV
	if quota <= 0 {
		return nil, h.deny("kv.put is not granted to skill %s. %s", h.plan.Skill, h.plan.line("kv", `"1MiB"`))
	}
	value, err := compact(in.Value)
	if err != nil {
		return nil, bad("the value of key %q: %v", in.Key, err)
	}
	ok, room, err := h.keys.put(h.plan.Skill, in.Key, value, quota)
	if err != nil {
		return nil, fmt.Errorf("reading what skill %s stored: %w", h.plan.Skill, err)
	}
	if !ok {
		return nil, &abi.Failure{Code: abi.CodeQuota, Message: fmt.Sprintf("the value of key %q does not fit: with its key it has %d bytes, and %d of the %d that skill %s may keep are free. Nothing was written", in.Key, EntrySize(in.Key, value), room, quota, h.plan.Skill)}
	}
	return []byte("{}"), nil
}

// compact takes white space out and keeps every number as it was written;
// canonical JSON was refused, because it has no way to write an id above 2^53.
// null, which deletes, becomes nil.
func compact(value json.RawMessage) (json.RawMessage, error) {
	var b bytes.Buffer
	if err := json.Compact(&b, value); err != nil {
		return nil, err
	}
	if b.String() == "null" {
		return nil, nil
	}
	return b.Bytes(), nil
}
