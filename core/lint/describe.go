package lint

import (
	"strings"
	"unicode/utf8"
)

// Limits of descriptions: what a model needs, in characters.
const (
	longTool  = 2048
	longSkill = 1024
)

// description judges whether a model can choose by it.
func (r *reader) description() {
	t := r.text
	f := field{name: "description", text: t.Description}
	if strings.TrimSpace(t.Description) == "" {
		r.add("description-missing", f, 0, 0, "", "The %s has no description.", t.Kind)
		return
	}
	limit := longTool
	if t.Kind == Skill {
		limit = longSkill
	}
	if n := utf8.RuneCountInString(t.Description); n > limit {
		r.add("description-long", f, 0, 0, "", "The description has %d characters; %d are enough to choose by.", n, limit)
		return
	}
	if vague(t.Name, t.Description) {
		r.add("description-vague", f, 0, 0, cut(visible(t.Description)), "The description says nothing that the name and any other %s do not say.", t.Kind)
	}
}

// generic are words that fit any tool.
var generic = set("a an the very really this that these it is are be can will of for to in on with and or from by your you use used using useful helpful powerful great simple easy " +
	"tool tools function functions utility helper helps help skill api endpoint method service server mcp command call calls provides provide offers offer various various all kinds " +
	"things thing stuff something anything everything task tasks operation operations do does done perform performs execute executes run runs work works handle handles manage manages data information info various general multi purpose all-purpose")

func set(list string) map[string]bool {
	out := map[string]bool{}
	for _, w := range strings.Fields(list) {
		out[w] = true
	}
	return out
}

// vague tells whether a description adds nothing to a name. A description in a
// script without spaces is one word to this, and never vague with more than
// eight characters.
func vague(name, description string) bool {
	if len(description) > 400 {
		return false
	}
	own := set(strings.ToLower(strings.Join(parts(name), " ")))
	for _, w := range words(description) {
		if !generic[w.text] && !own[w.text] && !own[strings.TrimSuffix(w.text, "s")] && !own[w.text+"s"] {
			return false
		}
	}
	return true
}

// parts splits an identifier into its words: snake, kebab and camel.
func parts(name string) []string {
	var out []string
	start := 0
	flush := func(end int) {
		if end > start {
			out = append(out, name[start:end])
		}
	}
	for i := range len(name) {
		c := name[i]
		switch {
		case c == '_' || c == '-' || c == '.' || c == '/' || c == ' ':
			flush(i)
			start = i + 1
		case c >= 'A' && c <= 'Z' && i > start && (name[i-1] < 'A' || name[i-1] > 'Z'):
			flush(i)
			start = i
		}
	}
	flush(len(name))
	return out
}

// name judges a tool's name.
func (r *reader) name() {
	t := r.text
	f := field{name: "name", text: t.Name}
	r.hidden(f)
	r.phrases(f)
	if t.Kind != Tool {
		return
	}
	for i, c := range t.Name {
		if c < utf8.RuneSelf && (lowerLetter(byte(c)) || c >= '0' && c <= '9' || strings.ContainsRune("_-./", c)) {
			continue
		}
		r.at("name-letters", f, i, i+utf8.RuneLen(c), "The name holds %q, which names of tools do not have.", c)
		break
	}
	r.meta(f)
	r.hints(f)
}

// reading and breaking are what a name says of a tool.
var breaking = set("delete deletes remove removes drop destroy purge erase wipe truncate kill terminate revoke send transfer pay refund uninstall reset overwrite write create update insert")

func (r *reader) hints(f field) {
	h := r.text.Hints
	if h.ReadOnly == nil || !*h.ReadOnly {
		return
	}
	if h.Destructive != nil && *h.Destructive {
		r.add("hints-contradict", f, 0, 0, "", "The tool says that it only reads, and that it destroys.")
		return
	}
	if all := parts(r.text.Name); len(all) > 0 && breaking[strings.ToLower(all[0])] {
		r.add("hints-contradict", f, 0, 0, "", "The tool says that it only reads, and is called %s.", visible(r.text.Name))
	}
}
