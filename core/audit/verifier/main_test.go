package main

import (
	"bytes"
	"context"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/audit"
	"github.com/plimsoll-dev/plimsoll/core/store"
	"github.com/plimsoll-dev/plimsoll/core/store/badgerstore"
)

// logged is an export with a rotation in it, and what goes with it.
type logged struct {
	dir, first, last, old, proof, entry string
}

func export(t *testing.T) logged {
	t.Helper()
	dir := t.TempDir()
	k, err := audit.OpenKey(filepath.Join(dir, "audit.key"))
	if err != nil {
		t.Fatal(err)
	}
	log := audit.New(audit.Config{Signer: k.Signer, Origin: k.Origin})
	db, err := badgerstore.Open(badgerstore.Config{InMemory: true, Sealer: log})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	ctx, at := context.Background(), time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	add := func(n int) {
		for i := range n {
			if _, err := db.Commit(ctx, store.Batch{Entries: []store.Entry{{Time: at, Kind: "run.done", Run: strconv.Itoa(i)}}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	out := logged{dir: filepath.Join(dir, "export"), old: filepath.Join(dir, "old"),
		proof: filepath.Join(dir, "proof"), entry: filepath.Join(dir, "entry")}
	save := func(path string, data []byte, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	add(9)
	out.first = log.Key()
	save(out.old, log.Checkpoint(), nil)
	if err := audit.RotateFile(ctx, db, log, k, at); err != nil {
		t.Fatal(err)
	}
	add(8)
	out.last = log.Key()
	proof, err := audit.Prove(db, 4)
	save(out.proof, proof, err)
	if _, err := audit.Export(db, out.dir); err != nil {
		t.Fatal(err)
	}
	lines, err := os.ReadFile(filepath.Join(out.dir, "entries.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	save(out.entry, bytes.SplitAfter(lines, []byte("\n"))[4], nil)
	return out
}

func TestHolds(t *testing.T) {
	l := export(t)
	for _, args := range [][]string{
		{"-key", l.first, l.dir},
		{"-key", l.last, "-old", l.old, "-old", filepath.Join(l.dir, "checkpoint"), l.dir},
		{"-key", l.last, "-proof", l.proof, "-entry", l.entry},
	} {
		var out, err bytes.Buffer
		if code := run(args, &out, &err); code != 0 || !strings.HasPrefix(out.String(), "holds: ") {
			t.Errorf("%q: %d, %s%s", args, code, &out, &err)
		}
	}
}

func TestDoesNotHold(t *testing.T) {
	change := func(name string, do func([]byte) []byte) func(t *testing.T, l logged) []string {
		return func(t *testing.T, l logged) []string {
			path := filepath.Join(l.dir, name)
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, do(data), 0o600); err != nil {
				t.Fatal(err)
			}
			return []string{"-key", l.first, "-old", l.old, l.dir}
		}
	}
	flip := func(at int) func([]byte) []byte {
		return func(b []byte) []byte { b[(at+len(b))%len(b)] ^= 1; return b }
	}
	other := export(t)
	for name, prepare := range map[string]func(t *testing.T, l logged) []string{
		"a record changed":        change("entries.jsonl", flip(40)),
		"the last record dropped": change("entries.jsonl", func(b []byte) []byte { return b[:bytes.LastIndexByte(b[:len(b)-1], '\n')+1] }),
		"a record added":          change("entries.jsonl", func(b []byte) []byte { return append(b, "{}\n"...) }),
		"a hash changed":          change("leaves", flip(-1)),
		"the tail cut":            change("leaves", func(b []byte) []byte { return b[:len(b)-32] }),
		"the checkpoint changed":  change("checkpoint", flip(-4)),
		"the keys changed":        change("keys", func([]byte) []byte { return []byte(other.first) }),
		"no keys":                 change("keys", func([]byte) []byte { return nil }),
		"a rotation changed":      change("rotations/10", flip(-4)),
		"a rotation dropped":      func(t *testing.T, l logged) []string { return []string{"-key", l.first, drop(t, l, "rotations/10")} },
		"the checkpoint dropped":  func(t *testing.T, l logged) []string { return []string{"-key", l.first, drop(t, l, "checkpoint")} },
		"the leaves dropped":      func(t *testing.T, l logged) []string { return []string{"-key", l.first, drop(t, l, "leaves")} },
		"another log":             func(_ *testing.T, l logged) []string { return []string{"-key", l.first, other.dir} },
		"the checkpoint of another log": func(_ *testing.T, l logged) []string {
			return []string{"-key", l.first, "-old", other.old, l.dir}
		},
		"a proof under the wrong key": func(_ *testing.T, l logged) []string {
			return []string{"-key", l.first, "-proof", l.proof, "-entry", l.entry}
		},
		"a proof of other bytes": func(_ *testing.T, l logged) []string {
			return []string{"-key", l.last, "-proof", l.proof, "-entry", l.old}
		},
		"a proof that is none": func(_ *testing.T, l logged) []string {
			return []string{"-key", l.last, "-proof", l.old, "-entry", l.entry}
		},
	} {
		t.Run(name, func(t *testing.T) {
			var out, err bytes.Buffer
			if code := run(prepare(t, export(t)), &out, &err); code != 1 || !strings.HasPrefix(err.String(), "DOES NOT HOLD: ") {
				t.Errorf("%d, %s%s", code, &out, &err)
			}
		})
	}
}

func drop(t *testing.T, l logged, name string) string {
	t.Helper()
	if err := os.Remove(filepath.Join(l.dir, name)); err != nil {
		t.Fatal(err)
	}
	return l.dir
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{nil, {"dir"}, {"-key", "k"}, {"-key", "k", "-proof", "p"}, {"-key", "k", "-proof", "p", "-entry", "e", "dir"}, {"-what"}} {
		var out, err bytes.Buffer
		if code := run(args, &out, &err); code != 2 || !strings.Contains(err.String(), "usage") && !strings.Contains(err.String(), "Usage") {
			t.Errorf("%q: %d, %s", args, code, &err)
		}
	}
}

// Who reads the program before trusting it reads this much and no more.
func TestSmallAndAlone(t *testing.T) {
	source, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(source, []byte("\n")); n >= 300 {
		t.Errorf("main.go has %d lines", n)
	}
	file, err := parser.ParseFile(token.NewFileSet(), "main.go", source, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	for _, spec := range file.Imports {
		path, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(path, ".") && !strings.HasPrefix(path, "golang.org/x/mod/") {
			t.Errorf("main.go imports %s", path)
		}
	}
}
