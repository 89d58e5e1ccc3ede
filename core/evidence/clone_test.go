package evidence_test

import (
	"reflect"
	"testing"

	"github.com/plimsoll-dev/plimsoll/core/evidence"
)

func TestCloneIsAddedToAlone(t *testing.T) {
	spare := make([]evidence.Pair, 1, 8) // room behind its end, as a parser leaves it
	log := func() *evidence.Log {
		return &evidence.Log{
			Skill: "greet", Lines: 3, Events: make([]evidence.Event, 1, 4), Shadows: make([]evidence.Shadow, 1, 4),
			Epochs: []*evidence.Opened{{Index: 1, Pairs: spare, Tried: spare, Planted: spare}},
		}
	}
	l := log()
	for _, item := range []string{"a", "b"} {
		c := l.Clone()
		if !reflect.DeepEqual(c, log()) {
			t.Fatalf("the clone is %+v", c)
		}
		o := c.Epochs[0]
		o.Closed, o.Acceptance, o.Current.Reported = evidence.ModelChanged, &evidence.Acceptance{}, "m-v2"
		p := evidence.Pair{Item: item}
		o.Pairs, o.Tried, o.Planted = append(o.Pairs, p), append(o.Tried, p), append(o.Planted, p)
		c.Events, c.Shadows = append(c.Events, evidence.Event{Event: item}), append(c.Shadows, evidence.Shadow{Run: item})
		if o.Tried[1].Item != item || spare[:2][1].Item != "" || l.Events[:2][1].Event != "" || l.Shadows[:2][1].Run != "" {
			t.Error("what was added to the clone stands behind the log's own lines")
		}
	}
	if !reflect.DeepEqual(l, log()) {
		t.Errorf("the log was changed: %+v", l)
	}
}
