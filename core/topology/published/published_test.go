package published_test

import (
	"testing"

	"github.com/plimsoll-dev/plimsoll/core/topology/published"
)

func TestThePublishedCases(t *testing.T) {
	answers, err := published.Answers()
	if err != nil {
		t.Fatal(err)
	}
	if len(answers) != 18 {
		t.Fatalf("there are %d cases", len(answers))
	}
	right := 0
	for _, a := range answers {
		t.Logf("%2d %-28s right %-5v abstained %-5v %s", a.ID, a.Name, a.Right, a.Abstained, a.Says)
		if a.Right {
			right++
		}
		if a.Says == "" || a.Claim == "" || a.Source == "" {
			t.Errorf("case %d lacks its claim, its source or a reason", a.ID)
		}
		if a.Polarity == "negative" && (!a.Right || a.Abstained) {
			t.Errorf("case %d (%s) is negative, and the answer is %q", a.ID, a.Name, a.Says)
		}
		if abstains := a.ID >= 4 && a.ID <= 11; abstains != a.Abstained {
			t.Errorf("case %d: abstained is %v", a.ID, a.Abstained)
		}
	}
	if right < 15 {
		t.Errorf("%d of 18 are right", right)
	}
}
