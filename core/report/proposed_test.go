package report

import (
	"bytes"
	"strings"
	"testing"
)

func TestProposedMovesDoNotReadAsMade(t *testing.T) {
	n := richNight()
	for i := range n.Rows {
		n.Rows[i].Applied = false
	}
	var b bytes.Buffer
	Terminal(&b, n, TerminalOptions{Width: 100})
	got := b.String()
	for _, want := range []string{"May move (", " may move ·", "would save "} {
		if !strings.Contains(got, want) {
			t.Errorf("a night that moved nothing does not say %q:\n%s", want, got)
		}
	}
	for _, not := range []string{"Moved", " moved ·", "· saves "} {
		if strings.Contains(got, not) {
			t.Errorf("a night that moved nothing says %q:\n%s", not, got)
		}
	}
}
