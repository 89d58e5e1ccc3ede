//go:build unix

package plugin

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/plimsoll-dev/plimsoll/sdk/backend"
)

// externalDir is a folder with this test binary as a plugin called external.
func externalDir(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "external"), content, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func lockedManager(t *testing.T, dir string, change func(*Locked)) *Manager {
	t.Helper()
	digest, err := fileDigest(filepath.Join(dir, "external"))
	if err != nil {
		t.Fatal(err)
	}
	l := Locked{Name: "external", Version: "1.2.3", Source: "dir:" + dir, Digests: map[string]string{platform(): digest}}
	if change != nil {
		change(&l)
	}
	return newManager(t, func(c *Config) { c.Lock = []Locked{l} })
}

func TestExternalPluginRunsFromItsVerifiedCopy(t *testing.T) {
	dir := externalDir(t)
	m := lockedManager(t, dir, nil)
	c := client(t, m, Spec{Plugin: "external"})
	exe := told(t, c, "exe")
	if !strings.HasPrefix(exe, m.cfg.StateDir) {
		t.Errorf("it runs from %s", exe)
	}
	info, err := os.Stat(exe)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm()&0o222 != 0 {
		t.Errorf("the copy can be written: %v", info.Mode())
	}
	// The source may be swapped now: what was verified is what runs.
	if err := os.WriteFile(filepath.Join(dir, "external"), []byte("#!/bin/sh\nexit 9\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	other := client(t, m, Spec{Backend: "second", Plugin: "external"})
	if got := told(t, other, "echo x"); got != "x" {
		t.Errorf("got %q", got)
	}
}

func TestChangedPluginIsRefused(t *testing.T) {
	for name, tamper := range map[string]func(t *testing.T, dir string, m *Manager){
		"source changed": func(t *testing.T, dir string, _ *Manager) {
			appendTo(t, filepath.Join(dir, "external"))
		},
		"copy changed": func(t *testing.T, _ string, m *Manager) {
			c := client(t, m, Spec{Backend: "first", Plugin: "external"})
			exe := told(t, c, "exe")
			c.stop()
			if err := os.Chmod(exe, 0o700); err != nil {
				t.Fatal(err)
			}
			appendTo(t, exe)
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := externalDir(t)
			m := lockedManager(t, dir, nil)
			tamper(t, dir, m)
			_, err := backend.Collect(t.Context(), client(t, m, Spec{Plugin: "external"}), say("echo x"))
			var refused *RefusedError
			if !errors.As(err, &refused) {
				t.Fatalf("it ran, or failed otherwise: %v", err)
			}
			// Two checks catch it; the first one knows more.
			if name == "copy changed" && !strings.Contains(err.Error(), "was changed after it was made") {
				t.Errorf("it is not said what happened: %v", err)
			}
			if name == "source changed" {
				if kept, _ := filepath.Glob(filepath.Join(m.cfg.StateDir, "plugins", "*", "*", "*")); len(kept) > 0 {
					t.Errorf("a file that was not locked was kept as verified: %v", kept)
				}
			}
		})
	}
}

// The last check is made on the very file, right before it runs.
func TestCopyIsCheckedAgainBeforeItRuns(t *testing.T) {
	dir := externalDir(t)
	m := lockedManager(t, dir, nil)
	spec := Spec{Backend: "b", Plugin: "external"}
	src, err := m.source(spec)
	if err != nil {
		t.Fatal(err)
	}
	appendTo(t, src.path) // after the verification, as far as start can tell
	_, err = m.start(t.Context(), spec, src)
	var refused *RefusedError
	if !errors.As(err, &refused) {
		t.Errorf("a file that changed in between: %v", err)
	}
}

func TestLockEntriesThatCannotBeUsed(t *testing.T) {
	dir := externalDir(t)
	for name, change := range map[string]func(*Locked){
		"no digest here":  func(l *Locked) { l.Digests = map[string]string{"plan9/mips": l.Digests[platform()]} },
		"weaker digest":   func(l *Locked) { l.Digests[platform()] = "md5:d41d8cd98f00b204e9800998ecf8427e" },
		"cut-off digest":  func(l *Locked) { l.Digests[platform()] = l.Digests[platform()][:20] },
		"unknown source":  func(l *Locked) { l.Source = "https://example.com/external" },
		"source is empty": func(l *Locked) { l.Source = "dir:" + t.TempDir() },
	} {
		m := lockedManager(t, dir, change)
		_, err := m.Client(Spec{Backend: "b", Plugin: "external"})
		var refused *RefusedError
		if !errors.As(err, &refused) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestLockDir(t *testing.T) {
	dir := externalDir(t)
	if err := os.WriteFile(filepath.Join(dir, "README.md"), []byte("hello"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "external_windows_arm64.exe"), []byte("MZ"), 0o644); err != nil {
		t.Fatal(err)
	}
	m := newManager(t)
	l, err := m.LockDir(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	if l.Name != "external" || l.Version != "1.2.3" || len(l.Digests) != 2 || len(l.ConfigSchema) != 1 || l.Digests["windows/arm64"] == "" {
		t.Errorf("%+v", l)
	}
	// What was locked can be used as it is.
	used := newManager(t, func(c *Config) { c.Lock = []Locked{l} })
	if got := told(t, client(t, used, Spec{Plugin: "external"}), "echo x"); got != "x" {
		t.Errorf("got %q", got)
	}
}

func TestLockDirRefuses(t *testing.T) {
	m := newManager(t)
	write := func(dir, name, content string, mode os.FileMode) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), mode); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name, want string
		fill       func(dir string)
	}{
		{"nothing", "there is no plugin", func(string) {}},
		{"two names", "two plugins", func(d string) { write(d, "a_linux_amd64", "a", 0o755); write(d, "b_linux_amd64", "b", 0o755) }},
		{"not here", "no binary of a for", func(d string) { write(d, "a_windows_386.exe", "a", 0o755) }},
		{"no plugin", "handshake", func(d string) { write(d, "a", "#!/bin/sh\necho handshake broken >&2\n", 0o755) }},
		{"bundled name", "bundled", func(d string) { write(d, "player", "x", 0o755) }},
	} {
		dir := t.TempDir()
		c.fill(dir)
		if _, err := m.LockDir(t.Context(), dir); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
