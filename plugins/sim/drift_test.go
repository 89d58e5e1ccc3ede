package sim

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/plimsoll-dev/plimsoll/sdk/backend"
)

// A model gets worse from a day on without saying so: the same item, asked on
// another day, gets another answer, and on the same day the same.
func TestDrift(t *testing.T) {
	m := newSim(t, map[string]any{"ability": 1.0, "format": 1.0, "drift": []any{
		map[string]any{"from": "2026-09-01T12:00:00Z", "ability": 0.9, "reports": "small-2"},
		map[string]any{"from": "2026-08-01", "ability": 0.3, "verbosity": 2.0},
	}})
	rightOn := func(day string) (n int) {
		for i := range 200 {
			req := ask("small", item(i))
			if day != "" {
				req.Metadata[TimeKey] = day
			}
			first := right(t, m, req)
			if first != right(t, m, req) {
				t.Fatal("the same day, another answer")
			}
			if first {
				n++
			}
		}
		return n
	}
	for day, want := range map[string][2]int{
		"":                     {200, 200}, // a host that tells no time gets the model as it was
		"2026-07-31T23:59:59Z": {200, 200},
		"2026-08-01T00:00:00Z": {35, 85},
		"2026-09-01T12:00:00Z": {160, 198},
	} {
		if n := rightOn(day); n < want[0] || n > want[1] {
			t.Errorf("on %q %d of 200 are right, want %v", day, n, want)
		}
	}
	req := ask("small", item(1))
	req.Metadata[TimeKey] = "2026-10-01T00:00:00Z"
	late := answerOf(t, m, req)
	if late.Model != "small-2" {
		t.Errorf("it reports %q", late.Model)
	}
	req.Metadata[TimeKey] = "yesterday"
	if _, err := backend.Collect(t.Context(), m, req); err == nil || !strings.Contains(err.Error(), "not a time") {
		t.Errorf("a time that is none: %v", err)
	}
}

func TestDriftIsChecked(t *testing.T) {
	for config, want := range map[string]string{
		`{"models":{"a":{"drift":[{"ability":0.5}]}}}`:                       "drift[0].from",
		`{"models":{"a":{"drift":[{"from":"soon"}]}}}`:                       `"soon"`,
		`{"models":{"a":{"drift":[{"from":"2026-08-01","ability":7}]}}}`:     "drift[0].ability is 7",
		`{"models":{"a":{"drift":[{"from":"2026-08-01","latency_ms":-7}]}}}`: "drift[0].latency_ms",
		`{"models":{"a":{"drift":[{"from":"2026-08-01","abilityy":1}]}}}`:    "abilityy",
	} {
		var values map[string]any
		if err := json.Unmarshal([]byte(config), &values); err != nil {
			t.Fatal(err)
		}
		if _, err := New(values); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", config, err)
		}
	}
}
