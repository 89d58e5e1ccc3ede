package lever_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/lever"
	"github.com/plimsoll-dev/plimsoll/core/price"
	"pgregory.net/rapid"
)

const mcpFile = `{
  "mcpServers": {
    "github": {
      "command": "gh-mcp",
      "args": ["a, b", "}"],
      "env": {"TOKEN": "secret"}
    },
    "db tools": { "type": "http", "url": "https://db.test/mcp" },
    "clock": {"url": "https://clock.test"}
  },
  "other": [1,  2]
}
`

func TestReadMCP(t *testing.T) {
	got, err := lever.ReadMCP([]byte(mcpFile))
	if err != nil || fmt.Sprint(got) != "[{github stdio} {db tools http} {clock http}]" {
		t.Errorf("%v %v", got, err)
	}
	for name, src := range map[string]string{"no JSON": "{", "a list": "[]", "no servers": "{}", "servers are a list": `{"mcpServers":[]}`, "too large": strings.Repeat(" ", 1<<20) + mcpFile} {
		if _, err := lever.ReadMCP([]byte(src)); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

// What goes, goes with its comma, and no other byte moves.
func TestRemoveServers(t *testing.T) {
	for name, c := range map[string]struct {
		names []string
		want  string
	}{
		"the first": {[]string{"github"}, strings.Replace(mcpFile, `"github": {
      "command": "gh-mcp",
      "args": ["a, b", "}"],
      "env": {"TOKEN": "secret"}
    },
    `, "", 1)},
		"one in the middle": {[]string{"db tools"}, strings.Replace(mcpFile, `"db tools": { "type": "http", "url": "https://db.test/mcp" },
    `, "", 1)},
		"the last": {[]string{"clock"}, strings.Replace(mcpFile, `,
    "clock": {"url": "https://clock.test"}`, "", 1)},
		"all": {[]string{"github", "clock", "db tools"}, "{\n  \"mcpServers\": {},\n  \"other\": [1,  2]\n}\n"},
	} {
		got, err := lever.RemoveServers([]byte(mcpFile), c.names...)
		if err != nil || string(got) != c.want {
			t.Errorf("%s: %v\n%s", name, err, got)
		}
	}
	if _, err := lever.RemoveServers([]byte(mcpFile), "nobody"); err == nil || !strings.Contains(err.Error(), "nobody") {
		t.Errorf("%v", err)
	}
}

// No token reaches a screen, and the structure stays.
func TestMasked(t *testing.T) {
	got := string(lever.Masked([]byte(mcpFile)))
	if strings.Contains(got, "secret") || strings.Contains(got, "https") || !strings.Contains(got, `"command": "gh-mcp"`) || !json.Valid([]byte(got)) {
		t.Errorf("%s", got)
	}
	if left, err := lever.ReadMCP([]byte(got)); err != nil || len(left) != 3 {
		t.Errorf("%v %v", left, err)
	}
	if got := string(lever.Masked([]byte("secret"))); got != "{}\n" {
		t.Error(got)
	}
	if got := string(lever.Masked([]byte(`{"mcpServers":{"a":"secret","b":{"env":{"x":"secret"}}}}`))); strings.Contains(got, "secret") || !json.Valid([]byte(got)) {
		t.Error(got)
	}
}

func FuzzRemoveServers(f *testing.F) {
	f.Add([]byte(mcpFile))
	f.Add([]byte(`{"servers":{"a":1,"b":{}}}`))
	f.Add([]byte("{\"mcpServers\":\t{ \"a\" :\n{\"x\":\"}\"} , \"b\":[] } }"))
	f.Fuzz(func(t *testing.T, src []byte) {
		before, err := lever.ReadMCP(src)
		if err != nil || len(before) == 0 {
			return
		}
		names := map[string]int{}
		for _, s := range before {
			names[s.Name]++
		}
		gone := before[len(before)/2].Name
		if names[gone] > 1 {
			return // an object with a name twice: the first one goes
		}
		after, err := lever.RemoveServers(src, gone)
		if err != nil {
			t.Fatal(err)
		}
		left, err := lever.ReadMCP(after)
		if err != nil || len(left) != len(before)-1 || !json.Valid(after) {
			t.Fatalf("%v of %v: %v\n%s", left, before, err, after)
		}
		for _, s := range left {
			if s.Name == gone {
				t.Fatalf("%s is still there", gone)
			}
		}
	})
}

const transcript = `{"type":"summary","summary":"s"}
{"type":"user","sessionId":"s1","timestamp":"2026-11-01T09:00:00Z","message":{"role":"user","content":"hi"}}
{"type":"assistant","sessionId":"s1","timestamp":"2026-11-01T09:00:05Z","message":{"id":"m1","model":"big","content":[{"type":"text","text":"x"}],"usage":{"input_tokens":100,"cache_creation_input_tokens":900,"cache_read_input_tokens":0,"output_tokens":5}}}
{"type":"assistant","sessionId":"s1","timestamp":"2026-11-01T09:00:06Z","message":{"id":"m1","model":"big","content":[{"type":"tool_use","id":"t","name":"mcp__github__list_issues","input":{}}],"usage":{"input_tokens":100,"cache_creation_input_tokens":900,"cache_read_input_tokens":0,"output_tokens":5}}}
{"type":"assistant","sessionId":"s1","timestamp":"2026-11-01T09:01:00Z","message":{"id":"m2","model":"big","content":[{"type":"tool_use","name":"Skill","input":{"skill":"kit:writer"}},{"type":"tool_use","name":"Read","input":{"file_path":"/p/.claude/skills/reader/SKILL.md"}}],"usage":{"input_tokens":100,"cache_read_input_tokens":900,"output_tokens":5}}}
{"type":"assistant","sessionId":"s2","timestamp":"2026-11-02T09:00:00Z","message":{"id":"m1","model":"big","content":[{"type":"tool_use","name":"SlashCommand","input":{"command":"/writer do it"}},{"type":"tool_use","name":"mcp__db_tools__query","input":{"command":7}}]}}
{"type":"assistant","sessionId":"s0","timestamp":"2026-01-02T09:00:00Z","message":{"id":"m9","model":"big","content":[{"type":"tool_use","name":"mcp__clock__now"}]}}
{"type":"assistant","sessionId":"s3","message":{"id":"m9","content":[]}}
{"type":"hologram","sessionId":"s1"}
not json
[1]

`

func TestTranscript(t *testing.T) {
	use := lever.NewUse(time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC))
	if err := use.Read(strings.NewReader(transcript), "f.jsonl"); err != nil {
		t.Fatal(err)
	}
	l := use.Lines
	if l.Read != 11 || l.Outside != 1 || l.Undated != 1 || l.Broken != 2 || l.Repeated != 1 || l.Unknown["hologram"] != 1 || len(l.Unknown) != 1 {
		t.Errorf("lines: %+v", l)
	}
	if len(use.Sessions) != 2 || use.Sessions["s1"].Requests != 2 || use.Sessions["s1"].Usage["big"].CacheWrite != 900 || use.Sessions["s1"].Usage["big"].CachedInput != 900 {
		t.Errorf("sessions: %+v", use.Sessions["s1"])
	}
	if use.Tools["mcp__github__list_issues"].Calls != 1 || use.Tools["mcp__db_tools__query"].Calls != 1 || use.Tools["mcp__clock__now"] != nil {
		t.Errorf("tools: %+v", use.Tools)
	}
	if use.Skills["reader"].Calls != 1 || use.Skills["writer"].Calls != 2 {
		t.Errorf("skills: %+v", use.Skills)
	}
}

// The bill: 1,000 tokens of definitions in three requests, at the mix that the
// sessions had, over a window of fifteen days.
func TestPrune(t *testing.T) {
	use := lever.NewUse(time.Time{}, time.Time{})
	if err := use.Read(strings.NewReader(strings.ReplaceAll(transcript, "2026-01-02", "2026-11-02")), "f"); err != nil {
		t.Fatal(err)
	}
	use.Tools["mcp__clock__now"] = nil
	delete(use.Tools, "mcp__clock__now")
	delete(use.Sessions, "s0")
	servers, err := lever.ReadMCP([]byte(mcpFile))
	if err != nil {
		t.Fatal(err)
	}
	defs, err := lever.ReadTools([]byte(`{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"now","description":"` + strings.Repeat("x", 3967) + `","outputSchema":{}}]}}`))
	if err != nil || lever.Estimate(defs.Bytes) != 1000 {
		t.Fatalf("%+v %v", defs, err)
	}
	p := lever.Prune(lever.Estate{
		Servers: servers, Definitions: map[string]lever.Definitions{"clock": defs}, Use: use, Window: 15 * 24 * time.Hour,
		Skills: []lever.Installed{{Name: "writer", Description: "Writes."}, {Name: "idle", Description: strings.Repeat("d", 390)}},
		Grants: []lever.Granted{
			{Skill: "a", Tool: "x.y", Attribute: "tools", Runs: 3}, {Skill: "a", Tool: "x.z", Attribute: "tools", Runs: 3, Called: lever.Called{Calls: 2}},
			{Skill: "b", Tool: "x.w", Attribute: "tools"},
		},
		Rates: func(string) (price.Rates, bool) { return rates, true },
	})
	by := map[string]lever.Unit{}
	for _, u := range p.Units {
		by[u.Kind+" "+u.Name] = u
	}
	clock := by["server clock"]
	// s1: 2,000 tokens, of which .1 fresh at 1, .45 written at 1.25, .45 read at .1; s2: 1,000 fresh. Twice, for a month.
	if want := int64(2 * (200 + 1125 + 90 + 1000)); !clock.Unused || *clock.Tokens != 1000 || clock.Month == nil || *clock.Month != want || clock.Exact {
		t.Errorf("%+v, want %d", clock, want)
	}
	if u := by["server github"]; u.Unused || u.Calls != 1 || u.Tokens != nil || !strings.Contains(u.Why, "--tools github=FILE") {
		t.Errorf("%+v", u)
	}
	if u := by["server db tools"]; u.Unused || u.Calls != 1 {
		t.Errorf("%+v", u)
	}
	if u := by["skill idle"]; !u.Unused || *u.Tokens != 100 {
		t.Errorf("%+v", u)
	}
	if u := by["skill writer"]; u.Unused || u.Calls != 2 {
		t.Errorf("%+v", u)
	}
	if !by["grant x.y"].Unused || by["grant x.z"].Unused || by["grant x.w"].Unused || by["grant x.w"].Why == "" || *by["grant x.y"].Month != 0 {
		t.Errorf("grants: %+v", p.Units)
	}
	if p.Units[0].Name != "clock" || p.Sessions != 2 || p.Requests != 3 || p.Tokens != 1100 {
		t.Errorf("%+v", p)
	}
}

// Without transcripts nothing is called unused, and without a price nothing costs.
func TestPruneKnowsNothing(t *testing.T) {
	e := lever.Estate{Skills: []lever.Installed{{Name: "a", Description: "b"}}, Window: time.Hour}
	if u := lever.Prune(e).Units[0]; u.Unused || u.Month != nil || u.Why == "" {
		t.Errorf("%+v", u)
	}
	e.Use = lever.NewUse(time.Time{}, time.Time{})
	if err := e.Use.Read(strings.NewReader(transcript), "f"); err != nil {
		t.Fatal(err)
	}
	if u := lever.Prune(e).Units[0]; !u.Unused || u.Month != nil || u.Why != "there is no price of big" || *u.Tokens == 0 || u.Exact {
		t.Errorf("%+v", u)
	}
}

// Every line is counted as something, whatever it is.
func TestTranscriptProperty(t *testing.T) {
	line := rapid.OneOf(rapid.SampledFrom(strings.Split(strings.TrimSpace(transcript), "\n")), rapid.String().Filter(func(s string) bool { return !strings.ContainsAny(s, "\n") }))
	rapid.Check(t, func(t *rapid.T) {
		lines := rapid.SliceOf(line).Draw(t, "lines")
		use := lever.NewUse(time.Time{}, time.Time{})
		if err := use.Read(strings.NewReader(strings.Join(lines, "\n")), "f"); err != nil {
			t.Fatal(err)
		}
		filled := 0
		for _, l := range lines {
			if strings.TrimSpace(l) != "" {
				filled++
			}
		}
		if use.Lines.Read != filled {
			t.Fatalf("%d lines were counted of %d", use.Lines.Read, filled)
		}
	})
}

func FuzzTranscript(f *testing.F) {
	f.Add([]byte(transcript))
	f.Fuzz(func(t *testing.T, src []byte) {
		use := lever.NewUse(time.Time{}, time.Time{})
		if err := use.Read(strings.NewReader(string(src)), "f"); err != nil {
			t.Fatal(err)
		}
		lever.Prune(lever.Estate{Use: use, Window: time.Hour, Skills: []lever.Installed{{Name: "a"}}})
	})
}
