package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// String is the plan as a person would paste it into a shell, with what preflight
// found and what to know as comments. It ends in a newline.
func (p Plan) String() string {
	var b strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	say("# %s: %s on %s %s, %s; ready within %d s", p.Name, p.Model, title(p.Engine), p.Version, p.Runtime, p.Seconds)
	for _, f := range p.Findings {
		say("# %s %s: %s", f.ID, f.Effect, f.Says)
	}
	for _, n := range p.Notes {
		say("# %s", n)
	}
	for _, x := range p.Processes {
		say("")
		say("# %s: %s", x.Name, x.Role)
		if len(x.After) > 0 {
			say("# starts after %s", strings.Join(x.After, ", "))
		}
		for _, k := range slices.Sorted(maps.Keys(x.Env)) {
			say("%s=%s \\", k, quote(x.Env[k]))
		}
		say("%s", command(x.Command))
		say("# ready when %s answers 200, within %d s", x.Ready, x.Seconds)
	}
	for _, e := range p.Endpoints {
		say("")
		say("# endpoint %s", e)
	}
	for _, m := range p.Manifests {
		say("---")
		b.WriteString(m.YAML)
	}
	return b.String()
}

// Script is the process as a POSIX shell script, for people who start it
// themselves: its variables, and its command in the place of the shell.
func (x Process) Script() string {
	var b strings.Builder
	fmt.Fprintf(&b, "#!/bin/sh\n# %s: %s. Ready when %s answers 200, within %d s.\n", x.Name, x.Role, x.Ready, x.Seconds)
	if len(x.After) > 0 {
		fmt.Fprintf(&b, "# Start it after %s.\n", strings.Join(x.After, ", "))
	}
	for _, k := range slices.Sorted(maps.Keys(x.Env)) {
		fmt.Fprintf(&b, "export %s=%s\n", k, quote(x.Env[k]))
	}
	fmt.Fprintf(&b, "exec %s\n", command(x.Command))
	return b.String()
}

// command breaks a command before each flag.
func command(words []string) string {
	var b strings.Builder
	for i, w := range words {
		switch {
		case i == 0:
		case strings.HasPrefix(w, "--"):
			b.WriteString(" \\\n  ")
		default:
			b.WriteByte(' ')
		}
		b.WriteString(quote(w))
	}
	return b.String()
}

// quote writes a word so that a POSIX shell reads it back.
func quote(s string) string {
	if s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("_-./:=,@+%", r))
	}) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
