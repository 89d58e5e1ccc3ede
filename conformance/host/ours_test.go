package host_test

import (
	"testing"

	"github.com/plimsoll-dev/plimsoll/conformance/host"
	"github.com/plimsoll-dev/plimsoll/conformance/report"
)

// TestOurHost puts core/sandbox under the kit, every case of it. Bounds of wall
// time have the slack of a busy machine; the figures are logged.
func TestOurHost(t *testing.T) {
	t.Setenv("PLIMSOLL_KIT_CACHE", t.TempDir())
	skip := []string{}
	if testing.Short() {
		skip = append(skip, "compile", "load")
	}
	r := run(t, "true", host.Options{Rounds: 100, Skip: skip})
	for _, c := range r.Cases {
		switch c.Status {
		case report.Pass:
			t.Logf("%s %v", c.ID, c.Measured)
		case report.Disabled:
		default:
			t.Errorf("%s: %s: %s\n%s", c.ID, c.Status, c.Saw, c.Reproduce)
		}
	}
	if n := r.Count()[report.Skip]; n > 0 {
		t.Errorf("%d cases were skipped: our adapter has every feature", n)
	}
}
