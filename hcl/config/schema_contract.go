package config

// contractDoc describes skill.hcl, which travels with a skill.
func contractDoc() *BlockDoc {
	return &BlockDoc{
		Doc: "The contract that travels with a skill, in its folder beside SKILL.md. It is data: no variables, references or functions, because it comes from somebody else.",
		Attributes: []*AttributeDoc{
			{Name: "code", Type: String, Example: `"skill.wasm"`, Doc: "The skill's code: TypeScript or JavaScript (`.ts`, `.mts`, `.js`, `.mjs`), which runs in an interpreter, or a WebAssembly module (`.wasm`) after sdk/ABI.md."},
			{Name: "input", Type: String, Example: `"input.schema.json"`, Doc: "JSON schema of inputs."},
			{Name: "output", Type: String, Example: `"output.schema.json"`, Doc: "JSON schema of outputs. Without it an output is text."},
			{Name: "quality", Type: String, Allowed: []string{"gates"}, Example: `"gates"`, Doc: "The author says that the gates are all there is to quality. Every report repeats it."},
			{Name: "tags", Type: Strings, Default: "[]", Example: `["writing"]`, Doc: "Words that rules and access can ask for."},
		},
		Blocks: []*BlockDoc{stepDoc(), eachDoc(), gateDoc(), dimensionDoc(), renderDoc(), itemsDoc()},
	}
}

func stepDoc() *BlockDoc {
	return &BlockDoc{
		Type: "step", Labels: []string{labelName},
		Doc: "A model call with a tier of its own. Steps run in the order in which they are declared; without any there is one, named `main`.",
		Attributes: []*AttributeDoc{
			{Name: "prompt", Type: String, Default: "SKILL.md's body", Example: `"copy.md"`, Doc: "File with the step's system prompt."},
			{Name: "output", Type: String, Default: "the whole document", Example: `"copy"`, Doc: "The member of the output document that the completion becomes."},
		},
		Example: "step \"customer-copy\" {\n  prompt = \"copy.md\"\n  output = \"copy\"\n}",
	}
}

func eachDoc() *BlockDoc {
	gate := gateDoc()
	gate.Required = true
	gate.Doc = "A check of every element. `value` defaults to the element itself, `it`."
	gate.Example = "gate \"summary\" {\n  value     = \"it.summary\"\n  max_chars = 280\n}"
	return &BlockDoc{
		Type: "each", Labels: []string{labelElement},
		Doc: "Gates for every element of a list. The label is an expression that yields the list; gates see the element as `it`.",
		Attributes: []*AttributeDoc{
			{Name: "id", Type: Rule, Default: "the number", Example: `"it.id"`, Doc: "What an element is called when it fails."},
		},
		Blocks: []*BlockDoc{gate},
		Example: `each "output.tweets" {
  id = "it.id"
  gate "summary" {
    value     = "it.summary"
    max_chars = 280
  }
}`,
	}
}

// kindNames are the attributes that make a gate's kind, in the order of the
// documentation. command is among them because a skill.hcl that has one is told
// where it belongs.
func kindNames() []string {
	return []string{"max_chars", "min_chars", "max_items", "min_items", "one_of", "links", "pattern", "unique_by", "schema", "rule", "code", "command"}
}

func gateDoc() *BlockDoc {
	return &BlockDoc{
		Type: "gate", Labels: []string{labelName},
		Doc: "A check that code recomputes from the output itself. Exactly one of `max_chars`, `min_chars`, `max_items`, `min_items`, `one_of`, `links`, `pattern`, `unique_by`, `schema`, `rule`, `code`, `command` makes its kind.",
		Attributes: []*AttributeDoc{
			{Name: "value", Type: Rule, Default: "the whole output", Example: `"output.summary"`, Doc: "What is checked."},
			{Name: "max_chars", Type: Integer, Range: "[0,)", Example: "280", Doc: "At most so many characters, as people count them (grapheme clusters)."},
			{Name: "min_chars", Type: Integer, Range: "[0,)", Example: "10", Doc: "At least so many characters."},
			{Name: "max_items", Type: Integer, Range: "[0,)", Example: "3", Doc: "At most so many elements."},
			{Name: "min_items", Type: Integer, Range: "[0,)", Example: "1", Doc: "At least so many elements."},
			{Name: "one_of", Type: Strings, Example: `["new", "follow_up", "ignore"]`, Doc: "One of these strings."},
			{Name: "links", Type: Integer, Range: "[0,)", Example: "1", Doc: "Exactly so many http(s) links."},
			{Name: "pattern", Type: Pattern, Example: `"^[0-9]{2}:[0-9]{2}$"`, Doc: "Matches this regular expression (RE2), anywhere unless anchored."},
			{Name: "unique_by", Type: Rule, Example: `"it.id"`, Doc: "No two elements of the list have the same value of this."},
			{Name: "schema", Type: String, Example: `"output.schema.json"`, Doc: "Is valid by this JSON schema file."},
			{Name: "rule", Type: Rule, Example: `"all(output.tweets, .date >= input.from)"`, Doc: "Is true. Sees `input`, `output`, and `it` inside `each`."},
			{Name: "code", Type: String, Example: `"check_thread"`, Doc: "Passes this check of the skill's own code."},
			{Name: "fix", Type: String, Allowed: []string{"truncate", "normalise", "drop"}, Example: `"truncate"`, Doc: "Mend it by code first: `truncate` with max_chars or max_items, `normalise` with one_of, `drop` the failing element inside `each` or the duplicate of unique_by."},
			{Name: "never", Type: Bool, Default: "false", Doc: "Zero tolerance: one failure in a trial and the skill stays."},
		},
		Example: `gate "decisions" {
  value     = "output.decisions"
  max_items = 3
  fix       = "truncate"
}`,
	}
}

func dimensionDoc() *BlockDoc {
	return &BlockDoc{
		Type: "dimension", Labels: []string{labelName},
		Doc: "A quality that a judge scores between 0 and 1.",
		Attributes: []*AttributeDoc{
			{Name: "kind", Type: String, Required: true, Allowed: []string{"reasoning", "format"}, Example: `"reasoning"`, Doc: "A loss of reasoning holds the skill; a loss of format holds it too, and is better turned into a gate with a fix."},
			{Name: "rubric", Type: String, Required: true, Example: `"Every tweet that asks for something is in the digest."`, Doc: "What the judge is asked."},
			{Name: "weight", Type: Number, Range: "(0,1000]", Default: "1", Doc: "Its share of the score."},
			{Name: "margin", Type: Number, Range: "(0,1)", Default: "the policy's", Example: "0.05", Doc: "The loss of this dimension that does not matter."},
		},
		Example: `dimension "coverage" {
  kind   = "reasoning"
  weight = 2
  rubric = "Every tweet that asks for something is in the digest."
}`,
	}
}

func renderDoc() *BlockDoc {
	return &BlockDoc{
		Type: "render", Labels: []string{labelName},
		Doc: "A format that the output can be shown in.",
		Attributes: []*AttributeDoc{
			{Name: "template", Type: String, Default: "the skill's code renders it", Example: `"digest.slack.tmpl"`, Doc: "Template file."},
		},
		Example: "render \"slack\" {\n  template = \"digest.slack.tmpl\"\n}",
	}
}

func itemsDoc() *BlockDoc {
	return &BlockDoc{
		Type: "items", Single: true,
		Doc: "Where representative inputs lie, as patterns of files in the skill's folder.",
		Attributes: []*AttributeDoc{
			{Name: "prove", Type: OneOrMore, Example: `"items/prove-*.jsonl"`, Doc: "Items that are evidence only. `prove`, `tune` or `traffic` is needed."},
			{Name: "tune", Type: OneOrMore, Example: `"items/tune-*.jsonl"`, Doc: "Items that people may look at."},
			{Name: "source", Type: String, Allowed: []string{"authored", "imported", "traffic"}, Default: `"authored"`, Doc: "Where they come from. Only items sampled from traffic say something about future runs."},
			{Name: "traffic", Type: Integer, Range: "[1,100000]", Example: "200", Doc: "Sample so many production runs as evidence, instead of `prove`. What is proved on them is claimed of future runs."},
			{Name: "repeats", Type: Integer, Range: "[1,100]", Default: "1", Doc: "Runs of each item, averaged inside it."},
		},
		Example: "items {\n  prove = \"items/*.json\"\n}",
	}
}
