package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// functions of the language. Those whose result can be much larger than what
// they are given check it first: a configuration must not exhaust memory.
func functions(dir string, environ func(string) (string, bool)) map[string]function.Function {
	return map[string]function.Function{
		"env":        envFunc(environ),
		"file":       fileFunc(dir),
		"list_price": listPriceFunc(dir),
		"upper":      stdlib.UpperFunc,
		"lower":      stdlib.LowerFunc,
		"trimspace":  stdlib.TrimSpaceFunc,
		"join":       joinFunc(),
		"split":      stdlib.SplitFunc,
		"format":     formatFunc(),
		"replace":    replaceFunc(),
		"length":     stdlib.LengthFunc,
		"concat":     stdlib.ConcatFunc,
		"contains":   stdlib.ContainsFunc,
		"merge":      stdlib.MergeFunc,
		"keys":       stdlib.KeysFunc,
		"values":     stdlib.ValuesFunc,
		"coalesce":   stdlib.CoalesceFunc,
		"min":        stdlib.MinFunc,
		"max":        stdlib.MaxFunc,
		"jsonencode": stdlib.JSONEncodeFunc,
		"jsondecode": jsonDecodeFunc(),
		"tostring":   stdlib.MakeToFunc(cty.String),
		"tonumber":   stdlib.MakeToFunc(cty.Number),
		"tobool":     stdlib.MakeToFunc(cty.Bool),
		"tolist":     stdlib.MakeToFunc(cty.List(cty.DynamicPseudoType)),
		"toset":      stdlib.MakeToFunc(cty.Set(cty.DynamicPseudoType)),
	}
}

func stringParam(name string) function.Parameter {
	return function.Parameter{Name: name, Type: cty.String}
}

// envFunc is env("NAME") or env("NAME", "value when it is not set").
func envFunc(environ func(string) (string, bool)) function.Function {
	fallback := stringParam("fallback")
	return function.New(&function.Spec{
		Params:   []function.Parameter{stringParam("name")},
		VarParam: &fallback,
		Type:     function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			name := args[0].AsString()
			if environ != nil {
				if v, ok := environ(name); ok {
					return cty.StringVal(v), nil
				}
			}
			switch len(args) {
			case 1:
				return cty.NilVal, fmt.Errorf("the environment variable %s is not set. Set it, or say what to take instead: env(%q, \"...\")", name, name)
			case 2:
				return args[1], nil
			}
			return cty.NilVal, errors.New("env takes a name and at most one value for when it is not set")
		},
	})
}

// fileFunc reads a text file of the project. os.Root keeps it there: neither ..
// nor a symbolic link leads out.
func fileFunc(dir string) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{stringParam("path")},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			text, err := readWithin(dir, args[0].AsString())
			if err != nil {
				return cty.NilVal, err
			}
			return cty.StringVal(text), nil
		},
	})
}

func readWithin(dir, name string) (string, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "", fmt.Errorf("opening the project directory: %w", err)
	}
	defer root.Close()
	path := filepath.FromSlash(name)
	info, err := root.Stat(path)
	if err != nil {
		return "", fmt.Errorf("%s cannot be read (%w). Paths are relative to the project directory and must stay inside it", name, withoutPath(err))
	}
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("%s is not a regular file", name)
	}
	f, err := root.Open(path)
	if err != nil {
		return "", fmt.Errorf("%s cannot be read: %w", name, withoutPath(err))
	}
	defer f.Close()
	src, err := io.ReadAll(io.LimitReader(f, MaxFile+1))
	switch {
	case err != nil:
		return "", fmt.Errorf("reading %s: %w", name, withoutPath(err))
	case len(src) > MaxFile:
		return "", fmt.Errorf("%s has more than %d KiB", name, MaxFile>>10)
	case !utf8.Valid(src):
		return "", fmt.Errorf("%s is not UTF-8 text", name)
	}
	return string(withoutBOM(src)), nil
}

// withoutPath drops the operation and the path that the system puts around an
// error: the sentence names the file already, as its author wrote it.
func withoutPath(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

var errTooLong = fmt.Errorf("the result would have more than %d KiB", maxValue>>10)

func replaceFunc() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{stringParam("text"), stringParam("old"), stringParam("new")},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			text, old, replacement := args[0].AsString(), args[1].AsString(), args[2].AsString()
			if old == "" {
				return cty.NilVal, errors.New("the text to replace is empty")
			}
			if len(text)+strings.Count(text, old)*len(replacement) > maxValue {
				return cty.NilVal, errTooLong
			}
			return cty.StringVal(strings.ReplaceAll(text, old, replacement)), nil
		},
	})
}

func joinFunc() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{stringParam("separator"), {Name: "list", Type: cty.List(cty.String)}},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			var parts []string
			size := 0
			for _, e := range elements(args[1]) {
				if e.IsNull() {
					return cty.NilVal, errors.New("an element of the list is null")
				}
				parts = append(parts, e.AsString())
				size += len(e.AsString()) + len(args[0].AsString())
			}
			if size > maxValue {
				return cty.NilVal, errTooLong
			}
			return cty.StringVal(strings.Join(parts, args[0].AsString())), nil
		},
	})
}

// formatFunc is the standard one without widths that make megabytes.
func formatFunc() function.Function {
	wide := regexp.MustCompile(`%[^a-zA-Z%]*([0-9]{4}|\*)`)
	rest := function.Parameter{Name: "args", Type: cty.DynamicPseudoType, AllowNull: true}
	return function.New(&function.Spec{
		Params:   []function.Parameter{stringParam("format")},
		VarParam: &rest,
		Type:     function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			if wide.MatchString(args[0].AsString()) {
				return cty.NilVal, errors.New("widths and precisions have at most three digits here")
			}
			return stdlib.FormatFunc.Call(args)
		},
	})
}

// jsonDecodeFunc is the standard one behind a limit of nesting: it recurses.
func jsonDecodeFunc() function.Function {
	check := func(args []cty.Value) error {
		if !args[0].IsKnown() {
			return nil
		}
		depth, inString := 0, false
		s := args[0].AsString()
		for i := 0; i < len(s); i++ {
			switch c := s[i]; {
			case inString && c == '\\':
				i++
			case c == '"':
				inString = !inString
			case inString:
			case c == '[' || c == '{':
				depth++
			case c == ']' || c == '}':
				depth--
			}
			if depth > maxValueDepth {
				return fmt.Errorf("the JSON is nested more than %d deep", maxValueDepth)
			}
		}
		return nil
	}
	return function.New(&function.Spec{
		Params: []function.Parameter{stringParam("json")},
		Type: func(args []cty.Value) (cty.Type, error) {
			if err := check(args); err != nil {
				return cty.NilType, err
			}
			return stdlib.JSONDecodeFunc.ReturnTypeForValues(args)
		},
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			return stdlib.JSONDecodeFunc.Call(args)
		},
	})
}
