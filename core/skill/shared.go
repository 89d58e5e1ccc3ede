package skill

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/goccy/go-yaml"
)

// Shared is one file of a skill that others may read.
type Shared struct {
	Path   string // in the folder, with slashes
	Digest string // "sha256:..."
	Size   int64
}

// Bounds of what is shared of one skill.
const (
	maxShared     = 256     // files
	maxSharedFile = 1 << 20 // bytes of one
)

// sharedFolders are those that the Agent Skills standard has beside SKILL.md.
// Items, evals and contracts are not shared: an agent that has read what it is
// measured on proves nothing.
var sharedFolders = []string{"assets", "references", "scripts"}

// Shared lists SKILL.md and the files of the standard's folders, by path. Links,
// hidden files and what is larger than 1 MiB are left out; more than 256 files are
// an error, because a part of them would look like all.
func (s *Skill) Shared() ([]Shared, error) {
	root, err := os.OpenRoot(s.Dir)
	if err != nil {
		return nil, fmt.Errorf("skill %s: %w", s.Name, err)
	}
	defer root.Close()
	files := map[string]Shared{}
	add := func(name string) error {
		data, err := root.ReadFile(filepath.FromSlash(name))
		if err != nil {
			return fmt.Errorf("skill %s: %w", s.Name, err)
		}
		files[name] = Shared{Path: name, Digest: digest(data), Size: int64(len(data))}
		return nil
	}
	if err := add(skillMD); err != nil {
		return nil, err
	}
	for _, folder := range sharedFolders {
		err := fs.WalkDir(root.FS(), folder, func(name string, d fs.DirEntry, err error) error {
			switch {
			case errors.Is(err, fs.ErrNotExist) && name == folder:
				return fs.SkipDir
			case err != nil:
				return err
			case path.Base(name)[0] == '.':
				if d.IsDir() {
					return fs.SkipDir
				}
				return nil
			case !d.Type().IsRegular():
				return nil
			}
			info, err := d.Info()
			if err != nil || info.Size() > maxSharedFile {
				return err
			}
			if len(files) >= maxShared {
				return fmt.Errorf("skill %s has more than %d files in %v: move some into an archive, or out of the folder", s.Name, maxShared, sharedFolders)
			}
			return add(name)
		})
		if err != nil {
			return nil, err
		}
	}
	out := make([]Shared, 0, len(files))
	for _, name := range slices.Sorted(maps.Keys(files)) {
		out = append(out, files[name])
	}
	return out, nil
}

// ReadShared reads a shared file. It is an error when the file is not the one that
// was listed.
func (s *Skill) ReadShared(f Shared) ([]byte, error) {
	root, err := os.OpenRoot(s.Dir)
	if err != nil {
		return nil, fmt.Errorf("skill %s: %w", s.Name, err)
	}
	defer root.Close()
	data, err := root.ReadFile(filepath.FromSlash(f.Path))
	if err != nil {
		return nil, fmt.Errorf("skill %s: %w", s.Name, err)
	}
	if digest(data) != f.Digest {
		return nil, fmt.Errorf("skill %s: %s has changed since it was listed", s.Name, f.Path)
	}
	return data, nil
}

// FrontJSON is the front matter of a SKILL.md as a JSON object, every field as it
// stands there. Front matter that cannot be read as YAML is an error.
func FrontJSON(src []byte) (json.RawMessage, error) {
	r := &reader{src: src}
	front, _, first := r.split(string(src))
	if first == 0 {
		return nil, errors.New("there is no front matter")
	}
	if len(front) > maxFront {
		return nil, fmt.Errorf("the front matter has %d bytes; more than %d are not read", len(front), maxFront)
	}
	if _, p := readYAML(front); p != nil { // it refuses what would cost gigabytes
		return nil, errors.New(p.text)
	}
	var fields map[string]any
	if err := yaml.Unmarshal([]byte(front), &fields); err != nil {
		return nil, fmt.Errorf("reading the front matter: %w", err)
	}
	return json.Marshal(fields)
}
