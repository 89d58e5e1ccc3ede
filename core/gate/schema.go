package gate

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// schema is a compiled JSON schema.
type schema struct{ compiled *jsonschema.Schema }

// offline refuses to load anything: a schema is whole in itself.
type offline struct{}

func (offline) Load(url string) (any, error) {
	return nil, fmt.Errorf("%s lies outside of the schema: put it under $defs", url)
}

func compileSchema(src []byte) (*schema, error) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(src))
	if err != nil {
		return nil, fmt.Errorf("read the schema: %w", err)
	}
	const name = "schema:///gate.json"
	c := jsonschema.NewCompiler()
	c.UseLoader(offline{})
	if err := c.AddResource(name, doc); err != nil {
		return nil, fmt.Errorf("read the schema: %w", err)
	}
	s, err := c.Compile(name)
	if err != nil {
		return nil, fmt.Errorf("compile the schema: %w", err)
	}
	return &schema{s}, nil
}

// test gives the first three violations by place: the library walks maps, so
// its own order changes from run to run.
func (s *schema) test(v any) string {
	err := s.compiled.Validate(v)
	if err == nil {
		return ""
	}
	var ve *jsonschema.ValidationError
	if !errors.As(err, &ve) {
		return err.Error()
	}
	var found []string
	leaves(ve, &found)
	slices.Sort(found)
	found = slices.Compact(found)
	more := ""
	if n := len(found) - 3; n > 0 {
		more = fmt.Sprintf("; and %d more", n)
		found = found[:3]
	}
	return strings.Join(found, "; ") + more
}

func leaves(e *jsonschema.ValidationError, out *[]string) {
	if len(e.Causes) == 0 {
		*out = append(*out, shorten(e.Error(), 200))
		return
	}
	for _, c := range e.Causes {
		leaves(c, out)
	}
}
