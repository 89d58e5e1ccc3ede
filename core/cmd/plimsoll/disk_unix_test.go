//go:build unix

package main

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// nobody is who reads where root could write anyway.
const nobody = 65534

// A project that cannot be written: what only reads works, the rest says what is
// wrong, and not a byte changes.
func TestReadOnlyProject(t *testing.T) {
	base := t.TempDir()
	dir, cache, program := filepath.Join(base, "p"), filepath.Join(base, "cache"), filepath.Join(base, "plimsoll")
	if err := writeProject(dir, usual, "greet"); err != nil {
		t.Fatal(err)
	}
	night(t, dir, "nightly")
	if err := os.Mkdir(cache, 0o755); err != nil {
		t.Fatal(err)
	}
	binary, err := os.ReadFile(plimsoll(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(program, binary, 0o755); err != nil {
		t.Fatal(err)
	}
	give(t, base)
	chmod(t, dir, 0o222, 0)
	t.Cleanup(func() { chmod(t, dir, 0, 0o200) }) // so that the folder can be removed
	before := snapshot(t, dir)

	run := func(args ...string) (string, error) {
		cmd := exec.Command(program, append([]string{"-C", dir, "--as-of", "2026-07-20T02:00:00Z"}, args...)...)
		cmd.Env = append(os.Environ(), "HOME="+cache, "XDG_CACHE_HOME="+cache, "NO_COLOR=1")
		if os.Geteuid() == 0 {
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		}
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	for _, args := range [][]string{{"validate"}, {"skill", "list"}, {"evidence", "verify"}, {"evidence", "recompute"}, {"fmt", "-check", dir}} {
		if out, err := run(args...); err != nil {
			t.Errorf("plimsoll %s only reads: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	for _, args := range [][]string{{"nightly"}, {"policy", "pin", "greet"}, {"init"}, {"evolve", "greet"}} {
		out, err := run(args...)
		t.Logf("plimsoll %s: %s", strings.Join(args, " "), out)
		if err == nil || strings.Contains(out, "panic") || strings.Contains(out, "Internal error") {
			t.Errorf("plimsoll %s in a read-only project: %v\n%s", strings.Join(args, " "), err, out)
		}
		if !strings.Contains(out, "written") && !strings.Contains(out, "read-only") && !strings.Contains(out, "permission") && !strings.Contains(out, "exists already") {
			t.Errorf("plimsoll %s does not say that the project is read-only:\n%s", strings.Join(args, " "), out)
		}
	}
	for name, text := range snapshot(t, dir) {
		if before[name] != text {
			t.Errorf("%s has changed", name)
		}
	}
	chmod(t, dir, 0, 0o200)
	if out, err := run("audit", "verify"); err != nil {
		t.Errorf("the log after the refused writes: %v\n%s", err, out)
	}
}

// give makes nobody the owner of a tree, where that can be done.
func give(t *testing.T, base string) {
	t.Helper()
	if os.Geteuid() != 0 {
		return
	}
	if err := os.Chmod(filepath.Dir(base), 0o755); err != nil {
		t.Fatal(err)
	}
	if errors.Is(os.Lchown(base, nobody, nobody), syscall.EINVAL) {
		t.Skip("this user namespace has no other user that a read-only folder could bind")
	}
	walk(t, base, func(path string, _ fs.FileMode) error { return os.Lchown(path, nobody, nobody) })
}

// chmod takes bits off and puts bits on everything of a tree.
func chmod(t *testing.T, base string, off, on fs.FileMode) {
	t.Helper()
	walk(t, base, func(path string, mode fs.FileMode) error { return os.Chmod(path, mode&^off|on) })
}

func walk(t *testing.T, base string, do func(string, fs.FileMode) error) {
	t.Helper()
	err := filepath.WalkDir(base, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		return do(path, info.Mode().Perm())
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A result that does not arrive whole is no success.
func TestFullOutput(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("there is no /dev/full here")
	}
	defer full.Close()
	dir := tempProject(t, usual, "greet")
	night(t, dir, "nightly")
	for _, args := range [][]string{{"evidence", "recompute"}, {"policy", "show"}, {"audit", "show", "-json"}, {"version"}} {
		cmd := command(t, dir, args...)
		var errs strings.Builder
		cmd.Stdout, cmd.Stderr = full, &errs
		if err := cmd.Run(); err == nil || cmd.ProcessState.ExitCode() != 1 || !strings.Contains(errs.String(), "could not be written whole") {
			t.Errorf("plimsoll %s on a full disk: %v\n%s", strings.Join(args, " "), err, errs.String())
		}
	}
}
