package plugin

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
)

// platformFile is NAME_GOOS_GOARCH, as release tools name binaries.
var platformFile = regexp.MustCompile(`^(.+)_(linux|darwin|windows|freebsd)_([a-z0-9]+)(\.exe)?$`)

// pluginName is what a plugin may be called: it becomes a file's name.
var pluginName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

func validName(name string) bool {
	return pluginName.MatchString(name) && !strings.Contains(name, "..")
}

// LockDir makes the lock file's entry for the plugin in a folder: its binaries,
// named NAME_GOOS_GOARCH (.exe for Windows), or a single NAME for this platform;
// or an OCI layout that holds them. Digests are over file content, of all
// platforms at once. The version and the config schema are asked
// from the plugin itself, so the binary for this platform is run, without any
// environment and from the verified copy: whoever locks a plugin trusts it.
func (m *Manager) LockDir(ctx context.Context, dir string) (Locked, error) {
	kind := sourceDir
	if isLayout(dir) {
		kind = sourceLayout
	}
	files, _, err := binariesOf("", kind+dir)
	if err != nil {
		return Locked{}, err
	}
	locked := Locked{Source: kind + filepath.ToSlash(dir), Digests: map[string]string{}}
	for _, f := range files {
		if locked.Name != "" && locked.Name != f.name {
			return Locked{}, fmt.Errorf("%s holds binaries of two plugins, %s and %s; give each a folder of its own", dir, locked.Name, f.name)
		}
		locked.Name = f.name
		if !validName(f.name) {
			return Locked{}, fmt.Errorf("%q is no name for a plugin: it takes letters, digits, dots, dashes and underscores, 64 at most", f.name)
		}
		if locked.Digests[f.platform] != "" {
			return Locked{}, fmt.Errorf("%s holds two binaries of %s for %s; remove one of them", dir, f.name, f.platform)
		}
		if f.digest == "" {
			if f.digest, err = fileDigest(f.path); err != nil {
				return Locked{}, fmt.Errorf("locking plugin %s: %w", f.name, err)
			}
		}
		locked.Digests[f.platform] = f.digest
	}
	if slices.Contains(m.cfg.Bundled, locked.Name) {
		return Locked{}, fmt.Errorf("%s is the name of a bundled backend, which always wins; rename the plugin", locked.Name)
	}
	at := slices.IndexFunc(files, func(f binary) bool { return f.platform == platform() })
	if at < 0 {
		return Locked{}, fmt.Errorf("%s has no binary of %s for %s, which has to be asked for its version and config; build it for this platform too",
			dir, locked.Name, platform())
	}
	spec := Spec{Backend: "lock", Plugin: locked.Name}
	src := source{path: files[at].path, dir: dir, digest: locked.Digests[platform()]}
	if src.path, err = m.verified(locked.Name, src); err != nil {
		return Locked{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, m.cfg.StartTimeout)
	defer cancel()
	p, err := m.start(ctx, spec, src)
	if err != nil {
		return Locked{}, fmt.Errorf("asking %s for its version and config: %w", files[at].path, err)
	}
	defer p.stop()
	d, err := p.remote.Describe(ctx)
	if err != nil {
		return Locked{}, fmt.Errorf("asking for version and config: %w", p.failure(locked.Name, err))
	}
	if d.Name != locked.Name {
		return Locked{}, fmt.Errorf("the binary %s calls itself %q; rename the file or what it passes to Serve", files[at].path, d.Name)
	}
	if d.Version == "" {
		return Locked{}, fmt.Errorf("plugin %s does not say its version; set Version in its Describe", locked.Name)
	}
	locked.Version, locked.ConfigSchema = d.Version, d.ConfigSchema
	return locked, nil
}

// binary is one file of a plugin. digest is empty where nobody has told it yet.
type binary struct{ name, platform, path, digest string }

// The kinds of sources in a lock file.
const (
	sourceDir    = "dir:"
	sourceLayout = "oci:"
)

// binariesOf lists what a source of the lock file holds. Relative paths lead
// from root.
func binariesOf(root, source string) (files []binary, dir string, err error) {
	list := binariesIn
	dir, ok := strings.CutPrefix(source, sourceDir)
	if !ok {
		list = binariesInLayout
		if dir, ok = strings.CutPrefix(source, sourceLayout); !ok {
			return nil, "", fmt.Errorf("its source %q is neither a folder (dir:PATH) nor an OCI layout (oci:PATH)", source)
		}
	}
	if dir = filepath.FromSlash(dir); !filepath.IsAbs(dir) {
		dir = filepath.Join(root, dir)
	}
	files, err = list(dir)
	return files, dir, err
}

// binariesIn lists the plugin binaries of a folder. Other files (a README, a
// checksum list) may lie beside them.
func binariesIn(dir string) ([]binary, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("reading the plugin's folder: %w", err)
	}
	var out []binary
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		info, err := os.Stat(path)
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		if parts := platformFile.FindStringSubmatch(e.Name()); parts != nil {
			out = append(out, binary{name: parts[1], platform: parts[2] + "/" + parts[3], path: path})
		} else if program(e.Name(), info) {
			out = append(out, binary{name: strings.TrimSuffix(e.Name(), ".exe"), platform: platform(), path: path})
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("there is no plugin in %s: want executables named NAME_GOOS_GOARCH, such as hello_%s_%s, or a single executable",
			dir, runtime.GOOS, runtime.GOARCH)
	}
	return out, nil
}

func program(name string, info os.FileInfo) bool {
	if runtime.GOOS == "windows" {
		return strings.HasSuffix(name, ".exe")
	}
	return info.Mode().Perm()&0o111 != 0 && !strings.Contains(name, ".")
}
