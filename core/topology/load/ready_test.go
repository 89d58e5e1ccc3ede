package load_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/topology/load"
)

// TestReady: a server that loads its model is asked again until it answers; one
// that never does gives its last reason.
func TestReady(t *testing.T) {
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) < 2 {
			http.Error(w, "loading the weights", http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write([]byte(`{"data":[]}`)) // the client tells
	}))
	defer server.Close()
	var heard string
	err := load.Ready(context.Background(), load.Endpoint{URL: server.URL + "/v1"}, time.Minute, func(_ time.Duration, why string) { heard = why })
	if err != nil || asked.Load() != 2 || !strings.Contains(heard, "loading the weights") {
		t.Errorf("asked %d times, heard %q: %v", asked.Load(), heard, err)
	}
	asked.Store(-1000)
	if err := load.Ready(context.Background(), load.Endpoint{URL: server.URL}, 0, nil); err == nil || !strings.Contains(err.Error(), "loading the weights") || asked.Load() != -999 {
		t.Errorf("asked once: %v", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	stop()
	if err := load.Ready(ctx, load.Endpoint{URL: server.URL}, time.Hour, nil); err == nil || !strings.Contains(err.Error(), "canceled") {
		t.Errorf("stopped: %v", err)
	}
}
