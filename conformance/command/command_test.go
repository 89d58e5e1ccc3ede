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
	"github.com/plimsoll-dev/plimsoll/sdk/backend"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// TestMain makes this binary the real one when it is started with an argument
// "as", so that the host kit can start it as its own adapter.
func TestMain(m *testing.M) {
	if sandbox.Child() {
		return
	}
	if os.Getenv("SERVE_A_BACKEND") != "" && len(os.Args) == 1 {
		backend.Serve("said", newSaid)
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
		{"backend", command.Usage, "usage: plimsoll-conformance backend"},
		{"backend -list", command.Done, "stream.none_after"},
		{"backend sim", command.Usage, "-plimsoll PATH"},
		{"backend -config [1] 127.0.0.1:9", command.Usage, "one JSON object"},
		{"backend -config @no-such-file 127.0.0.1:9", command.Usage, "no-such-file"},
		{"backend -ca no-such-file 127.0.0.1:9", command.Usage, "no-such-file"},
		{"backend -cert x 127.0.0.1:9", command.Usage, "-ca is not there"},
		{"backend -case ( 127.0.0.1:9", command.Usage, "missing closing )"},
		{"backend models.example.com:9443", command.Internal, "in the clear"},
		{"backend -only nonsense 127.0.0.1:9", command.Internal, "no case"},
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

// TestBackend runs a backend that is this very binary, in all forms of a report.
func TestBackend(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	t.Setenv("SERVE_A_BACKEND", "yes")
	args := []string{"backend", "-v", "-slack", "1s", "-env", "SERVE_A_BACKEND", "-config", `{"word":"it's"}`, "-case", "describe|handshake.line",
		"-json", at("r.json"), "-junit", at("r.xml"), "-html", at("r.html"), os.Args[0]}
	code, out, errs := run(args...)
	if code != command.Done || !strings.Contains(out, "5 pass") || !strings.Contains(out, "said 1.0.0") {
		t.Fatalf("%d %s %s", code, out, errs)
	}
	if want := "again  plimsoll-conformance backend -v -only describe.schema -config ... -env SERVE_A_BACKEND -slack 1s "; !strings.Contains(out, want) || strings.Contains(out, "it's") {
		t.Errorf("no %q in %s", want, out)
	}
	for _, name := range []string{"r.xml", "r.html"} {
		if raw, err := os.ReadFile(at(name)); err != nil || !strings.Contains(string(raw), "backend.describe.schema") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if code, out, _ := run("verify", at("r.json")); code != command.Done || !strings.Contains(out, "backend kit") {
		t.Errorf("verify: %d %s", code, out)
	}
	file := at("config.json")
	if err := os.WriteFile(file, []byte(`{"nonsense":1}`), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, _ = run("backend", "-env", "SERVE_A_BACKEND", "-config", "@"+file, "-only", "configure.accepted", os.Args[0])
	if code != command.Problems || !strings.Contains(out, "nonsense") || !strings.Contains(out, "not conformant") {
		t.Errorf("%d %s", code, out)
	}
}

// said is a backend with a config of one word.
type said struct {
	Word string `json:"word"`
}

func newSaid(config map[string]any) (backend.Model, error) {
	var s said
	return s, backend.DecodeConfig(config, &s)
}

func (said) Describe(context.Context) (backend.Description, error) {
	return backend.Description{Version: "1.0.0", ConfigSchema: []backend.ConfigField{{Name: "word", Type: backend.TypeString}}}, nil
}

func (s said) Generate(_ context.Context, req message.Request, out backend.Sink) error {
	if err := out.Text(s.Word); err != nil {
		return err
	}
	return out.Done(message.Usage{Input: 1, Output: 1}, message.FinishStop, "said-1")
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
