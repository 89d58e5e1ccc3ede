package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/lever"
	"github.com/plimsoll-dev/plimsoll/core/price"
	"github.com/plimsoll-dev/plimsoll/core/run"
	"github.com/plimsoll-dev/plimsoll/hcl/policyfile"
	"github.com/plimsoll-dev/plimsoll/hcl/splice"
	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

// MCPFile is where a project's agents have their MCP servers.
const MCPFile = ".mcp.json"

// maxDefinitions bounds a tools/list answer, in bytes.
const maxDefinitions = 8 << 20

// PruneOptions say what is looked at. Nothing else is read.
type PruneOptions struct {
	MCP         string            // a .mcp.json file; "" is the project's own, where it has one
	Transcripts []string          // files, or folders of *.jsonl
	Tools       map[string]string // file of a tools/list answer, by server
	Window      time.Duration     // 0: 30 days
}

// Prune is what nobody uses, and the patches that would take it out.
type Prune struct {
	lever.Pruned
	Window time.Duration `json:"-"`
	Since  time.Time     `json:"since"`
	MCP    string        `json:"mcp_json,omitempty"` // the file that was read
	Files  int           `json:"transcripts"`
	Patch  string        `json:"-"`               // exact, with what stands beside: tokens too
	Shown  string        `json:"patch,omitempty"` // for people: values of servers are hidden
	Notes  []string      `json:"notes,omitempty"` // what the patch leaves to do by hand
}

// PruneTools looks for servers, skills and grants that nobody used in a window. It
// changes nothing.
func (e *Engine) PruneTools(ctx context.Context, o PruneOptions) (*Prune, error) {
	if o.Window <= 0 {
		o.Window = month
	}
	out := &Prune{Window: o.Window, Since: e.asOf.Add(-o.Window)}
	estate := lever.Estate{Window: o.Window, Definitions: map[string]lever.Definitions{}}
	rates, err := e.modelRates()
	if err != nil {
		return nil, err
	}
	estate.Rates = rates
	mcp, err := e.readMCP(o.MCP, &estate, out)
	if err != nil {
		return nil, err
	}
	if err := readDefinitions(o.Tools, &estate); err != nil {
		return nil, err
	}
	if len(o.Transcripts) > 0 {
		estate.Use = lever.NewUse(out.Since, e.asOf)
		if out.Files, err = readTranscripts(ctx, o.Transcripts, estate.Use); err != nil {
			return nil, err
		}
	}
	for _, s := range e.Project.Skills {
		estate.Skills = append(estate.Skills, lever.Installed{Name: s.Name, Description: s.Description, Path: s.Path})
	}
	if estate.Grants, err = e.grants(out.Since); err != nil {
		return nil, err
	}
	out.Pruned = lever.Prune(estate)
	return out, e.patchTools(out, mcp)
}

// modelRates knows the prices of models by id: those of the project's tiers, else
// of the price list.
func (e *Engine) modelRates() (func(string) (price.Rates, bool), error) {
	list, err := e.Project.Prices()
	if err != nil {
		return nil, err
	}
	known := map[string]price.Rates{}
	for _, l := range e.Project.Config.Ladders {
		for _, t := range l.Tiers {
			if t.Price.Known && t.Price.GPUHour == 0 {
				known[t.Model] = run.Rates(t.Price)
			}
		}
	}
	return func(model string) (price.Rates, bool) {
		if r, ok := known[model]; ok {
			return r, true
		}
		entry, err := list.Find(model)
		if err != nil {
			return price.Rates{}, false
		}
		r := price.Rates{Known: true, Tokens: price.Tokens(entry.Rates)}
		if entry.Above != nil {
			r.Above = price.Step{Prompt: entry.Above.Tokens, Tokens: price.Tokens(entry.Above.Rates)}
		}
		return r, true
	}, nil
}

// readMCP reads the file of servers. The project's own need not exist; one that was
// named must.
func (e *Engine) readMCP(name string, estate *lever.Estate, out *Prune) ([]byte, error) {
	path, named := name, name != ""
	if !named {
		path = filepath.Join(e.Project.Dir, MCPFile)
	}
	src, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && !named {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the MCP servers: %w", err)
	}
	if estate.Servers, err = lever.ReadMCP(src); err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	out.MCP = filepath.ToSlash(name)
	if !named {
		out.MCP = MCPFile
	}
	return src, nil
}

func readDefinitions(files map[string]string, estate *lever.Estate) error {
	for _, server := range slices.Sorted(maps.Keys(files)) {
		if !slices.ContainsFunc(estate.Servers, func(s lever.Server) bool { return s.Name == server }) {
			return fmt.Errorf("the tools of server %q were handed over, and no such server is declared", server)
		}
		info, err := os.Stat(files[server])
		if err != nil {
			return fmt.Errorf("reading the tools of server %s: %w", server, err)
		}
		if info.Size() > maxDefinitions {
			return fmt.Errorf("reading the tools of server %s: %s has %d bytes; at most %d are read", server, files[server], info.Size(), maxDefinitions)
		}
		src, err := os.ReadFile(files[server])
		if err != nil {
			return fmt.Errorf("reading the tools of server %s: %w", server, err)
		}
		if estate.Definitions[server], err = lever.ReadTools(src); err != nil {
			return fmt.Errorf("%s: %w", files[server], err)
		}
	}
	return nil
}

// readTranscripts reads files, and every *.jsonl file below folders. Links below a
// folder are not followed: what is read is what was pointed at.
func readTranscripts(ctx context.Context, places []string, use *lever.Use) (files int, err error) {
	for _, place := range places {
		if _, err := os.Stat(place); errors.Is(err, fs.ErrNotExist) {
			return files, fmt.Errorf("reading transcripts: there is no %s", place)
		}
		found := 0
		err := filepath.WalkDir(place, func(path string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case ctx.Err() != nil:
				return ctx.Err()
			case !d.Type().IsRegular() && path != place, d.IsDir(), path != place && !strings.HasSuffix(path, ".jsonl"):
				return nil
			}
			f, err := os.Open(path)
			if err != nil {
				return err
			}
			defer f.Close()
			found++
			// A session's file has its id as its name.
			return use.Read(f, strings.TrimSuffix(filepath.Base(path), ".jsonl"))
		})
		if err != nil {
			return files, fmt.Errorf("reading transcripts: %w", err)
		}
		if found == 0 {
			return files, fmt.Errorf("reading transcripts: there is no .jsonl file in %s", place)
		}
		files += found
	}
	return files, nil
}

// grants lists the tools that skills may call, with what their runs called.
func (e *Engine) grants(since time.Time) ([]lever.Granted, error) {
	var out []lever.Granted
	for _, s := range e.Project.Skills {
		g := s.Binding.Grant
		if g == nil || len(g.Tools)+len(g.ReadOnly) == 0 {
			continue
		}
		calls, runs, err := e.toolCalls(s.Name, since)
		if err != nil {
			return nil, err
		}
		for attribute, tools := range map[string][]string{"tools": g.Tools, "readonly": g.ReadOnly} {
			for _, tool := range tools {
				out = append(out, lever.Granted{Skill: s.Name, Tool: tool, Attribute: attribute, Runs: runs, Called: calls[tool]})
			}
		}
	}
	slices.SortFunc(out, func(a, b lever.Granted) int { return strings.Compare(a.Skill+"\x00"+a.Tool, b.Skill+"\x00"+b.Tool) })
	return out, nil
}

// toolCalls counts the tools that a skill's runs called, and the runs.
func (e *Engine) toolCalls(skillName string, since time.Time) (out map[string]lever.Called, runs int, err error) {
	notes, err := e.skillRuns(skillName, since)
	if err != nil {
		return nil, 0, err
	}
	out = map[string]lever.Called{}
	notes = ownRuns(notes) // an imported run had no grant to use
	for _, n := range notes {
		rec, err := e.Record(n.ID)
		if err != nil {
			return nil, 0, err
		}
		for _, a := range rec.Attempts {
			for _, h := range a.Host {
				if h.Op != abi.HostTool.String() {
					continue
				}
				c := out[h.Name]
				c.Calls++
				if n.At.After(c.Last) {
					c.Last = n.At
				}
				out[h.Name] = c
			}
		}
	}
	return out, len(notes), nil
}

// patchTools writes what is unused out of the files that name it, as a diff.
func (e *Engine) patchTools(out *Prune, mcp []byte) error {
	var servers []string
	sources := map[string][]byte{}
	for _, u := range out.Units {
		if !u.Unused {
			continue
		}
		switch u.Kind {
		case "server":
			servers = append(servers, u.Name)
		case "grant":
			e.withoutGrant(u, sources, out)
		case "skill":
			out.Notes = append(out.Notes, fmt.Sprintf("skill %s (%s): take its folder away, or narrow the pattern that finds it", u.Name, u.Of))
		}
	}
	if len(servers) > 0 {
		after, err := lever.RemoveServers(mcp, servers...)
		if err != nil {
			return fmt.Errorf("taking servers out of %s: %w", out.MCP, err)
		}
		name := strings.TrimPrefix(out.MCP, "/")
		out.Patch += policyfile.Diff(mcp, after, name)
		out.Shown += policyfile.Diff(lever.Masked(mcp), lever.Masked(after), name)
	}
	for _, name := range slices.Sorted(maps.Keys(sources)) {
		diff := policyfile.Diff(e.Project.Config.Sources[name], sources[name], name)
		out.Patch += diff
		out.Shown += diff
	}
	return nil
}

// withoutGrant takes a tool out of a skill's grant block.
func (e *Engine) withoutGrant(u lever.Unit, sources map[string][]byte, out *Prune) {
	for _, d := range e.Project.Config.Skills {
		if d.Name != u.Of || d.Grant == nil {
			continue
		}
		name := d.Grant.Range.File
		src, ok := sources[name]
		if !ok {
			src = e.Project.Config.Sources[name]
		}
		attribute := "tools"
		if slices.Contains(d.Grant.ReadOnly, u.Name) {
			attribute = "readonly"
		}
		at := []splice.Ref{{Type: "skill", Labels: []string{u.Of}}, {Type: "grant"}}
		after, err := splice.RemoveWord(name, src, at, attribute, u.Name)
		if err != nil {
			out.Notes = append(out.Notes, err.Error())
			return
		}
		sources[name] = after
	}
}
