package audit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/plimsoll-dev/plimsoll/core/store"
	"github.com/plimsoll-dev/plimsoll/core/store/badgerstore"
)

var called = time.Date(2026, 7, 2, 12, 0, 0, 123456000, time.UTC)

func wholeCall() Call {
	return Call{
		ID: "01JZ5J3Q9W8XK4T2V7N6M5B4C3", Action: ActionCall, Outcome: OutcomeOK, Principal: "ci", Auth: "token", Client: "inspector/1.2 <b>", Session: "s-1",
		Connector: "github", Tool: "github_issues_create", Skill: "triage", Run: "01JZ5J3Q9W8XK4T2V7N6M5B4C4",
		Definition: "sha256:" + strings.Repeat("ab", 32), Arguments: json.RawMessage(`{"redactable":"sha256:` + strings.Repeat("cd", 32) + `"}`),
		Result: "sha256:" + strings.Repeat("ef", 32), Bytes: 1234, Rule: "deletes are asked", Reason: "", Approval: "a-7", Approver: "",
		Duration: 1500 * time.Microsecond, Cost: 42, Traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
	}
}

// The bytes of a call are fixed for ever: a log that has them must stay readable.
func TestCallGolden(t *testing.T) {
	var got bytes.Buffer
	denied := Call{ID: "c1", Action: ActionCall, Outcome: OutcomeDenied, Principal: "ci", Tool: "x", Rule: "r", Reason: "not you"}
	begun := wholeCall()
	begun.Outcome, begun.Result, begun.Bytes, begun.Duration, begun.Cost = OutcomeBegun, "", 0, 0, 0
	for _, c := range []Call{wholeCall(), begun, denied, {ID: "c2", Action: ActionFind, Outcome: OutcomeOK}, {ID: "c3", Action: ActionRun, Outcome: OutcomeAsked, Approval: "a"}, {ID: "c4", Action: ActionApprove, Outcome: OutcomeRejected, Approval: "a", Approver: "lead"}} {
		e, err := c.Entry("default", called)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := EncodeEntry(e)
		if err != nil {
			t.Fatal(err)
		}
		got.Write(append(raw, '\n'))
		back, err := DecodeEntry(raw)
		if err != nil {
			t.Fatal(err)
		}
		if again, ok, err := CallOf(back); err != nil || !ok || !reflect.DeepEqual(again, c) {
			t.Errorf("%+v became %+v, %v", c, again, err)
		}
	}
	path := filepath.Join("testdata", "calls.jsonl")
	if *update {
		if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("the bytes of a call have changed:\n%s", got.String())
	}
}

func TestCallsThatAreRefused(t *testing.T) {
	for name, change := range map[string]func(*Call){
		"no id":           func(c *Call) { c.ID = "" },
		"id with a quote": func(c *Call) { c.ID = `a"b` },
		"long id":         func(c *Call) { c.ID = strings.Repeat("a", 129) },
		"action":          func(c *Call) { c.Action = "deny" },
		"outcome":         func(c *Call) { c.Outcome = "" },
		"plain arguments": func(c *Call) { c.Arguments = json.RawMessage(`{"token":"secret"}`) },
		"more beside": func(c *Call) {
			c.Arguments = append(c.Arguments[:len(c.Arguments)-1:len(c.Arguments)-1], `,"token":"secret"}`...)
		},
		"text as arguments": func(c *Call) { c.Arguments = json.RawMessage(`"secret"`) },
		"two values":        func(c *Call) { c.Arguments = append(c.Arguments[:len(c.Arguments):len(c.Arguments)], `{}`...) },
		"result":            func(c *Call) { c.Result = "secret" },
		"upper case digest": func(c *Call) { c.Result = "sha256:" + strings.Repeat("AB", 32) },
		"definition":        func(c *Call) { c.Definition = "sha256:ab" },
		"traceparent":       func(c *Call) { c.Traceparent = "x" },
		"negative":          func(c *Call) { c.Cost = -1 },
		"long":              func(c *Call) { c.Duration = -1 },
		"reason":            func(c *Call) { c.Reason = strings.Repeat("a", MaxReason+1) },
		"not UTF-8":         func(c *Call) { c.Client = "\xff" },
	} {
		c := wholeCall()
		change(&c)
		if e, err := c.Entry("default", called); err == nil {
			t.Errorf("%s: %s", name, e.Data)
		} else if strings.Contains(err.Error(), "secret") && name != "result" {
			t.Errorf("%s: the error shows the value: %v", name, err)
		}
	}
}

func TestEntriesThatAreNoCalls(t *testing.T) {
	if _, ok, err := CallOf(store.Entry{Kind: "run.done"}); ok || err != nil {
		t.Errorf("%v %v", ok, err)
	}
	good, err := wholeCall().Entry("default", called)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*store.Entry){
		"no data": func(e *store.Entry) { e.Data = nil },
		"newer": func(e *store.Entry) {
			e.Data = json.RawMessage(`{"id":"a","action":"find","outcome":"ok","colour":"red"}`)
		},
		"another kind":  func(e *store.Entry) { e.Kind = "call.deny" },
		"unknown kind":  func(e *store.Entry) { e.Kind = "call.x" },
		"bad arguments": func(e *store.Entry) { e.Data = bytes.Replace(e.Data, []byte("cdcd"), []byte("cdcx"), 1) },
	} {
		e := good
		change(&e)
		if _, ok, err := CallOf(e); !ok || err == nil {
			t.Errorf("%s: %v %v", name, ok, err)
		}
	}
}

func TestFindCall(t *testing.T) {
	key, err := OpenKey(filepath.Join(t.TempDir(), "audit.key"))
	if err != nil {
		t.Fatal(err)
	}
	log := New(Config{Signer: key.Signer, Origin: key.Origin})
	db, err := badgerstore.Open(badgerstore.Config{InMemory: true, Now: func() time.Time { return called }, Sealer: log})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	commit := func(c Call) {
		t.Helper()
		e, err := c.Entry("default", called)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.Commit(context.Background(), store.Batch{Entries: []store.Entry{e}}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := FindCall(db, "c1"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("an empty log: %v", err)
	}
	begun := wholeCall()
	begun.Outcome, begun.Result = OutcomeBegun, ""
	commit(begun)
	for _, id := range []string{"c1", "c11", "c2"} {
		commit(Call{ID: id, Action: ActionFind, Outcome: OutcomeOK, Reason: `"id":"c1"`, Client: `"kind":"call.`})
	}
	// An entry of another kind that names the id in its data.
	if _, err := db.Commit(context.Background(), store.Batch{Entries: []store.Entry{{Time: called, Kind: "other", Data: json.RawMessage(`{"id":"c1","kind":"call.x"}`)}}}); err != nil {
		t.Fatal(err)
	}
	commit(wholeCall())
	found, err := FindCall(db, wholeCall().ID)
	if err != nil || len(found) != 2 || found[0].Index != 0 || found[1].Index != 5 || !reflect.DeepEqual(found[1].Call, wholeCall()) {
		t.Fatalf("%+v %v", found, err)
	}
	if found, err = FindCall(db, "c1"); err != nil || len(found) != 1 || found[0].Index != 1 {
		t.Fatalf("%+v %v", found, err)
	}
	if _, err := FindCall(db, "c"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("%v", err)
	}
	if _, err := FindCall(db, `c1","x":"`); err == nil || errors.Is(err, store.ErrNotFound) {
		t.Errorf("%v", err)
	}
	// The entry that was found can be proved.
	entry, err := EntryBytes(db, 5)
	if err != nil {
		t.Fatal(err)
	}
	proof, err := Prove(db, 5)
	if err != nil {
		t.Fatal(err)
	}
	if at, _, err := CheckProof(proof, entry, log.Key()); err != nil || at != 5 {
		t.Errorf("%d %v", at, err)
	}
}

func TestConsistencyHoldsForEverySize(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key, err := NewSigner()
		if err != nil {
			t.Fatal(err)
		}
		log := New(Config{Signer: key, Origin: "x"})
		db, err := badgerstore.Open(badgerstore.Config{InMemory: true, Now: func() time.Time { return called }, Sealer: log})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		n := rapid.IntRange(1, 40).Draw(t, "entries")
		var heads [][]byte
		for range n {
			if _, err := db.Commit(context.Background(), store.Batch{Entries: []store.Entry{{Time: called, Kind: "a"}}}); err != nil {
				t.Fatal(err)
			}
			heads = append(heads, log.Checkpoint())
		}
		old := rapid.IntRange(0, n).Draw(t, "old")
		proof, head, err := Consistency(db, int64(old))
		if err != nil || !bytes.Equal(head, heads[n-1]) || (old == 0 || old == n) != (len(proof) == 0) {
			t.Fatalf("%d of %d: %d hashes, %v", old, n, len(proof), err)
		}
		if old > 0 {
			if c, err := Contains(db, heads[old-1]); err != nil || c.Size != int64(old) {
				t.Fatalf("%+v %v", c, err)
			}
		}
		if _, _, err := Consistency(db, int64(n+1)); err == nil {
			t.Fatal("a proof from beyond the end")
		}
	})
}

func FuzzCallOf(f *testing.F) {
	e, err := wholeCall().Entry("default", called)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(e.Kind, []byte(e.Data))
	f.Add("call.find", []byte(`{"id":"a","action":"find","outcome":"ok"}`))
	f.Add("call.deny", []byte(`{}`))
	f.Fuzz(func(t *testing.T, kind string, data []byte) {
		c, ok, err := CallOf(store.Entry{Time: called, Kind: kind, Data: data})
		if !ok || err != nil {
			return
		}
		again, err := c.Entry("", called)
		if err != nil {
			t.Fatalf("%s %q is read and cannot be written: %v", kind, data, err)
		}
		if d, ok, err := CallOf(again); !ok || err != nil || d.ID != c.ID || d.Outcome != c.Outcome {
			t.Fatalf("%+v %+v %v", c, d, err)
		}
	})
}
