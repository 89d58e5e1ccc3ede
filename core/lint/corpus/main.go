// Command corpus counts what the linter says about real tools and skills, which
// nobody wrote to attack: whatever it blocks there is a false alarm until
// somebody has read it. BENCHMARKS.md holds what it printed.
//
// It reads public data from a folder that is given, and nothing else; it writes
// nothing but its table.
//
//	go run ./core/lint/corpus -data DIR [-show RULE]
package main

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/lint"
)

func main() {
	data := flag.String("data", "", "folder with retrieval/ and skills/")
	show := flag.String("show", "", "show every finding of this rule, or of `block`")
	flag.Parse()
	if *data == "" {
		log.Fatal("-data is missing: the folder with retrieval/ and skills/")
	}
	sets := []struct {
		name  string
		texts func() ([]lint.Text, error)
	}{
		{"skills", func() ([]lint.Text, error) { return skills(filepath.Join(*data, "skills", "skill-md.tar.gz")) }},
		{"skills by trigger", func() ([]lint.Text, error) {
			return tools(filepath.Join(*data, "retrieval", "skills_trigger", "corpus.jsonl"), lint.Skill)
		}},
		{"metatool", func() ([]lint.Text, error) {
			return tools(filepath.Join(*data, "retrieval", "metatool_single", "corpus.jsonl"), lint.Tool)
		}},
		{"stabletoolbench", func() ([]lint.Text, error) {
			return tools(filepath.Join(*data, "retrieval", "stabletoolbench", "corpus.jsonl"), lint.Tool)
		}},
	}
	var all []counted
	for _, s := range sets {
		texts, err := s.texts()
		if err != nil {
			log.Fatalf("%s: %v", s.name, err)
		}
		all = append(all, count(s.name, texts, *show))
	}
	table(os.Stdout, all)
}

// counted is a set and the texts of it that each rule speaks of.
type counted struct {
	name  string
	texts int
	by    map[string]map[lint.Severity]int
	worst map[lint.Severity]int
}

func count(name string, texts []lint.Text, show string) counted {
	c := counted{name, len(texts), map[string]map[lint.Severity]int{}, map[lint.Severity]int{}}
	worst := map[string]lint.Severity{}
	seen := map[string]bool{}
	for _, f := range lint.Run(texts) {
		if show != "" && (f.Rule == show || string(f.Severity) == show) {
			fmt.Printf("%s\t%s\t%s\t%s\t%s\n", name, f.Severity, f.Rule, f.Where(), f.Evidence)
		}
		who := f.Connector + "\x00" + f.Name
		if c.by[f.Rule] == nil {
			c.by[f.Rule] = map[lint.Severity]int{}
		}
		if key := who + "\x00" + f.Rule + string(f.Severity); !seen[key] {
			seen[key] = true
			c.by[f.Rule][f.Severity]++
		}
		worst[who] = lint.Worst([]lint.Finding{f, {Severity: or(worst[who], f.Severity)}})
	}
	for _, s := range worst {
		c.worst[s]++
	}
	return c
}

func or(a, b lint.Severity) lint.Severity {
	if a != "" {
		return a
	}
	return b
}

// table writes how many texts of each set each rule speaks of.
func table(w io.Writer, sets []counted) {
	fmt.Fprint(w, "| |")
	for _, s := range sets {
		fmt.Fprintf(w, " %s (%d) |", s.name, s.texts)
	}
	fmt.Fprintf(w, "\n|%s\n", strings.Repeat(" --- |", len(sets)+1))
	for _, severity := range []lint.Severity{lint.Block, lint.Warn, lint.Note} {
		fmt.Fprintf(w, "| worst is %s |", severity)
		for _, s := range sets {
			fmt.Fprintf(w, " %d (%.2f %%) |", s.worst[severity], 100*float64(s.worst[severity])/float64(max(1, s.texts)))
		}
		fmt.Fprintln(w)
	}
	for _, r := range lint.Rules() {
		for _, severity := range []lint.Severity{lint.Block, lint.Warn, lint.Note} {
			line, any := fmt.Sprintf("| `%s`, %s |", r.ID, severity), false
			for _, s := range sets {
				n := s.by[r.ID][severity]
				any = any || n > 0
				line += fmt.Sprintf(" %d |", n)
			}
			if any {
				fmt.Fprintln(w, line)
			}
		}
	}
}

// tools reads one tool, or skill, a line.
func tools(name string, kind lint.Kind) ([]lint.Text, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var out []lint.Text
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var x struct{ ID, Name, Server, Description, Body string }
		if err := json.Unmarshal(lines.Bytes(), &x); err != nil {
			return nil, fmt.Errorf("line %d: %w", len(out)+1, err)
		}
		if kind == lint.Skill {
			out = append(out, lint.Text{Kind: kind, Name: x.ID, Description: x.Description, Body: x.Body})
			continue
		}
		if x.Server == "" {
			x.Server = x.ID // plugins of their own
		}
		// These are names of an API's pages, with spaces; a server would write them as identifiers.
		name := strings.ReplaceAll(x.Name, " ", "_")
		out = append(out, lint.Text{Kind: lint.Tool, Connector: x.Server, Name: name, Description: x.Description})
	}
	return out, lines.Err()
}

// skills reads every SKILL.md of an archive.
func skills(name string) ([]lint.Text, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	unzipped, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	archive := tar.NewReader(unzipped)
	var out []lint.Text
	for {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		if path.Base(h.Name) != "SKILL.md" {
			continue
		}
		src, err := io.ReadAll(io.LimitReader(archive, 4<<20))
		if err != nil {
			return nil, err
		}
		t := lint.Text{Kind: lint.Skill, Name: path.Dir(h.Name)}
		t.Description, t.Body = split(string(src))
		out = append(out, t)
	}
}

// split takes the description out of a front matter, as well as it goes without
// knowing YAML: an indented block counts line by line.
func split(text string) (description, body string) {
	head, rest, ok := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(text, "\ufeff"), "---"), "\n---")
	if !ok {
		return "", text
	}
	inside := false
	var lines []string
	for line := range strings.Lines(head) {
		value, is := strings.CutPrefix(line, "description:")
		switch {
		case is:
			inside = true
			lines = append(lines, strings.Trim(strings.TrimSpace(value), `"'>|-`))
		case inside && strings.HasPrefix(line, " "):
			lines = append(lines, strings.TrimSpace(line))
		default:
			inside = false
		}
	}
	return strings.Join(lines, " "), rest
}
