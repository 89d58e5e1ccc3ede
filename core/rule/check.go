package rule

// CompileCheck compiles a rule over the members of one document, as tests ask
// about what came of a decision; its result must be a bool. schema is the
// document's JSON schema, an object that lists its properties: each of them is a
// name that the rule may use. The error is a *Error.
//
// Bool and Value take an Env whose Input is the document. A number that is not
// known is null there, and a rule that reads it is an error.
func CompileCheck(src string, schema []byte) (*Program, error) {
	doc, err := schemaShape(schema, "the document")
	if err != nil {
		return nil, err
	}
	s := scope{roots: map[string]root{}}
	for name, member := range doc.fields {
		s.roots[name] = root{shape: member, read: func(f *frame) any {
			m, _ := f.env.Input.(map[string]any)
			return m[name]
		}}
	}
	return compile(src, s, true)
}
