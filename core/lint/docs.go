package lint

import (
	"fmt"
	"strings"
)

// Markdown is the reference of the rules, one section a rule.
func Markdown() string {
	heads := map[string]string{"text": "Texts", "tool": "Tools", "connector": "Connectors"}
	var b strings.Builder
	about := ""
	for _, r := range Rules() {
		if r.About != about {
			about = r.About
			fmt.Fprintf(&b, "## %s\n\n", heads[about])
		}
		severity := "`" + string(r.Severity) + "`"
		if r.Body != "" {
			severity += fmt.Sprintf(", in the body of a skill `%s`", r.Body)
		}
		fmt.Fprintf(&b, "### %s\n\n%s: %s. %s %s\n\n", r.ID, severity, strings.ToLower(r.Title[:1])+r.Title[1:], r.Why, r.Fix)
		if strings.HasPrefix(r.Example, "(") {
			fmt.Fprintf(&b, "Such as %s.\n\n", strings.Trim(r.Example, "()"))
		} else {
			fmt.Fprintf(&b, "```text\n%s\n```\n\n", r.Example)
		}
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}
