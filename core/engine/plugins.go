package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/plugin"
	"github.com/plimsoll-dev/plimsoll/core/store/atomicfile"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/hcl/lockfile"
)

// LockPlugin records the binaries of an external backend in the lock file. The
// one for this platform is started once, to ask for its config schema.
func (p *Project) LockPlugin(ctx context.Context, dir string, bundled []string) (plugin.Locked, error) {
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	self, err := os.Executable()
	if err != nil {
		return plugin.Locked{}, fmt.Errorf("finding this program's own file: %w", err)
	}
	m, err := plugin.New(plugin.Config{
		Root: p.Dir, StateDir: filepath.Join(p.Dir, StateDir), Clock: clock,
		Self: self, SelfArgs: func(name string) []string { return []string{ServeArg, name} }, Bundled: bundled,
	})
	if err != nil {
		return plugin.Locked{}, err
	}
	locked, err := m.LockDir(ctx, dir)
	if err = errors.Join(err, m.Close()); err != nil {
		return locked, err
	}
	if rel, err := filepath.Rel(p.Dir, dir); err == nil && filepath.IsLocal(rel) {
		// A path inside the project is written as such: the next checkout lies
		// elsewhere.
		kind, _, _ := strings.Cut(locked.Source, ":")
		locked.Source = kind + ":" + filepath.ToSlash(rel)
	}
	schema, err := json.Marshal(locked.ConfigSchema)
	if err != nil {
		return locked, fmt.Errorf("keeping the config schema of %s: %w", locked.Name, err)
	}
	file, err := p.ReadLock()
	if err != nil {
		return locked, err
	}
	entry := lockfile.Plugin{Name: locked.Name, Version: locked.Version, Source: locked.Source, Digests: locked.Digests, ConfigSchema: string(schema)}
	file.Plugins = slices.DeleteFunc(file.Plugins, func(l lockfile.Plugin) bool { return l.Name == locked.Name })
	file.Plugins = append(file.Plugins, entry)
	if err := atomicfile.Write(filepath.Join(p.Dir, LockFile), lockfile.Format(file), 0o644); err != nil {
		return locked, fmt.Errorf("writing %s: %w", LockFile, err)
	}
	return locked, nil
}

// VerifyPlugins checks the lock file's plugins, the files in their sources where
// there are any (a site holds the binaries of its own platform, seldom all) and
// the verified copies that are run.
func (p *Project) VerifyPlugins() (plugin.Verification, error) {
	locked, err := p.locked()
	if err != nil {
		return plugin.Verification{}, err
	}
	return plugin.VerifyLocked(p.Dir, filepath.Join(p.Dir, StateDir), locked)
}

// PluginHealth is what the last command that called a backend left behind.
func (p *Project) PluginHealth() (plugin.Health, error) {
	return plugin.ReadHealth(filepath.Join(p.Dir, StateDir))
}

// StartBackends starts every backend of the project and tells how they are. One
// that cannot be had is in refused, by its name.
func (e *Engine) StartBackends(ctx context.Context) (all []plugin.Status, refused map[string]error) {
	refused = map[string]error{}
	for _, b := range e.Project.Config.Backends {
		if _, err := e.backends.Describe(ctx, b.Name); err != nil {
			refused[b.Name] = err
		}
	}
	return e.plugins.Status(), refused
}

// callable says why a tier's backend cannot be called, before anything is bought
// or counted as its failure. nil tiers are none.
func (e *Engine) callable(t *config.Tier) error {
	if t == nil {
		return nil
	}
	return e.backends.Check(t.Backend.Name)
}

// projectFiles are what init writes: a whole small project.
func projectFiles() map[string]string {
	return map[string]string{
		"plimsoll.hcl":                     initProject,
		"skills/hello/SKILL.md":            initSkill,
		"skills/hello/skill.hcl":           initContract,
		"skills/hello/output.schema.json":  initSchema,
		"skills/hello/items/prove-1.jsonl": initItems(),
		".gitignore":                       ".plimsoll/\n",
	}
}

// Init starts a project. It never overwrites: a file that exists is an error
// before anything is written.
func Init(dir string) ([]string, error) {
	files := projectFiles()
	names := slices.Sorted(maps.Keys(files))
	for _, name := range names {
		if name == ".gitignore" {
			continue
		}
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			return nil, fmt.Errorf("%s exists already: init starts new projects only and overwrites nothing", name)
		}
	}
	var written []string
	for _, name := range names {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if name == ".gitignore" {
			if _, err := os.Stat(path); err == nil {
				continue
			}
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return written, fmt.Errorf("making a folder: %w", err)
		}
		if err := atomicfile.Write(path, []byte(files[name]), 0o644); err != nil {
			return written, fmt.Errorf("writing %s: %w", name, err)
		}
		written = append(written, name)
	}
	return written, nil
}
