package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// night runs plimsoll in a project and fails the test when plimsoll does.
func night(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := command(t, dir, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("plimsoll %s: %v\n%s%s", strings.Join(args, " "), err, out.String(), errs.String())
	}
	return out.String()
}

// command is plimsoll on a project, at the tests' time.
func command(t *testing.T, dir string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(plimsoll(t), append([]string{"-C", dir, "--as-of", asOf}, args...)...)
	cmd.Env = append(os.Environ(), "NO_COLOR=1", "XDG_CACHE_HOME="+filepath.Join(os.TempDir(), "plimsoll-test-cache"))
	return cmd
}

// row is what these tests read of a report.
type row struct {
	Skill    string `json:"skill"`
	Step     string `json:"step"`
	Decision string `json:"decision"`
	Reason   string `json:"reason"`
	Current  string `json:"current"`
	Cheap    string `json:"candidate"`
	Advice   string `json:"recommend"`
}

// decisions of a night by SKILL/STEP.
func decisions(t *testing.T, doc string) map[string]row {
	t.Helper()
	var n struct {
		Rows []row `json:"rows"`
	}
	if err := json.Unmarshal([]byte(doc), &n); err != nil {
		t.Fatalf("the night's JSON: %v\n%s", err, doc)
	}
	out := map[string]row{}
	for _, r := range n.Rows {
		out[r.Skill+"/"+r.Step] = r
	}
	return out
}

// snapshot reads every file of a project but what is the machine's own.
func snapshot(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && d.Name() == ".plimsoll":
			return fs.SkipDir
		case d.IsDir():
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		out[filepath.ToSlash(rel)] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// entry is an audit entry as `plimsoll audit show -json` gives it.
type entry struct {
	Kind  string          `json:"kind"`
	Skill string          `json:"skill"`
	Run   string          `json:"run"`
	Data  json.RawMessage `json:"data"`
}

func auditEntries(t *testing.T, dir string) []entry {
	t.Helper()
	var doc struct {
		Entries []entry `json:"entries"`
	}
	if err := json.Unmarshal([]byte(night(t, dir, "audit", "show", "-json")), &doc); err != nil {
		t.Fatal(err)
	}
	return doc.Entries
}

// edit replaces a text in a file; it has to be there.
func edit(t *testing.T, path string, pairs ...string) {
	t.Helper()
	src, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text := string(src)
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(text, pairs[i]) {
			t.Fatalf("%s has no %q", path, pairs[i])
		}
		text = strings.ReplaceAll(text, pairs[i], pairs[i+1])
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// killed tells whether a command was ended by a signal rather than by itself.
func killed(err error) bool {
	var exit *exec.ExitError
	return errors.As(err, &exit) && exit.ExitCode() == -1
}
