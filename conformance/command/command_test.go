package command_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/plimsoll-dev/plimsoll/conformance/asm"
	"github.com/plimsoll-dev/plimsoll/conformance/command"
	"github.com/plimsoll-dev/plimsoll/core/sandbox"
)

// TestMain makes this binary the real one when it is started with an argument
// "as", so that the host kit can start it as its own adapter.
func TestMain(m *testing.M) {
	if sandbox.Child() {
		return
	}
	if len(os.Args) > 1 && os.Args[1] == "as" {
		os.Exit(command.Run(context.Background(), os.Args[2:], command.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}, "test"))
	}
	os.Exit(m.Run())
}

func run(args ...string) (code int, out, errs string) {
	var o, e bytes.Buffer
	code = command.Run(context.Background(), args, command.Streams{In: strings.NewReader(""), Out: &o, Err: &e}, "1.2.3")
	return code, o.String(), e.String()
}

func TestUsage(t *testing.T) {
	for _, c := range []struct {
		args string
		code int
		say  string
	}{
		{"", command.Usage, "plimsoll-conformance skill FILE|FOLDER"},
		{"help", command.Done, "-junit"},
		{"version", command.Done, "1.2.3"},
		{"skil x", command.Usage, `no subcommand "skil"`},
		{"skill", command.Usage, "usage: plimsoll-conformance skill"},
		{"skill -nonsense x", command.Usage, "not defined: -nonsense"},
		{"skill no-such-file.wasm", command.Internal, "no-such-file.wasm"},
		{"host", command.Usage, "PROTOCOL.md"},
		{"host -list", command.Done, "stop.call_bomb"},
		{"host -only nonsense -- ./no-such-adapter", command.Internal, "starting the host under test"},
		{"verify", command.Usage, "usage: plimsoll-conformance verify"},
		{"verify no-such-report.json", command.Usage, "no-such-report.json"},
	} {
		code, out, errs := run(strings.Fields(c.args)...)
		if code != c.code || !strings.Contains(out+errs, c.say) {
			t.Errorf("%q gives %d and %q, want %d with %q", c.args, code, out+errs, c.code, c.say)
		}
	}
}

// TestSkill writes every form of a report and reads one back; then it changes a
// byte.
func TestSkill(t *testing.T) {
	dir := t.TempDir()
	g := asm.Guest{Manifest: `{"abi":1,"ops":["finish"]}`, Answer: `{"output":1}`}
	file := filepath.Join(dir, "tiny.wasm")
	if err := os.WriteFile(file, g.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	at := func(name string) string { return filepath.Join(dir, "out", name) }
	code, out, errs := run("skill", "-only", "module,op.finish", "-json", at("r.json"), "-junit", at("r.xml"), "-html", at("r.html"), file)
	if code != command.Done || !strings.Contains(out, "conformant") || errs != "" {
		t.Fatalf("%d %s %s", code, out, errs)
	}
	for name, want := range map[string]string{"r.json": `"guest.op.finish"`, "r.xml": "<testsuite", "r.html": "<!doctype html>"} {
		raw, err := os.ReadFile(at(name))
		if err != nil || !strings.Contains(string(raw), want) {
			t.Errorf("%s has no %s: %v", name, want, err)
		}
	}
	if code, out, _ := run("verify", at("r.json")); code != command.Done || !strings.Contains(out, "is as the kit wrote it") {
		t.Errorf("verify: %d %s", code, out)
	}
	raw, err := os.ReadFile(at("r.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(at("r.json"), bytes.Replace(raw, []byte("tiny.wasm"), []byte("good.wasm"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := run("verify", at("r.json")); code != command.Problems || !strings.Contains(errs, "was edited") {
		t.Errorf("verify of an edited report: %d %s", code, errs)
	}
	// This guest answers every op: the whole kit says so, and the exit code too.
	code, out, _ = run("skill", "-only", "op.unknown", file)
	if code != command.Problems || !strings.Contains(out, "unsupported_op") || !strings.Contains(out, "again  plimsoll-conformance skill -v -only op.unknown") {
		t.Errorf("%d %s", code, out)
	}
	if code, out, _ = run("skill", "-only", "op", "-skip", "op.unknown", file); code != command.Problems || !strings.Contains(out, "partial") {
		t.Errorf("a report with a case switched off: %d %s", code, out)
	}
}

// TestHost runs the subcommand serve-host under the subcommand host.
func TestHost(t *testing.T) {
	code, out, errs := run("host", "-slack", "2s", "-only", "output.limit,trap.divide", "-json", "-", "--", os.Args[0], "as", "serve-host", "-cache", t.TempDir())
	var r struct {
		Result string
		Cases  []struct{ Status string }
	}
	if err := json.Unmarshal([]byte(out), &r); err != nil || code != command.Done || r.Result != "conformant" || len(r.Cases) != 2 {
		t.Errorf("%d %v %s %s", code, err, out, errs)
	}
}

func TestWrite(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "kit")
	if code, out, errs := run("host", "-write", dir); code != command.Done || !strings.Contains(out, "cases.json says") {
		t.Fatalf("%d %s %s", code, out, errs)
	}
	for _, name := range []string{"cases.json", "well.wasm", "stop.loop.wasm"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
}
