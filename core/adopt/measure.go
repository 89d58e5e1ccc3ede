package adopt

import (
	"slices"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/skill"
)

// Found is a skill as it lies in its folder.
type Found struct {
	Name    string   `json:"name"`
	Path    string   `json:"path"`
	Steps   []string `json:"-"`
	Items   bool     `json:"items"`    // it says where its items are
	Checked bool     `json:"measured"` // an output schema, dimensions or gates say what is good
	Needs   string   `json:"needs,omitempty"`
}

// See looks at a loaded skill. beside are the names in its folder.
func See(s *skill.Skill, beside []string) Found {
	c := s.Contract
	var steps []string
	for _, step := range s.Steps() {
		steps = append(steps, step.Name)
	}
	return Found{
		Name: s.Name, Path: s.Path, Steps: steps,
		Items:   c.Items != nil && (len(c.Items.Prove) > 0 || c.Items.Traffic > 0),
		Checked: s.OutputSchema != nil || c.Code != "" || len(c.Dimensions) > 0 || c.Quality == "gates" && len(c.Gates)+len(c.Eaches) > 0,
		Needs:   needs(s, beside),
	}
}

// needs is what a skill asks of an agent beside a model, "" for nothing that
// shows. It goes by what the folder says; a body that speaks of commands without
// naming a tool is not found.
func needs(s *skill.Skill, beside []string) string {
	if s.Contract.Code != "" {
		return "" // its own code runs in the engine
	}
	var tools []string
	for _, t := range s.AllowedTools {
		t, _, _ = strings.Cut(t, "(")
		if t != "" && !slices.Contains(tools, t) {
			tools = append(tools, t)
		}
	}
	switch {
	case len(tools) > 3:
		return "tools (" + strings.Join(tools[:3], ", ") + " and more)"
	case len(tools) > 0:
		return "tools (" + strings.Join(tools, ", ") + ")"
	case slices.Contains(beside, "scripts"):
		return "a shell (scripts/)"
	}
	for _, dir := range []string{"references", "reference", "resources", "assets", "templates"} {
		if slices.Contains(beside, dir) {
			return "files (" + dir + "/)"
		}
	}
	return ""
}

// Lacks lists what stands between a skill and a verdict, the first thing first;
// empty when a night may measure it.
func (f Found) Lacks() []string {
	var out []string
	if f.Needs != "" {
		out = append(out, "needs "+f.Needs+": run it with a runner")
	}
	if !f.Items {
		out = append(out, "no items")
	}
	if !f.Checked {
		out = append(out, "nothing says what is good: references, dimensions or an output schema")
	}
	return out
}
