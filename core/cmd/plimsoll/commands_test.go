package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// commands are what scripts need beside plimsoll and testscript's own.
func commands(t *testing.T) map[string]func(*testscript.TestScript, bool, []string) {
	out := map[string]func(*testscript.TestScript, bool, []string){
		"project": projectCommand,                                                                       // project [-latency MS] [SKILL ...]
		"exits":   exits,                                                                                // exits CODE PROGRAM ARGS...
		"replace": replace,                                                                              // replace FILE OLD NEW [all]: it has to be there
		"flip":    flip,                                                                                 // flip GLOB: change one byte in the middle of the one file that fits
		"fill":    fill,                                                                                 // fill FILE N TEXT: TEXT, N times
		"raw":     raw,                                                                                  // raw FILE HEX: bytes that a text file cannot hold
		"append":  appendText,                                                                           // append FILE TEXT: without a newline
		"cut":     cut,                                                                                  // cut FILE N: take N bytes off its end
		"await":   await,                                                                                // await FILE [TEXT]: wait until it is there
		"count":   count,                                                                                // count N FILE PATTERN: exactly N lines match
		"concat":  concat,                                                                               // concat OUT FILES...
		"scrub":   scrub,                                                                                // scrub FILE PATTERN TEXT: all that match become TEXT
		"jsonget": jsonGet,                                                                              // jsonget FILE NAME ENV: the first string member NAME goes to ENV
		"answers": answersCommand,                                                                       // answers NAME FILES...: a fake API at $NAME that answers with the files
		"engine":  engineCommand(t),                                                                     // engine NAME FLAGS...: a fake engine that listens at $NAME
		"guest":   func(ts *testscript.TestScript, neg bool, args []string) { guest(t, ts, neg, args) }, // guest OUT PACKAGE [DIR]
		"compile": func(ts *testscript.TestScript, neg bool, args []string) { // compile OUT PACKAGE [DIR]
			compile(t, ts, args)
		},
	}
	topologyCommands(out)
	return out
}

// exits runs a program and wants one exit code, where testscript's own "!" takes
// any failure for another.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARGS...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%s: %v", args[1], err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

func replace(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 || len(args) > 4 {
		ts.Fatalf("usage: replace FILE OLD NEW [all]")
	}
	times := 1
	if len(args) == 4 {
		times = -1
	}
	path := ts.MkAbs(args[0])
	old := strings.ReplaceAll(args[1], `\n`, "\n")
	src := ts.ReadFile(args[0])
	if n := strings.Count(src, old); n == 0 {
		ts.Fatalf("%s has no %q", args[0], old)
	}
	ts.Check(os.WriteFile(path, []byte(strings.Replace(src, old, strings.ReplaceAll(args[2], `\n`, "\n"), times)), 0o644))
}

func flip(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: flip GLOB")
	}
	found, err := filepath.Glob(ts.MkAbs(args[0]))
	ts.Check(err)
	if len(found) != 1 {
		ts.Fatalf("%d files fit %s", len(found), args[0])
	}
	path := found[0]
	data, err := os.ReadFile(path)
	ts.Check(err)
	info, err := os.Stat(path)
	ts.Check(err)
	data[len(data)/2] ^= 1
	ts.Check(os.Chmod(path, 0o700))
	ts.Check(os.WriteFile(path, data, 0o700))
	ts.Check(os.Chmod(path, info.Mode().Perm()))
}

func fill(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: fill FILE N TEXT")
	}
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.Repeat(args[2], n)), 0o644))
}

func raw(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: raw FILE HEX")
	}
	var data []byte
	_, err := fmt.Sscanf(args[1], "%x", &data)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), data, 0o644))
}

func appendText(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: append FILE TEXT")
	}
	f, err := os.OpenFile(ts.MkAbs(args[0]), os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o644)
	ts.Check(err)
	_, err = f.WriteString(strings.ReplaceAll(args[1], `\n`, "\n"))
	ts.Check(errors.Join(err, f.Close()))
}

func cut(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: cut FILE N")
	}
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	info, err := os.Stat(ts.MkAbs(args[0]))
	ts.Check(err)
	ts.Check(os.Truncate(ts.MkAbs(args[0]), info.Size()-int64(n)))
}

func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: await FILE [TEXT]")
	}
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		data, err := os.ReadFile(ts.MkAbs(args[0]))
		if err == nil && (len(args) == 1 || bytes.Contains(data, []byte(args[1]))) {
			return
		}
	}
	ts.Fatalf("%s did not come", strings.Join(args, " with "))
}

func count(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: count N FILE PATTERN")
	}
	re, err := regexp.Compile(args[2])
	ts.Check(err)
	n := 0
	for line := range strings.Lines(ts.ReadFile(args[1])) {
		if re.MatchString(line) {
			n++
		}
	}
	if strconv.Itoa(n) != args[0] {
		ts.Fatalf("%d lines of %s match %s, want %s", n, args[1], args[2], args[0])
	}
}

func concat(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: concat OUT FILES...")
	}
	var all strings.Builder
	for _, f := range args[1:] {
		all.WriteString(ts.ReadFile(f))
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(all.String()), 0o644))
}

// scrub takes out what changes with every change of the engine, such as the
// digest in an epoch's name.
func scrub(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: scrub FILE PATTERN TEXT")
	}
	re, err := regexp.Compile(args[1])
	ts.Check(err)
	src := ts.ReadFile(args[0])
	if !re.MatchString(src) {
		ts.Fatalf("nothing in %s matches %s", args[0], args[1])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(re.ReplaceAllString(src, args[2])), 0o644))
}

func jsonGet(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: jsonget FILE NAME ENV")
	}
	m := regexp.MustCompile(`"` + regexp.QuoteMeta(args[1]) + `": *"([^"]*)"`).FindStringSubmatch(ts.ReadFile(args[0]))
	if m == nil {
		ts.Fatalf("%s has no string %q", args[0], args[1])
	}
	ts.Setenv(args[2], m[1])
}

// compile builds a package of this repository, or of the module in DIR.
func compile(t *testing.T, ts *testscript.TestScript, args []string) {
	if len(args) < 2 || len(args) > 3 {
		ts.Fatalf("usage: compile OUT PACKAGE [DIR]")
	}
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-o", ts.MkAbs(args[0]), args[1])
	cmd.Dir = filepath.Join("..", "..", "..")
	if len(args) == 3 {
		cmd.Dir = ts.MkAbs(args[2])
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		ts.Fatalf("%v: %v\n%s", cmd.Args, err, out)
	}
	t.Logf("built %s", args[1])
}

// guest builds a package of this repository as a skill's WASM module, or one of
// the module in DIR.
func guest(t *testing.T, ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 || len(args) > 3 {
		ts.Fatalf("usage: guest OUT PACKAGE [DIR]")
	}
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-buildmode=c-shared", "-o", ts.MkAbs(args[0]), args[1])
	cmd.Dir = filepath.Join("..", "..", "..")
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm")
	if len(args) == 3 {
		// Its go.mod replaces this module by this folder and needs nothing else.
		cmd.Dir, cmd.Env = ts.MkAbs(args[2]), append(cmd.Env, "GOFLAGS=-mod=mod", "GOPROXY=off")
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		ts.Fatalf("%v: %v\n%s", cmd.Args, err, out)
	}
	t.Logf("built %s", args[1])
}
