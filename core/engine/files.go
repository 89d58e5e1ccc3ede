package engine

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/plimsoll-dev/plimsoll/core/evidence"
	"github.com/plimsoll-dev/plimsoll/core/store/atomicfile"
)

// evidenceFiles are the evidence folder of a project. Appending takes the lock:
// a night and a command that share the state may write for one skill.
type evidenceFiles struct {
	dir    string
	lock   *sync.Mutex
	parsed *parsed
}

func (e *Engine) files() evidenceFiles {
	return evidenceFiles{e.Project.Dir, &e.state.files, &e.parsed}
}

// Name is the file's place in the project, with forward slashes on every system.
func (f evidenceFiles) Name(skill string) string { return EvidenceDir + "/" + skill + ".jsonl" }

func (f evidenceFiles) path(skill string) string {
	return filepath.Join(f.dir, EvidenceDir, skill+".jsonl")
}

// Read parses a skill's evidence; a skill without a file has none yet. Damaged
// evidence is an error: a verdict from a part of it could be anything.
func (f evidenceFiles) Read(skill string) (*evidence.Log, error) {
	src, err := os.ReadFile(f.path(skill))
	if errors.Is(err, fs.ErrNotExist) {
		return &evidence.Log{Skill: skill}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading evidence: %w", err)
	}
	sum := sha256.Sum256(src)
	if log, ok := f.parsed.get(skill, sum); ok {
		return log, nil
	}
	log, diags := evidence.Parse(f.Name(skill), src)
	if err := diags.Err(); err != nil {
		return nil, fmt.Errorf("the evidence of %s is damaged; restore %s from version control:\n%w", skill, f.Name(skill), err)
	}
	f.parsed.put(skill, sum, len(src), log)
	return log.Clone(), nil
}

// Append adds lines and returns once they are safe on disk.
func (f evidenceFiles) Append(skill string, lines []byte) error {
	f.lock.Lock()
	defer f.lock.Unlock()
	if err := errors.Join(f.attributes(), f.mend(skill)); err != nil {
		return err
	}
	return atomicfile.Append(f.path(skill), lines)
}

// mend takes a torn last line away before anything is appended behind it: it
// was never acknowledged. A whole one that only lacks its newline stays.
func (f evidenceFiles) mend(skill string) error {
	src, err := os.ReadFile(f.path(skill))
	if errors.Is(err, fs.ErrNotExist) || len(src) == 0 || err == nil && src[len(src)-1] == '\n' {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading evidence: %w", err)
	}
	start := bytes.LastIndexByte(src, '\n') + 1
	if json.Valid(src[start:]) {
		return nil
	}
	return atomicfile.Write(f.path(skill), src[:start], 0o644)
}

// attributes tells git to merge evidence by union: lines of two nights are both
// true, and their order means nothing.
func (f evidenceFiles) attributes() error {
	path := filepath.Join(f.dir, EvidenceDir, ".gitattributes")
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("making the evidence folder: %w", err)
	}
	return atomicfile.Write(path, []byte("*.jsonl merge=union text eol=lf\n"), 0o644)
}
