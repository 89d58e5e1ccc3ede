package engine

import (
	"encoding/json"
	"os"
	"path/filepath"

	"github.com/plimsoll-dev/plimsoll/core/store/atomicfile"
	"github.com/plimsoll-dev/plimsoll/hcl/policyfile"
)

// Desired is what the policy file says, for reading. Edits go to the file
// itself, read anew.
type Desired struct {
	all    []policyfile.Assignment
	byStep map[[2]string]int
}

func desiredOf(all []policyfile.Assignment) *Desired {
	d := &Desired{all: all, byStep: make(map[[2]string]int, len(all))}
	for i, a := range all {
		d.byStep[[2]string{a.Skill, a.Step}] = i
	}
	return d
}

// Get is the assignment of a step.
func (d *Desired) Get(skill, step string) (policyfile.Assignment, bool) {
	i, ok := d.byStep[[2]string{skill, step}]
	if !ok {
		return policyfile.Assignment{}, false
	}
	return d.all[i], true
}

// Assignments in the order of the file.
func (d *Desired) Assignments() []policyfile.Assignment { return d.all }

// remembered keeps what a policy file said under the digest of its bytes: a file
// of a thousand assignments takes half of a command's start to parse, and it
// seldom changes. Lost or broken, it costs that time and nothing else.
type remembered struct {
	Version     int                     `json:"version"`
	Digest      string                  `json:"digest"`
	Assignments []policyfile.Assignment `json:"assignments"`
}

const rememberedVersion = 1

func rememberedPath(dir string) string { return filepath.Join(dir, StateDir, "policy.json") }

func recall(dir string, src []byte) (*Desired, bool) {
	raw, err := os.ReadFile(rememberedPath(dir))
	if err != nil {
		return nil, false
	}
	var r remembered
	if json.Unmarshal(raw, &r) != nil || r.Version != rememberedVersion || r.Digest != digestOf(src) {
		return nil, false
	}
	return desiredOf(r.Assignments), true
}

// remember is best effort: a project that cannot be written is read just as
// well.
func remember(dir string, src []byte, all []policyfile.Assignment) {
	if _, err := os.Stat(filepath.Join(dir, StateDir)); err != nil {
		return
	}
	raw, err := json.Marshal(remembered{Version: rememberedVersion, Digest: digestOf(src), Assignments: all})
	if err != nil {
		return
	}
	_ = atomicfile.Write(rememberedPath(dir), raw, 0o600)
}
