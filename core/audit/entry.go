package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/store"
	"github.com/plimsoll-dev/plimsoll/sdk/canonjson"
)

// version counts the shapes of a record. It stands in the record, because the
// log fixes its bytes for ever: old shapes stay readable, they are never
// migrated.
const version = 1

// record is an entry as the log keeps it, in RFC 8785 canonical JSON.
type record struct {
	V     int             `json:"v"`
	Time  string          `json:"time"` // RFC 3339 in UTC
	Kind  string          `json:"kind"`
	Scope string          `json:"scope,omitempty"`
	Skill string          `json:"skill,omitempty"`
	Step  string          `json:"step,omitempty"`
	Run   string          `json:"run,omitempty"`
	Data  json.RawMessage `json:"data,omitempty"`
}

// EncodeEntry returns the bytes that the log keeps of an entry. It refuses what
// has no canonical form: data that is not JSON, duplicate names, numbers that
// float64 cannot carry, text that is not UTF-8 (see canonjson).
func EncodeEntry(e store.Entry) ([]byte, error) {
	if e.Kind == "" {
		return nil, errors.New("an audit entry needs a kind")
	}
	if y := e.Time.UTC().Year(); e.Time.IsZero() || y < 1 || y > 9999 {
		return nil, fmt.Errorf("audit entry %s: its time %v is not set or out of range", e.Kind, e.Time)
	}
	out, err := canonjson.Marshal(record{
		V: version, Time: e.Time.UTC().Format(time.RFC3339Nano), Kind: e.Kind,
		Scope: e.Scope, Skill: e.Skill, Step: e.Step, Run: e.Run, Data: e.Data,
	})
	if err != nil {
		return nil, fmt.Errorf("audit entry %s: %w", e.Kind, err)
	}
	return out, nil
}

// DecodeEntry is the inverse of EncodeEntry. It accepts only what EncodeEntry
// writes: another spelling of the same entry would have another hash, so it
// cannot be a record of a log.
func DecodeEntry(data []byte) (store.Entry, error) {
	var r record
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&r); err != nil {
		return store.Entry{}, fmt.Errorf("an audit entry that is not one: %w", err)
	}
	if r.V != version {
		return store.Entry{}, fmt.Errorf("an audit entry of version %d, this program knows version %d: use a newer one", r.V, version)
	}
	at, err := time.Parse(time.RFC3339Nano, r.Time)
	if err != nil {
		return store.Entry{}, fmt.Errorf("an audit entry with the time %q: %w", r.Time, err)
	}
	e := store.Entry{Time: at.UTC(), Kind: r.Kind, Scope: r.Scope, Skill: r.Skill, Step: r.Step, Run: r.Run, Data: r.Data}
	again, err := EncodeEntry(e)
	if err != nil {
		return store.Entry{}, err
	}
	if !bytes.Equal(again, data) {
		return store.Entry{}, errors.New("an audit entry that is not in canonical form: its bytes were changed")
	}
	return e, nil
}

// Entries calls fn for the entries from index from on, in order, as many as the
// log has when it begins. An error of fn ends it and is returned, save store.Stop.
func Entries(r store.Reader, from int64, fn func(index int64, e store.Entry) error) error {
	size, err := logSize(r)
	if err != nil {
		return err
	}
	for i := max(from, 0); i < size; i++ {
		data, err := r.Get(entryKey(i))
		if err != nil {
			return fmt.Errorf("audit entry %d: %w", i, err)
		}
		e, err := DecodeEntry(data)
		if err != nil {
			return fmt.Errorf("audit entry %d: %w", i, err)
		}
		if err := fn(i, e); errors.Is(err, store.Stop) {
			return nil
		} else if err != nil {
			return err
		}
	}
	return nil
}

func logSize(r store.Reader) (int64, error) {
	raw, err := LastCheckpoint(r)
	if errors.Is(err, store.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("reading the last checkpoint: %w", err)
	}
	c, err := ParseCheckpoint(raw)
	if err != nil {
		return 0, err
	}
	return c.Size, nil
}
