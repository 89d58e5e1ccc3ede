package plugin

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestCircuit(t *testing.T) {
	now := time.Date(2026, 7, 2, 0, 0, 0, 0, time.UTC)
	c := circuit{Restart: Restart{}.orDefault()}
	for i, want := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 2 * time.Minute, 2 * time.Minute} {
		c.fail(now, "boom")
		wait, open := c.wait(now)
		if wait != want || open != (i >= 4) {
			t.Errorf("after failure %d: wait %s, open %v", i+1, wait, open)
		}
	}
	if wait, open := c.wait(now.Add(2 * time.Minute)); wait != 0 || open {
		t.Error("no single try after the circuit was open for its time")
	}
	c.ok()
	c.fail(now, "boom")
	if wait, _ := c.wait(now); wait != time.Second {
		t.Errorf("after an answer the wait starts over, not at %s", wait)
	}
}

func TestCircuitNeverWaitsLongerThanMax(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := Restart{
			Min:   time.Duration(rapid.Int64Range(1, 1e10).Draw(t, "min")),
			Max:   time.Duration(rapid.Int64Range(1e10, 1e12).Draw(t, "max")),
			Trips: rapid.IntRange(1, 100).Draw(t, "trips"),
		}
		c, now := circuit{Restart: r}, time.Unix(0, 0)
		for range rapid.IntRange(1, 200).Draw(t, "failures") {
			c.fail(now, "x")
			if wait, open := c.wait(now); wait < r.Min || wait > r.Max || open != (c.failures >= r.Trips) {
				t.Fatalf("%+v: wait %s, open %v", c, wait, open)
			}
		}
	})
}

func TestTail(t *testing.T) {
	write := func(parts ...string) string {
		tl := &tail{secrets: map[string]string{"KEY": "sk-123456"}}
		for _, p := range parts {
			if n, err := tl.Write([]byte(p)); n != len(p) || err != nil {
				t.Fatal(n, err)
			}
		}
		return tl.last()
	}
	for _, c := range []struct {
		name  string
		parts []string
		want  string
	}{
		{"nothing", nil, ""},
		{"blank", []string{"\n\n"}, ""},
		{"few", []string{"a\n", "b"}, "\n  a\n  b"},
		{"secret", []string{"key sk-12", "3456!"}, "\n  key [KEY]!"},
		{"panic first", []string{"noise\npanic: x\n\ngoroutine 1\n", strings.Repeat("frame\n", 50)}, "\n  panic: x\n  \n  goroutine 1" + strings.Repeat("\n  frame", 9)},
		{"last lines", []string{strings.Repeat("old\n", 50), "new\n"}, strings.Repeat("\n  old", 11) + "\n  new"},
		{"not text", []string{"\xff\xfe"}, "\n  \uFFFD"},
	} {
		if got := write(c.parts...); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	if got := write(strings.Repeat("x", 3*tailBytes)); len(got) > tailWidth+10 {
		t.Errorf("a long line is shown with %d bytes", len(got))
	}
}
