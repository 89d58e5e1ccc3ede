package skill

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

// Front is the front matter of a SKILL.md, after the Agent Skills standard
// (agentskills.io/specification).
type Front struct {
	Name          string
	Description   string
	License       string
	Compatibility string
	AllowedTools  []string
	Metadata      map[string]string
	Unknown       []string // fields that the standard does not have, in their order
}

// Limits of the standard, in characters, and of this reader, in bytes.
const (
	maxName          = 64
	maxDescription   = 1024
	maxCompatibility = 500
	maxSkillMD       = 1 << 20
	maxFront         = 16 << 10 // the YAML parser takes quadratic time: up to 9 s for 64 KiB (2026-11); real ones have 2 KiB
)

// ParseSkillMD reads a SKILL.md leniently, as installed skills need it: what can
// be understood is, and what breaks a rule of the standard is a warning with the
// rule's id as its code (docs/skills.md lists them). Only what cannot be read at
// all is an error. file names the source in ranges.
func ParseSkillMD(file string, src []byte) (Front, string, diag.List) {
	r := &reader{file: file, src: src}
	front, body := r.read()
	return front, body, r.diags
}

// CheckSkillMD reads a SKILL.md strictly, as a skill to be published must be:
// every broken rule is an error. folder is the name of the skill's folder.
func CheckSkillMD(file, folder string, src []byte) (Front, string, diag.List) {
	r := &reader{file: file, src: src}
	front, body := r.read()
	r.folder(front, folder)
	for i := range r.diags {
		r.diags[i].Severity = diag.Error
	}
	return front, body, r.diags
}

// NameOK tells whether a skill's name has the shape that the standard asks for:
// 1 to 64 lower case letters, digits and single hyphens inside.
func NameOK(name string) bool {
	if name == "" || len(name) > maxName || strings.Contains(name, "--") || strings.Trim(name, "-") != name {
		return false
	}
	for _, c := range []byte(name) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

// reader collects what it finds wrong.
type reader struct {
	file  string
	src   []byte
	diags diag.List
	lines map[string]int // line of each field
}

func (r *reader) warn(rule string, line int, format string, args ...any) {
	r.diags = append(r.diags, diag.Warnf(lineRange(r.file, r.src, line), rule, rules[rule], format, args...))
}

func (r *reader) fail(rule string, line int, format string, args ...any) {
	r.diags = append(r.diags, diag.Errorf(lineRange(r.file, r.src, line), rule, rules[rule], format, args...))
}

func (r *reader) read() (Front, string) {
	var f Front
	if len(r.src) > maxSkillMD {
		r.fail("too-large", 1, "SKILL.md has %d bytes; at most %d are read. Move long material into files of its own, to which the body refers.", len(r.src), maxSkillMD)
		return f, ""
	}
	if !utf8.Valid(r.src) {
		r.fail("not-utf8", 1, "The file is not UTF-8 (or it is no text at all). Save it as UTF-8.")
		return f, ""
	}
	text := string(r.src)
	if cut, found := strings.CutPrefix(text, "\uFEFF"); found {
		text = cut
		r.warn("byte-order-mark", 1, "The file begins with a byte order mark, before which other readers do not see the ---. Save it without one.")
	}
	front, body, first := r.split(text)
	if first == 0 {
		return f, strings.TrimSpace(text)
	}
	r.fields(&f, front, first)
	if strings.TrimSpace(body) == "" {
		r.warn("empty-body", 1, "There is nothing below the front matter, so there is nothing to tell a model. Write what to do, step by step.")
	}
	return f, strings.TrimSpace(body)
}

// split cuts the front matter off. first is the line of its first line, 0 when
// there is no front matter.
func (r *reader) split(text string) (front, body string, first int) {
	head, rest, found := strings.Cut(text, "\n")
	if !found || strings.TrimRight(head, " \t\r") != "---" {
		r.warn("no-front-matter", 1, "The file does not begin with a line ---, so it has neither a name nor a description. Begin it with --- name: ... description: ... ---.")
		return "", "", 0
	}
	for at, n := 0, 2; at < len(rest); n++ {
		end := len(rest)
		if i := strings.IndexByte(rest[at:], '\n'); i >= 0 {
			end = at + i + 1
		}
		if line := strings.TrimRight(rest[at:end], " \t\r\n"); line == "---" || line == "..." {
			return rest[:at], rest[end:], 2
		}
		at = end
	}
	r.warn("unclosed-front-matter", 1, "The front matter begins here and no line --- ends it. Put a line --- above the body.")
	return "", "", 0
}

// fields fills f from the front matter.
func (r *reader) fields(f *Front, front string, first int) {
	var list []entry
	bad := &problem{"too-long", 1, fmt.Sprintf("The front matter has %d bytes; more than %d are not read as YAML, but line by line. Move long material into the body.", len(front), maxFront)}
	if len(front) <= maxFront {
		list, bad = readYAML(front)
	}
	if bad != nil {
		r.warn(bad.rule, first+max(bad.line, 1)-1, "%s", bad.text)
		list = readLines(front)
	}
	r.lines = map[string]int{}
	for _, e := range list {
		line := first + e.line - 1
		if at, twice := r.lines[e.key]; twice {
			r.warn("duplicate-field", line, "The field %s stands on line %d already; this one is not used. Delete one of them.", e.key, at)
			continue
		}
		r.lines[e.key] = line
		r.field(f, e, line)
	}
	r.name(f)
	switch n := utf8.RuneCountInString(f.Description); {
	case f.Description == "":
		r.warn("missing-description", max(r.lines["description"], 1), "There is no description, and nothing but the description tells an agent when to use a skill. Write what the skill does and when to use it.")
	case n > maxDescription:
		r.warn("too-long", r.lines["description"], "The description has %d characters; the standard allows %d. Say what it does and when to use it, and move the rest into the body.", n, maxDescription)
	}
	if n := utf8.RuneCountInString(f.Compatibility); n > maxCompatibility {
		r.warn("too-long", r.lines["compatibility"], "compatibility has %d characters; the standard allows %d.", n, maxCompatibility)
	}
}

func (r *reader) name(f *Front) {
	switch {
	case f.Name == "":
		r.warn("missing-name", max(r.lines["name"], 1), "There is no name; the folder's name is taken. Write name: and the name of the folder.")
	case utf8.RuneCountInString(f.Name) > maxName:
		r.warn("too-long", r.lines["name"], "The name has %d characters; the standard allows %d.", utf8.RuneCountInString(f.Name), maxName)
	case !NameOK(f.Name):
		r.warn("name-shape", r.lines["name"], "The name %q may have lower case letters, digits and single hyphens inside. Write %q.", f.Name, slug(f.Name))
	}
}

// folder compares the name with that of the folder.
func (r *reader) folder(f Front, folder string) {
	if f.Name != "" && folder != "" && f.Name != folder {
		r.warn("name-mismatch", max(r.lines["name"], 1), "The skill is named %q and its folder %q; the standard wants them to be equal. Rename one of them.", f.Name, folder)
	}
}

func (r *reader) field(f *Front, e entry, line int) {
	texts := map[string]*string{"name": &f.Name, "description": &f.Description, "license": &f.License, "compatibility": &f.Compatibility}
	switch into, isText := texts[e.key]; {
	case isText && e.kind == kindText:
		*into = strings.TrimSpace(e.text)
	case isText:
		r.warn("wrong-type", line, "%s must be text, and it is %s.", e.key, e.kind)
	case e.key == "allowed-tools" && e.kind == kindText:
		f.AllowedTools = tools(e.text)
	case e.key == "allowed-tools" && e.kind == kindList:
		f.AllowedTools = e.list
		r.warn("wrong-type", line, "allowed-tools is a list; the standard wants one line of text with spaces between the tools. Write allowed-tools: %s.", strings.Join(e.list, " "))
	case e.key == "allowed-tools":
		r.warn("wrong-type", line, "allowed-tools must be text with spaces between the tools, and it is %s.", e.kind)
	case e.key == "metadata" && e.kind == kindMap:
		f.Metadata = map[string]string{}
		for _, p := range e.pairs {
			if p.kind != kindText {
				r.warn("metadata-value", line, "metadata.%s is %s; the standard wants text for every key. It is not kept.", p.key, p.kind)
				continue
			}
			f.Metadata[p.key] = p.text
		}
	case e.key == "metadata":
		r.warn("wrong-type", line, "metadata must have keys of its own, one a line, and it is %s.", e.kind)
	default:
		f.Unknown = append(f.Unknown, e.key)
		if !slices.Contains(f.Unknown[:len(f.Unknown)-1], e.key) {
			r.warn("unknown-field", line, "The standard has no field %q, so other readers may refuse the file. Put it under metadata.", e.key)
		}
	}
}

// tools splits "Bash(git:*) Read, Grep": spaces and commas outside of brackets.
func tools(s string) []string {
	depth := 0
	return strings.FieldsFunc(s, func(c rune) bool {
		switch c {
		case '(':
			depth++
		case ')':
			depth = max(depth-1, 0)
		}
		return depth == 0 && (c == ' ' || c == ',' || c == '\t' || c == '\n')
	})
}

// slug makes a name of the right shape, or "".
func slug(s string) string {
	var b strings.Builder
	for _, c := range strings.ToLower(s) {
		if (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') {
			b.WriteRune(c)
		} else if b.Len() > 0 && !strings.HasSuffix(b.String(), "-") {
			b.WriteByte('-')
		}
	}
	out := b.String()
	return strings.Trim(out[:min(len(out), maxName)], "-")
}

// problem is why front matter could not be read as YAML.
type problem struct {
	rule string
	line int
	text string
}
