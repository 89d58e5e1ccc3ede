package backend_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/conformance/backend"
	"github.com/plimsoll-dev/plimsoll/conformance/report"
)

// TestBundledRunner: the plugin command runs agents and refuses to generate, so
// that of the kit it is asked what is about a plugin as such.
func TestBundledRunner(t *testing.T) {
	target, err := backend.ParseTarget("command", build(t, filepath.Join("..", ".."), "plimsoll", "./core/cmd/plimsoll"))
	if err != nil {
		t.Fatal(err)
	}
	r := backend.Test(t, backend.Options{
		Target: target, Model: "any", Config: map[string]any{"command": []any{"agent", "{model}"}},
		Skip:    []string{"generate", "stream", "cancel", "errors", "usage"},
		Timeout: 20 * time.Second, Slack: 300 * time.Millisecond,
	})
	asked := 0
	for _, c := range r.Cases {
		switch c.Status {
		case report.Pass:
			asked++
		case report.Fail, report.Error:
			t.Errorf("%s: %s", c.ID, c.Saw)
		}
	}
	if asked < 10 {
		t.Errorf("%d cases were asked", asked)
	}
}
