// Package command runs the user's own agent (claude -p, codex exec, a script) as
// a runner: a declared command in a temporary copy of a folder, with the model
// swapped in, its text and its changed files as the result. Usage is read where
// the agent prints it and never made up.
//
// It is no sandbox. The command may do whatever the user may do, and whoever
// shows its results has to say so. What the package keeps are bounds: an
// environment of named variables, arguments that no shell reads, a time limit, a
// limit on what is printed and left behind, and an end: when the task is over, or
// the host is gone, nothing of its process group runs any more.
//
//	runner "agent" {
//	  command = ["claude", "-p", "{prompt}", "--model", "{model}", "--output-format", "json"]
//	  env     = ["ANTHROPIC_API_KEY"]
//	  timeout = "10m"
//	}
package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/plimsoll-dev/plimsoll/sdk/backend"
	"github.com/plimsoll-dev/plimsoll/sdk/backend/fixture"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// runner is a declared command.
type runner struct {
	config
	project string // folder that relative programs are looked up in
	first   sync.Once
}

var (
	_ backend.Model  = (*runner)(nil)
	_ backend.Runner = (*runner)(nil)
)

// New reads the config that the host made of a runner block.
func New(values map[string]any) (backend.Model, error) {
	if values == nil {
		return &runner{}, nil
	}
	cfg, err := readConfig(values)
	if err != nil {
		return nil, err
	}
	project, err := os.Getwd()
	if err != nil {
		return nil, backend.Errorf(backend.InvalidRequest, "finding the project's folder: %v", err)
	}
	return &runner{config: cfg, project: project}, nil
}

// Describe lists no models: the agent knows which it takes.
func (r *runner) Describe(context.Context) (backend.Description, error) {
	return backend.Description{Name: "command", Version: "1.0.0", ConfigSchema: schema()}, nil
}

// Generate refuses: an agent does tasks.
func (r *runner) Generate(context.Context, message.Request, backend.Sink) error {
	return backend.Errorf(backend.InvalidRequest, "plugin command runs agents and makes no single model calls: name it in a runner block, not as the backend of a tier or judge")
}

// work is a task as the host writes it into Task.Input. Any other JSON is its own
// prompt.
type work struct {
	Prompt   string          `json:"prompt"`    // instructions and input, in one text
	Input    json.RawMessage `json:"input"`     // the input alone
	SkillDir string          `json:"skill_dir"` // absolute path of the skill's folder, or empty
	// SkillFiles are the files below it that the agent may have. Never its items: an
	// agent that has read what it is measured on proves nothing.
	SkillFiles []string `json:"skill_files"`
}

func readWork(input json.RawMessage) work {
	var w work
	if json.Unmarshal(input, &w) == nil && w.Prompt != "" {
		return w
	}
	w = work{Prompt: string(input), Input: input}
	var text string
	if json.Unmarshal(input, &text) == nil {
		w.Prompt = text
	}
	return w
}

// Execute does one task in a temporary folder and removes the folder.
func (r *runner) Execute(ctx context.Context, task backend.Task) (result backend.Result, err error) {
	var left []string // what could not be taken away is no fault of this task
	r.first.Do(func() {
		if err := sweep(time.Now()); err != nil {
			left = append(left, "[plimsoll] "+err.Error())
		}
	})
	dir, err := os.MkdirTemp("", taskFolder)
	if err != nil {
		return result, fmt.Errorf("making a folder for the task: %w", err)
	}
	held, unheld := hold(dir)
	defer func() {
		err = errors.Join(err, remove(dir))
		if unheld == nil {
			_ = held.Close()
		}
	}()
	p, err := r.prepare(task, dir)
	if err != nil {
		return result, err
	}
	done, err := p.run(ctx)
	if err != nil {
		return result, err
	}
	result.ExitCode, result.Log = done.exit, append(left, done.log...)
	changes, compared := fixture.Compare(p.before, p.work)
	if compared != nil {
		return result, backend.Errorf(backend.Unavailable, "what the agent left cannot be taken: %v", compared)
	}
	if len(changes.Files) > maxChanges {
		return result, backend.Errorf(backend.Unavailable, "the agent left %d changed files, more than the %d that can be taken", len(changes.Files), maxChanges)
	}
	for _, name := range changes.Skipped {
		result.Log = append(result.Log, fmt.Sprintf("[plimsoll] %s is no regular file and was not taken", name))
	}
	if result.Files, err = collect(p.work, changes.Files); err != nil {
		return result, err
	}
	if ctx.Err() != nil {
		result.ExitCode = -1
		return result, ctx.Err()
	}
	if done.flooded {
		return result, backend.Errorf(backend.Unavailable, "the agent was ended: it printed more than %d MiB", maxPrinted>>20)
	}
	a, err := r.read(done.printed, task.Model)
	if err != nil {
		if done.exit != 0 { // its status says enough, and why it printed nothing to be read
			result.Log = append([]string{"[plimsoll] " + err.Error()}, result.Log...)
			return result, nil
		}
		return result, backend.Errorf(backend.Unavailable, "%v", err)
	}
	result.Text, result.Model = a.text, a.model
	result.Usage, result.UsageKnown = a.usage, a.usageKnown
	result.Cost, result.CostKnown = a.cost, a.costKnown
	if a.failed != "" {
		// Some agents end with status 0 and say in their JSON that they failed.
		result.ExitCode = max(result.ExitCode, 1)
		result.Log = append(result.Log, "[plimsoll] the agent says that it failed: "+a.failed)
	}
	return result, nil
}

// maxChanges is what a backend.Result can carry.
const maxChanges = 10_000

// collect reads what changed. The SDK takes out the data that is too large to be
// sent; here it is only kept from filling the memory.
func collect(dir string, changes []fixture.Change) ([]backend.ChangedFile, error) {
	var out []backend.ChangedFile
	left := int64(backend.MaxFiles)
	for _, c := range changes {
		f := backend.ChangedFile{Path: c.Path, Kind: backend.Change(c.Kind)}
		if c.Kind != fixture.Removed {
			f.Size = c.Size
			if c.Size <= backend.MaxFile && c.Size <= left {
				data, err := fixture.Open(dir, c.Path, c.Size)
				if err != nil {
					return nil, backend.Errorf(backend.Unavailable, "what the agent left cannot be taken: %v", err)
				}
				f.Data, f.Size = data, int64(len(data))
				left -= f.Size
			}
		}
		out = append(out, f)
	}
	return out, nil
}

// remove takes a task's folder away, also where an agent left folders that even
// their owner may not write.
func remove(dir string) error {
	if os.RemoveAll(dir) == nil {
		return nil
	}
	_ = filepath.WalkDir(dir, func(path string, d os.DirEntry, _ error) error {
		if d != nil && d.IsDir() {
			_ = os.Chmod(path, 0o700)
		}
		return nil
	})
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("removing the task's folder: %w", err)
	}
	return nil
}
