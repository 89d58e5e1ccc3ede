package plugin

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/store/atomicfile"
)

// maxBinary bounds a plugin's file: it is read whole before it is written as a
// verified copy. The largest Go backends with several SDKs are about 60 MiB.
const maxBinary = 512 << 20

// source is what would be executed for a spec.
type source struct {
	path   string
	args   []string
	digest string // "sha256:HEX" of an external plugin, empty for the own binary
	dir    string // of an external plugin, what can be locked again
}

// source finds the plugin's file. External plugins are not read here.
func (m *Manager) source(spec Spec) (source, error) {
	refuse := func(format string, args ...any) (source, error) {
		err := &RefusedError{Plugin: spec.Plugin, Why: fmt.Sprintf(format, args...)}
		m.cfg.Audit(Event{Kind: "refused", Backend: spec.Backend, Plugin: spec.Plugin, Detail: err.Why})
		return source{}, err
	}
	if spec.Attach != "" {
		if !m.cfg.Dev {
			return refuse("attaching to a backend that was started by hand is for debugging; start plimsoll with --dev to allow it")
		}
		return source{path: spec.Attach}, nil
	}
	if slices.Contains(m.cfg.Bundled, spec.Plugin) {
		return source{path: m.cfg.Self, args: m.cfg.SelfArgs(spec.Plugin)}, nil
	}
	at := slices.IndexFunc(m.cfg.Lock, func(l Locked) bool { return l.Name == spec.Plugin })
	if at < 0 {
		return refuse("it is neither built in (%s) nor in the lock file; to use a plugin of your own, run `plimsoll plugin lock DIR`",
			strings.Join(m.cfg.Bundled, ", "))
	}
	locked := m.cfg.Lock[at]
	digest, ok := locked.Digests[platform()]
	if !ok {
		return refuse("the lock file has no digest of it for %s; build it for this platform and run `plimsoll plugin lock DIR` again", platform())
	}
	if _, err := rawDigest(digest); err != nil {
		return refuse("its digest in the lock file cannot be used: %v", err)
	}
	if !validName(locked.Name) {
		return refuse("its name in the lock file is not one of a plugin")
	}
	path, dir, err := m.locate(locked, digest)
	if err != nil && !exists(m.copyPath(digest, locked.Name)) {
		// The verified copy is as good as the source, and may be all there is
		// on a machine that was restored from its state folder.
		return refuse("%v, and there is no verified copy of it", err)
	}
	return source{path: path, dir: dir, digest: digest}, nil
}

// locate finds the file of a locked plugin for this platform. Of a layout no
// more is needed than the digest: everything in it lies under its own.
func (m *Manager) locate(locked Locked, digest string) (path, dir string, err error) {
	resolve := func(dir string) string {
		if dir = filepath.FromSlash(dir); !filepath.IsAbs(dir) {
			dir = filepath.Join(m.cfg.Root, dir)
		}
		return dir
	}
	if dir, ok := strings.CutPrefix(locked.Source, sourceDir); ok {
		dir = resolve(dir)
		path, err = binaryIn(dir, locked.Name)
		return path, dir, err
	}
	dir, ok := strings.CutPrefix(locked.Source, sourceLayout)
	if !ok {
		return "", "", fmt.Errorf("its source %q in the lock file is neither a folder (dir:PATH) nor an OCI layout (oci:PATH)", locked.Source)
	}
	dir = resolve(dir)
	name, err := blobPath(digest)
	if err != nil {
		return "", dir, err
	}
	if path = filepath.Join(dir, filepath.FromSlash(name)); !exists(path) {
		return "", dir, fmt.Errorf("there is no %s in the OCI layout %s", name, dir)
	}
	return path, dir, nil
}

// verified returns the path of a read-only copy of the file whose content has
// the digest. The copy is what runs: checking a file in place and running it
// afterwards would leave time to swap it.
func (m *Manager) verified(name string, s source) (string, error) {
	target := m.copyPath(s.digest, name)
	if exists(target) {
		got, err := fileDigest(target)
		if err != nil {
			return "", fmt.Errorf("checking the verified copy of plugin %q: %w", name, err)
		}
		if got != s.digest {
			return "", &RefusedError{Plugin: name, Why: fmt.Sprintf(
				"its verified copy %s was changed after it was made (it is %s now); find out who did that, then delete the file and it is copied anew", target, got)}
		}
		return target, nil
	}
	content, err := readBinary(s.path)
	if err != nil {
		return "", fmt.Errorf("reading plugin %q: %w", name, err)
	}
	if got := contentDigest(content); got != s.digest {
		return "", &RefusedError{Plugin: name, Why: fmt.Sprintf(
			"%s is not the file that was locked: its digest is %s and the lock file says %s; if you trust the new file, run `plimsoll plugin lock %s`",
			s.path, got, s.digest, s.dir)}
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o700); err != nil {
		return "", fmt.Errorf("making the folder of verified plugins: %w", err)
	}
	if err := atomicfile.Write(target, content, 0o500); err != nil {
		return "", fmt.Errorf("copying plugin %q: %w", name, err)
	}
	return target, nil
}

func (m *Manager) copyPath(digest, name string) string {
	file := name
	if runtime.GOOS == "windows" {
		file += ".exe"
	}
	return filepath.Join(m.cfg.StateDir, "plugins", "sha256", strings.TrimPrefix(digest, "sha256:"), file)
}

// binaryIn finds NAME_GOOS_GOARCH or NAME for this platform.
func binaryIn(dir, name string) (string, error) {
	ext := ""
	if runtime.GOOS == "windows" {
		ext = ".exe"
	}
	names := []string{name + "_" + runtime.GOOS + "_" + runtime.GOARCH + ext, name + ext}
	for _, n := range names {
		if path := filepath.Join(dir, n); exists(path) {
			return path, nil
		}
	}
	return "", fmt.Errorf("there is neither %s nor %s in %s", names[0], names[1], dir)
}

func exists(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

func platform() string { return runtime.GOOS + "/" + runtime.GOARCH }

func readBinary(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "read", Path: path, Err: errors.New("not a regular file")}
	}
	if info.Size() > maxBinary {
		return nil, &fs.PathError{Op: "read", Path: path, Err: fmt.Errorf("larger than %d MiB", maxBinary>>20)}
	}
	return os.ReadFile(path)
}

func fileDigest(path string) (string, error) {
	content, err := readBinary(path)
	if err != nil {
		return "", err
	}
	return contentDigest(content), nil
}

func contentDigest(content []byte) string {
	sum := sha256.Sum256(content)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// rawDigest takes "sha256:HEX" apart; other schemes are refused, because a
// shorter or weaker digest must never be accepted by accident.
func rawDigest(digest string) ([]byte, error) {
	text, ok := strings.CutPrefix(digest, "sha256:")
	sum, err := hex.DecodeString(text)
	if !ok || err != nil || len(sum) != sha256.Size || strings.ToLower(text) != text {
		return nil, fmt.Errorf("%q is not sha256: and 64 lower-case hex digits", digest)
	}
	return sum, nil
}
