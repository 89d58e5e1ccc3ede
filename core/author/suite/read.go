package suite

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/rule"
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
	"github.com/plimsoll-dev/plimsoll/sdk/canonjson"
)

// MaxFile is the largest file of cases that is read, in bytes.
const MaxFile = 4 << 20

// Options say what the skill is like.
type Options struct {
	Input  []byte // JSON schema, or nil
	Output []byte // JSON schema, or nil
	// File reads a file beside the cases, for input_file and completion_file.
	File func(name string) ([]byte, error)
}

// Read reads the cases of one file: an object is one case, a list holds many.
// Cases without errors are returned beside the diagnostics of the others.
func Read(name string, src []byte, o Options) ([]*Case, diag.List) {
	r := &reader{document: document{name, src}, options: o}
	if len(src) > MaxFile {
		return nil, diag.List{diag.Errorf(diag.Range{File: name}, "case-size", "File is too large", "%s has %d bytes; at most %d are read. Cut it into several files.", name, len(src), MaxFile)}
	}
	root, err := r.parse()
	if err != nil {
		var m *misread
		at := span{}
		if errors.As(err, &m) {
			at = m.at
		}
		return nil, diag.List{diag.Errorf(r.at(at), "case-json", "Not JSON", "The file cannot be read: %v.", err)}
	}
	nodes := []*node{root}
	if root.kind == '[' {
		nodes = root.items
	}
	var out []*Case
	seen := map[string]bool{}
	for _, n := range nodes {
		before := len(r.diags)
		c := r.readCase(n)
		if len(r.diags) > before {
			continue
		}
		if seen[c.Name] {
			r.bad(n.span, "case-name", "Two cases of one name", "There are two cases named %q in this file; nobody could tell which one failed.", c.Name)
			continue
		}
		seen[c.Name] = true
		out = append(out, c)
	}
	return out, r.diags
}

type reader struct {
	document
	options Options
	diags   diag.List
}

func (r *reader) bad(at span, code, summary, format string, args ...any) {
	r.diags = append(r.diags, diag.Errorf(r.at(at), code, summary, format, args...))
}

// shape lists the members that a case of each op may have, and what it may
// expect.
var shape = map[string][2][]string{
	Whole:     {{"completion", "completion_file", "completions"}, {"output", "gates", "fixes", "render", "rules", "error"}},
	"prepare": {{"step", "done"}, {"messages", "contains", "rules", "error"}},
	"finish":  {{"completion", "completion_file", "completions", "state"}, {"output", "rules", "error"}},
	"check":   {{"gate", "output"}, {"passed", "reason", "failed_ids", "rules", "error"}},
	"render":  {{"format", "output"}, {"text", "contains", "rules", "error"}},
	"run":     {{"host", "failed"}, {"output", "gates", "fixes", "render", "rules", "error"}},
}

var common = []string{"name", "op", "input", "input_file", "reference", "expect"}

func (r *reader) readCase(n *node) *Case {
	c := &Case{Op: Whole, File: r.name, document: r.document, Range: r.at(span{n.start, n.start + 1}), Input: json.RawMessage("{}")}
	if n.kind != '{' {
		r.bad(n.span, "case-shape", "Not a case", "A case is an object with a name, an input and what to expect.")
		return c
	}
	if op := n.get("op"); op != nil {
		c.Op = r.string(op, "op")
		if _, ok := shape[c.Op]; !ok {
			r.bad(op.span, "case-op", "Unknown op", "%q is no op that can be tested.%s The ops are prepare, finish, check, render and run; without op a case goes the whole way.", c.Op, diag.DidYouMean(c.Op, []string{"prepare", "finish", "check", "render", "run"}))
			return c
		}
	}
	before := len(r.diags)
	allowed := append(slices.Clone(common), shape[c.Op][0]...)
	for _, m := range n.members {
		if !slices.Contains(allowed, m.name) {
			r.bad(m.at, "case-member", "Unknown member", "A case of op %s has no member %q.%s It may have: %s.", c.Op, m.name, diag.DidYouMean(m.name, allowed), strings.Join(allowed, ", "))
			continue
		}
		r.member(c, m)
	}
	if len(r.diags) == before {
		r.required(c, n) // a typo is told once, not as something that is missing too
	}
	return c
}

func (r *reader) member(c *Case, m member) {
	switch m.name {
	case "name":
		c.Name = strings.TrimSpace(r.string(m.value, "name"))
		c.Range = r.at(m.value.span)
	case "input":
		c.Input = r.json(m.value, "input")
	case "reference":
		c.Reference = r.json(m.value, "reference")
	case "state":
		c.State = r.json(m.value, "state")
	case "output":
		c.Output = r.json(m.value, "output")
	case "input_file":
		c.Input = r.inputFile(m.value)
	case "completion":
		t := r.lines(m.value, "completion")
		c.completion = &t.text
	case "completion_file":
		if data, ok := r.file(m.value); ok {
			t := string(data)
			c.completion = &t
		}
	case "completions":
		c.Completions = r.texts(m.value, "completions")
	case "done":
		c.Done = r.texts(m.value, "done")
	case "step":
		c.Step = r.string(m.value, "step")
	case "failed":
		c.Failed = r.json(m.value, "failed")
	case "host":
		r.host(c, m.value)
	case "gate":
		c.Gate = r.string(m.value, "gate")
	case "format":
		c.Format = r.string(m.value, "format")
	case "expect":
		r.expect(c, m.value)
	}
}

// required finds what a case lacks. A case that expects nothing cannot fail, so
// it is none.
func (r *reader) required(c *Case, n *node) {
	lacks := func(what, why string) {
		r.bad(span{n.start, n.start + 1}, "case-lacks", "Case is not complete", "This case has no %s: %s.", what, why)
	}
	if c.Name == "" {
		lacks("name", "say in a few words what it shows")
	}
	if n.get("expect") == nil {
		lacks("expect", "say what must come of it; a case that expects nothing cannot fail")
	}
	if n.get("input") != nil && n.get("input_file") != nil {
		lacks("single input", "it has both input and input_file; keep one")
	}
	given := 0
	for _, name := range []string{"completion", "completion_file", "completions"} {
		if n.get(name) != nil {
			given++
		}
	}
	if given > 1 {
		lacks("single completion", "it has more than one of completion, completion_file and completions; keep one")
	}
	switch c.Op {
	case Whole, "finish":
		if given == 0 {
			lacks("completion", "write what the model may have written: a text, or a list of lines")
		}
	case "check":
		if c.Gate == "" {
			lacks("gate", "name the gate of the code that is asked")
		}
		if c.Output == nil {
			lacks("output", "give the output that the gate looks at")
		}
	case "render":
		if c.Format == "" {
			lacks("format", "name a render block of skill.hcl")
		}
		if c.Output == nil {
			lacks("output", "give the output that is rendered")
		}
	}
}

func (r *reader) expect(c *Case, n *node) {
	if n.kind != '{' || len(n.members) == 0 {
		r.bad(n.span, "case-expect", "Nothing is expected", "expect is an object with at least one of: %s.", strings.Join(shape[c.Op][1], ", "))
		return
	}
	e := &c.Expect
	for _, m := range n.members {
		if !slices.Contains(shape[c.Op][1], m.name) {
			r.bad(m.at, "case-member", "Unknown member", "A case of op %s cannot expect %q.%s It can expect: %s.", c.Op, m.name, diag.DidYouMean(m.name, shape[c.Op][1]), strings.Join(shape[c.Op][1], ", "))
			continue
		}
		switch m.name {
		case "output":
			e.Output = &value{r.json(m.value, "output"), m.value.span}
		case "messages":
			e.Messages = &value{r.json(m.value, "messages"), m.value.span}
		case "text":
			t := r.lines(m.value, "text")
			e.Text = &t
		case "reason":
			t := r.lines(m.value, "reason")
			e.Reason = &t
		case "contains":
			e.Contains = r.several(m.value)
		case "render":
			e.Render = map[string]text{}
			if m.value.kind != '{' {
				r.bad(m.value.span, "case-type", "Wrong type", "render is an object with the text of each format.")
			}
			for _, f := range m.value.members {
				e.Render[f.name] = r.lines(f.value, f.name)
			}
		case "gates":
			e.Gates = r.names(m.value, "gates")
		case "fixes":
			e.Fixes = r.names(m.value, "fixes")
		case "failed_ids":
			e.FailedIDs = r.names(m.value, "failed_ids")
		case "passed":
			e.Passed = &flag{r.bool(m.value, "passed"), m.value.span}
		case "rules":
			r.rules(c, m.value)
		case "error":
			r.failure(c, m.value)
		}
	}
	if e.Error != nil && len(n.members) > 1 {
		r.bad(e.Error.at, "case-expect", "Error and result at once", "A case that expects an error cannot expect anything else: there is no result.")
	}
}

func (r *reader) failure(c *Case, n *node) {
	f := &failure{at: n.span}
	c.Expect.Error = f
	for _, m := range n.members {
		switch m.name {
		case "code":
			f.code = r.string(m.value, "code")
		case "message":
			f.message = r.string(m.value, "message")
		case "retryable":
			b := r.bool(m.value, "retryable")
			f.retryable = &b
		default:
			r.bad(m.at, "case-member", "Unknown member", "An expected error has no member %q.%s It has: code, message, retryable.", m.name, diag.DidYouMean(m.name, []string{"code", "message", "retryable"}))
		}
	}
	if n.kind != '{' || f.code == "" {
		r.bad(n.span, "case-expect", "Error without a code", `An expected error names its code: {"code": "no_title"}. message is a part of its text, retryable tells whether the model may try again.`)
	}
}

// rules compiles what must be true, and maps what is wrong to its place.
func (r *reader) rules(c *Case, n *node) {
	list := n.items
	if n.kind == '"' {
		list = []*node{n}
	} else if n.kind != '[' {
		r.bad(n.span, "case-type", "Wrong type", "rules is a list of rules, which are strings.")
	}
	o := rule.GateOptions{Input: r.options.Input, Bool: true, Reference: c.Reference != nil}
	if c.Op == Whole || c.Op == "finish" || c.Op == "run" {
		o.Output = r.options.Output
	}
	for _, item := range list {
		src := r.string(item, "a rule")
		if item.kind != '"' {
			continue
		}
		p, err := rule.CompileGate(src, o)
		if err != nil {
			r.badRule(item, src, err)
			continue
		}
		c.Expect.Rules = append(c.Expect.Rules, claim{p, item.span})
	}
}

func (r *reader) badRule(n *node, src string, err error) {
	at, text, hint := n.span, err.Error(), ""
	var re *rule.Error
	if errors.As(err, &re) {
		at, text, hint = within(r.document, n.span, src, re.Offset), re.Message, re.Hint
	}
	d := diag.Errorf(r.at(at), "case-rule", "Rule cannot be used", "%s.", text)
	if hint != "" {
		d.Detail += " Hint: " + hint + "."
	}
	r.diags = append(r.diags, d)
}

// within is the place in the file of an offset in a rule. Where the literal has
// escapes, offsets shift, and the place is the whole literal.
func within(d document, literal span, src string, offset int) span {
	if string(d.src[literal.start:literal.end]) != `"`+src+`"` {
		return literal
	}
	start := literal.start + 1 + min(offset, len(src))
	return span{start, max(start+1, literal.end-1)}
}

func (n *node) get(name string) *node {
	for _, m := range n.members {
		if m.name == name {
			return m.value
		}
	}
	return nil
}

func (r *reader) string(n *node, what string) string {
	if n.kind != '"' {
		r.bad(n.span, "case-type", "Wrong type", "%s is a text in quotes.", what)
	}
	return n.text
}

func (r *reader) bool(n *node, what string) bool {
	if n.kind != 't' {
		r.bad(n.span, "case-type", "Wrong type", "%s is true or false.", what)
	}
	return n.text == "true"
}

// lines reads a text, or a list of its lines.
func (r *reader) lines(n *node, what string) text {
	if n.kind == '"' {
		return text{n.text, n.span}
	}
	var all []string
	for _, item := range n.items {
		all = append(all, r.string(item, "a line of "+what))
	}
	if n.kind != '[' {
		r.bad(n.span, "case-type", "Wrong type", "%s is a text, or a list of its lines.", what)
	}
	return text{strings.Join(all, "\n"), n.span}
}

func (r *reader) several(n *node) []text {
	if n.kind == '"' {
		return []text{{n.text, n.span}}
	}
	if n.kind != '[' || len(n.items) == 0 {
		r.bad(n.span, "case-type", "Wrong type", "contains is a text, or a list of texts that must all be there.")
	}
	var out []text
	for _, item := range n.items {
		out = append(out, text{r.string(item, "contains"), item.span})
	}
	return out
}

func (r *reader) names(n *node, what string) *names {
	out := &names{names: []string{}, at: n.span}
	if n.kind != '[' {
		r.bad(n.span, "case-type", "Wrong type", "%s is a list of names; an empty list says that there are none.", what)
	}
	for _, item := range n.items {
		out.names = append(out.names, r.string(item, what))
	}
	slices.Sort(out.names)
	return out
}

func (r *reader) texts(n *node, what string) map[string]string {
	out := map[string]string{}
	if n.kind != '{' {
		r.bad(n.span, "case-type", "Wrong type", "%s is an object with the completion of each step.", what)
	}
	for _, m := range n.members {
		out[m.name] = r.lines(m.value, m.name).text
	}
	return out
}

// json takes a value in its canonical form, so that what has none is found here
// and not in the middle of a test.
func (r *reader) json(n *node, what string) json.RawMessage {
	raw, err := canonjson.Transform(r.raw(n))
	if err != nil {
		r.bad(n.span, "case-json", "Not JSON", "%s has no canonical form: %v.", what, err)
	}
	return raw
}

func (r *reader) file(n *node) ([]byte, bool) {
	name := r.string(n, "a file")
	if n.kind != '"' {
		return nil, false
	}
	if r.options.File == nil {
		r.bad(n.span, "case-file", "File cannot be read", "Files beside the cases cannot be read here.")
		return nil, false
	}
	data, err := r.options.File(name)
	if err != nil {
		r.bad(n.span, "case-file", "File cannot be read", "%v.", err)
		return nil, false
	}
	return data, true
}

// inputFile reads an input: JSON, the member input of an item, or text.
func (r *reader) inputFile(n *node) json.RawMessage {
	data, ok := r.file(n)
	if !ok {
		return nil
	}
	raw, err := canonjson.Transform(data)
	if err != nil {
		raw, err = json.Marshal(string(data))
		if err != nil {
			r.bad(n.span, "case-file", "File cannot be read", "%v.", err)
		}
		return raw
	}
	var item struct {
		ID    string          `json:"id"`
		Input json.RawMessage `json:"input"`
	}
	if json.Unmarshal(raw, &item) == nil && item.ID != "" && len(item.Input) > 0 {
		return item.Input
	}
	return raw
}

// completions gives each step its text; one without a name is the last step's.
func (c *Case) completions(steps []string) (map[string]string, error) {
	out := map[string]string{}
	for name, t := range c.Completions {
		if !slices.Contains(steps, name) {
			return nil, fmt.Errorf("there is no step %q.%s The steps are: %s", name, diag.DidYouMean(name, steps), strings.Join(steps, ", "))
		}
		out[name] = t
	}
	if c.completion != nil {
		if len(steps) != 1 && c.Op == Whole {
			return nil, fmt.Errorf("the skill has %d steps, so write completions with the text of each: %s", len(steps), strings.Join(steps, ", "))
		}
		out[steps[len(steps)-1]] = *c.completion
	}
	if c.Op != Whole {
		return out, nil
	}
	for _, s := range steps {
		if _, ok := out[s]; !ok {
			return nil, fmt.Errorf("step %q has no completion", s)
		}
	}
	return out, nil
}
