package render

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/template"

	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

// line is a line of the source, from 1; "" when there is none.
func (t *Template) line(n int) string {
	lines := strings.Split(t.src, "\n")
	if n < 1 || n > len(lines) {
		return ""
	}
	return lines[n-1]
}

// explain takes an error of text/template apart: its place is what we want, and
// its words are about Go. data is nil while compiling.
func (t *Template) explain(err error, data map[string]any) error {
	e := &Error{Name: t.name}
	located := regexp.MustCompile(`(?s)^template: ` + inner + `:(\d+)(?::(\d+))?: (?:executing "[^"]*" at <.*?>: )?(.*)$`)
	m := located.FindStringSubmatch(err.Error())
	if m == nil {
		e.Message = strings.TrimPrefix(err.Error(), "template: ")
		return e
	}
	e.Line, _ = strconv.Atoi(m[1]) // the pattern lets only digits through
	if m[2] != "" {
		column, _ := strconv.Atoi(m[2])
		e.Column = column + 1
	}
	e.Snippet = t.line(e.Line)
	e.Message = words(m[3], data)
	var ee template.ExecError
	var own *problem
	if errors.As(err, &ee) && errors.As(ee.Err, &own) {
		e.Message = own.Error()
	}
	return e
}

// words says in terms of JSON what text/template says in terms of Go.
func words(message string, data map[string]any) string {
	patterns := []struct {
		re   *regexp.Regexp
		word func(m []string) string
	}{
		{regexp.MustCompile(`^map has no entry for key "(.*)"$`), func(m []string) string {
			keys := map[string]bool{}
			collect(data, keys, 0)
			return fmt.Sprintf("there is no member %q here.%s", m[1], diag.DidYouMean(m[1], slices.Sorted(maps.Keys(keys))))
		}},
		{regexp.MustCompile(`^nil pointer evaluating .*\.(\S+)$`), func(m []string) string {
			return fmt.Sprintf("the value here is null, so it has no member %q", m[1])
		}},
		{regexp.MustCompile(`^nil data; no entry for key "(.*)"$`), func(m []string) string {
			return fmt.Sprintf("the value here is null, so it has no member %q", m[1])
		}},
		{regexp.MustCompile(`^can't evaluate field (\S+) in type `), func(m []string) string {
			return fmt.Sprintf("the value here is no object, so it has no member %q", m[1])
		}},
		{regexp.MustCompile(`^range can't iterate over`), func([]string) string { return "range needs a list, an object or a whole number" }},
		{regexp.MustCompile(`^function "(.*)" not defined$`), func(m []string) string {
			return fmt.Sprintf("there is no function %s.%s", m[1], diag.DidYouMean(m[1], names()))
		}},
		{regexp.MustCompile(`(?s)^error calling (\S+): (.*)$`), func(m []string) string {
			return strings.TrimPrefix(m[1]+": "+m[2], "_print: ")
		}},
	}
	for _, p := range patterns {
		if m := p.re.FindStringSubmatch(message); m != nil {
			return p.word(m)
		}
	}
	return message
}

// collect gathers the member names that occur in the data, for "did you mean".
func collect(v any, keys map[string]bool, depth int) {
	if len(keys) > 1000 || depth > 20 {
		return
	}
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			keys[k] = true
			collect(e, keys, depth+1)
		}
	case []any:
		for i, e := range v {
			if i == 5 {
				return
			}
			collect(e, keys, depth+1)
		}
	}
}
