package access

import (
	"fmt"
	"strconv"
	"strings"
)

// fallback decides what no rule matches. Careful lets skills through, which
// people of this project wrote or added, and tools that only read; a tool that
// writes, that may destroy, or that does not say, needs a rule. A tool that says
// both that it only reads and that it destroys does not know what it is, and
// counts as the worse.
func (p *Policy) fallback(r *Request) Decision {
	switch {
	case p.unmatched == "allow":
		return Decision{Effect: Allow, Reason: "no rule refuses it", Line: `unmatched = "allow"`}
	case p.unmatched != "careful":
		return Decision{Effect: Deny, Reason: "no rule of this project allows it", Line: opening(r)}
	case r.Tool == "":
		return Decision{Effect: Allow, Reason: "no rule refuses it", Line: `unmatched = "careful" lets skills through`}
	case is(r.Annotations.Destructive):
		return Decision{Effect: Deny, Reason: "it may destroy something, and no rule of this project allows it", Line: opening(r)}
	case is(r.Annotations.ReadOnly):
		return Decision{Effect: Allow, Reason: "it only reads, and no rule refuses it", Line: `unmatched = "careful" lets tools through that only read`}
	case r.Annotations.ReadOnly == nil && r.Annotations.Destructive == nil:
		return Decision{Effect: Deny, Reason: "it does not say whether it only reads, and no rule of this project allows it", Line: opening(r)}
	}
	return Decision{Effect: Deny, Reason: "it changes something, and no rule of this project allows it", Line: opening(r)}
}

func is(b *bool) bool { return b != nil && *b }

// opening is the rule that would let a request through.
func opening(r *Request) string {
	kind, name := "tools", r.Tool
	if r.Tool == "" {
		kind, name = "skills", r.Skill
	}
	return fmt.Sprintf("add to the access block:\nrule %s {\n  %-6s = [%s]\n  effect = \"allow\"\n}", quote("let "+name+" through"), kind, quote(name))
}

func quote(s string) string {
	return strings.NewReplacer("${", "$${", "%{", "%%{").Replace(strconv.Quote(s))
}

// unpinned is the answer for a tool whose definition no person approved.
func unpinned(r Request) Decision {
	return Decision{
		Effect: Deny,
		Reason: "the definition of this tool was not approved by a person, or has changed since",
		Line:   fmt.Sprintf("plimsoll connector diff %[1]s, then plimsoll connector approve %[1]s", r.Connector),
	}
}
