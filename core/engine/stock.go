package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/access"
	"github.com/plimsoll-dev/plimsoll/core/connector"
	"github.com/plimsoll-dev/plimsoll/core/connector/lock"
	"github.com/plimsoll-dev/plimsoll/core/harness"
	"github.com/plimsoll-dev/plimsoll/core/harness/desk"
	"github.com/plimsoll-dev/plimsoll/core/mcp"
	"github.com/plimsoll-dev/plimsoll/core/skill"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
)

// restock makes the catalogue anew and shows it. No server is started for it: what
// is offered is what a person approved, and that stands in files. Calls go on
// meanwhile with the catalogue before; a server that was shut is shut at once.
// Vectors follow when they are made: an endpoint that hangs holds nobody up.
func (x *Surface) restock() error {
	x.stocking.Lock()
	defer x.stocking.Unlock()
	knowsProject(x.record, x.Project())
	parts, search, problems, err := x.parts()
	if err != nil {
		return err
	}
	var docs []harness.Document
	ids := map[string]bool{}
	for _, e := range parts.Entries {
		if e.Shut == "" && !e.Hidden && !ids[e.ID] {
			ids[e.ID] = true
			docs = append(docs, e.Document)
		}
	}
	if parts.Index, err = harness.Build(docs); err != nil {
		return err
	}
	if search.Threshold != nil {
		parts.Options.Confidence = max(1, int64(*search.Threshold*1e6))
	}
	shown, clashes := desk.Stock(parts)
	x.Desk.Show(shown)
	x.mu.Lock()
	x.problems = append(problems, clashes...)
	x.mu.Unlock()
	x.measure(parts)
	x.vectors.make(parts.Index, search, func(h *harness.Hybrid, err error) {
		x.stocking.Lock()
		defer x.stocking.Unlock()
		if err != nil {
			x.problem("%v", err)
		}
		if x.Desk.Shown() != shown { // another one is shown by now, and gets its own
			return
		}
		parts.Hybrid = h
		with, _ := desk.Stock(parts)
		x.Desk.Show(with)
	})
	return nil
}

// parts gathers what a catalogue is made of.
func (x *Surface) parts() (desk.Parts, *config.Search, []string, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	parts := desk.Parts{Meter: x.meter, Redact: x.project.Config.Accessing().Redact}
	var problems []string
	for _, s := range x.project.Skills {
		e := x.shelf[s.Name]
		if e == nil {
			var err error
			if e, err = shelve(s); err != nil {
				problems = append(problems, err.Error())
				continue
			}
			x.shelf[s.Name] = e
		}
		mine := *e // what was learned differs from catalogue to catalogue
		parts.Entries = append(parts.Entries, &mine)
	}
	for _, c := range x.project.Config.Connectors {
		server, tools := x.toolsOf(c)
		parts.Servers = append(parts.Servers, server)
		parts.Entries = append(parts.Entries, tools...)
	}
	if err := x.foldLearned(); err != nil {
		return parts, nil, nil, err
	}
	phrases := x.learned.Phrases(clock())
	for _, e := range parts.Entries {
		e.Learned = phrases[e.ID]
	}
	x.taught = false
	return parts, x.project.Config.Searching(), problems, nil
}

// Problems are what an operator should know of the catalogue: skills that are not
// offered, embeddings that do not answer.
func (x *Surface) Problems() []string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.problems
}

// shelve makes a skill's entry.
func shelve(s *skill.Skill) (*desk.Entry, error) {
	files, err := s.Shared()
	if err != nil {
		return nil, fmt.Errorf("skill %s is not offered: %w", s.Name, err)
	}
	shared := map[string]skill.Shared{}
	mirror := mcp.Skill{Name: s.Name, Description: s.Description, Prompt: s.Body != "", Arguments: []mcp.Argument{{Name: "input", Description: "what the skill is to work on"}}}
	for _, f := range files {
		shared[f.Path] = f
		file := mcp.File{Path: f.Path, Digest: f.Digest, Size: f.Size}
		if strings.HasSuffix(f.Path, ".md") {
			file.MIME = "text/markdown"
		}
		mirror.Files = append(mirror.Files, file)
	}
	read := func(path string) ([]byte, error) {
		f, ok := shared[path]
		if !ok {
			return nil, fmt.Errorf("%s is no file of skill %s", path, s.Name)
		}
		return s.ReadShared(f)
	}
	src, err := read("SKILL.md")
	if err != nil {
		return nil, err
	}
	if mirror.Frontmatter, err = skill.FrontJSON(src); err != nil {
		// An installed skill whose front matter is no YAML was read line by line: its
		// name and description are known all the same.
		if mirror.Frontmatter, err = json.Marshal(map[string]string{"name": s.Name, "description": s.Description}); err != nil {
			return nil, err
		}
	}
	return &desk.Entry{
		Document: harness.Document{
			ID: "skill:" + s.Name, Kind: harness.Skill, Name: s.Name, Description: s.Description,
			Parameters: parametersOf(s.InputSchema), Body: s.Body,
		},
		Definition: s.Hash,
		Skill: &desk.Skill{
			Input: s.InputSchema, Output: s.OutputSchema, Mirror: mirror, File: read,
			Prompt: func(arguments map[string]string) (string, error) { return promptOf(s, arguments) },
		},
	}, nil
}

// promptOf is a skill's instructions for whoever follows them by themselves.
func promptOf(s *skill.Skill, arguments map[string]string) (string, error) {
	for name := range arguments {
		if name != "input" {
			return "", fmt.Errorf("there is no argument %q; there is input", name)
		}
	}
	if in := arguments["input"]; in != "" {
		return s.Body + "\n\n" + in, nil
	}
	return s.Body, nil
}

// toolsOf makes the entries of a connector's approved tools.
func (x *Surface) toolsOf(c *config.Connector) (desk.Server, []*desk.Entry) {
	server := desk.Server{Name: c.Name, Prefix: c.Prefix, Sanitise: c.Sanitise}
	set, approved := x.locked.Connector(c.Name)
	if !approved {
		server.Shut = fmt.Sprintf("nobody approved what connector %s offers", c.Name)
		return server, nil
	}
	server.Set = set.Digest
	if r, ok := x.reports[c.Name]; ok && r.State != lock.OK {
		server.Shut = r.Reason
	}
	var out []*desk.Entry
	for _, t := range x.locked.Tools {
		if t.Connector != c.Name {
			continue
		}
		raw, ok := x.book.Definition(c.Name, t.Digest)
		if !ok {
			server.Shut = fmt.Sprintf("the approved definition of %s is not in %s: look at it with plimsoll connector diff %s, and approve it again", t.Name, lock.BookName, c.Name)
			continue
		}
		e, err := toolEntry(c, t.Name, t.Digest, raw)
		if err != nil {
			server.Shut = err.Error()
			continue
		}
		if c.ReadOnly && (e.Annotations.ReadOnly == nil || !*e.Annotations.ReadOnly) {
			continue
		}
		out = append(out, e)
	}
	for _, e := range out {
		e.Shut = server.Shut
	}
	return server, out
}

// parametersOf are the names and descriptions of a schema's properties, as text to
// search in.
func parametersOf(schema json.RawMessage) string {
	var doc struct {
		Properties map[string]struct {
			Description string `json:"description"`
		} `json:"properties"`
	}
	if len(schema) == 0 || json.Unmarshal(schema, &doc) != nil {
		return ""
	}
	var out []string
	for name, p := range doc.Properties {
		out = append(out, strings.TrimSpace(name+" "+p.Description))
	}
	slices.Sort(out)
	return strings.Join(out, "\n")
}

// definition is what is read of a tool as its server lists it.
type definition struct {
	Name        string          `json:"name"`
	Title       string          `json:"title"`
	Description string          `json:"description"`
	InputSchema json.RawMessage `json:"inputSchema"`
	Annotations struct {
		Title           string `json:"title"`
		ReadOnlyHint    *bool  `json:"readOnlyHint"`
		DestructiveHint *bool  `json:"destructiveHint"`
		IdempotentHint  *bool  `json:"idempotentHint"`
		OpenWorldHint   *bool  `json:"openWorldHint"`
	} `json:"annotations"`
}

func toolEntry(c *config.Connector, name, digest string, raw json.RawMessage) (*desk.Entry, error) {
	var def definition
	if err := json.Unmarshal(raw, &def); err != nil {
		return nil, errors.Join(fmt.Errorf("the approved definition of %s cannot be read", name), err)
	}
	public := connector.PublicName(c.Prefix, name)
	a := def.Annotations
	return &desk.Entry{
		Document: harness.Document{
			ID: "tool:" + public, Kind: harness.Tool, Name: public, Connector: c.Name,
			Description: strings.TrimSpace(def.Title + "\n" + def.Description), Parameters: parametersOf(def.InputSchema),
		},
		Own: name, Raw: raw, Definition: digest, Pinned: true, Hidden: !c.Offers(name), Strict: c.Strict, Sanitise: c.Sanitise, Rollback: c.Rollback,
		Annotations: access.Annotations{Title: a.Title, ReadOnly: a.ReadOnlyHint, Destructive: a.DestructiveHint, Idempotent: a.IdempotentHint, OpenWorld: a.OpenWorldHint},
	}, nil
}
