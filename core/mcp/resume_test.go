package mcp

import (
	"bufio"
	"bytes"
	"context"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestResume: an older client whose stream broke in the middle of a call gets the
// answer when it comes back with the last event it saw; nobody else does.
func TestResume(t *testing.T) {
	free := make(chan struct{})
	desk := &counter{skills: func(ctx context.Context, _ Caller, _ RunSkill) (Ran, error) {
		select {
		case <-free:
			return Ran{Text: "late but here"}, nil
		case <-ctx.Done():
			return Ran{}, ctx.Err()
		}
	}}
	p := serve(t, Config{Desk: desk})
	id := handshake(t, p, "/mcp", "ann")
	ctx, cancel := context.WithCancel(context.Background())
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url+"/mcp", bytes.NewReader([]byte(`{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"run_skill","arguments":{"skill":"slow"}}}`)))
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range map[string]string{"Content-Type": "application/json", "Accept": "application/json, text/event-stream", headerSession: id, headerRevision: rev2025} {
		r.Header.Set(k, v)
	}
	res, err := as("ann").Do(r)
	if err != nil {
		t.Fatal(err)
	}
	var last string
	lines := bufio.NewScanner(res.Body)
	for last == "" && lines.Scan() {
		last, _ = strings.CutPrefix(lines.Text(), "id: ")
		if !strings.HasPrefix(lines.Text(), "id: ") {
			last = ""
		}
	}
	if last == "" {
		t.Fatal("the stream has no event to come back with")
	}
	cancel() // the connection breaks
	res.Body.Close()
	time.AfterFunc(300*time.Millisecond, func() { close(free) })
	if a := send(t, p, http.MethodGet, "/mcp", "bob", nil, headerSession, id, headerRevision, rev2025, "Last-Event-ID", last); a.status != 404 {
		t.Errorf("somebody else: %d %s", a.status, a.body)
	}
	var back rawAnswer
	eventually(t, "the broken connection is noticed", func() bool {
		back = send(t, p, http.MethodGet, "/mcp", "ann", nil, headerSession, id, headerRevision, rev2025, "Last-Event-ID", last, "Accept", "text/event-stream")
		return back.status != http.StatusConflict
	})
	if back.status != 200 || !strings.Contains(back.body, "late but here") {
		t.Errorf("%d %s", back.status, back.body)
	}
}
