package access

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// MaxArguments is how many bytes of arguments rules look at. Larger ones cannot be
// evaluated by a rule that reads them.
const MaxArguments = 4 << 20

// maxNesting is how deep arguments may nest.
const maxNesting = 200

// decode reads the arguments for rules: a JSON object for a tool, any JSON for a
// skill. Numbers stay json.Number.
//
// Where readers of JSON disagree, rule and server could see two different things,
// so that is an error here: a member that stands twice, two members that differ in
// case only (readers exist that take one for the other), bytes that are no UTF-8,
// text behind the value.
func decode(r *Request) (any, error) {
	raw := string(r.Arguments)
	if strings.TrimSpace(raw) == "" {
		return map[string]any{}, nil
	}
	if len(raw) > MaxArguments {
		return nil, fmt.Errorf("the arguments have %d bytes, and rules look at %d at most", len(raw), MaxArguments)
	}
	if !utf8.ValidString(raw) {
		return nil, errors.New("the arguments are not UTF-8")
	}
	d := json.NewDecoder(strings.NewReader(raw))
	d.UseNumber()
	v, err := value(d, 0)
	if err != nil {
		return nil, fmt.Errorf("the arguments are no JSON that everybody reads alike: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("there is text behind the arguments")
	}
	if _, ok := v.(map[string]any); !ok && r.Tool != "" {
		return nil, errors.New("the arguments are not a JSON object")
	}
	return v, nil
}

func value(d *json.Decoder, depth int) (any, error) {
	if depth > maxNesting {
		return nil, fmt.Errorf("they nest deeper than %d", maxNesting)
	}
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t {
	case json.Delim('['):
		out := []any{}
		for d.More() {
			v, err := value(d, depth+1)
			if err != nil {
				return nil, err
			}
			out = append(out, v)
		}
		_, err := d.Token()
		return out, err
	case json.Delim('{'):
		out, seen := map[string]any{}, map[string]string{}
		for d.More() {
			k, err := d.Token()
			if err != nil {
				return nil, err
			}
			name, _ := k.(string)
			folded := strings.ToLower(strings.ToUpper(name)) // as far as a simple reader folds
			if other, twice := seen[folded]; twice {
				return nil, fmt.Errorf("the members %q and %q differ in case at most", other, name)
			}
			seen[folded] = name
			if out[name], err = value(d, depth+1); err != nil {
				return nil, err
			}
		}
		_, err := d.Token()
		return out, err
	}
	return t, nil
}
