package atomicfile

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
)

func TestWriteReplacesWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "policy.hcl")
	for _, content := range []string{"one", "a longer second", "", "3"} {
		if err := Write(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		if got := read(t, path); got != content {
			t.Errorf("read %q, wrote %q", got, content)
		}
	}
	onlyFile(t, path)
}

// A reader beside a writer sees one whole version, never a mixture or nothing.
func TestReadersSeeWholeVersions(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("an open file cannot be renamed over on windows")
	}
	path := filepath.Join(t.TempDir(), "f")
	version := func(n int) []byte { return bytes.Repeat([]byte{byte('a' + n)}, 64<<10) }
	if err := Write(path, version(0), 0o644); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for n := range 20 {
			if err := Write(path, version(n), 0o644); err != nil {
				t.Error(err)
			}
		}
	})
	for range 200 {
		got := read(t, path)
		if len(got) != 64<<10 || strings.Trim(got, got[:1]) != "" {
			t.Fatalf("a reader saw a mixture of %d bytes", len(got))
		}
	}
	wg.Wait()
}

func TestWritersDoNotDisturbEachOther(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := Write(path, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for n := range 8 {
		wg.Go(func() {
			if err := Write(path, []byte(strings.Repeat(fmt.Sprint(n), 5000)), 0o644); err != nil && runtime.GOOS != "windows" {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	got := read(t, path)
	if len(got) != 5000 || strings.Trim(got, got[:1]) != "" {
		t.Errorf("the file holds a mixture of %d bytes", len(got))
	}
	onlyFile(t, path)
}

func TestPermissions(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("windows knows only the read-only bit")
	}
	dir := t.TempDir()
	fresh, old := filepath.Join(dir, "fresh"), filepath.Join(dir, "old")
	if err := os.WriteFile(old, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(old, 0o640); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]fs.FileMode{fresh: 0o600, old: 0o640} {
		if err := Write(path, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != want {
			t.Errorf("%s has mode %v, want %v", filepath.Base(path), info.Mode().Perm(), want)
		}
	}
}

func TestLinkStaysLink(t *testing.T) {
	dir := t.TempDir()
	target, link := filepath.Join(dir, "target"), filepath.Join(dir, "link")
	if err := os.WriteFile(target, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("target", link); err != nil {
		t.Skip("no symbolic links here:", err)
	}
	if err := Write(link, []byte("new"), 0o644); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("the link became %v (%v)", info.Mode(), err)
	}
	if got := read(t, target); got != "new" {
		t.Errorf("the target holds %q", got)
	}
	dangling := filepath.Join(dir, "dangling")
	if err := os.Symlink("nowhere", dangling); err != nil {
		t.Fatal(err)
	}
	if err := Write(dangling, []byte("x"), 0o644); err == nil {
		t.Error("a link to nothing was written through")
	}
}

func TestFailuresLeaveNothingBehind(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "folder"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Join(dir, "folder"), filepath.Join(dir, "missing", "f")} {
		if err := Write(path, []byte("x"), 0o644); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("Write(%s) = %v, want an error that names it", path, err)
		}
	}
	onlyFile(t, filepath.Join(dir, "folder"))
}

func TestRenameFailureRemovesTemp(t *testing.T) {
	dir := t.TempDir()
	target := filepath.Join(dir, "f")
	tmp, err := writeTemp(target, []byte("x"), 0o644, false)
	if err != nil {
		t.Fatal(err)
	}
	// A folder that appears between the look and the rename makes it fail.
	if err := os.Mkdir(target, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := replace(tmp, target); err == nil {
		t.Fatal("a file was renamed over a folder")
	}
	onlyFile(t, target)
}

func TestReadOnlyFolder(t *testing.T) {
	if runtime.GOOS == "windows" || os.Geteuid() == 0 {
		t.Skip("needs a user whom permissions stop")
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"write":  Write(filepath.Join(dir, "f"), nil, 0o644),
		"append": Append(filepath.Join(dir, "f"), []byte("x\n")),
	} {
		if err == nil || !strings.Contains(err.Error(), "read-only for this user") || !errors.Is(err, fs.ErrPermission) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDiskFull(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("no /dev/full here")
	}
	err := Append("/dev/full", []byte("x\n"))
	if err == nil || !strings.Contains(err.Error(), "the disk is full") {
		t.Errorf("got %v", err)
	}
}

func TestAppend(t *testing.T) {
	cases := []struct{ name, before, data, want string }{
		{"first line", "", "a\n", "a\n"},
		{"whole line before", "a\n", "b\n", "a\nb\n"},
		{"torn line before", "a\nto", "b\n", "a\nto\nb\n"},
		{"several lines", "a\n", "b\nc\n", "a\nb\nc\n"},
		{"nothing to add", "a\nto", "", "a\nto"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "evidence", "deep", "f.jsonl")
			if c.before != "" {
				if err := Append(path, []byte(c.before)); err != nil {
					t.Fatal(err)
				}
			}
			if err := Append(path, []byte(c.data)); err != nil {
				t.Fatal(err)
			}
			if got := read(t, path); got != c.want {
				t.Errorf("the file holds %q, want %q", got, c.want)
			}
		})
	}
}

func TestAppendersKeepEveryLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f.jsonl")
	if err := Append(path, []byte("start\n")); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for n := range 4 {
		wg.Go(func() {
			for i := range 20 {
				if err := Append(path, fmt.Appendf(nil, "%d-%d\n", n, i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	lines := map[string]bool{}
	for line := range strings.Lines(read(t, path)) {
		lines[line] = true
	}
	if len(lines) != 81 {
		t.Errorf("%d different lines, want 81", len(lines))
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// onlyFile checks that no temporary file stayed beside path.
func onlyFile(t *testing.T, path string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != filepath.Base(path) {
			t.Errorf("%s was left behind", e.Name())
		}
	}
}

// What a killed process left is taken away, and nothing else.
func TestSweep(t *testing.T) {
	dir := t.TempDir()
	dead := exec.Command(os.Args[0], "-test.run=^$")
	if err := dead.Run(); err != nil {
		t.Fatal(err)
	}
	gone := fmt.Sprintf(".policy.hcl.%d-0.tmp", dead.Process.Pid)
	stay := []string{
		fmt.Sprintf(".policy.hcl.%d-1.tmp", os.Getpid()), fmt.Sprintf(".policy.hcl.%d-0.tmp", os.Getppid()),
		"policy.hcl", ".policy.hcl.tmp", fmt.Sprintf("policy.hcl.%d-0.tmp", dead.Process.Pid), ".x.99999999999999999999-0.tmp",
	}
	for _, name := range append([]string{gone}, stay...) {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	folder := fmt.Sprintf(".folder.%d-0.tmp", dead.Process.Pid)
	if err := os.Mkdir(filepath.Join(dir, folder), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := Sweep(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, gone)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s stays: %v", gone, err)
	}
	for _, name := range append(stay, folder) {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	if err := Sweep(filepath.Join(dir, "nowhere")); err != nil {
		t.Error(err)
	}
}
