package cli

import (
	"fmt"
	"strings"

	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
	"github.com/spf13/cobra"
)

func (c *command) schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use: "schema [BLOCK]", Short: "Every block and attribute of the config language",
		Long: "Without a name: the blocks of a project, of a skill.hcl and of policy tests. With one: its attributes,\ndefaults, an example, and the blocks inside it. --json prints the whole schema.",
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			doc := config.Schema()
			switch {
			case c.json:
				return c.document(map[string]any{"schema": doc})
			case len(args) == 0:
				c.schemaIndex(doc)
				return nil
			}
			return c.schemaBlock(doc, args[0])
		},
	}
}

func (c *command) schemaIndex(doc *config.SchemaDoc) {
	list := func(blocks []*config.BlockDoc) {
		rows := [][]string{}
		for _, b := range blocks {
			rows = append(rows, []string{"  " + b.Type, firstSentence(b.Doc)})
		}
		columns(c.Out, rows)
	}
	c.say("In a project:")
	list(doc.Project)
	c.say("\nIn a skill.hcl:")
	list(doc.Skill.Blocks)
	c.say("\nIn a file of policy_tests:")
	list(doc.Tests)
	c.say("\nIn a file of access_tests:")
	list(doc.Access)
	c.next("plimsoll schema BLOCK, or plimsoll schema --json for all of it.")
}

func (c *command) schemaBlock(doc *config.SchemaDoc, name string) error {
	var found []*config.BlockDoc
	var names []string
	var walk func(blocks []*config.BlockDoc)
	walk = func(blocks []*config.BlockDoc) {
		for _, b := range blocks {
			names = append(names, b.Type)
			if b.Type == name && len(found) == 0 {
				found = append(found, b)
			}
			walk(b.Blocks)
		}
	}
	walk(doc.Project)
	walk(doc.Skill.Blocks)
	walk(doc.Tests)
	walk(doc.Access)
	if len(found) == 0 {
		return usage("there is no block %q.%s", name, diag.DidYouMean(name, names))
	}
	b := found[0]
	c.say("%s\n  %s\n", c.bold(b.Type+labels(b)), b.Doc)
	rows := [][]string{}
	for _, a := range b.Attributes {
		need := a.Default
		if a.Required {
			need = "required"
		}
		about := a.Doc
		if len(a.Allowed) > 0 {
			about += " One of " + strings.Join(a.Allowed, ", ") + "."
		}
		rows = append(rows, []string{"  " + a.Name, string(a.Type), need, about})
	}
	columns(c.Out, rows)
	for _, inner := range b.Blocks {
		c.say("  %s { ... }  %s", inner.Type+labels(inner), firstSentence(inner.Doc))
	}
	if b.Example != "" {
		fmt.Fprintf(c.Out, "\n%s\n", b.Example)
	}
	return nil
}

func labels(b *config.BlockDoc) string {
	out := ""
	for _, l := range b.Labels {
		out += ` "` + l + `"`
	}
	return out
}

func firstSentence(s string) string {
	if i := strings.Index(s, ". "); i > 0 {
		return s[:i+1]
	}
	return s
}
