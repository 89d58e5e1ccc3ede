package config

import (
	"fmt"
	"strconv"
	"strings"
)

// SchemaVersion is the version of SchemaDoc. It rises when a member changes its
// meaning or goes away.
const SchemaVersion = 1

// SchemaDoc describes the language: every block and attribute. It is the table
// that Load and ParseContract check against, so it cannot say anything else
// than what they do.
type SchemaDoc struct {
	Version int         `json:"version"`
	Project []*BlockDoc `json:"project"` // the blocks of a project file
	Skill   *BlockDoc   `json:"skill"`   // the body of a skill.hcl
	Tests   []*BlockDoc `json:"tests"`   // the blocks of a file in policy_tests
	Access  []*BlockDoc `json:"access"`  // the blocks of a file in access_tests
}

// BlockDoc describes one type of block.
type BlockDoc struct {
	Type       string          `json:"type"`             // "" is the body of a skill.hcl
	Labels     []string        `json:"labels,omitempty"` // what each label is
	Doc        string          `json:"doc"`
	Example    string          `json:"example,omitempty"`
	Single     bool            `json:"single,omitempty"`   // at most one in its parent
	Required   bool            `json:"required,omitempty"` // at least one in its parent
	Free       bool            `json:"free,omitempty"`     // attributes of any name and type
	Attributes []*AttributeDoc `json:"attributes,omitempty"`
	Blocks     []*BlockDoc     `json:"blocks,omitempty"`
}

// AttributeDoc describes one attribute.
type AttributeDoc struct {
	Name     string   `json:"name"`
	Type     Type     `json:"type"`
	Required bool     `json:"required,omitempty"`
	Default  string   `json:"default,omitempty"` // in HCL, or in words
	Doc      string   `json:"doc"`
	Example  string   `json:"example,omitempty"` // a value, in HCL
	Allowed  []string `json:"allowed,omitempty"` // the only strings
	Range    string   `json:"range,omitempty"`   // of numbers, as an interval: "(0,1]"
}

// Type of an attribute, in the words of messages.
type Type string

// The types. References are traversals such as ladder.claude.haiku.
const (
	String     Type = "string"
	Bool       Type = "bool"
	Number     Type = "number"
	Integer    Type = "whole number"
	Money      Type = "amount in USD"
	Duration   Type = "duration"
	Size       Type = "size"
	Strings    Type = "list of strings"
	OneOrMore  Type = "string or list of strings"
	Time       Type = "time"
	Rule       Type = "rule"
	Rules      Type = "rule or list of rules"
	Pattern    Type = "regular expression"
	Prices     Type = "object of prices"
	Any        Type = "any value"
	TypeName   Type = "type"
	ToBackend  Type = "reference to a backend"
	ToBackends Type = "list of references to backends"
	ToLadder   Type = "reference to a ladder"
	ToTier     Type = "reference to a tier"
	ToTiers    Type = "list of references to tiers"
	ToJudge    Type = "reference to a judge"
	ToRunner   Type = "reference to a runner"
	ToPolicy   Type = "reference to a tier_policy or preset"

	ToConnectors Type = "list of references to connectors"

	NumberOrInf  Type = "number or \"inf\""
	Integers     Type = "list of whole numbers"
	ToHardware   Type = "reference to a hardware block"
	ToModel      Type = "reference to a model"
	ToModels     Type = "list of references to models"
	ToWorkloads  Type = "list of references to workloads"
	ToSLO        Type = "reference to an slo"
	ToTopology   Type = "reference to a topology"
	ToTopologies Type = "\"search\" or list of references to topologies"
)

func (t Type) article() string {
	if strings.ContainsRune("aeiou", rune(t[0])) {
		return "an " + string(t)
	}
	return "a " + string(t)
}

// Attribute finds an attribute by name, or nil.
func (b *BlockDoc) Attribute(name string) *AttributeDoc {
	for _, a := range b.Attributes {
		if a.Name == name {
			return a
		}
	}
	return nil
}

// Block finds a nested block by type, or nil.
func (b *BlockDoc) Block(typ string) *BlockDoc {
	for _, n := range b.Blocks {
		if n.Type == typ {
			return n
		}
	}
	return nil
}

// names of the attributes or of the nested blocks.
func (b *BlockDoc) names(blocks bool) []string {
	var out []string
	if blocks {
		for _, n := range b.Blocks {
			out = append(out, n.Type)
		}
		return out
	}
	for _, a := range b.Attributes {
		out = append(out, a.Name)
	}
	return out
}

// line is how the attribute is written: `margin = 0.05`.
func (a *AttributeDoc) line() string {
	example := a.Example
	if example == "" {
		example = a.Default
	}
	if example == "" {
		example = "..."
	}
	return a.Name + " = " + example
}

// holds tells whether x lies in an interval such as "(0,1]"; an empty bound is
// open ended, and "" holds everything.
func holds(interval string, x float64) bool {
	if interval == "" {
		return true
	}
	low, high, _ := strings.Cut(interval[1:len(interval)-1], ",")
	if l, err := strconv.ParseFloat(low, 64); err == nil && (x < l || x == l && interval[0] == '(') {
		return false
	}
	h, err := strconv.ParseFloat(high, 64)
	return err != nil || x < h || x == h && interval[len(interval)-1] == ']'
}

// inWords says an interval: "above 0 and at most 1".
func inWords(interval string) string {
	low, high, _ := strings.Cut(interval[1:len(interval)-1], ",")
	var parts []string
	if low != "" {
		word := "at least "
		if interval[0] == '(' {
			word = "above "
		}
		parts = append(parts, word+low)
	}
	if high != "" {
		word := "at most "
		if interval[len(interval)-1] == ')' {
			word = "below "
		}
		parts = append(parts, word+high)
	}
	return strings.Join(parts, " and ")
}

// Markdown is the reference of the language as Markdown, one section a block,
// starting at the given heading level.
func (s *SchemaDoc) Markdown(level int) string {
	var b strings.Builder
	b.WriteString(strings.Repeat("#", level) + " Blocks of a project\n\n")
	for _, block := range s.Project {
		block.markdown(&b, "", level+1, s.Skill)
	}
	b.WriteString(strings.Repeat("#", level) + " skill.hcl\n\n")
	s.Skill.markdown(&b, "", level+1, nil)
	b.WriteString(strings.Repeat("#", level) + " policy_tests/*.hcl\n\nTests of policies, for `plimsoll policy test`. [policies.md](policies.md) explains them.\n\n")
	for _, block := range s.Tests {
		block.markdown(&b, "", level+1, nil)
	}
	b.WriteString(strings.Repeat("#", level) + " access_tests/*.hcl\n\nTests of access rules, for `plimsoll access test`. [access.md](access.md) explains them.\n\n")
	for _, block := range s.Access {
		block.markdown(&b, "", level+1, nil)
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

func (b *BlockDoc) markdown(w *strings.Builder, parent string, level int, shared *BlockDoc) {
	path := b.Type
	for _, l := range b.Labels {
		path += ` "` + l + `"`
	}
	if parent != "" {
		path = parent + " > " + path
	}
	if b.Type != "" {
		fmt.Fprintf(w, "%s `%s`\n\n", strings.Repeat("#", level), path)
	}
	w.WriteString(b.Doc)
	switch {
	case b.Single && b.Required:
		w.WriteString(" Exactly one.")
	case b.Single:
		w.WriteString(" At most one.")
	case b.Required:
		w.WriteString(" At least one.")
	}
	w.WriteString("\n\n")
	if len(b.Attributes) > 0 {
		w.WriteString("| attribute | type | default | meaning |\n| --- | --- | --- | --- |\n")
		for _, a := range b.Attributes {
			fmt.Fprintf(w, "| `%s` | %s | %s | %s |\n", a.Name, a.typeWords(), a.defaultWords(), strings.ReplaceAll(a.Doc, "|", `\|`))
		}
		w.WriteString("\n")
	}
	if b.Example != "" {
		fmt.Fprintf(w, "```hcl fragment\n%s\n```\n\n", b.Example)
	}
	for _, n := range b.Blocks {
		if shared == nil || shared.Block(n.Type) == nil {
			n.markdown(w, path, min(level+1, 6), shared)
			continue
		}
		fmt.Fprintf(w, "`%s` as in skill.hcl", n.head())
		for _, a := range added(n, shared.Block(n.Type)) {
			fmt.Fprintf(w, ", with `%s`: %s", a.Name, inText(a.Doc))
		}
		w.WriteString("\n\n")
	}
}

// added are the attributes that b has and base has not, those of its gates
// included.
func added(b, base *BlockDoc) []*AttributeDoc {
	var out []*AttributeDoc
	for _, a := range b.Attributes {
		if base.Attribute(a.Name) == nil {
			out = append(out, a)
		}
	}
	for _, n := range b.Blocks {
		out = append(out, added(n, base.Block(n.Type))...)
	}
	return out
}

func (a *AttributeDoc) typeWords() string {
	words := string(a.Type)
	if len(a.Allowed) > 0 {
		words = "`" + strings.Join(a.Allowed, "`, `") + "`"
	}
	if a.Range != "" {
		words += ", " + inWords(a.Range)
	}
	return words
}

func (a *AttributeDoc) defaultWords() string {
	switch {
	case a.Required:
		return "**required**"
	case a.Default == "":
		return ""
	case strings.Contains(a.Default, " ") && !strings.HasPrefix(a.Default, "["):
		return a.Default
	}
	return "`" + a.Default + "`"
}
