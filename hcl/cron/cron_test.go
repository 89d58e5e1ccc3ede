package cron_test

import (
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/plimsoll-dev/plimsoll/hcl/cron"
	"pgregory.net/rapid"
)

func parse(t testing.TB, expr, zone string) *cron.Schedule {
	t.Helper()
	s, err := cron.Parse(expr, zone)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestNext(t *testing.T) {
	for _, c := range []struct{ expr, zone, after, want string }{
		{"0 2 * * *", "", "2026-07-01T02:00:00Z", "2026-07-02T02:00:00Z"},
		{"0 2 * * *", "UTC", "2026-07-01T01:59:59.999Z", "2026-07-01T02:00:00Z"},
		{"@daily", "Europe/Berlin", "2026-07-01T00:00:00Z", "2026-07-01T22:00:00Z"},
		{"0 2 * * *", "Europe/Berlin", "2026-12-01T12:00:00Z", "2026-12-02T01:00:00Z"},
		{"0 2 * * 1-5", "UTC", "2026-07-03T03:00:00Z", "2026-07-06T02:00:00Z"},
		{"0 2 1 * *", "UTC", "2026-07-03T03:00:00Z", "2026-08-01T02:00:00Z"},
		{"0 0 29 2 *", "UTC", "2026-07-03T03:00:00Z", "2028-02-29T00:00:00Z"},
		// Clocks go from 02:00 to 03:00: the night is at the jump, not left out.
		{"0 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z"},
		{"30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z"},
		{"30 2 * * *", "Europe/Berlin", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"},
		// And from 03:00 back to 02:00: the first of the two.
		{"30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z"},
		{"30 2 * * *", "Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"},
		{"30 2 * * *", "Europe/Berlin", "2026-10-25T01:10:00Z", "2026-10-26T01:30:00Z"},
		// Midnight itself is left out.
		{"0 0 * * *", "America/Sao_Paulo", "2018-11-03T12:00:00Z", "2018-11-04T03:00:00Z"},
		{"0 2 * * *", "America/New_York", "2026-03-07T12:00:00Z", "2026-03-08T07:00:00Z"},
		// By half an hour only.
		{"15 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00:00Z", "2026-10-03T15:30:00Z"},
	} {
		after, _ := time.Parse(time.RFC3339, c.after)
		if got := parse(t, c.expr, c.zone).Next(after).Format(time.RFC3339); got != c.want {
			t.Errorf("%s %s after %s: %s, want %s", c.expr, c.zone, c.after, got, c.want)
		}
	}
	var none *cron.Schedule
	if !none.Next(time.Unix(0, 0)).IsZero() || !new(cron.Schedule).Next(time.Unix(0, 0)).IsZero() {
		t.Error("no schedule is due")
	}
}

func TestParse(t *testing.T) {
	for _, c := range []struct{ expr, zone, want string }{
		{"", "", "is empty"},
		{"0 2 * *", "", "has 4 fields"},
		{"0 0 2 * * *", "", "has 6 fields"},
		{"@daily 3", "", "has 2 fields"},
		{"@nightly", "", "unrecognized descriptor"},
		{"@every 24h", "", "a restart moves it"},
		{"TZ=Europe/Berlin 0 2 * * *", "", "timezone ="},
		{"CRON_TZ=", "", "timezone ="},
		{"60 2 * * *", "", "minute 0-59"},
		{"0 2 * * 7", "", "0 is Sunday"},
		{"0 2 30 2 *", "", "no such day"},
		{"0 2 * * *", "Berlin", `"Berlin"`},
		{"0 2 * * *", "Local", "machine to machine"},
		{"0 2 * * *", "../../etc/passwd", "no time zone"},
	} {
		if _, err := cron.Parse(c.expr, c.zone); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q %q: %v, want %q", c.expr, c.zone, err, c.want)
		}
	}
}

// A nightly schedule has one night on every day that its zone has, and time only
// goes ahead.
func TestEveryDayHasOneNight(t *testing.T) {
	zones := []string{"UTC", "Europe/Berlin", "America/New_York", "America/Sao_Paulo", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Casablanca", "Asia/Tehran"}
	rapid.Check(t, func(t *rapid.T) {
		zone := rapid.SampledFrom(zones).Draw(t, "zone")
		expr := strings.NewReplacer("M", itoa(rapid.IntRange(0, 59).Draw(t, "m")), "H", itoa(rapid.IntRange(0, 23).Draw(t, "h"))).Replace("M H * * *")
		s, err := cron.Parse(expr, zone)
		if err != nil {
			t.Fatal(err)
		}
		at := time.Date(rapid.IntRange(2000, 2037).Draw(t, "year"), 1, 1, 0, 0, 0, 0, s.Zone()).Add(-time.Nanosecond)
		day := at.Add(-12 * time.Hour)
		for range 366 {
			next := s.Next(at)
			if !next.After(at) {
				t.Fatalf("after %s comes %s", at, next)
			}
			day = day.AddDate(0, 0, 1)
			if got := next.In(s.Zone()).Format("2006-01-02"); got != day.Format("2006-01-02") {
				t.Fatalf("%s in %s: the night of %s is on %s", expr, zone, day.Format("2006-01-02"), got)
			}
			at = next
		}
	})
}

func itoa(n int) string { return string(rune('0'+n/10)) + string(rune('0'+n%10)) }

func FuzzParse(f *testing.F) {
	for _, s := range []string{"0 2 * * *", "@daily", "*/5 1-3 1,15 jan mon", "0-0/0 * * * *", "TZ= ", "? ? ? ? ?", "@every 1h", "99999999999 * * * *"} {
		f.Add(s, "Europe/Berlin")
	}
	f.Fuzz(func(t *testing.T, expr, zone string) {
		s, err := cron.Parse(expr, zone)
		if err != nil {
			return
		}
		at := time.Date(2026, 3, 28, 0, 0, 0, 0, time.UTC)
		for range 5 {
			next := s.Next(at)
			if !next.After(at) {
				t.Fatalf("%q: after %s comes %s", expr, at, next)
			}
			at = next
		}
	})
}
