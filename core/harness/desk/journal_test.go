package desk

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/audit"
	"github.com/plimsoll-dev/plimsoll/core/store"
	"github.com/plimsoll-dev/plimsoll/core/telemetry"
)

// log is a store that keeps only what is written into the audit log, a line a
// commit, and fails when it is told to.
type log struct {
	store.Store
	mu      sync.Mutex
	commits []string
	fail    func(store.Batch) error
}

func (l *log) Commit(ctx context.Context, b store.Batch) (store.Receipt, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return store.Receipt{}, err
	}
	if l.fail != nil {
		if err := l.fail(b); err != nil {
			return store.Receipt{}, err
		}
	}
	var line []string
	for _, e := range b.Entries {
		c, ok, err := audit.CallOf(e)
		if !ok || err != nil {
			return store.Receipt{}, fmt.Errorf("an entry is no call: %w", err)
		}
		line = append(line, c.ID+" "+string(c.Outcome))
	}
	l.commits = append(l.commits, strings.Join(line, ", "))
	return store.Receipt{}, nil
}

func (l *log) lines() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.commits)
}

func journalOn(t *testing.T, l *log) (*journal, *[]string) {
	t.Helper()
	problems := &[]string{}
	j := newJournal(Host{
		Scope: "default", Now: time.Now, Store: l, Recorder: telemetry.Nothing(),
		Problem: func(format string, args ...any) { *problems = append(*problems, fmt.Sprintf(format, args...)) },
	})
	j.lull = time.Hour // no machine is too slow for that
	return j, problems
}

func called(id string, o audit.Outcome) audit.Call {
	return audit.Call{ID: id, Action: audit.ActionCall, Outcome: o, Connector: "x", Tool: "x_say"}
}

// What waits to be written goes with what is written next: one sync, not two.
func TestEndsGoWithTheNextBeginning(t *testing.T) {
	l := &log{}
	j, problems := journalOn(t, l)
	for _, id := range []string{"a", "b"} {
		c := called(id, "")
		if err := j.begin(t.Context(), &c, nil, store.Batch{}); err != nil {
			t.Fatal(err)
		}
		j.end(called(id, audit.OutcomeOK))
	}
	j.close()
	if got, want := l.lines(), []string{"a begun", "a ok, b begun", "b ok"}; !slices.Equal(got, want) {
		t.Errorf("commits %q, want %q", got, want)
	}
	if len(*problems) > 0 {
		t.Error(*problems)
	}
}

// A caller who goes, or a beginning that cannot be written, takes no other call's
// end with it.
func TestEndsOutliveTheBeginningTheyWentWith(t *testing.T) {
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for name, c := range map[string]struct {
		ctx  context.Context
		fail func(store.Batch) error
	}{
		"a caller who has gone": {ctx: gone},
		"a beginning that is refused": {ctx: t.Context(), fail: func(b store.Batch) error {
			if len(b.Entries) == 2 || strings.Contains(string(b.Entries[0].Data), `"b"`) {
				return errors.New("no room")
			}
			return nil
		}},
	} {
		l := &log{}
		j, _ := journalOn(t, l)
		first := called("a", "")
		if err := j.begin(t.Context(), &first, nil, store.Batch{}); err != nil {
			t.Fatal(err)
		}
		j.end(called("a", audit.OutcomeOK))
		l.mu.Lock()
		l.fail = c.fail
		l.mu.Unlock()
		second := called("b", "")
		if err := j.begin(c.ctx, &second, nil, store.Batch{}); err == nil {
			t.Errorf("%s: the call happens", name)
		}
		j.close()
		if got, want := l.lines(), []string{"a begun", "a ok"}; !slices.Equal(got, want) {
			t.Errorf("%s: commits %q, want %q", name, got, want)
		}
		if err := j.sound(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A batch with checks may be refused by another's being first: it goes alone.
func TestEndsDoNotGoWithWhatMayBeRefused(t *testing.T) {
	l := &log{}
	j, _ := journalOn(t, l)
	j.end(called("a", audit.OutcomeOK))
	c := called("b", "")
	if err := j.begin(t.Context(), &c, nil, store.Batch{Checks: []store.Check{{Key: []byte("k")}}}); err != nil {
		t.Fatal(err)
	}
	j.close()
	if got := l.lines(); !slices.Contains(got, "b begun") || !slices.Contains(got, "a ok") || len(got) != 2 {
		t.Errorf("commits %q", got)
	}
}
