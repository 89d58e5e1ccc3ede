package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/audit"
	"github.com/plimsoll-dev/plimsoll/core/store"
	"github.com/plimsoll-dev/plimsoll/core/store/badgerstore"
)

// projectWithCalls is a project whose log has a call that was begun and ended,
// and a denied one of a client that writes to the terminal.
func projectWithCalls(t *testing.T) (dir, key string) {
	t.Helper()
	dir = t.TempDir()
	state := filepath.Join(dir, ".plimsoll")
	if err := os.MkdirAll(state, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "plimsoll.hcl"), []byte("serve {\n}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := audit.OpenKey(filepath.Join(state, "audit.key"))
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 7, 2, 12, 0, 0, 0, time.UTC)
	log := audit.New(audit.Config{Signer: file.Signer, Origin: file.Origin})
	db, err := badgerstore.Open(badgerstore.Config{Dir: filepath.Join(state, "state"), Now: func() time.Time { return at }, Sealer: log})
	if err != nil {
		t.Fatal(err)
	}
	arguments, _, err := audit.Redactable([]byte(`{"title":"secret"}`))
	if err != nil {
		t.Fatal(err)
	}
	begun := audit.Call{ID: "01JZ5J3Q9W8XK4T2V7N6M5B4C3", Action: audit.ActionCall, Outcome: audit.OutcomeBegun, Principal: "ci", Auth: "token", Connector: "github",
		Tool: "github_issues_create", Arguments: arguments, Rule: "writers write", Traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}
	ended := begun
	ended.Outcome, ended.Result, ended.Bytes, ended.Duration = audit.OutcomeOK, "sha256:"+strings.Repeat("ef", 32), 12, 1500*time.Microsecond
	denied := audit.Call{ID: "c2", Action: audit.ActionCall, Outcome: audit.OutcomeDenied, Principal: "ci", Client: "evil\x1b[2J\u202e", Tool: "x", Reason: "not you"}
	for _, call := range []audit.Call{begun, ended, denied} {
		e, err := call.Entry("default", at)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.Commit(context.Background(), store.Batch{Entries: []store.Entry{e}}); err != nil {
			t.Fatal(err)
		}
	}
	key = log.Key()
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return dir, key
}

func invoke(t *testing.T, args ...string) (out string, code int) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = Main(context.Background(), App{Args: args, In: strings.NewReader(""), Out: &stdout, Err: &stderr, Version: "test"})
	return stdout.String() + stderr.String(), code
}

func TestShowCall(t *testing.T) {
	dir, key := projectWithCalls(t)
	proof := filepath.Join(t.TempDir(), "call.tlog-proof")
	out, code := invoke(t, "-C", dir, "audit", "show", "--call", "01JZ5J3Q9W8XK4T2V7N6M5B4C3", "--proof", proof)
	if code != 0 {
		t.Fatal(out)
	}
	for _, want := range []string{
		"call.begin  begun", "call.call  done", "entry       0, 2026-07-02 12:00:00 UTC", "principal   ci (token)", "tool        github_issues_create",
		"arguments   salted hash sha256:", "rule        writers write", "bytes       12", "duration    1.5ms", "traceparent 00-4bf92f", "-proof ",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in:\n%s", want, out)
		}
	}
	if strings.Contains(out, "secret") {
		t.Error("an argument is shown")
	}
	path, err := os.ReadFile(proof)
	if err != nil {
		t.Fatal(err)
	}
	entry, err := os.ReadFile(proof + ".entry")
	if err != nil {
		t.Fatal(err)
	}
	if at, _, err := audit.CheckProof(path, entry, key); err != nil || at != 1 {
		t.Errorf("the proof is of entry %d: %v", at, err)
	}

	out, code = invoke(t, "-C", dir, "audit", "show", "--call", "c2")
	if code != 0 || strings.ContainsAny(out, "\x1b\u202e") || !strings.Contains(out, "call.deny  denied") || !strings.Contains(out, "(its own word)") {
		t.Errorf("%d %q", code, out)
	}
	out, code = invoke(t, "-C", dir, "audit", "show", "--call", "01JZ5J3Q9W8XK4T2V7N6M5B4C3", "--json")
	var doc struct {
		Call    string
		Entries []struct {
			Index int
			Kind  string
			Data  map[string]any
		}
	}
	if err := json.Unmarshal([]byte(out), &doc); code != 0 || err != nil || len(doc.Entries) != 2 || doc.Entries[1].Kind != "call.call" || doc.Entries[1].Data["duration_us"] != 1500.0 {
		t.Errorf("%d %v %s", code, err, out)
	}
	if out, code = invoke(t, "-C", dir, "audit", "show", "--call", "c3"); code != 1 || !strings.Contains(out, "the audit log has no call c3") {
		t.Errorf("%d %s", code, out)
	}
	if out, code = invoke(t, "-C", dir, "audit", "verify"); code != 0 {
		t.Errorf("%d %s", code, out)
	}
}
