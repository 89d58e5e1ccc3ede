package serve_test

import (
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/serve"
	"github.com/plimsoll-dev/plimsoll/hcl/cron"
	"pgregory.net/rapid"
)

func at(day, hour, minute int) time.Time {
	return time.Date(2026, 7, day, hour, minute, 0, 0, time.UTC)
}

func TestNext(t *testing.T) {
	nightly, err := cron.Parse("0 2 * * *", "UTC")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		past  serve.Past
		delay time.Duration
		now   time.Time
		want  serve.Plan
	}{
		"first start":              {serve.Past{Since: at(1, 12, 0)}, 0, at(1, 12, 0), serve.Plan{At: at(2, 2, 0)}},
		"in time":                  {serve.Past{Since: at(1, 12, 0)}, 0, at(2, 2, 0), serve.Plan{At: at(2, 2, 0)}},
		"with its delay":           {serve.Past{Since: at(1, 12, 0)}, 7 * time.Minute, at(2, 2, 3), serve.Plan{At: at(2, 2, 7)}},
		"after the night":          {serve.Past{Since: at(1, 12, 0), Began: at(2, 2, 0), Ended: at(2, 2, 20)}, 0, at(2, 2, 20), serve.Plan{At: at(3, 2, 0)}},
		"asleep for four nights":   {serve.Past{Since: at(1, 12, 0), Began: at(2, 2, 0), Ended: at(2, 2, 20)}, 0, at(6, 9, 0), serve.Plan{At: at(6, 9, 0), Missed: true}},
		"made up for":              {serve.Past{Since: at(1, 12, 0), Began: at(6, 9, 0), Ended: at(6, 9, 9)}, 0, at(6, 9, 9), serve.Plan{At: at(7, 2, 0)}},
		"by hand in the afternoon": {serve.Past{Since: at(1, 12, 0), Began: at(6, 15, 0), Ended: at(6, 15, 9)}, 0, at(6, 15, 9), serve.Plan{At: at(7, 2, 0)}},
		"cut off":                  {serve.Past{Since: at(1, 12, 0), Began: at(2, 2, 0), Cut: 1}, 0, at(2, 2, 5), serve.Plan{At: at(2, 2, 5), Cut: true}},
		"cut off again and again":  {serve.Past{Since: at(1, 12, 0), Began: at(2, 2, 9), Cut: 4}, 0, at(2, 2, 10), serve.Plan{At: at(3, 2, 0)}},
		"the clock was put back":   {serve.Past{Since: at(1, 12, 0), Began: at(20, 2, 0), Ended: at(20, 2, 9)}, 0, at(3, 12, 0), serve.Plan{At: at(4, 2, 0)}},
	} {
		if got := serve.Next(nightly, c.past, c.delay, c.now); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
	if got := serve.Next(&cron.Schedule{}, serve.Past{}, 0, at(1, 0, 0)); got != (serve.Plan{}) {
		t.Errorf("no schedule: %+v", got)
	}
}

// However the clock goes on, with whatever gaps, no hour of the schedule has two
// nights, and none is left out without one after it.
func TestEveryHourOnce(t *testing.T) {
	nightly, err := cron.Parse("0 2 * * *", "Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		past, now := serve.Past{Since: at(1, 12, 0)}, at(1, 12, 0)
		delay := serve.Delay(rapid.String().Draw(t, "project"), 30*time.Minute)
		for range 60 {
			now = now.Add(time.Duration(rapid.IntRange(1, 72*60).Draw(t, "minutes")) * time.Minute)
			plan := serve.Next(nightly, past, delay, now)
			due := !plan.At.After(now)
			last := past.Since
			if !past.Began.IsZero() {
				last = past.Began
			}
			if hour := nightly.Next(last).Add(delay); due != !hour.After(now) {
				t.Fatalf("at %v, last %v: %+v", now, last, plan)
			}
			if due {
				past.Began, past.Ended = now, now.Add(time.Minute)
				if again := serve.Next(nightly, past, delay, now.Add(time.Minute)); !again.At.After(now.Add(time.Minute)) && nightly.Next(now).Add(delay).After(now.Add(time.Minute)) {
					t.Fatalf("at %v: twice", now)
				}
			}
		}
	})
}

func TestDelay(t *testing.T) {
	if d := serve.Delay("a", time.Hour); d < 0 || d >= time.Hour || d != serve.Delay("a", time.Hour) || d == serve.Delay("b", time.Hour) {
		t.Error(d)
	}
	if d := serve.Delay("a", 0); d != 0 {
		t.Error(d)
	}
}
