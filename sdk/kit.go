// Package sdk holds the sources of the SDKs themselves, so that one installed
// binary can write a skill's folder with everything its code needs: authors
// build on machines without a network. It has no code of its own; what to
// import is in the folders below it.
//
//	kit, err := sdk.Kit("go")
//	if err != nil { return err }
//	for _, f := range kit { write(f.Name, f.Data) } // skill/skill.go, ..., LICENSE
package sdk

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

//go:embed LICENSE skill/*.go skill/abi/*.go canonjson/*.go
//go:embed c/plimsoll.h
//go:embed rust/Cargo.toml rust/README.md rust/src/*.rs rust/example/hello.rs
//go:embed assemblyscript/package.json assemblyscript/skill.json assemblyscript/README.md assemblyscript/assembly/*.ts
var sources embed.FS

// kits are the folders that an author's code in a language needs.
func kits() map[string][]string {
	return map[string][]string{
		"go":             {"skill", "skill/abi", "canonjson"},
		"c":              {"c"},
		"rust":           {"rust", "rust/src", "rust/example"},
		"assemblyscript": {"assemblyscript", "assemblyscript/assembly"},
	}
}

// File is one file of a kit. Name has forward slashes.
type File struct {
	Name string
	Data []byte
}

// Kit is what an SDK consists of, by its path under sdk, tests left out, with
// the licence. A language without a kit is an error.
func Kit(language string) ([]File, error) {
	dirs, ok := kits()[language]
	if !ok {
		return nil, fmt.Errorf("there is no SDK for %q in this program", language)
	}
	var out []File
	for _, dir := range append([]string{"."}, dirs...) {
		entries, err := fs.ReadDir(sources, dir)
		if err != nil {
			return nil, fmt.Errorf("reading the SDK for %s: %w", language, err)
		}
		for _, e := range entries {
			if e.IsDir() || strings.HasSuffix(e.Name(), "_test.go") {
				continue
			}
			name := path.Join(dir, e.Name())
			data, err := sources.ReadFile(name)
			if err != nil {
				return nil, fmt.Errorf("reading the SDK for %s: %w", language, err)
			}
			out = append(out, File{Name: name, Data: data})
		}
	}
	return out, nil
}
