package skill

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

func TestParseSkillMD(t *testing.T) {
	const good = "---\nname: a\ndescription: d\n---\nbody\n"
	for name, c := range map[string]struct {
		src   string
		rules string // in order
		front Front
		body  string
	}{
		"good":            {good, "", Front{Name: "a", Description: "d"}, "body"},
		"CRLF":            {strings.ReplaceAll(good, "\n", "\r\n"), "", Front{Name: "a", Description: "d"}, "body"},
		"mark":            {"\uFEFF" + good, "byte-order-mark", Front{Name: "a", Description: "d"}, "body"},
		"folded":          {"---\nname: a\ndescription: >\n  one\n  two\n---\nb", "", Front{Name: "a", Description: "one two"}, "b"},
		"quoted":          {"---\nname: \"a\"\ndescription: 'it''s: d'\n---\nb", "", Front{Name: "a", Description: "it's: d"}, "b"},
		"number":          {"---\nname: a\ndescription: d\nlicense: 1.10\n---\nb", "", Front{Name: "a", Description: "d", License: "1.10"}, "b"},
		"comment":         {"---\n# who\nname: a # me\ndescription: d\n---\nb", "", Front{Name: "a", Description: "d"}, "b"},
		"no front":        {"# Do it\n", "no-front-matter", Front{}, "# Do it"},
		"empty":           {"", "no-front-matter", Front{}, ""},
		"not closed":      {"---\nname: a\n\n# Do it\n", "unclosed-front-matter", Front{}, "---\nname: a\n\n# Do it"},
		"empty front":     {"---\n---\nb", "missing-name missing-description", Front{}, "b"},
		"rule in body":    {good + "---\nmore", "", Front{Name: "a", Description: "d"}, "body\n---\nmore"},
		"no body":         {"---\nname: a\ndescription: d\n---\n \n", "empty-body", Front{Name: "a", Description: "d"}, ""},
		"colon":           {"---\nname: a\ndescription: Use when: always\n  and: ever\n---\nb", "bad-yaml", Front{Name: "a", Description: "Use when: always and: ever"}, "b"},
		"alias":           {"---\nname: &x a\ndescription: *x\n---\nb", "yaml-alias name-shape", Front{Name: "&x a", Description: "*x"}, "b"},
		"deep":            {"---\nname: a\ndescription: d\nx: " + strings.Repeat("[", 40) + "\n---\nb", "yaml-depth unknown-field", Front{Name: "a", Description: "d", Unknown: []string{"x"}}, "b"},
		"a list":          {"---\n- a\n- b\n---\nb", "bad-yaml missing-name missing-description", Front{}, "b"},
		"twice":           {"---\nname: a\nname: b\ndescription: d\n---\nb", "bad-yaml duplicate-field", Front{Name: "a", Description: "d"}, "b"},
		"shape":           {"---\nname: My Skill\ndescription: d\n---\nb", "name-shape", Front{Name: "My Skill", Description: "d"}, "b"},
		"null":            {"---\nname: a\ndescription:\n---\nb", "wrong-type missing-description", Front{Name: "a"}, "b"},
		"list for text":   {"---\nname: [a]\ndescription: d\n---\nb", "wrong-type missing-name", Front{Description: "d"}, "b"},
		"long":            {"---\nname: a\ndescription: " + strings.Repeat("ä", 1025) + "\n---\nb", "too-long", Front{Name: "a", Description: strings.Repeat("ä", 1025)}, "b"},
		"1024 characters": {"---\nname: a\ndescription: " + strings.Repeat("ä", 1024) + "\n---\nb", "", Front{Name: "a", Description: strings.Repeat("ä", 1024)}, "b"},
		"compatibility":   {"---\nname: a\ndescription: d\ncompatibility: " + strings.Repeat("x", 501) + "\n---\nb", "too-long", Front{Name: "a", Description: "d", Compatibility: strings.Repeat("x", 501)}, "b"},
		"long front":      {"---\nname: a\ndescription: d: e\nx: " + strings.Repeat("x", maxFront) + "\n---\nb", "too-long unknown-field", Front{Name: "a", Description: "d: e", Unknown: []string{"x"}}, "b"},
		"tools":           {"---\nname: a\ndescription: d\nallowed-tools: Read, Bash(git add:*) Grep\n---\nb", "", Front{Name: "a", Description: "d", AllowedTools: []string{"Read", "Bash(git add:*)", "Grep"}}, "b"},
		"list of tools":   {"---\nname: a\ndescription: d\nallowed-tools: [Read, Grep]\n---\nb", "wrong-type", Front{Name: "a", Description: "d", AllowedTools: []string{"Read", "Grep"}}, "b"},
		"metadata":        {"---\nname: a\ndescription: d\nmetadata:\n  v: 1\n  tags: [x]\n---\nb", "metadata-value", Front{Name: "a", Description: "d", Metadata: map[string]string{"v": "1"}}, "b"},
		"metadata text":   {"---\nname: a\ndescription: d\nmetadata: x\n---\nb", "wrong-type", Front{Name: "a", Description: "d"}, "b"},
		"unknown":         {"---\nname: a\ndescription: d\nversion: 1\n---\nb", "unknown-field", Front{Name: "a", Description: "d", Unknown: []string{"version"}}, "b"},
	} {
		t.Run(name, func(t *testing.T) {
			front, body, diags := ParseSkillMD("a/SKILL.md", []byte(c.src))
			var got []string
			for _, d := range diags {
				got = append(got, d.Code)
				if d.Severity != diag.Warning {
					t.Errorf("%s is %s", d.Code, d.Severity)
				}
			}
			if strings.Join(got, " ") != c.rules || body != c.body {
				t.Errorf("rules %q, body %q, want %q, %q\n%v", got, body, c.rules, c.body, diags)
			}
			if front.Name != c.front.Name || front.Description != c.front.Description || front.License != c.front.License ||
				front.Compatibility != c.front.Compatibility || !slices.Equal(front.AllowedTools, c.front.AllowedTools) ||
				!slices.Equal(front.Unknown, c.front.Unknown) || len(front.Metadata) != len(c.front.Metadata) || front.Metadata["v"] != c.front.Metadata["v"] {
				t.Errorf("front %+v, want %+v", front, c.front)
			}
			_, _, strict := CheckSkillMD("a/SKILL.md", "a", []byte(c.src))
			if len(strict) < len(diags) || strict.Count(diag.Error) != len(strict) {
				t.Errorf("strictly: %v", strict)
			}
		})
	}
	if _, _, diags := ParseSkillMD("x", []byte(strings.Repeat("x", maxSkillMD+1))); !diags.HasErrors() || diags[0].Code != "too-large" {
		t.Errorf("a huge file gives %v", diags)
	}
	if _, _, diags := CheckSkillMD("x/SKILL.md", "b", []byte(good)); len(diags) != 1 || diags[0].Code != "name-mismatch" {
		t.Errorf("another folder gives %v", diags)
	}
}

func TestNames(t *testing.T) {
	for name, ok := range map[string]bool{
		"a": true, "a-b-2": true, strings.Repeat("x", 64): true,
		"": false, "-a": false, "a-": false, "a--b": false, "A": false, "a_b": false, "ä": false, strings.Repeat("x", 65): false, "a/b": false, "..": false,
	} {
		if NameOK(name) != ok {
			t.Errorf("NameOK(%q) is %v", name, !ok)
		}
		if s := slug(name); s != "" && !NameOK(s) {
			t.Errorf("slug(%q) is %q", name, s)
		}
	}
}

// TestRulesAreDocumented compares the rules with docs/skills.md.
func TestRulesAreDocumented(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "skills.md"))
	if err != nil {
		t.Fatal(err)
	}
	for rule := range rules {
		if !strings.Contains(string(page), "`"+rule+"`") {
			t.Errorf("docs/skills.md does not explain %s", rule)
		}
	}
}

func FuzzParseSkillMD(f *testing.F) {
	for _, s := range []string{
		"", "---\n---\n", "---\nname: a\ndescription: d\n---\nb", "---\nname: &a [*a]\n---\n", "---\nx: {a: {b: [1, 2]}}\n---",
		"---\ndescription: >-\n  a\n\n  b\n---\n", "---\n? a\n: b\n---\n", "---\n\"a\": |\n b\n...\n", "\uFEFF---\r\nname: 'x\r\n---\r\n", "---\n- - - - a\n---\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		front, body, diags := ParseSkillMD("f", src)
		for _, d := range diags {
			r := d.Range
			if rules[d.Code] == "" || d.Summary != rules[d.Code] || d.Detail == "" {
				t.Errorf("unknown rule %+v", d)
			}
			if r.Start.Byte < 0 || r.Start.Byte > r.End.Byte || r.End.Byte > len(src) || r.Start.Line < 1 || r.Start.Column < 1 {
				t.Errorf("range %+v of %d bytes", r, len(src))
			}
		}
		if diags.HasErrors() {
			return
		}
		if n := nameOf(front, "folder"); !NameOK(n) {
			t.Errorf("name %q", n)
		}
		if !strings.Contains(string(src), body) {
			t.Errorf("body %q is not of the file", body)
		}
	})
}
