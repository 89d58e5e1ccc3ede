package sim

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/plimsoll-dev/plimsoll/sdk/backend"
)

// TimeKey is the metadata key under which the host tells the time that decisions
// are made at (RFC 3339), so that a model can change with it and a night that is
// computed again comes out the same.
const TimeKey = "plimsoll.as_of"

// change is a day from which on a model is another one without saying so, as
// hosted models are: what it declares replaces what was before, the rest stays.
type change struct {
	From            string             `json:"from"` // RFC 3339, or a day
	Ability         *float64           `json:"ability"`
	Abilities       map[string]float64 `json:"abilities"`
	Format          *float64           `json:"format"`
	Formats         map[string]float64 `json:"formats"`
	LatencyMS       *float64           `json:"latency_ms"`
	TokensPerSecond *float64           `json:"tokens_per_second"`
	Refuse          *float64           `json:"refuse"`
	Timeout         *float64           `json:"timeout"`
	Truncate        *float64           `json:"truncate"`
	Error429        *float64           `json:"error_429"`
	Error500        *float64           `json:"error_500"`
	Verbosity       *float64           `json:"verbosity"`
	Reports         *string            `json:"reports"`
	from            time.Time
}

// at is the model as it is at a time: every change up to then laid over it, in
// the order of their days.
func (m model) at(now time.Time) model {
	for _, c := range m.Drift {
		if c.from.After(now) {
			break
		}
		m = c.over(m)
	}
	return m
}

func (c change) over(m model) model {
	set := func(into *float64, v *float64) {
		if v != nil {
			*into = *v
		}
	}
	m.Ability = cmp.Or(c.Ability, m.Ability)
	m.Format = cmp.Or(c.Format, m.Format)
	m.Verbosity = cmp.Or(c.Verbosity, m.Verbosity)
	m.Abilities = laid(m.Abilities, c.Abilities)
	m.Formats = laid(m.Formats, c.Formats)
	set(&m.LatencyMS, c.LatencyMS)
	set(&m.TokensPerSecond, c.TokensPerSecond)
	set(&m.Refuse, c.Refuse)
	set(&m.Timeout, c.Timeout)
	set(&m.Truncate, c.Truncate)
	set(&m.Error429, c.Error429)
	set(&m.Error500, c.Error500)
	if c.Reports != nil {
		m.Reports = *c.Reports
	}
	return m
}

func laid(under, over map[string]float64) map[string]float64 {
	out := maps.Clone(under)
	if out == nil {
		out = map[string]float64{}
	}
	maps.Copy(out, over)
	return out
}

// settle reads the days of a model's changes and puts them in order.
func (m *model) settle(at string) (wrong []string) {
	for i := range m.Drift {
		c := &m.Drift[i]
		var err error
		if c.from, err = time.Parse(time.RFC3339, c.From); err != nil {
			c.from, err = time.Parse(time.DateOnly, c.From)
		}
		if err != nil {
			wrong = append(wrong, fmt.Sprintf("%sdrift[%d].from is %q and has to be a day, 2026-08-01, or a time in RFC 3339", at, i, c.From))
		}
	}
	slices.SortStableFunc(m.Drift, func(a, b change) int { return a.from.Compare(b.from) })
	return wrong
}

// now is the time of a request; a host that tells none gets the model as it was
// at first.
func now(metadata map[string]string) (time.Time, error) {
	raw := metadata[TimeKey]
	if raw == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, raw)
	if err != nil {
		return t, backend.Errorf(backend.InvalidRequest, "metadata %s is %q, not a time", TimeKey, raw)
	}
	return t, nil
}
