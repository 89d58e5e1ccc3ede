package command

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/plimsoll-dev/plimsoll/sdk/backend"
	"github.com/plimsoll-dev/plimsoll/sdk/backend/fixture"
)

// prepared is a task of which everything is ready but the process.
type prepared struct {
	program string
	args    []string
	env     []string
	work    string         // the copy that the agent works in
	stdin   string         // file on its standard input; "" is nothing
	before  fixture.Folder // the copy, untouched
}

// maxArgument is the longest single argument that Linux takes (MAX_ARG_STRLEN).
const maxArgument = 128<<10 - 1

// prepare makes the folders of a task below dir: work, the copy; tmp, for what
// the agent wants to put away; in, for the files that placeholders name.
func (r *runner) prepare(task backend.Task, dir string) (*prepared, error) {
	p := &prepared{work: filepath.Join(dir, "work")}
	in, tmp := filepath.Join(dir, "in"), filepath.Join(dir, "tmp")
	w := readWork(task.Input)
	promptFile, inputFile := filepath.Join(in, "prompt.txt"), filepath.Join(in, "input.json")
	err := errors.Join(os.Mkdir(p.work, 0o700), os.Mkdir(in, 0o700), os.Mkdir(tmp, 0o700))
	if err == nil {
		err = errors.Join(os.WriteFile(promptFile, []byte(w.Prompt), 0o600), os.WriteFile(inputFile, w.Input, 0o600))
	}
	if err != nil {
		return nil, fmt.Errorf("making the folders of the task: %w", err)
	}
	if p.before, err = fixture.Copy(task.Fixture, p.work); err != nil {
		return nil, backend.Errorf(backend.InvalidRequest, "the fixture cannot be copied: %v", err)
	}
	skillDir := ""
	if w.SkillDir != "" && r.names("skill_dir") {
		// A copy, too: what a task changes there is gone with it.
		skillDir = filepath.Join(dir, "skill")
		if err := os.Mkdir(skillDir, 0o700); err != nil {
			return nil, fmt.Errorf("making the folders of the task: %w", err)
		}
		mine := func(path string) bool { return slices.Contains(w.SkillFiles, path) }
		if _, err := fixture.CopyOnly(w.SkillDir, skillDir, mine); err != nil {
			return nil, backend.Errorf(backend.InvalidRequest, "the skill's folder cannot be copied: %v", err)
		}
	}
	fill := strings.NewReplacer(
		"{prompt}", w.Prompt, "{prompt_file}", promptFile, "{input}", bare(w.Input), "{input_file}", inputFile,
		"{model}", task.Model, "{dir}", p.work, "{project}", r.project, "{skill_dir}", skillDir,
	)
	for _, arg := range r.Command[1:] {
		filled := fill.Replace(arg)
		if len(filled) > maxArgument {
			return nil, backend.Errorf(backend.InvalidRequest, "argument %q has %d bytes once it is filled in, and a program takes %d in one: hand it over with {prompt_file} or {input_file}, or on standard input by leaving {prompt} out", arg, len(filled), maxArgument)
		}
		if strings.Contains(filled, "\x00") {
			return nil, backend.Errorf(backend.InvalidRequest, "argument %q would contain a zero byte; hand it over with {prompt_file} or {input_file}", arg)
		}
		p.args = append(p.args, filled)
	}
	if !r.names("prompt") && !r.names("prompt_file") {
		p.stdin = promptFile
	}
	if p.env, err = r.environment(task.Env, tmp); err != nil {
		return nil, err
	}
	p.program, err = find(fill.Replace(r.Command[0]), r.project, p.env)
	return p, err
}

// names tells whether the command has a placeholder.
func (r *runner) names(placeholder string) bool {
	return slices.ContainsFunc(r.Command, func(arg string) bool { return strings.Contains(arg, "{"+placeholder+"}") })
}

// environment is what the host gave for all agents, the declared variables, and a
// folder for temporary files that ends with the task.
func (r *runner) environment(given map[string]string, tmp string) ([]string, error) {
	var env []string
	for name, value := range given {
		if !slices.Contains([]string{"TMPDIR", "TMP", "TEMP"}, name) {
			env = append(env, name+"="+value)
		}
	}
	for _, name := range r.Env {
		value, ok := os.LookupEnv(name)
		if !ok {
			return nil, backend.Errorf(backend.InvalidRequest, "the agent needs the environment variable %s, which is not set", name)
		}
		env = append(env, name+"="+value)
	}
	slices.Sort(env)
	return append(env, "TMPDIR="+tmp, "TMP="+tmp, "TEMP="+tmp), nil
}

// find looks a program up on the agent's own PATH, or below the project where
// its name is a path.
func find(name, project string, env []string) (string, error) {
	if strings.ContainsAny(name, `/\`) {
		if !filepath.IsAbs(name) {
			name = filepath.Join(project, name)
		}
		if path, ok := executable(name); ok {
			return path, nil
		}
		return "", backend.Errorf(backend.InvalidRequest, "the program %s is not there, or may not be executed", name)
	}
	path := ""
	for _, pair := range env {
		if value, ok := strings.CutPrefix(pair, "PATH="); ok {
			path = value
		}
	}
	for _, dir := range filepath.SplitList(path) {
		if !filepath.IsAbs(dir) { // "." would be the folder that a task may write
			continue
		}
		if found, ok := executable(filepath.Join(dir, name)); ok {
			return found, nil
		}
	}
	return "", backend.Errorf(backend.InvalidRequest, "there is no program %q on PATH: install it, or write its path", name)
}

func executable(name string) (string, bool) {
	names := []string{name}
	if runtime.GOOS == "windows" {
		names = append(names, name+".exe", name+".cmd", name+".bat")
	}
	for _, n := range names {
		info, err := os.Stat(n)
		if err == nil && !info.IsDir() && (runtime.GOOS == "windows" && filepath.Ext(n) != "" || info.Mode()&0o111 != 0) {
			return n, true
		}
	}
	return "", false
}

// bare is the text of a JSON string, or the JSON itself.
func bare(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	return string(raw)
}
