// Package schema says whether Kubernetes manifests are well formed, without a
// cluster: against schemas of the few objects that plans emit, trimmed to the fields
// that they use, and against each other.
//
// It must not reach for anything: the schemas are embedded, and sources.json names
// the source, version and licence of each, and the digest of the trimmed file. It is
// stricter than a cluster: a field that no plan emits is refused, because it is a
// slip of the pen far more often than a wish, and so is an image without a digest.
//
//	if err := schema.Check(yaml); err != nil { // a stream of objects
//		fmt.Println(err) // Deployment "dp2": /spec/replicas: got string, want integer
//	}
//	all, err := schema.Sources()
//	for _, s := range all { fmt.Println(s.Kind, s.Source, s.Version, s.Licence) }
package schema

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/token"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

//go:embed *.json
var files embed.FS

// Source is where a schema was trimmed from.
type Source struct {
	File    string `json:"file"`
	Kind    string `json:"kind"` // "": parts that others refer to
	Source  string `json:"source"`
	Version string `json:"version"` // with the commit, or the module's own digest
	Takes   string `json:"takes"`
	Licence string `json:"licence"`
	SHA256  string `json:"sha256"` // of the trimmed file, in hexadecimal
}

// Sources lists the schemas. A file that is not as it was recorded is an error.
func Sources() ([]Source, error) {
	src, err := files.ReadFile("sources.json")
	if err != nil {
		return nil, fmt.Errorf("reading the list of schemas: %w", err)
	}
	var out []Source
	if err := json.Unmarshal(src, &out); err != nil {
		return nil, fmt.Errorf("reading the list of schemas: %w", err)
	}
	for _, s := range out {
		src, err := files.ReadFile(s.File)
		if err != nil {
			return nil, fmt.Errorf("reading a schema: %w", err)
		}
		if sum := sha256.Sum256(src); hex.EncodeToString(sum[:]) != s.SHA256 {
			return nil, fmt.Errorf("%s is not the file that sources.json records", s.File)
		}
	}
	return out, nil
}

// largest is the longest stream that is read: a plan's own has a few KB.
const largest = 256 << 10

// deepest is how far collections may stand in each other: plans go to 12. The parser
// and the validator recurse, and a stack that is full ends the process.
const deepest = 64

// Check refuses a stream of objects that a cluster would refuse, or that would never
// work there. Every fault of every object is reported at once.
func Check(stream []byte) error {
	objects, err := parse(stream)
	if err != nil {
		return err
	}
	if len(objects) == 0 {
		return errors.New("there is no object in the manifests")
	}
	kinds, err := compile()
	if err != nil {
		return err
	}
	var errs []error
	for i, o := range objects {
		kind, _ := o["kind"].(string)
		s, ok := kinds[kind]
		if !ok {
			errs = append(errs, fmt.Errorf("object %d: the kind %q is not one that plans emit", i+1, kind))
			continue
		}
		errs = append(errs, faults(s, o)...)
	}
	if err := errors.Join(errs...); err != nil {
		return err // what is malformed cannot be compared
	}
	return errors.Join(together(objects)...)
}

// parse reads the objects of a stream. Anchors are refused: plans have none, and a
// few lines of them expand without bound.
func parse(stream []byte) ([]map[string]any, error) {
	if len(stream) > largest {
		return nil, fmt.Errorf("the manifests have %d bytes, and at most %d are read", len(stream), largest)
	}
	if err := shallow(lexer.Tokenize(string(stream))); err != nil {
		return nil, err
	}
	var out []map[string]any
	d := yaml.NewDecoder(bytes.NewReader(stream))
	for {
		var v any
		err := d.Decode(&v)
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, fmt.Errorf("reading the manifests: %w", err)
		}
		if v == nil {
			continue
		}
		// Through JSON, so that numbers are what a cluster would take them for.
		src, err := json.Marshal(v)
		if err != nil {
			return nil, fmt.Errorf("reading object %d: %w", len(out)+1, err)
		}
		j, err := jsonschema.UnmarshalJSON(bytes.NewReader(src))
		if err != nil {
			return nil, fmt.Errorf("reading object %d: %w", len(out)+1, err)
		}
		o, ok := j.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("object %d is not a mapping", len(out)+1)
		}
		out = append(out, o)
	}
}

// shallow refuses what would expand or nest beyond bounds, before it is parsed.
func shallow(all token.Tokens) error {
	flow, line, starts := 0, 0, 0
	for _, t := range all {
		if t.Position.Line != line {
			line, starts = t.Position.Line, 0
			if t.Position.Column > 2*deepest {
				return fmt.Errorf("line %d is indented further than any object is deep", line)
			}
		}
		switch t.Type {
		case token.AnchorType, token.AliasType, token.MergeKeyType:
			return fmt.Errorf("line %d: anchors and aliases are not read", line)
		case token.SequenceStartType, token.MappingStartType:
			flow++
		case token.SequenceEndType, token.MappingEndType:
			flow--
		case token.SequenceEntryType, token.MappingKeyType, token.MappingValueType:
			starts++
		}
		if flow > deepest || flow == 0 && starts > deepest {
			return fmt.Errorf("line %d: more than %d collections stand in each other", line, deepest)
		}
	}
	return nil
}

// offline refuses to load anything: all schemas are embedded.
type offline struct{}

func (offline) Load(url string) (any, error) {
	return nil, fmt.Errorf("%s is not one of the embedded schemas", url)
}

// compile reads the schema of each kind anew: keeping the result would be state, and
// checking a plan of six objects takes 28 ms with it (BenchmarkCheck, 2026-11).
func compile() (map[string]*jsonschema.Schema, error) {
	all, err := Sources()
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	c.UseLoader(offline{})
	for _, s := range all {
		src, err := files.ReadFile(s.File)
		if err != nil {
			return nil, fmt.Errorf("reading a schema: %w", err)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(src))
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", s.File, err)
		}
		if err := c.AddResource("plan:///"+s.File, doc); err != nil {
			return nil, fmt.Errorf("reading %s: %w", s.File, err)
		}
	}
	out := map[string]*jsonschema.Schema{}
	for _, s := range all {
		if s.Kind == "" {
			continue
		}
		if out[s.Kind], err = c.Compile("plan:///" + s.File); err != nil {
			return nil, fmt.Errorf("compiling %s: %w", s.File, err)
		}
	}
	return out, nil
}

// faults are what is wrong with one object, by place: the library walks maps, so its
// own order changes from run to run.
func faults(s *jsonschema.Schema, o map[string]any) []error {
	err := s.Validate(o)
	if err == nil {
		return nil
	}
	var ve *jsonschema.ValidationError
	if !errors.As(err, &ve) {
		return []error{fmt.Errorf("%s: %w", title(o), err)}
	}
	var found []string
	leaves(ve, &found)
	slices.Sort(found)
	var out []error
	for _, f := range slices.Compact(found) {
		out = append(out, fmt.Errorf("%s: %s", title(o), f))
	}
	return out
}

func leaves(e *jsonschema.ValidationError, out *[]string) {
	if len(e.Causes) == 0 {
		*out = append(*out, "/"+strings.Join(e.InstanceLocation, "/")+": "+e.ErrorKind.LocalizedString(message.NewPrinter(language.English)))
		return
	}
	for _, c := range e.Causes {
		leaves(c, out)
	}
}

func title(o map[string]any) string {
	meta, _ := o["metadata"].(map[string]any)
	name, _ := meta["name"].(string)
	return fmt.Sprintf("%v %q", o["kind"], name)
}
