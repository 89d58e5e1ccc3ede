// Package cron reads when something is due: five fields as in crontab, or a word
// such as @daily, in a time zone of its own.
//
// It reads no clock and starts nothing: the time goes in, and the next time that
// is due comes out. The fields are read by robfig/cron; summer time is not,
// because that library leaves a night out where 02:00 does not exist.
//
//	s, err := cron.Parse("0 2 * * *", "Europe/Berlin")
//	if err != nil {
//		return err // a sentence for whoever wrote the expression
//	}
//	next := s.Next(now) // in UTC
package cron

import (
	"errors"
	"fmt"
	"strings"
	"time"

	robfig "github.com/robfig/cron/v3"
)

// Schedule is an expression in a zone. The zero value is never due.
type Schedule struct {
	source string
	zone   *time.Location
	fields robfig.Schedule
}

// start is the moment from which Parse looks for a first due time, and where the
// names of zones are read with: an expression that is valid is valid for ever.
var start = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// Parse reads an expression: minute, hour, day of the month, month, day of the
// week, or @yearly, @monthly, @weekly, @daily, @hourly. zone is a name of the
// time zone database, "" is UTC. "Local" is refused: what is due must not depend
// on the machine. The error says what to write instead.
func Parse(expr, zone string) (*Schedule, error) {
	at, err := Zone(zone)
	if err != nil {
		return nil, err
	}
	expr = strings.TrimSpace(expr)
	switch fields := strings.Fields(expr); {
	case expr == "":
		return nil, errors.New(`it is empty; write five fields such as "0 2 * * *", or @daily`)
	case strings.Contains(expr, "TZ="):
		// The library panics on some of them, and a zone has an attribute.
		return nil, errors.New(`the time zone does not belong into it: write timezone = "Europe/Berlin" beside it`)
	case strings.HasPrefix(expr, "@every"):
		return nil, errors.New(`@every counts from the start of the program, so that a restart moves it; write the hours instead, such as "0 */6 * * *"`)
	case strings.HasPrefix(expr, "@") && len(fields) > 1, !strings.HasPrefix(expr, "@") && len(fields) != 5:
		return nil, fmt.Errorf(`it has %d fields, and takes five: minute, hour, day of the month, month, day of the week, such as "0 2 * * *" for two o'clock every night`, len(fields))
	}
	parsed, err := robfig.ParseStandard(expr)
	if err != nil {
		return nil, fmt.Errorf("%w. The fields are minute 0-59, hour 0-23, day 1-31, month 1-12, day of the week 0-6 (0 is Sunday)", err)
	}
	if spec, ok := parsed.(*robfig.SpecSchedule); ok {
		spec.Location = time.UTC // what it sees is the clock on the wall, see Next
	}
	s := &Schedule{source: expr, zone: at, fields: parsed}
	if s.Next(start).IsZero() {
		return nil, errors.New("there is no such day")
	}
	return s, nil
}

// Zone finds a time zone by its name in the database; "" is UTC.
func Zone(name string) (*time.Location, error) {
	if name == "Local" {
		return nil, errors.New(`"Local" differs from machine to machine; name the zone, such as "Europe/Berlin" or "UTC"`)
	}
	at, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf(`there is no time zone %q; names are those of the IANA database, such as "Europe/Berlin" or "UTC"`, name)
	}
	return at, nil
}

// String is the expression as it was written.
func (s *Schedule) String() string { return s.source }

// Zone is where its hours are read.
func (s *Schedule) Zone() *time.Location { return s.zone }

// Next is the first due time after a moment, in UTC; zero when there is none.
// Where the clock jumps ahead, what was due in the gap is due at the jump; where
// it is put back, an hour that comes twice counts the first time only. So a
// nightly schedule has one night a day, on every day.
func (s *Schedule) Next(after time.Time) time.Time {
	if s == nil || s.fields == nil {
		return time.Time{}
	}
	wall := wallOf(after.In(s.zone))
	for {
		if wall = s.fields.Next(wall); wall.IsZero() {
			return time.Time{}
		}
		if t := moment(wall, s.zone); t.After(after) {
			return t.UTC()
		}
	}
}

// wallOf is what a clock on the wall shows, as if it stood in UTC.
func wallOf(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
}

// moment is when the clock on the wall first shows that, or jumps over it.
func moment(wall time.Time, zone *time.Location) time.Time {
	t := time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), wall.Second(), 0, zone)
	begin, end := t.ZoneBounds()
	switch shown := wallOf(t); {
	case shown.After(wall):
		return begin
	case shown.Before(wall):
		return end
	case begin.IsZero():
		return t
	}
	_, now := t.Zone()
	_, before := begin.Add(-time.Second).Zone()
	if earlier := t.Add(time.Duration(now-before) * time.Second); earlier.Before(begin) && wallOf(earlier.In(zone)).Equal(wall) {
		return earlier
	}
	return t
}
