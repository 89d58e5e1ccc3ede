package plugin

import (
	"fmt"
	"path/filepath"
	"strings"
)

// VerifyLocked compares the binaries of locked plugins with their digests, for
// every platform whose binary lies in the plugin's folder, and starts none.
// checked counts the files; problems say which of them is not the locked one.
func VerifyLocked(root string, locked []Locked) (checked int, problems []string, err error) {
	for _, l := range locked {
		dir, ok := strings.CutPrefix(l.Source, "dir:")
		if !ok {
			problems = append(problems, fmt.Sprintf("plugin %s: its source %q is not a folder (dir:PATH)", l.Name, l.Source))
			continue
		}
		if !filepath.IsAbs(dir) {
			dir = filepath.Join(root, dir)
		}
		files, err := binariesIn(dir)
		if err != nil {
			problems = append(problems, fmt.Sprintf("plugin %s: %v", l.Name, err))
			continue
		}
		for _, f := range files {
			if f.name != l.Name {
				continue
			}
			checked++
			digest, err := fileDigest(f.path)
			switch {
			case err != nil:
				return checked, problems, fmt.Errorf("verifying plugin %s: %w", l.Name, err)
			case l.Digests[f.platform] == "":
				problems = append(problems, fmt.Sprintf("plugin %s: %s is not in the lock file; run plimsoll plugin lock again if you trust it", l.Name, f.path))
			case l.Digests[f.platform] != digest:
				problems = append(problems, fmt.Sprintf("plugin %s: %s has digest %s, and %s is locked; put the locked file back, or run plimsoll plugin lock again if you trust the new one", l.Name, f.path, digest, l.Digests[f.platform]))
			}
		}
	}
	return checked, problems, nil
}
