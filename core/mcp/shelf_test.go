package mcp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
	"pgregory.net/rapid"
)

// TestLibrary reads skills as prompts, resources and through the extension.
func TestLibrary(t *testing.T) {
	p := serve(t, Config{Library: testShelf()})
	for _, revision := range revisions {
		t.Run(revision, func(t *testing.T) {
			cs := dial(t, p, "/mcp", "ann", revision, nil)
			ctx := context.Background()
			prompts, err := cs.ListPrompts(ctx, nil)
			if err != nil || len(prompts.Prompts) != 2 || prompts.Prompts[0].Name != "digest-mail" || prompts.Prompts[0].Arguments[0].Name != "arguments" {
				t.Fatalf("prompts: %+v, %v", prompts, err)
			}
			prompt, err := cs.GetPrompt(ctx, &sdk.GetPromptParams{Name: "digest-mail", Arguments: map[string]string{"arguments": "today's"}})
			if err != nil || !strings.Contains(prompt.Messages[0].Content.(*sdk.TextContent).Text, "Sum up today's.") {
				t.Errorf("prompt: %+v, %v", prompt, err)
			}
			list, err := cs.ListResources(ctx, nil)
			if err != nil || len(list.Resources) != 2 || list.Resources[0].URI != "skill://digest-mail/SKILL.md" || list.Resources[0].MIMEType != "text/markdown" {
				t.Fatalf("resources: %+v, %v", list, err)
			}
			if revision == rev2026 && (list.TTLMs != listTTL || list.CacheScope != "private") {
				t.Errorf("what one principal may see is kept for %d ms, scope %q", list.TTLMs, list.CacheScope)
			}
			for uri, want := range map[string]string{"skill://digest-mail/references/how.md": "# How\n", "skill://digest-mail/logo.png": "\x89PNG\xff"} {
				got, err := cs.ReadResource(ctx, &sdk.ReadResourceParams{URI: uri})
				if err != nil {
					t.Errorf("%s: %v", uri, err)
					continue
				}
				if c := got.Contents[0]; c.Text+string(c.Blob) != want {
					t.Errorf("%s: %q", uri, c.Text+string(c.Blob))
				}
			}
			templates, err := cs.ListResourceTemplates(ctx, nil)
			if err != nil || len(templates.ResourceTemplates) != 2 {
				t.Errorf("templates: %+v, %v", templates, err)
			}
		})
	}
}

// shelfCalls are all the ways to a skill's name.
func shelfCalls(skill string) []struct{ method, params string } {
	q := func(s string) string { return string(quote(s)) }
	base := "skill://" + skill
	return []struct{ method, params string }{
		{"prompts/list", ""}, {"resources/list", ""}, {"resources/templates/list", ""}, {methodSkillsList, ""},
		{"prompts/get", `"name":` + q(skill)},
		{"resources/read", `"uri":` + q(base+"/SKILL.md")},
		{"resources/read", `"uri":` + q(base)},
		{methodSkillsGet, `"uri":` + q(base+"/SKILL.md")},
		{methodDirectory, `"uri":` + q(base)},
	}
}

// TestHiddenSkillIsNowhere: what a principal may not see is answered to the byte
// like what there is not.
func TestHiddenSkillIsNowhere(t *testing.T) {
	p := serve(t, Config{Library: testShelf()})
	for i, c := range shelfCalls("secret-plans") {
		body, headers := modern(c.method, c.params)
		hidden := post(t, p, "/mcp", "ann", body, headers...)
		absent := shelfCalls("no-such-plan")[i]
		body, headers = modern(absent.method, absent.params)
		never := post(t, p, "/mcp", "ann", body, headers...)
		if strings.ReplaceAll(hidden.body, "secret-plans", "no-such-plan") != never.body || hidden.status != never.status {
			t.Errorf("%s: hidden and absent differ:\n%d %s\n%d %s", c.method, hidden.status, hidden.body, never.status, never.body)
		}
		if c.params == "" && strings.Contains(hidden.body, "secret") {
			t.Errorf("%s shows it: %s", c.method, hidden.body)
		}
		body, headers = modern(c.method, c.params)
		if c.method != "resources/templates/list" && !strings.HasSuffix(c.params, `plans"`) || c.method == methodDirectory || c.method == "prompts/get" {
			if bob := post(t, p, "/mcp", "bob", body, headers...); c.method != "resources/templates/list" && !strings.Contains(bob.body, "secret-plans") && !strings.Contains(bob.body, "Hush") {
				t.Errorf("%s hides it from whom it is for: %s", c.method, bob.body)
			}
		}
	}
}

// TestLibraryThatFails is an error, never an empty list.
func TestLibraryThatFails(t *testing.T) {
	lib := testShelf()
	lib.fail = errors.New("disk at /secret/path gone")
	p := serve(t, Config{Library: lib})
	for _, c := range shelfCalls("digest-mail") {
		if c.method == "resources/templates/list" {
			continue
		}
		body, headers := modern(c.method, c.params)
		a := post(t, p, "/mcp", "ann", body, headers...)
		if !strings.Contains(a.body, `"code":-32603`) || strings.Contains(a.body, "/secret/path") {
			t.Errorf("%s: %d %s", c.method, a.status, a.body)
		}
	}
}

// TestNoLibrary: what is not there is not promised.
func TestNoLibrary(t *testing.T) {
	p := serve(t, Config{})
	body, headers := modern("server/discover", "")
	var res struct{ Capabilities map[string]json.RawMessage }
	if err := json.Unmarshal(post(t, p, "/mcp", "ann", body, headers...).message(t)["result"], &res); err != nil {
		t.Fatal(err)
	}
	if len(res.Capabilities) != 1 || res.Capabilities["tools"] == nil {
		t.Errorf("promised: %v", res.Capabilities)
	}
	body, headers = modern(methodSkillsList, "")
	if a := post(t, p, "/mcp", "ann", body, headers...); a.status != 404 {
		t.Errorf("skills/list: %d %s", a.status, a.body)
	}
}

// TestBadShelfCalls: wrong cursors, paths that climb, methods without params.
func TestBadShelfCalls(t *testing.T) {
	p := serve(t, Config{Library: testShelf()})
	for _, c := range []struct{ method, params string }{
		{"prompts/list", `"cursor":"%%%"`}, {"resources/list", `"cursor":"%%%"`}, {methodSkillsList, `"cursor":"%%%"`}, {"resources/templates/list", `"cursor":"x"`},
		{methodSkillsGet, `"uri":""`}, {methodSkillsGet, ""}, {methodSkillsGet, `"uri":7`}, {methodDirectory, ""},
		{methodSkillsGet, `"uri":"skill://digest-mail/references/how.md"`},
		{methodDirectory, `"uri":"skill://digest-mail/SKILL.md"`},
		{methodDirectory, `"uri":"skill://"`},
		{"resources/read", `"uri":"skill://digest-mail/../plan-week/SKILL.md"`},
		{"resources/read", `"uri":"skill://digest-mail/..%2fplan-week/SKILL.md"`},
		{"resources/read", `"uri":"skill://digest-mail/%zz"`},
		{"resources/read", `"uri":"file:///etc/passwd"`},
		{"prompts/get", `"name":"no-such"`},
	} {
		body, headers := modern(c.method, c.params)
		if a := post(t, p, "/mcp", "ann", body, headers...); !strings.Contains(a.body, `"code":-32602`) {
			t.Errorf("%s {%s}: %d %s", c.method, c.params, a.status, a.body)
		}
	}
}

// TestManySkills pages through a large library without losing or repeating one.
func TestManySkills(t *testing.T) {
	lib := &shelf{files: map[string]map[string]string{}}
	for i := range 2*page + 7 {
		name := fmt.Sprintf("skill-%04d", i)
		lib.files[name] = map[string]string{manifest: "---\nname: " + name + "\ndescription: d\n---\n"}
	}
	p := serve(t, Config{Library: lib})
	cs := dial(t, p, "/mcp", "ann", rev2026, nil)
	var seen []string
	for r, err := range cs.Resources(context.Background(), nil) {
		if err != nil {
			t.Fatal(err)
		}
		seen = append(seen, r.URI)
	}
	if len(seen) != len(lib.files) || !slices.IsSorted(seen) || len(slices.Compact(seen)) != len(lib.files) {
		t.Errorf("%d of %d skills, sorted %v", len(seen), len(lib.files), slices.IsSorted(seen))
	}
}

// TestPages: whatever is added or removed between two pages, what stayed is seen
// exactly once.
func TestPages(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := rapid.SliceOfDistinct(rapid.StringMatching(`[a-z]{1,4}`), func(s string) string { return s }).Draw(t, "all")
		extra := rapid.SliceOf(rapid.StringMatching(`[a-z]{1,4}`)).Draw(t, "extra")
		for range 500 {
			all = append(all, fmt.Sprintf("m%05d", len(all)))
		}
		slices.Sort(all)
		self := func(s string) string { return s }
		now, cursor, err := paged(all, self, "")
		seen := slices.Clone(now)
		changed := slices.Compact(slices.Sorted(slices.Values(append(slices.Clone(all), extra...))))
		for cursor != "" {
			now, cursor, err = paged(changed, self, cursor)
			seen = append(seen, now...)
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range all {
			n := 0
			for _, x := range seen {
				if x == s {
					n++
				}
			}
			if n != 1 {
				t.Fatalf("%s was seen %d times", s, n)
			}
		}
	})
}

// TestForeignNames: Unicode names, names that differ from the front matter's.
func TestForeignNames(t *testing.T) {
	for _, c := range []struct{ name, front, base string }{
		{"plain", "plain", "skill://plain"},
		{"요약", "요약", "skill://%EC%9A%94%EC%95%BD"},
		{"folder", "other", "skill://folder/other"},
	} {
		s := Skill{Name: c.name, Frontmatter: object{{"name", quote(c.front)}}.bytes(), Files: []File{{Path: manifest}, {Path: "a b/c.md"}}}
		sh := shelved{s, base(s)}
		if sh.base != c.base {
			t.Errorf("%s is at %s, want %s", c.name, sh.base, c.base)
		}
		got, file, ok := at([]shelved{sh}, sh.uri("a b/c.md"))
		if !ok || file != "a b/c.md" || got.Name != c.name {
			t.Errorf("%s: %s is not found again: %q %v", c.name, sh.uri("a b/c.md"), file, ok)
		}
	}
}
