package config

import (
	"github.com/hashicorp/hcl/v2"

	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

// parseTests reads a file whose blocks are all of one type and each a test. Names
// are those of the project p. The tests are those that could be understood.
func parseTests[T any](path string, src []byte, p *Project, title string, doc *BlockDoc, read func(*body, label) T) ([]T, diag.List) {
	src = withoutBOM(src)
	syn, broken, diags := parse(path, src)
	s := p.scope
	if s.table == nil { // a project that was not loaded has no names
		s = scope{newTable(), &hcl.EvalContext{Functions: functions(p.Dir, nil)}}
	}
	d := &decoder{sources: map[string][]byte{path: src}, eval: s.eval, table: s.table}
	b := d.open(&BlockDoc{Type: "tests", Blocks: []*BlockDoc{doc}}, syn, title, diag.Range{File: path})
	var out []T
	seen := map[string]diag.Range{}
	b.each(doc.Type, func(n *body, name label) {
		if !d.once(seen, name, doc.Type) {
			return
		}
		before := len(d.diags)
		test := read(n, name)
		if !d.failed(before) {
			out = append(out, test)
		}
	})
	found := trusted(d.diags, []file{{name: path, broken: broken, errorLine: firstError(diags)}})
	return out, append(diags, found...).Sorted()
}

// scope is what a project gives names to.
type scope struct {
	table *table
	eval  *hcl.EvalContext
}

// failed tells whether an error was added since.
func (d *decoder) failed(since int) bool { return d.diags[since:].HasErrors() }
