package backend

import (
	"context"

	"github.com/plimsoll-dev/plimsoll/conformance/report"
)

// TB is the part of testing.TB that Test needs. Importing testing would put its
// flags into the kit's own program.
type TB interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
	Logf(format string, args ...any)
	Context() context.Context
}

// Test runs the kit inside an author's own Go test: every case that fails or
// could not be found out is an error of the test, and skipped ones are logged.
//
//	backend.Test(t, backend.Options{Target: backend.Target{Command: []string{binary}}})
func Test(t TB, o Options) *report.Report {
	t.Helper()
	r, err := Run(t.Context(), o)
	if err != nil {
		t.Fatalf("%v", err)
	}
	for _, c := range r.Cases {
		switch c.Status {
		case report.Fail, report.Error:
			t.Errorf("%s: %s: %s\n  says: %s (%s)\n  do:   %s", c.Status, c.ID, c.Saw, c.Says, c.Section, c.Do)
		case report.Skip, report.Disabled:
			t.Logf("%s: %s: %s", c.Status, c.ID, c.Saw)
		}
	}
	return r
}
