package lint

import (
	"strings"
)

// known is what all texts together say of names and descriptions.
type known struct {
	texts        []Text
	spellings    map[string][]int  // by skeleton: tools whose name, or offered name, has it
	descriptions map[string][]int  // by folded text: the first tool of each of two connectors
	names        map[string]string // distinctive names of tools: the connector, "" where several have it
}

// longCopy is the length from which two equal descriptions are a copy: shorter
// ones are equal by chance.
const longCopy = 40

// fewSame bounds how many tools with one skeleton are compared, so that time
// stays linear.
const fewSame = 8

func gather(texts []Text) *known {
	k := &known{texts, map[string][]int{}, map[string][]int{}, map[string]string{}}
	for i := range texts {
		t := &texts[i]
		if t.Kind != Tool || t.Connector == "" {
			continue
		}
		for _, name := range []string{t.Name, t.offered()} {
			s := skeleton(name)
			if list := k.spellings[s]; len(list) < fewSame && (len(list) == 0 || list[len(list)-1] != i) {
				k.spellings[s] = append(list, i)
			}
			if !distinctive(name) {
				continue
			}
			if whose, taken := k.names[name]; taken && whose != t.Connector {
				k.names[name] = "" // to name it can be to name one's own
			} else {
				k.names[name] = t.Connector
			}
		}
		if d := folded(t.Description); len(d) >= longCopy {
			if list := k.descriptions[d]; len(list) == 0 || len(list) == 1 && texts[list[0]].Connector != t.Connector {
				k.descriptions[d] = append(list, i)
			}
		}
	}
	return k
}

// distinctive tells a name that does not come up in prose by chance.
func distinctive(name string) bool {
	return len(name) >= 8 && len(parts(name)) > 1 && !strings.Contains(name, " ")
}

var (
	separators = strings.NewReplacer("_", "", "-", "", ".", "", "/", "", " ", "")
	alike      = strings.NewReplacer("0", "o", "1", "l", "rn", "m")
)

// plain is a name without capitals and signs between words.
func plain(name string) string {
	return separators.Replace(strings.ToLower(name))
}

// skeleton is what is left of a name when all that looks alike is one.
func skeleton(name string) string {
	var b strings.Builder
	for _, r := range name {
		if l, ok := lookalikes[r]; ok {
			r = l
		}
		if sortOf(r) == seen {
			b.WriteRune(r)
		}
	}
	s, _ := fold(plain(b.String()))
	return alike.Replace(s)
}

// folded is a text as its words.
func folded(text string) string {
	var b strings.Builder
	for _, w := range words(text[:min(len(text), 8<<10)]) {
		b.WriteString(w.text)
		b.WriteByte(' ')
	}
	return b.String()
}

// meta finds names that agents take for Plimsoll's own.
func (r *reader) meta(f field) {
	own := map[string]bool{"find": true, "describe": true, skeleton("run_skill"): true, skeleton("call_tool"): true}
	name := skeleton(r.text.Name)
	if own[skeleton(r.text.offered())] || own[name] && name != "find" && name != "describe" {
		r.add("shadow-meta", f, 0, 0, cut(visible(r.text.offered())), "The tool is named like one that agents have of Plimsoll itself.")
	}
}

// compare holds a tool against those of other connectors.
func (r *reader) compare(k *known, self int) {
	t := r.text
	if t.Kind != Tool || t.Connector == "" {
		return
	}
	r.spelling(k, self)
	for _, i := range k.descriptions[folded(t.Description)] {
		if k.texts[i].Connector != t.Connector {
			r.add("shadow-description", field{name: "description"}, 0, 0, "", "The description is that of %s, word for word.", k.label(i))
			break
		}
	}
	for _, f := range []field{{name: "title", text: t.Title}, {name: "description", text: t.Description}} {
		r.mentions(f, k)
	}
}

func (k *known) label(i int) string {
	return visible(cut(k.texts[i].Connector + "/" + k.texts[i].Name))
}

func (r *reader) spelling(k *known, self int) {
	t := r.text
	f := field{name: "name", text: t.Name}
	for _, mine := range []string{t.Name, t.offered()} {
		for _, i := range k.spellings[skeleton(mine)] {
			o := &k.texts[i]
			if o.Connector == t.Connector || i == self {
				continue
			}
			// getUser and get_user of two connectors are told apart by their
			// prefixes; what looks like another's whole name is not.
			same := skeleton(o.Name) == skeleton(mine)
			if mine == t.Name && same && plain(o.Name) == plain(mine) && skeleton(o.offered()) != skeleton(mine) {
				continue
			}
			r.add("shadow-name", f, 0, 0, cut(visible(t.offered())), "The name looks like that of %s, offered as %s.", k.label(i), cut(visible(o.offered())))
			return
		}
	}
}

// mentions finds names of other connectors' tools in prose.
func (r *reader) mentions(f field, k *known) {
	for i := 0; i < len(f.text); {
		if !identifier(f.text[i]) {
			i++
			continue
		}
		start := i
		for i < len(f.text) && identifier(f.text[i]) {
			i++
		}
		name := strings.TrimRight(f.text[start:i], ".-/")
		if len(name) > 128 {
			continue
		}
		if whose, ok := k.names[name]; ok && whose != "" && whose != r.text.Connector {
			r.at("mention-other", f, start, start+len(name), "The %s speaks of %s, a tool of connector %s.", f.name, name, visible(whose))
		}
	}
}

func identifier(c byte) bool {
	return lowerLetter(c) || c >= '0' && c <= '9' || c == '_' || c == '-' || c == '.' || c == '/'
}
