package backend

import (
	"context"
	"encoding/json"
	"io/fs"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// Runner is a Model that also lets an agent do a whole task, in a copy of a
// folder of files. Calls arrive concurrently.
//
// A backend that runs agents must be a Model too. One that cannot generate
// refuses Generate with invalid_request.
type Runner interface {
	// Execute does one task and returns when nothing of it runs any more. It
	// must not write into Fixture, and must not follow a link that leads out of
	// it. ctx ends after Timeout too: an error then becomes a Result that
	// TimedOut, with the parts that were returned beside the error.
	//
	// An agent that ran and failed is a Result with its ExitCode. An error, as in
	// Generate, is a task that did not run, or of which nothing is known; what it
	// cost may then not be known either.
	Execute(ctx context.Context, task Task) (Result, error)
}

// Task is what an agent is to do.
type Task struct {
	Input json.RawMessage // any JSON value
	// Fixture is the absolute path of a folder, or empty. Host and backend share
	// the machine; a backend elsewhere refuses a path that it does not have.
	Fixture string
	Model   string            // that the agent is to use
	Timeout time.Duration     // 0: none but that of ctx
	Env     map[string]string // that the agent gets beside the backend's own
	// Idempotency is the same for a task that is executed again because the
	// first call was lost.
	Idempotency string
}

// Result is what came of a task.
type Result struct {
	Text  string // what the agent answered, MaxAnswer at most
	Files []ChangedFile
	// Usage is of the whole task, and zero unless UsageKnown: an agent that says
	// nothing has not been free.
	Usage      message.Usage
	UsageKnown bool
	// Cost is what the agent itself says that the whole task cost, in
	// micro-dollars, and zero unless CostKnown. It may know of models and tools that
	// Usage does not show.
	Cost      int64
	CostKnown bool
	Model     string   // the id that really answered; empty: the agent does not say
	ExitCode  int      // of the agent's process; -1: it was killed
	TimedOut  bool     // it was ended after Timeout
	Log       []string // the last lines of the agent's diagnostics, oldest first; MaxLog at most
}

// Change is what happened to a file.
type Change string

// The changes. A host refuses any other.
const (
	Added   Change = "added"
	Changed Change = "changed"
	Removed Change = "removed"
)

// ChangedFile is a regular file that the task left different. A link or a device
// cannot be reported.
type ChangedFile struct {
	Path string // below the fixture, with slashes: no "..", no backslash, not absolute
	Kind Change
	Size int64 // in bytes; 0 for Removed
	// Data is the whole file or, of a file above MaxFile or beyond MaxFiles of
	// all of them together, nothing. An author may leave Size to the SDK, which
	// also takes out what is too large.
	Data []byte
}

// Limits of a Result, in bytes and in files. One file fits into a message.
const (
	MaxFile    = 8 << 20
	MaxFiles   = 64 << 20
	maxChanges = 10_000
)

// checkTask refuses what cannot be executed, on both sides.
func checkTask(t Task) error {
	if !json.Valid(t.Input) {
		return Errorf(InvalidRequest, "the input of the task is not JSON")
	}
	if t.Fixture != "" && !filepath.IsAbs(t.Fixture) {
		return Errorf(InvalidRequest, "the fixture %q is not an absolute path", t.Fixture)
	}
	if t.Timeout < 0 {
		return Errorf(InvalidRequest, "the task cannot be done in %s", t.Timeout)
	}
	for name, value := range t.Env {
		if name == "" || strings.ContainsAny(name, "=\x00") || strings.Contains(value, "\x00") {
			return Errorf(InvalidRequest, "%q cannot be a variable of the environment", name)
		}
	}
	return nil
}

// settle completes what an author may leave out and takes out the data that is
// too large to be sent.
func settle(files []ChangedFile) []ChangedFile {
	var out []ChangedFile
	total := 0
	for _, f := range files {
		if f.Size == 0 {
			f.Size = int64(len(f.Data))
		}
		if total += len(f.Data); len(f.Data) > MaxFile || total > MaxFiles {
			total -= len(f.Data)
			f.Data = nil
		}
		out = append(out, f)
	}
	return out
}

// changes checks the files of a result one by one, as they come.
type changes struct {
	seen  map[string]Change
	total int
}

func (c *changes) take(f ChangedFile) error {
	if err := checkPath(f.Path); err != nil {
		return err
	}
	if _, twice := c.seen[f.Path]; twice {
		return Errorf(Unavailable, "the backend reported file %q twice", f.Path)
	}
	if c.total += len(f.Data); c.total > MaxFiles || len(c.seen) == maxChanges {
		return Errorf(Unavailable, "the backend reported more than %d files or %d MiB of them", maxChanges, MaxFiles>>20)
	}
	switch f.Kind {
	case Added, Changed:
		if size := int64(len(f.Data)); f.Size < 0 || size > MaxFile || (size > 0 && size != f.Size) {
			return Errorf(Unavailable, "the backend reported %d bytes of file %q, which has %d", size, f.Path, f.Size)
		}
	case Removed:
		if f.Size != 0 || len(f.Data) > 0 {
			return Errorf(Unavailable, "the backend reported file %q as removed and sent its data", f.Path)
		}
	default:
		return Errorf(Unavailable, "the backend reported the change %q of file %q, which does not exist", f.Kind, f.Path)
	}
	if c.seen == nil {
		c.seen = map[string]Change{}
	}
	c.seen[f.Path] = f.Kind
	return nil
}

// whole checks what only all files together show.
func (c *changes) whole() error {
	for file, kind := range c.seen {
		if kind == Removed {
			continue
		}
		for dir := path.Dir(file); dir != "."; dir = path.Dir(dir) {
			if k, ok := c.seen[dir]; ok && k != Removed {
				return Errorf(Unavailable, "the backend reported %q as a file, and %q below it", dir, file)
			}
		}
	}
	return nil
}

// checkPath refuses what is not a name below the folder on every platform that
// may write it. A backslash is refused on all, or a backend on Windows could
// name what another host takes for one odd name.
func checkPath(name string) error {
	if !fs.ValidPath(name) || name == "." || strings.ContainsAny(name, "\\\x00") || !filepath.IsLocal(filepath.FromSlash(name)) {
		return Errorf(Unavailable, "the backend reported a change of %q, which is no file below the folder of the task", name)
	}
	return nil
}

// checkResult holds the rest of a result to the contract.
func checkResult(r Result) error {
	u := r.Usage
	if min(u.Input, u.CachedInput, u.CacheWrite, u.CacheWrite1h, u.Output, u.Reasoning) < 0 {
		return Errorf(Unavailable, "the backend reported a negative usage")
	}
	if !r.UsageKnown && u != (message.Usage{}) {
		return Errorf(Unavailable, "the backend reported a usage and that it does not know it")
	}
	if r.Cost < 0 || !r.CostKnown && r.Cost != 0 {
		return Errorf(Unavailable, "the backend reported a cost that is negative, or that it does not know")
	}
	return nil
}
