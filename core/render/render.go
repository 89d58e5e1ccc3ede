// Package render turns a skill's output into text by a template.
//
// Templates are Go's text/template with a small set of functions and without
// surprises: a member that is not there is an error at its line and column,
// null and whole lists are never printed by accident, values have no methods,
// and time, memory and the size of the text are bounded. html/template was
// refused: most renderings go to chats, tickets and files, and an author who
// wants HTML has op `render` of the skill's code.
//
// The package must not read files, a clock or the environment: a template sees
// .output and .input and nothing else.
//
//	t, err := render.Compile("digest.slack.tmpl", src)
//	if err != nil {
//		return err // a *render.Error
//	}
//	text, err := t.Render(output, input)
package render

import (
	"fmt"
	"strings"
	"text/template"
	"text/template/parse"
)

// Limits of a template and of one rendering. What passes one is an error; a
// text is never cut off.
const (
	MaxSource = 64 << 10 // bytes of the template
	MaxText   = 1 << 20  // bytes of the rendered text
	MaxSteps  = 200_000  // turns of ranges, calls and values; about 0.1 s, scaled from a run of a million
	MaxBytes  = 16 << 20 // bytes of text made by functions on the way
	MaxNested = 32       // templates that call templates
)

// Error says what is wrong with a template, and where.
type Error struct {
	Name    string // of the template: its file
	Line    int    // from 1; 0 when no line is known
	Column  int    // from 1, in bytes; 0 when no column is known
	Message string
	Snippet string // the line; "" when none is known
}

// Error is "NAME:LINE:COLUMN: message".
func (e *Error) Error() string {
	switch {
	case e.Line == 0:
		return fmt.Sprintf("%s: %s", e.Name, e.Message)
	case e.Column == 0:
		return fmt.Sprintf("%s:%d: %s", e.Name, e.Line, e.Message)
	}
	return fmt.Sprintf("%s:%d:%d: %s", e.Name, e.Line, e.Column, e.Message)
}

// Template is a compiled template. It is safe for use by many goroutines.
type Template struct {
	name string
	src  string
	tmpl *template.Template
}

// inner is the name under which text/template knows the source, so that its
// messages can be taken apart whatever the file is called.
const inner = "t"

// Compile parses and checks a template. The error is a *Error.
func Compile(name string, src []byte) (*Template, error) {
	t := &Template{name: name, src: string(src)}
	if len(src) > MaxSource {
		return nil, &Error{Name: name, Message: fmt.Sprintf("the template has %d bytes; the limit is %d", len(src), MaxSource)}
	}
	parsed, err := template.New(inner).Option("missingkey=error").Funcs((&budget{}).functions()).Parse(t.src)
	if err != nil {
		return nil, t.explain(err, nil)
	}
	t.tmpl = parsed
	for _, part := range parsed.Templates() {
		if part.Tree == nil || part.Root == nil {
			continue
		}
		g := guard{template: t, tree: part.Tree}
		if err := g.list(part.Root); err != nil {
			return nil, err
		}
		g.nest(part.Root)
	}
	return t, nil
}

// Render fills the template with an output and the input it came from: decoded
// JSON, where a number may be a json.Number. Equal values give equal text. The
// error is a *Error.
func (t *Template) Render(output, input any) (string, error) {
	b := &budget{steps: MaxSteps, bytes: MaxBytes}
	data := map[string]any{}
	for name, v := range map[string]any{"output": output, "input": input} {
		plain, err := b.plain(v, 0)
		if err != nil {
			return "", &Error{Name: t.name, Message: name + ": " + err.Error()}
		}
		data[name] = plain
	}
	// The functions count against this rendering's budget, so they are bound to
	// a copy; the parsed trees are shared.
	run, err := t.tmpl.Clone()
	if err != nil {
		return "", &Error{Name: t.name, Message: err.Error()}
	}
	var w writer
	if err := run.Funcs(b.functions()).Execute(&w, data); err != nil {
		return "", t.explain(err, data)
	}
	return w.String(), nil
}

// writer refuses what goes beyond MaxText.
type writer struct{ strings.Builder }

func (w *writer) Write(p []byte) (int, error) {
	if w.Len()+len(p) > MaxText {
		return 0, fmt.Errorf("the text is longer than %d bytes", MaxText)
	}
	return w.Builder.Write(p)
}

// guard checks a parsed template and adds what bounds it: a step for each turn
// of a range, a strict print to each value, and a level to each template.
type guard struct {
	template *Template
	tree     *parse.Tree
}

func (g guard) list(l *parse.ListNode) error {
	if l == nil {
		return nil
	}
	for _, n := range l.Nodes {
		if err := g.node(n); err != nil {
			return err
		}
	}
	return nil
}

func (g guard) node(n parse.Node) error {
	switch n := n.(type) {
	case *parse.ActionNode:
		if err := g.pipe(n.Pipe); err != nil {
			return err
		}
		if len(n.Pipe.Decl) == 0 {
			n.Pipe.Cmds = append(n.Pipe.Cmds, g.command("_print", n.Pos))
		}
	case *parse.IfNode:
		return g.branch(&n.BranchNode)
	case *parse.WithNode:
		return g.branch(&n.BranchNode)
	case *parse.RangeNode:
		if err := g.branch(&n.BranchNode); err != nil {
			return err
		}
		n.List.Nodes = append([]parse.Node{g.action("_step", n.Pos)}, n.List.Nodes...)
	case *parse.TemplateNode:
		if g.template.tmpl.Lookup(n.Name) == nil {
			return g.fail(n.Pos, fmt.Sprintf("there is no template %q", n.Name))
		}
		return g.pipe(n.Pipe)
	}
	return nil
}

func (g guard) branch(b *parse.BranchNode) error {
	if err := g.pipe(b.Pipe); err != nil {
		return err
	}
	if err := g.list(b.List); err != nil {
		return err
	}
	return g.list(b.ElseList)
}

// pipe refuses the functions of text/template that are not ours.
func (g guard) pipe(p *parse.PipeNode) error {
	if p == nil {
		return nil
	}
	for _, c := range p.Cmds {
		for _, a := range c.Args {
			switch a := a.(type) {
			case *parse.IdentifierNode:
				if why, no := refused()[a.Ident]; no {
					return g.fail(a.Pos, a.Ident+" is not allowed in a template; "+why)
				}
				if strings.HasPrefix(a.Ident, "_") {
					return g.fail(a.Pos, a.Ident+" is not a function of templates")
				}
			case *parse.PipeNode:
				if err := g.pipe(a); err != nil {
					return err
				}
			case *parse.ChainNode:
				if inner, ok := a.Node.(*parse.PipeNode); ok {
					if err := g.pipe(inner); err != nil {
						return err
					}
				}
			}
		}
	}
	return nil
}

func refused() map[string]string {
	return map[string]string{
		"printf": "write the value itself, or truncate, date, json", "print": "write the value itself", "println": "write the value itself",
		"html": "templates make text", "js": "templates make text", "urlquery": "templates make text",
		"call": "values are JSON", "slice": "use truncate",
	}
}

func (g guard) fail(pos parse.Pos, message string) error {
	before := g.template.src[:min(int(pos), len(g.template.src))]
	line := 1 + strings.Count(before, "\n")
	return &Error{Name: g.template.name, Line: line, Column: len(before) - strings.LastIndexByte(before, '\n'), Message: message, Snippet: g.template.line(line)}
}

func (g guard) command(name string, pos parse.Pos) *parse.CommandNode {
	return &parse.CommandNode{NodeType: parse.NodeCommand, Pos: pos, Args: []parse.Node{parse.NewIdentifier(name).SetTree(g.tree).SetPos(pos)}}
}

func (g guard) action(name string, pos parse.Pos) *parse.ActionNode {
	return &parse.ActionNode{NodeType: parse.NodeAction, Pos: pos, Pipe: &parse.PipeNode{NodeType: parse.NodePipe, Pos: pos, Cmds: []*parse.CommandNode{g.command(name, pos)}}}
}

// nest counts how deep templates call each other: recursion follows nested
// data, and must end.
func (g guard) nest(root *parse.ListNode) {
	root.Nodes = append([]parse.Node{g.action("_enter", root.Pos)}, append(root.Nodes, g.action("_leave", root.Pos))...)
}
