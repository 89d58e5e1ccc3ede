package desk

import (
	"strings"
	"testing"

	"github.com/plimsoll-dev/plimsoll/core/access"
	"github.com/plimsoll-dev/plimsoll/core/harness"
)

func entry(kind harness.Kind, name, connector string) *Entry {
	e := &Entry{Document: harness.Document{ID: string(kind) + ":" + name, Kind: kind, Name: name, Connector: connector}, Own: name, Pinned: true, Definition: "sha256:0"}
	if kind == harness.Skill {
		e.Skill = &Skill{}
	}
	return e
}

func TestOneNameOfTwoIsOfferedByNeither(t *testing.T) {
	policy, diags := access.Compile(nil)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	c, problems := Stock(Parts{Meter: access.NewMeter(policy, access.MeterOptions{}), Entries: []*Entry{
		entry(harness.Skill, "digest", ""), entry(harness.Tool, "digest", "desk"), entry(harness.Tool, "read", "desk"), entry(harness.Skill, "notes", ""),
	}})
	if c.Len() != 2 || c.entries["digest"] != nil || c.own("desk", "digest") != nil || c.own("desk", "read") == nil {
		t.Errorf("offered: %v, owned: %v", c.entries, c.owned)
	}
	if len(c.skills) != 1 || c.skills[0].Name != "notes" {
		t.Errorf("skills: %v", c.skills)
	}
	if len(problems) != 1 || !strings.Contains(problems[0], "digest") {
		t.Errorf("problems: %v", problems)
	}
}

func TestRedaction(t *testing.T) {
	for _, tt := range []struct {
		patterns     []string
		in           string
		hides, keeps []string
	}{
		{nil, `{"password":"p1"}`, nil, []string{"p1"}},
		{[]string{"password"}, `{"password":"p1","a":[{"password":{"deep":"p2"}}],"passwords":"k1"}`, []string{"p1", "p2"}, []string{"k1"}},
		{[]string{"auth.token"}, `{"auth":{"token":"p1","name":"k1"},"x":{"auth":{"token":"k2"}},"token":"k3"}`, []string{"p1"}, []string{"k1", "k2", "k3"}},
		{[]string{"*.token"}, `{"a":{"token":"p1"},"b":{"c":{"token":"k1"}},"token":"k2"}`, []string{"p1"}, []string{"k1", "k2"}},
		{[]string{"list.*.key"}, `{"list":[{"key":"p1"},{"key":"p2","n":12345678901234567890}]}`, []string{"p1", "p2"}, []string{"12345678901234567890"}},
	} {
		got, err := redactionOf(tt.patterns).apply([]byte(tt.in))
		if err != nil {
			t.Errorf("%v of %s: %v", tt.patterns, tt.in, err)
			continue
		}
		for _, s := range tt.hides {
			if strings.Contains(string(got), s) {
				t.Errorf("%v keeps %q: %s", tt.patterns, s, got)
			}
		}
		for _, s := range tt.keeps {
			if !strings.Contains(string(got), s) {
				t.Errorf("%v hides %q: %s", tt.patterns, s, got)
			}
		}
	}
	if _, err := redactionOf([]string{"x"}).apply([]byte(`{"x":`)); err == nil {
		t.Error("half an object was redacted")
	}
}

func TestSanitised(t *testing.T) {
	got, err := sanitised([]byte(`{"content":[{"type":"text","text":"a<b\u202e\u200bc"}],"n":12345678901234567890}`))
	if err != nil || string(got) != `{"content":[{"text":"a<bc","type":"text"}],"n":12345678901234567890}` {
		t.Errorf("%s, %v", got, err)
	}
}

func TestClip(t *testing.T) {
	for _, tt := range []struct {
		in   string
		n    int
		want string
	}{
		{"short", 10, "short"},
		{"two words here", 12, "two …"},
		{"ääääääääää", 12, "ääää …"},
	} {
		if got := clip(tt.in, tt.n); got != tt.want || len(got) > tt.n {
			t.Errorf("clip(%q, %d) is %q, want %q", tt.in, tt.n, got, tt.want)
		}
	}
}
