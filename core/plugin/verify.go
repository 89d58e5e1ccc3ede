package plugin

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// Verification is what VerifyLocked looked at. Problems are sentences that say
// what is not as it was locked, and the way out.
type Verification struct {
	Files    int // binaries in the plugins' sources
	Copies   int // verified copies in the state folder
	Problems []string
}

func (v *Verification) problem(name, format string, args ...any) {
	v.Problems = append(v.Problems, "plugin "+name+": "+fmt.Sprintf(format, args...))
}

// VerifyLocked checks the entries of the lock file themselves, compares the
// binaries in their sources with the locked digests, for every platform that is
// there, and looks whether the verified copies below stateDir still are what
// they were. It starts nothing.
func VerifyLocked(root, stateDir string, locked []Locked) (Verification, error) {
	var v Verification
	for _, l := range locked {
		if !v.entry(l) {
			continue
		}
		files, _, err := binariesOf(root, l.Source)
		if err != nil {
			v.problem(l.Name, "%v", err)
			continue
		}
		for _, f := range files {
			if f.name != l.Name {
				continue
			}
			v.Files++
			if f.digest == "" {
				if f.digest, err = fileDigest(f.path); err != nil {
					return v, fmt.Errorf("verifying plugin %s: %w", l.Name, err)
				}
			}
			switch want := l.Digests[f.platform]; {
			case want == "":
				v.problem(l.Name, "%s is not in the lock file; run plimsoll plugin lock again if you trust it", f.path)
			case want != f.digest:
				v.problem(l.Name, "%s has digest %s, and %s is locked; put the locked file back, or run plimsoll plugin lock again if you trust the new one", f.path, f.digest, want)
			}
		}
	}
	return v, v.copies(stateDir)
}

// entry checks what stands in the lock file, without any file beside it.
func (v *Verification) entry(l Locked) bool {
	before := len(v.Problems)
	if !validName(l.Name) {
		v.problem(fmt.Sprintf("%q", l.Name), "this is no name of a plugin; remove the block and run plimsoll plugin lock")
	}
	for platform, digest := range l.Digests {
		if _, err := rawDigest(digest); err != nil {
			v.problem(l.Name, "its digest for %s cannot be used: %v; run plimsoll plugin lock again", platform, err)
		}
	}
	if len(l.Digests) == 0 {
		v.problem(l.Name, "the lock file has no digest of it; run plimsoll plugin lock again")
	}
	return len(v.Problems) == before
}

// copies compares every verified copy with the digest that it lies under, those
// of plugins that are not locked any more included: they run no more, but who
// changed one has been in the state folder.
func (v *Verification) copies(stateDir string) error {
	base := filepath.Join(stateDir, "plugins", "sha256")
	folders, err := os.ReadDir(base)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the verified copies: %w", err)
	}
	for _, folder := range folders {
		files, err := os.ReadDir(filepath.Join(base, folder.Name()))
		if err != nil {
			return fmt.Errorf("reading the verified copies: %w", err)
		}
		for _, f := range files {
			path := filepath.Join(base, folder.Name(), f.Name())
			digest, err := fileDigest(path)
			if err != nil {
				return fmt.Errorf("verifying a copy: %w", err)
			}
			v.Copies++
			if digest != "sha256:"+folder.Name() {
				v.problem(f.Name(), "its verified copy %s was changed after it was made (it is %s now); find out who did that, then delete the file and it is copied anew", path, digest)
			}
		}
	}
	slices.Sort(v.Problems)
	return nil
}
