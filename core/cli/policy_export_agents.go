package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/engine"
	"github.com/plimsoll-dev/plimsoll/core/store/atomicfile"
)

// Formats that agents read. Those with a file each need --out.
const (
	forShell  = "env"
	forClaude = "claude-agents"
	forCodex  = "codex-profiles"
)

// madeHere marks a file that an export wrote: only such a file is written again.
const madeHere = "Written by `plimsoll policy export`; the next export writes it again."

// exportEnv prints PLIMSOLL_MODEL_SKILL=MODEL, a line a step, for scripts.
func (c *command) exportEnv(rows []exported) {
	for _, r := range rows {
		name := r.Skill
		if r.Step != "main" {
			name += "_" + r.Step
		}
		name = strings.Map(func(r rune) rune {
			if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
				return r
			}
			return '_'
		}, strings.ToLower(name))
		c.say("PLIMSOLL_MODEL_%s='%s'", strings.ToUpper(name), strings.ReplaceAll(r.Model, "'", `'\''`))
	}
}

// agentFile is one file of an agent's config.
type agentFile struct{ path, text string }

// exportAgents writes a file for each skill, so that an agent runs it on the model
// that it stands on. A skill with steps of several models has no one model to name.
func (c *command) exportAgents(p *engine.Project, format, out string, rows []exported) error {
	bySkill := map[string][]exported{}
	for _, r := range rows {
		bySkill[r.Skill] = append(bySkill[r.Skill], r)
	}
	var files []agentFile
	for _, r := range rows {
		steps := bySkill[r.Skill]
		if len(steps) > 1 {
			if r.Step == steps[0].Step {
				c.note("%s has %d steps, each with a model of its own, and is left out: an agent's file names one.", r.Skill, len(steps))
			}
			continue
		}
		f, err := agentFileOf(p, format, r)
		if err != nil {
			return err
		}
		f.path = filepath.Join(out, f.path)
		files = append(files, f)
	}
	// All are looked at before one is written.
	for _, f := range files {
		old, err := os.ReadFile(c.at(f.path))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("reading what is there already: %w", err)
		}
		if err == nil && !bytes.Contains(old, []byte(madeHere)) {
			return &problem{code: exitProblems, err: fmt.Errorf("%s was not written by an export, and stays as it is: nothing was written. Move it away, or name another folder with --out", f.path)}
		}
	}
	if err := os.MkdirAll(c.at(out), 0o755); err != nil {
		return fmt.Errorf("making the folder: %w", err)
	}
	written := []string{}
	for _, f := range files {
		if old, err := os.ReadFile(c.at(f.path)); err == nil && string(old) == f.text {
			continue
		}
		if err := atomicfile.Write(c.at(f.path), []byte(f.text), 0o644); err != nil {
			return fmt.Errorf("writing an agent's file: %w", err)
		}
		written = append(written, f.path)
	}
	if c.json {
		return c.document(map[string]any{"written": written, "files": len(files)})
	}
	for _, path := range written {
		c.say("wrote %s", path)
	}
	c.say("%s, %d of them new or changed.", plural(len(files), "file", "files"), len(written))
	c.next("run the export again after each night, or from the schedule of plimsoll serve's host.")
	return nil
}

// agentFileOf is one skill's. Claude Code: a sub-agent in .claude/agents with the
// skill and its model. Codex: a profile file, ~/.codex/NAME.config.toml, for
// codex --profile NAME.
func agentFileOf(p *engine.Project, format string, r exported) (agentFile, error) {
	quoted := func(s string) (string, error) {
		raw, err := json.Marshal(s) // a JSON string is one of YAML and of TOML
		return string(raw), err
	}
	model, err := quoted(r.Model)
	if err != nil {
		return agentFile{}, err
	}
	if format == forCodex {
		return agentFile{r.Skill + ".config.toml", "# " + madeHere + "\n# Use it: codex exec --profile " + r.Skill + "\nmodel = " + model + "\n"}, nil
	}
	about := "Runs the skill " + r.Skill + "."
	if s, err := p.Skill(r.Skill); err == nil && s.Description != "" {
		about = s.Description
	}
	if about, err = quoted(about); err != nil {
		return agentFile{}, err
	}
	return agentFile{r.Skill + ".md", "---\nname: " + r.Skill + "\ndescription: " + about + "\nmodel: " + model + "\nskills:\n  - " + r.Skill + "\n---\n<!-- " + madeHere + " -->\nUse the skill " + r.Skill + " for the task that you are given, and answer with what it says.\n"}, nil
}
