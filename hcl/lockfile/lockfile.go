// Package lockfile reads and writes plimsoll.lock.hcl: the digests of everything
// that is not in the repository itself, so that what ran yesterday is what runs
// today. It holds plugins with the schemas of their config, fetched skills, and
// the tool definitions of connectors that a person approved.
//
// The file is the machine's: it is always written whole and in one normal form,
// so that a diff of it shows what changed and nothing else. The package must not
// write files nor compute digests, and it must not repair what it reads: an entry
// that is not as the machine writes it is an error with the command that makes a
// sound one.
//
//	lock, diags := lockfile.Parse("plimsoll.lock.hcl", src)
//	if diags.HasErrors() { ... }
//	lock.Plugins = append(lock.Plugins, lockfile.Plugin{Name: "acme", Version: "1.2.0", ...})
//	err := atomicfile.Write("plimsoll.lock.hcl", lockfile.Format(lock), 0o644)
package lockfile

import "github.com/plimsoll-dev/plimsoll/hcl/diag"

// maxBytes leaves room for some thousand tools and the schemas of a hundred plugins.
const maxBytes = 4 << 20

// File is a lock file. Text in it reads back in Unicode NFC, as HCL has it, save
// names and ConfigSchema, which read back exactly.
type File struct {
	Plugins    []Plugin
	Skills     []Skill
	Connectors []Connector
	Tools      []Tool
}

// Plugin is a backend that is not part of the binary.
type Plugin struct {
	Name         string
	Version      string
	Source       string            // "dir:./dist"
	Digests      map[string]string // "linux/amd64" -> "sha256:...", one for each platform
	ConfigSchema string            // JSON schema of the backend's config block, as canonical JSON; "" has none
	Range        diag.Range        // ignored by Format
}

// Skill is a fetched skill folder.
type Skill struct {
	Name   string
	Source string
	Digest string // "sha256:..."
	Range  diag.Range
}

// Connector is the set of a connector's tools, as it was approved. A file that was
// written before there were sets has tools without one.
type Connector struct {
	Name   string
	Digest string // "sha256:..." of the names and digests of its tools
	Range  diag.Range
}

// Tool is the definition of one tool of a connector, as it was approved.
type Tool struct {
	Connector string
	Name      string
	Digest    string // "sha256:..." of the definition's canonical JSON
	Range     diag.Range
}

// Plugin finds a plugin by name.
func (f *File) Plugin(name string) (Plugin, bool) {
	for _, p := range f.Plugins {
		if p.Name == name {
			return p, true
		}
	}
	return Plugin{}, false
}

// Skill finds a fetched skill by name.
func (f *File) Skill(name string) (Skill, bool) {
	for _, s := range f.Skills {
		if s.Name == name {
			return s, true
		}
	}
	return Skill{}, false
}

// Connector finds the approved set of a connector's tools.
func (f *File) Connector(name string) (Connector, bool) {
	for _, c := range f.Connectors {
		if c.Name == name {
			return c, true
		}
	}
	return Connector{}, false
}

// Tool finds the approved definition of a connector's tool.
func (f *File) Tool(connector, name string) (Tool, bool) {
	for _, t := range f.Tools {
		if t.Connector == connector && t.Name == name {
			return t, true
		}
	}
	return Tool{}, false
}

// The commands that make a sound entry: the way out of every error.
const (
	lockPlugin  = "plimsoll plugin lock"
	addSkill    = "plimsoll skill add"
	approveTool = "plimsoll connector approve"
)
