package abi

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// MaxList is the elements of a list in a payload: messages, failed_ids.
const MaxList = 10_000

// list is a list of at most MaxList elements. Reading it ends at the first that
// is wrong or one too many: 4 MiB of `{},` would otherwise become a hundred on
// the host's side, and take seconds, before anybody looks at the first.
type list[T any] []T

// UnmarshalJSON reads a list, or null as an empty one.
func (l *list[T]) UnmarshalJSON(raw []byte) error {
	*l = nil
	dec := json.NewDecoder(bytes.NewReader(raw))
	switch begin, err := dec.Token(); {
	case err != nil:
		return err
	case begin == nil:
		return nil
	case begin != json.Delim('['):
		return json.Unmarshal(raw, new([]struct{})) // which says what it is
	}
	for dec.More() {
		if len(*l) == MaxList {
			return fmt.Errorf("a list has more than %d elements", MaxList)
		}
		var v T
		if err := dec.Decode(&v); err != nil {
			return err
		}
		*l = append(*l, v)
	}
	return nil
}
