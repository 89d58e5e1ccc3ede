package engine

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/plimsoll-dev/plimsoll/core/access"
	"github.com/plimsoll-dev/plimsoll/core/connector/lock"
	"github.com/plimsoll-dev/plimsoll/core/mcp"
)

const allowAll = "access {\n  unmatched = \"allow\"\n}\n"

func (d *desktop) read(name string) string {
	d.t.Helper()
	raw, err := os.ReadFile(filepath.Join(d.dir, name))
	if err != nil {
		d.t.Fatal(err)
	}
	return string(raw)
}

func (d *desktop) refresh() {
	d.t.Helper()
	if err := d.surface.Refresh(context.Background()); err != nil {
		d.t.Fatal(err)
	}
}

// A skill that began under older rules calls its tools under those of now.
func TestOldEngineBringsNoOldRules(t *testing.T) {
	d := newDesktop(t, allowAll)
	d.approve()
	d.write("plimsoll.hcl", strings.Replace(d.read("plimsoll.hcl"), allowAll, "", 1))
	d.write("access.hcl", "access {\n  unmatched = \"allow\"\n  rule \"no\" {\n    tools  = [\"*\"]\n    effect = \"deny\"\n  }\n}\n")
	d.refresh()
	if _, err := (toolbox{d.engine}).Call(context.Background(), "desk_notes_read", json.RawMessage(`{"text":"x"}`)); err == nil {
		t.Error("a skill called a tool under rules that are gone")
	}
	d.refresh()
	if _, err := d.call("desk_notes_write", `{"text":"x"}`, ""); code(err) != mcp.CodeUnknown {
		t.Errorf("anybody's call after that: %v", err)
	}
	if d.calls.Load() != 0 {
		t.Error("the server was called")
	}
}

// A command that runs in a server may bring variables; agents are served under the
// server's.
func TestCommandsVariablesChangeNoRules(t *testing.T) {
	d := newDesktop(t, "variable \"mode\" {\n  default = \"deny\"\n}\naccess {\n  unmatched = var.mode\n}\n")
	d.approve()
	if _, err := d.call("desk_notes_delete", `{"text":"x"}`, ""); code(err) != mcp.CodeUnknown {
		t.Fatalf("under deny: %v", err)
	}
	p, diags := LoadProject(LoadOptions{Dir: d.dir, Vars: map[string]string{"mode": "allow"}})
	if err := diags.Err(); err != nil {
		t.Fatal(err)
	}
	other, err := Open(context.Background(), Options{Project: p, State: d.engine.state, Stderr: testLog{t}})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if x, err := other.Surface(context.Background()); err != nil || x != d.surface {
		t.Fatal("another surface", err)
	}
	if _, err := d.call("desk_notes_delete", `{"text":"x"}`, ""); code(err) != mcp.CodeUnknown {
		t.Errorf("after a command with -var mode=allow: %v", err)
	}
}

// Nobody learns what a server says of itself who may not see it.
func TestWholeServerIsBehindTheGate(t *testing.T) {
	deny := "access {\n  unmatched = \"allow\"\n  rule \"not low\" {\n    connectors = [\"desk\"]\n    roles      = [\"low\"]\n    effect     = \"deny\"\n  }\n}\n"
	d := newDesktop(t, deny)
	hello := mcp.Hello{Revision: "2026-07-28", Stateless: true}
	open := func(who mcp.Caller) error {
		up, err := d.surface.Desk.Wholes([]string{"desk"}).Open(context.Background(), "desk", who, hello, deaf{})
		if err == nil {
			_ = up.Close()
		}
		return err
	}
	if err := open(anybody); err == nil {
		t.Error("a server that nobody approved let somebody in")
	}
	d.approve()
	low := anybody
	low.Principal = access.Principal{Name: "low", Roles: []string{"low"}, Kind: access.KindToken}
	if err := open(low); code(err) != mcp.CodeUnknown {
		t.Errorf("who may not see it: %v", err)
	}
	if err := open(anybody); err != nil {
		t.Errorf("who may: %v", err)
	}
	refused := 0
	for _, list := range d.records() {
		if list[0].Principal == "low" {
			refused++
		}
	}
	if refused != 1 {
		t.Errorf("%d records of the refusal", refused)
	}
}

// A server that tells no list any more is not called on an old one.
func TestServerThatDoesNotListIsNotCalled(t *testing.T) {
	d := newDesktop(t, allowAll)
	var mute atomic.Bool
	d.server.AddReceivingMiddleware(func(next sdk.MethodHandler) sdk.MethodHandler {
		return func(ctx context.Context, method string, req sdk.Request) (sdk.Result, error) {
			if method == "tools/list" && mute.Load() {
				return nil, errors.New("no list today")
			}
			return next(ctx, method, req)
		}
	})
	d.approve()
	if _, err := d.call("desk_notes_read", `{"text":"x"}`, ""); err != nil {
		t.Fatal(err)
	}
	if err := d.engine.Close(); err != nil {
		t.Fatal(err)
	}
	mute.Store(true)
	before := d.calls.Load()
	d.open()
	if _, err := d.call("desk_notes_read", `{"text":"x"}`, ""); err == nil || d.calls.Load() != before {
		t.Errorf("called on a list of yesterday: %v", err)
	}
	mute.Store(false)
	if _, err := d.surface.Look(context.Background(), "desk"); err != nil {
		t.Fatal(err)
	}
	if _, err := d.call("desk_notes_read", `{"text":"x"}`, ""); err != nil {
		t.Errorf("when it lists again: %v", err)
	}
}

// A quarantine ends with a lock file that fits, however that came.
func TestLockFromElsewhereLiftsTheQuarantine(t *testing.T) {
	d := newDesktop(t, allowAll)
	d.approve()
	oldLock, oldBook := d.read(LockFile), d.read(lock.BookName)
	d.tool("notes_read", "Reads the notes, again.", &sdk.ToolAnnotations{ReadOnlyHint: true})
	l, err := d.surface.Look(context.Background(), "desk")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.surface.Approve(context.Background(), "desk", l.Report.Set); err != nil {
		t.Fatal(err)
	}
	newLock, newBook := d.read(LockFile), d.read(lock.BookName)
	for _, step := range []struct {
		lock, book string
		shut       bool
	}{{oldLock, oldBook, true}, {newLock, newBook, false}} {
		d.write(LockFile, step.lock)
		d.write(lock.BookName, step.book)
		d.refresh()
		_, err := d.call("desk_notes_write", `{"text":"x"}`, "")
		if step.shut != (code(err) == mcp.CodeQuarantined) {
			t.Errorf("shut %v: %v", step.shut, err)
		}
	}
}

// A rule that cannot be compiled is an error of the first command that needs it, and
// the next one finds it mended.
func TestBadRuleOpensNoSurface(t *testing.T) {
	d := &desktop{t: t, dir: t.TempDir()}
	d.write("plimsoll.hcl", "access {\n  rule \"r\" {\n    when   = \"annotations.readonly\"\n    effect = \"allow\"\n  }\n}\n")
	e, err := Open(context.Background(), Options{Project: d.project(), Stderr: testLog{t}})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if _, err := e.Surface(context.Background()); err == nil || !strings.Contains(err.Error(), "readonly") {
		t.Fatalf("a rule that cannot be compiled: %v", err)
	}
}
