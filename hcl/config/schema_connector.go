package config

import (
	"fmt"
	"strings"
	"time"
)

// MaxToolName is the longest name of a tool that agents take, with its prefix.
const MaxToolName = 128

func kindNamesOf() []string {
	var out []string
	for _, k := range Kinds() {
		out = append(out, k.Name)
	}
	return out
}

func connectorDoc() *BlockDoc {
	return &BlockDoc{
		Type: "connector", Labels: []string{labelName},
		Doc: "An upstream MCP server whose tools are offered under the project's access rules. It is started, or called, when one of its tools is first needed.",
		Attributes: []*AttributeDoc{
			{Name: "command", Type: Strings, Example: `["npx", "-y", "@modelcontextprotocol/server-filesystem", "data"]`, Doc: "The program and its arguments, without a shell. Either this or `url`."},
			{Name: "url", Type: String, Example: `"https://mcp.example.com/mcp"`, Doc: "A server that answers over HTTP. Either this or `command`."},
			{Name: "env", Type: Strings, Default: "[]", Example: `["GITHUB_TOKEN"]`, Doc: "Names of the only environment variables that the program of `command` sees."},
			{Name: "kind", Type: String, Allowed: kindNamesOf(), Default: `"proxy_aggregator"`, Doc: "What it is for. The kind sets what the block does not say: see the table in [connectors.md](connectors.md)."},
			{Name: "prefix", Type: String, Default: "the connector's name", Example: `"github"`, Doc: "Stands before the names of its tools: `issues_create` is offered as `github_issues_create`. `\"\"` puts nothing there. At most 64 characters."},
			{Name: "tools", Type: Strings, Default: "all of them", Example: `["issues_*", "pulls_get"]`, Doc: "Which of its tools are offered: its own names, `*` stands for any characters."},
			{Name: "timeout", Type: Duration, Default: "by kind", Example: `"30s"`, Doc: "Of one call, from 1ms to 24h."},
			{Name: "output_limit", Type: Size, Range: "[1024,67108864]", Default: "by kind", Example: `"1MiB"`, Doc: "Of one result. More is kept as a blob; the caller gets the head and the blob's digest."},
			{Name: "concurrency", Type: Integer, Range: "[1,1000]", Default: "by kind", Example: "8", Doc: "Calls at the same time. Further ones wait."},
			{Name: "idle", Type: Duration, Default: "by kind", Example: `"10m"`, Doc: "It is stopped after so long without a call, and its sessions end. `\"0s\"` never stops it."},
			{Name: "private", Type: Strings, Default: "[]", Example: `["10.0.0.0/8"]`, Doc: "Ranges of addresses that are not public and that `url` may yet lead to. This machine needs naming too: `127.0.0.0/8`."},
			{Name: "plaintext", Type: Bool, Default: "false", Doc: "Allow `url` to be http, which everybody on the way can read and change."},
			{Name: "ca", Type: String, Example: `file("ca.pem")`, Doc: "The authorities that sign the server's certificate, as PEM, instead of those of the system."},
			{Name: "revision", Type: String, Allowed: []string{"auto", "2025-11-25", "2026-07-28"}, Default: `"auto"`, Doc: "The revision of MCP to speak. `auto` takes the newest that both know."},
			{Name: "read_only", Type: Bool, Default: "by kind", Example: "true", Doc: "Offer only tools that say of themselves that they are read-only."},
			{Name: "strict", Type: Bool, Default: "by kind", Example: "true", Doc: "Refuse arguments that a tool's schema does not name, also where the schema allows more."},
			{Name: "sanitise", Type: Bool, Default: "by kind", Example: "true", Doc: "Take hidden characters out of the text of results: zero-width ones, those that turn the direction of writing, tags, terminal controls."},
			{Name: "max_tools", Type: Integer, Range: "[0,10000]", Default: "by kind", Example: "20", Doc: "More tools than that are warned of. 0 is no limit."},
			{Name: "job", Type: String, Example: `"jobs_get"`, Doc: "Its tool that is asked how a call goes which answered with a handle. With it calls may be slow."},
			{Name: "rollback", Type: String, Example: `"undo"`, Doc: "Its tool that is called with `{\"tool\", \"arguments\", \"error\"}` when a call of another one failed half way. It is not offered to callers unless `tools` names it."},
		},
		Blocks: []*BlockDoc{headerDoc("connector"), {
			Type: "session", Single: true,
			Doc: "Bounds of the sessions of a `stateful_session`.",
			Attributes: []*AttributeDoc{
				{Name: "lifetime", Type: Duration, Default: `"1h"`, Doc: "After which a session ends, used or not. `\"0s\"` never, which is warned of."},
				{Name: "max", Type: Integer, Range: "[1,10000]", Default: "16", Doc: "Sessions at the same time."},
			},
			Example: "session {\n  lifetime = \"30m\"\n  max      = 4\n}",
		}},
		Example: `connector "github" {
  command = ["npx", "-y", "@modelcontextprotocol/server-github"]
  env     = ["GITHUB_TOKEN"]
  tools   = ["issues_*", "pulls_get"]
}`,
	}
}

func headerDoc(whose string) *BlockDoc {
	return &BlockDoc{
		Type: "header", Labels: []string{labelHeader},
		Doc: fmt.Sprintf("A header that is sent with every request of the %s. Exactly one of `env`, `file` and `value`.", whose),
		Attributes: []*AttributeDoc{
			{Name: "env", Type: String, Example: `"MCP_TOKEN"`, Doc: "Name of the environment variable with the value."},
			{Name: "file", Type: String, Example: `"/run/secrets/mcp"`, Doc: "File with the value; a path that is not absolute is relative to the project."},
			{Name: "value", Type: String, Example: `"team-7"`, Doc: "The value itself, where it is no secret."},
			{Name: "prefix", Type: String, Example: `"Bearer "`, Doc: "Before the value of `env` or `file`."},
		},
		Example: "header \"Authorization\" {\n  env    = \"MCP_TOKEN\"\n  prefix = \"Bearer \"\n}",
	}
}

// KindTable is what each kind sets, as a table in Markdown for docs.
func KindTable() string {
	var b strings.Builder
	rows := []struct {
		name string
		say  func(Kind) string
	}{
		{"read_only", func(k Kind) string { return fmt.Sprint(k.ReadOnly) }},
		{"strict", func(k Kind) string { return fmt.Sprint(k.Strict) }},
		{"sanitise", func(k Kind) string { return fmt.Sprint(k.Sanitise) }},
		{"max_tools", func(k Kind) string { return fmt.Sprint(k.MaxTools) }},
		{"timeout", func(k Kind) string { return shortDuration(k.Timeout) }},
		{"output_limit", func(k Kind) string { return sizeWords(k.OutputLimit) }},
		{"concurrency", func(k Kind) string { return fmt.Sprint(k.Concurrency) }},
		{"idle", func(k Kind) string { return shortDuration(k.Idle) }},
		{"session", func(k Kind) string {
			if k.Session == nil {
				return "none"
			}
			return fmt.Sprintf("%s, %d", shortDuration(k.Session.Lifetime), k.Session.Max)
		}},
		{"rollback", func(k Kind) string {
			if k.Rollback {
				return "should name one"
			}
			return "none"
		}},
	}
	b.WriteString("| |")
	for _, k := range Kinds() {
		fmt.Fprintf(&b, " `%s` |", k.Name)
	}
	b.WriteString("\n|" + strings.Repeat(" --- |", len(Kinds())+1) + "\n")
	for _, r := range rows {
		fmt.Fprintf(&b, "| `%s` |", r.name)
		for _, k := range Kinds() {
			fmt.Fprintf(&b, " %s |", r.say(k))
		}
		b.WriteString("\n")
	}
	b.WriteString("\n")
	for _, k := range Kinds() {
		fmt.Fprintf(&b, "- `%s`: %s%s\n", k.Name, strings.ToLower(k.Doc[:1]), k.Doc[1:])
	}
	return b.String()
}

// shortDuration is a duration without parts that are zero: "10m", not "10m0s".
func shortDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// sizeWords writes a number of bytes in the largest unit that is whole.
func sizeWords(n int64) string {
	for _, unit := range []string{"GiB", "MiB", "KiB"} {
		if u := sizeUnits[unit]; n >= u && n%u == 0 {
			return fmt.Sprintf("%d%s", n/u, unit)
		}
	}
	return fmt.Sprintf("%dB", n)
}
