package skill

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// kind of a YAML value, in words for messages.
type kind string

const (
	kindText kind = "text"
	kindList kind = "a list"
	kindMap  kind = "a block of keys"
	kindNone kind = "empty"
)

// entry is a field of the front matter; line counts from 1.
type entry struct {
	key   string
	line  int
	kind  kind
	text  string
	list  []string
	pairs []entry
}

// maxDepth of brackets and indents in front matter. The standard needs two.
const maxDepth = 16

// readYAML reads the fields of front matter. What YAML can do beyond it is
// refused before the parser sees it: aliases, by which a few bytes become
// gigabytes, and deep nesting, by which it runs out of stack.
func readYAML(text string) (list []entry, p *problem) {
	defer func() {
		// A parser of third-party text that panics must not take the engine along.
		if r := recover(); r != nil {
			list, p = nil, &problem{"bad-yaml", 1, fmt.Sprintf("The front matter cannot be read as YAML (%v); it was read line by line.", r)}
		}
	}()
	tokens := lexer.Tokenize(text)
	if p := tame(tokens); p != nil {
		return nil, p
	}
	file, err := parser.Parse(tokens, 0)
	if err != nil {
		return nil, notYAML(err)
	}
	if len(file.Docs) == 0 || file.Docs[0].Body == nil {
		return nil, nil
	}
	switch body := file.Docs[0].Body.(type) {
	case *ast.MappingNode:
		return entries(body.Values), nil
	case *ast.MappingValueNode:
		return entries([]*ast.MappingValueNode{body}), nil
	case *ast.CommentGroupNode, *ast.NullNode:
		return nil, nil
	}
	return nil, &problem{"bad-yaml", 1, "The front matter is not a block of fields. Write name: ... and description: ..., each on a line of its own."}
}

func tame(tokens token.Tokens) *problem {
	depth, indents := 0, []int{0}
	for _, t := range tokens {
		switch t.Type {
		case token.AnchorType, token.AliasType, token.MergeKeyType:
			return &problem{"yaml-alias", t.Position.Line, fmt.Sprintf("The front matter uses the YAML alias syntax (%s), which is not followed; it was read line by line. Write the value out, or put quotes around a text that begins with & or *.", strings.TrimSpace(t.Value))}
		case token.MappingStartType, token.SequenceStartType:
			depth++
		case token.MappingEndType, token.SequenceEndType:
			depth--
		}
		for len(indents) > 1 && t.Position.Column <= indents[len(indents)-1] {
			indents = indents[:len(indents)-1]
		}
		if t.Type == token.MappingValueType || t.Type == token.SequenceEntryType {
			indents = append(indents, t.Position.Column)
		}
		if depth > maxDepth || len(indents) > maxDepth {
			return &problem{"yaml-depth", t.Position.Line, fmt.Sprintf("The front matter is nested more than %d levels deep; it was read line by line.", maxDepth)}
		}
	}
	return nil
}

func notYAML(err error) *problem {
	p := &problem{"bad-yaml", 1, ""}
	why := err.Error()
	var at yaml.Error
	if errors.As(err, &at) {
		why = at.GetMessage()
		if t := at.GetToken(); t != nil && t.Position != nil {
			p.line = t.Position.Line
		}
	}
	p.text = fmt.Sprintf("The front matter is not YAML (%s); it was read line by line. Put quotes around a text that has a colon and a space in it, or that begins with a special character.", strings.TrimSpace(why))
	return p
}

func entries(values []*ast.MappingValueNode) []entry {
	out := make([]entry, 0, len(values))
	for _, v := range values {
		e := value(v.Value)
		t := v.Key.GetToken()
		e.key, e.line = strings.TrimSpace(t.Value), t.Position.Line
		out = append(out, e)
	}
	return out
}

func value(n ast.Node) entry {
	switch n := n.(type) {
	case nil, *ast.NullNode:
		return entry{kind: kindNone}
	case *ast.LiteralNode:
		return entry{kind: kindText, text: n.Value.Value}
	case *ast.StringNode:
		return entry{kind: kindText, text: n.Value}
	case *ast.TagNode:
		return value(n.Value)
	case *ast.MappingNode:
		return entry{kind: kindMap, pairs: entries(n.Values)}
	case *ast.MappingValueNode:
		return entry{kind: kindMap, pairs: entries([]*ast.MappingValueNode{n})}
	case *ast.SequenceNode:
		e := entry{kind: kindList}
		for _, v := range n.Values {
			e.list = append(e.list, value(v).text)
		}
		return e
	}
	// Numbers, booleans, dates: as they are written, so that version: 1.10 stays 1.10.
	return entry{kind: kindText, text: n.GetToken().Value}
}

var field = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9_-]*):(?:[ \t]+(.*))?$`)

// readLines reads front matter that is not YAML as people mean it: a key at the
// beginning of a line, its text up to the next key. Half of the broken files in
// the wild have a colon inside an unquoted description.
func readLines(text string) []entry {
	var out []entry
	for n, line := range strings.Split(text, "\n") {
		line = strings.TrimRight(line, " \t\r")
		if m := field.FindStringSubmatch(line); m != nil {
			e := entry{key: m[1], line: n + 1, kind: kindText, text: unquote(m[2])}
			if e.text == "|" || e.text == ">" || e.text == "|-" || e.text == ">-" {
				e.text = ""
			}
			out = append(out, e)
			continue
		}
		more := strings.TrimSpace(line)
		if len(out) == 0 || more == "" || strings.HasPrefix(more, "#") {
			continue
		}
		last := &out[len(out)-1]
		last.text = strings.TrimSpace(last.text + " " + more)
	}
	for i := range out {
		if out[i].text == "" {
			out[i].kind = kindNone
		}
	}
	return out
}

func unquote(s string) string {
	if len(s) >= 2 && (s[0] == '"' || s[0] == '\'') && s[len(s)-1] == s[0] {
		return s[1 : len(s)-1]
	}
	return s
}
