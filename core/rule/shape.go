package rule

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/expr-lang/expr/types"
)

// shape is what is known before any data comes: enough to refuse a misspelt
// member and a comparison of a string with a number when config is loaded.
type shape struct {
	kind   kind
	fields map[string]*shape // of an object; nil when its members are not known
	open   bool              // other members than fields may exist
	elem   *shape            // of a list; nil when not known
}

type kind int

const (
	anyKind kind = iota
	boolKind
	integerKind
	numberKind
	stringKind
	listKind
	objectKind
	timeKind
)

var (
	anything     = &shape{}
	boolShape    = &shape{kind: boolKind}
	integerShape = &shape{kind: integerKind}
	numberShape  = &shape{kind: numberKind}
	stringShape  = &shape{kind: stringKind}
	stringsShape = &shape{kind: listKind, elem: stringShape}
	timeShape    = &shape{kind: timeKind}
)

// instant is the type of `now` for the checker: a type without operators, so
// that day(now) is the only way to read it.
type instant struct{}

// maxShape bounds how deep a schema is followed; below it anything goes. A
// recursive schema ends here.
const maxShape = 8

func (s *shape) exprType(depth int) types.Type {
	if depth > maxShape {
		return types.Any
	}
	switch s.kind {
	case boolKind:
		return types.Bool
	case integerKind:
		return types.Int
	case numberKind:
		return types.Float64
	case stringKind:
		return types.String
	case timeKind:
		return types.TypeOf(instant{})
	case listKind:
		if s.elem == nil {
			return types.Array(types.Any)
		}
		return types.Array(s.elem.exprType(depth + 1))
	case objectKind:
		if s.fields == nil {
			return types.Map{types.Extra: types.Any}
		}
		m := types.Map{}
		for name, f := range s.fields {
			m[name] = f.exprType(depth + 1)
		}
		if s.open {
			m[types.Extra] = types.Any
		}
		return m
	}
	return types.Any
}

// member is the shape of a named member; known is false when the object is
// known not to have it.
func (s *shape) member(name string) (m *shape, known bool) {
	if s.kind != objectKind || s.fields == nil {
		return anything, true
	}
	if f, ok := s.fields[name]; ok {
		return f, true
	}
	return anything, s.open
}

func (s *shape) names() []string { return slices.Sorted(maps.Keys(s.fields)) }

// schemaShape reads the shape out of a JSON schema. It follows type,
// properties, items, local $ref and allOf; whatever else a schema says makes
// that part "anything" and is left to validation. An object that lists its
// properties is closed to rules unless additionalProperties or
// patternProperties say that there are more: JSON Schema would let any member
// pass, but then no typo could ever be found.
func schemaShape(schema []byte, name string) (*shape, error) {
	if schema == nil {
		return anything, nil
	}
	var doc any
	if err := json.Unmarshal(schema, &doc); err != nil {
		return nil, &Error{Line: 1, Column: 1, Message: "the JSON schema of " + name + " cannot be read: " + err.Error()}
	}
	r := schemaReader{doc: doc}
	return r.shape(doc, 0), nil
}

type schemaReader struct {
	doc   any
	nodes int
}

// maxSchemaNodes bounds a schema whose references multiply.
const maxSchemaNodes = 20_000

func (r *schemaReader) shape(v any, depth int) *shape {
	r.nodes++
	m, ok := v.(map[string]any)
	if !ok || depth > 2*maxShape || r.nodes > maxSchemaNodes {
		return anything
	}
	if ref, ok := m["$ref"].(string); ok {
		return r.shape(r.resolve(ref), depth+1)
	}
	for _, k := range []string{"anyOf", "oneOf", "if", "dependentSchemas", "$dynamicRef", "$recursiveRef"} {
		if _, ok := m[k]; ok {
			return anything
		}
	}
	s := r.plain(m, depth)
	if all, ok := m["allOf"].([]any); ok {
		for _, part := range all {
			s = merge(s, r.shape(part, depth+1))
		}
	}
	return s
}

func (r *schemaReader) plain(m map[string]any, depth int) *shape {
	t, _ := m["type"].(string)
	if t == "" && m["properties"] != nil && m["type"] == nil {
		t = "object"
	}
	switch t {
	case "boolean":
		return boolShape
	case "integer":
		return integerShape
	case "number":
		return numberShape
	case "string":
		return stringShape
	case "array":
		s := &shape{kind: listKind}
		if _, tuple := m["prefixItems"]; !tuple {
			if items, ok := m["items"].(map[string]any); ok {
				s.elem = r.shape(items, depth+1)
			}
		}
		return s
	case "object":
		s := &shape{kind: objectKind}
		props, ok := m["properties"].(map[string]any)
		if !ok {
			return s
		}
		s.fields = make(map[string]*shape, len(props))
		for name, p := range props {
			s.fields[name] = r.shape(p, depth+1)
		}
		extra, said := m["additionalProperties"]
		s.open = said && extra != false || m["patternProperties"] != nil
		return s
	}
	return anything
}

// merge is the shape of a value that has both shapes.
func merge(a, b *shape) *shape {
	if a.kind == anyKind {
		return b
	}
	if a.kind != objectKind || b.kind != objectKind || b.fields == nil {
		return a
	}
	out := &shape{kind: objectKind, open: a.open || b.open, fields: maps.Clone(b.fields)}
	maps.Copy(out.fields, a.fields)
	return out
}

// resolve follows a local reference: "#", or a JSON pointer behind it.
func (r *schemaReader) resolve(ref string) any {
	rest, ok := strings.CutPrefix(ref, "#")
	if !ok {
		return nil
	}
	at := r.doc
	for _, part := range strings.Split(strings.TrimPrefix(rest, "/"), "/") {
		if part == "" {
			continue
		}
		m, ok := at.(map[string]any)
		if !ok {
			return nil
		}
		at = m[strings.NewReplacer("~1", "/", "~0", "~").Replace(part)]
	}
	return at
}
