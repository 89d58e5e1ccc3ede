package load

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestClocks: a wall clock that is set during a run changes no figure and is told;
// a monotonic one that goes back, which it must not, refuses the request.
func TestClocks(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for range 3 {
			fmt.Fprint(w, "data: {\"choices\":[{\"text\":\" a\",\"finish_reason\":\"length\"}]}\n\n")
			w.(http.Flusher).Flush()
			time.Sleep(2 * time.Millisecond)
		}
		fmt.Fprint(w, "data: [DONE]\n\n")
	}))
	defer server.Close()
	run := func(k func() clock) *Run {
		c := Config{Endpoint: Endpoint{URL: server.URL, API: Completion}, Workload: Workload{Input: 5, Output: 3, Prompts: 4}, Pace: Pace{Rate: 200}}
		cl := newClient(c, newClock())
		defer cl.http.CloseIdleConnections()
		d := &driver{client: cl, config: c, writer: newWriter(c, Prompt{API: Completion, PerWord: 1}), items: c.schedule(), clock: k}
		r := d.run(t.Context())
		r.judge()
		return r
	}
	steady := run(newClock)
	if has := strings.Join(steady.Warnings, "\n"); strings.Contains(has, "wall clock") {
		t.Errorf("a clock that was not set: %s", has)
	}
	jumped := run(func() clock {
		k := newClock()
		var asked atomic.Int64
		wall := k.wall
		k.wall = func() time.Time { return wall().Add(time.Duration(asked.Add(1)-1) * -3 * time.Hour) }
		return k
	})
	if has := strings.Join(jumped.Warnings, "\n"); !strings.Contains(has, "the wall clock moved -2h59m5") {
		t.Errorf("warnings: %s", has)
	}
	for _, r := range jumped.Requests {
		if !r.OK() || r.Latency() <= 0 || r.Latency() > time.Minute {
			t.Errorf("request %+v", r)
		}
	}
	var asked atomic.Int64
	k := newClock()
	k.mono = func() time.Duration { return time.Hour - time.Duration(asked.Add(1))*time.Millisecond }
	cl := newClient(Config{Endpoint: Endpoint{URL: server.URL, API: Completion}}, k)
	defer cl.http.CloseIdleConnections()
	r := &Request{Asked: 3}
	cl.send(t.Context(), r, []byte("{}"))
	if r.Kind != Garbled || !strings.Contains(r.Error, "went backwards") {
		t.Errorf("a clock that goes back was believed: %+v", r)
	}
}
