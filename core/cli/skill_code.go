package cli

import (
	"context"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/engine"
	"github.com/plimsoll-dev/plimsoll/core/skill"
)

// shownCode is what `skill show` knows of code: facts, or why it is refused.
type shownCode struct {
	facts   *engine.CodeFacts
	refused string
}

// codeOf admits a skill's code. One that is refused is shown with the reason:
// to see it is why one looks.
func (c *command) codeOf(ctx context.Context, p *engine.Project, s *skill.Skill) (shownCode, error) {
	if s.Contract.Code == "" {
		return shownCode{}, nil
	}
	asOf, err := c.now()
	if err != nil {
		return shownCode{}, err
	}
	t, err := engine.OpenTools(ctx, p, asOf)
	if err != nil {
		return shownCode{}, err
	}
	defer t.Close()
	facts, err := t.CodeFacts(ctx, s)
	if err != nil {
		return shownCode{refused: err.Error()}, nil
	}
	return shownCode{facts: &facts}, nil
}

func (c *command) showCode(s *skill.Skill, code shownCode) {
	switch {
	case code.refused != "":
		c.say("\n%s\n  %s", c.bold("The code is refused"), printable(code.refused))
	case code.facts != nil:
		c.say("\n%s", c.bold("The code"))
		granted := "nothing beyond its input"
		if g := engine.Grants(s); len(g) > 0 {
			granted = strings.Join(g, "; ")
		}
		columns(c.Out, append(factRows(*code.facts), []string{"  granted", granted}))
		for _, problem := range mismatches(s, *code.facts) {
			c.note("%s %s", c.red("Warning:"), printable(problem))
		}
	}
}

// provenance says where a skill was added from; "" for one that was not.
func provenance(p *engine.Project, s *skill.Skill) (from string, changed bool, err error) {
	entry, changed, ok, err := p.Provenance(s)
	if err != nil || !ok {
		return "", false, err
	}
	return entry.Source, changed, nil
}
