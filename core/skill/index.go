package skill

import (
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/store/atomicfile"
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

const indexVersion = 2

// settled is how much older than the index a file must be for its time to tell
// that it did not change: file systems count in steps of up to 2 s (FAT), and a
// file that is written twice in one step has one time for two contents.
const settled = 2 * time.Second

// index remembers what was read of files by path, size and time. It is a cache:
// lost or broken, it costs the time to read everything again.
type index struct {
	path    string
	written time.Time
	dirty   bool
	files   map[string]known
	schemas map[string]bool // digests of files that were found to be JSON schemas
}

// known is a file of an earlier command.
type known struct {
	Size   int64  `json:"s"`
	Time   int64  `json:"t"` // nanoseconds since 1970
	Digest string `json:"d"`
	Name   string `json:"n,omitempty"` // of SKILL.md: the skill's name
	// Imports are those of a script; nil when nobody looked.
	Imports []string `json:"i,omitzero"`
}

// indexFile is its form on disk.
type indexFile struct {
	Version int              `json:"version"`
	Files   map[string]known `json:"files"`
	Schemas []string         `json:"schemas"`
}

func openIndex(path string) *index {
	x := &index{path: path, files: map[string]known{}, schemas: map[string]bool{}}
	if path == "" {
		return x
	}
	info, err := os.Stat(path)
	if err != nil {
		return x
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return x
	}
	var f indexFile
	if json.Unmarshal(raw, &f) != nil || f.Version != indexVersion || f.Files == nil {
		x.dirty = true
		return x
	}
	x.files, x.written = f.Files, info.ModTime()
	for _, d := range f.Schemas {
		x.schemas[d] = true
	}
	return x
}

// fresh finds a file whose size and time are those of the last time, and whose
// time is old enough to mean something.
func (x *index) fresh(file string, info fs.FileInfo) (known, bool) {
	k, ok := x.files[file]
	if !ok || k.Size != info.Size() || k.Time != info.ModTime().UnixNano() || !info.ModTime().Add(settled).Before(x.written) {
		return known{}, false
	}
	return k, true
}

func (x *index) digest(file string, info fs.FileInfo) (string, bool) {
	k, ok := x.fresh(file, info)
	return k.Digest, ok && k.Digest != ""
}

// name is the skill's name of a SKILL.md, worked out by make unless it is known.
func (x *index) name(file string, make func() string) string {
	info, err := os.Lstat(file)
	if err != nil {
		return make()
	}
	if k, ok := x.fresh(file, info); ok && k.Name != "" {
		return k.Name
	}
	n := make()
	// Without a digest: that of this file is taken when the skill is loaded.
	x.files[file] = known{Size: info.Size(), Time: info.ModTime().UnixNano(), Name: n}
	x.dirty = true
	return n
}

// put notes what a file held and gives its digest.
func (x *index) put(file string, info fs.FileInfo, data []byte) string {
	d := digest(data)
	k, ok := x.fresh(file, info)
	if !ok || k.Digest != d {
		x.files[file] = known{Size: info.Size(), Time: info.ModTime().UnixNano(), Digest: d, Name: k.Name}
		x.dirty = true
	}
	return d
}

func (x *index) setName(file, name string) {
	if k := x.files[file]; k.Name != name {
		k.Name = name
		x.files[file] = k
		x.dirty = true
	}
}

func (x *index) imports(file string, info fs.FileInfo) ([]string, bool) {
	if info == nil {
		return nil, false
	}
	k, ok := x.fresh(file, info)
	return k.Imports, ok && k.Imports != nil
}

func (x *index) setImports(file string, specs []string) {
	if k, ok := x.files[file]; ok {
		k.Imports = specs
		x.files[file] = k
		x.dirty = true
	}
}

func (x *index) addSchema(digest string) {
	x.schemas[digest] = true
	x.dirty = true
}

// keepOnly forgets files that are gone.
func (x *index) keepOnly(seen map[string]bool) {
	before := len(x.files)
	maps.DeleteFunc(x.files, func(file string, _ known) bool { return !seen[file] })
	x.dirty = x.dirty || len(x.files) != before
}

// save writes the index if it changed. A folder that cannot be written is worth
// a warning and nothing more.
func (x *index) save() diag.List {
	if x.path == "" || !x.dirty {
		return nil
	}
	raw, err := json.Marshal(indexFile{Version: indexVersion, Files: x.files, Schemas: slices.Sorted(maps.Keys(x.schemas))})
	if err == nil {
		err = os.MkdirAll(filepath.Dir(x.path), 0o700)
	}
	if err == nil {
		err = atomicfile.Write(x.path, raw, 0o600)
	}
	if err == nil {
		return nil
	}
	return diag.List{diag.Warnf(diag.Range{File: x.path}, "index", "Index cannot be written", "What was read of the skills cannot be kept for the next command (%v), which will be slower.", err)}
}
