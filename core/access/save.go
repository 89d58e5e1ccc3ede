package access

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/plimsoll-dev/plimsoll/sdk/canonjson"
)

// saved is the form of a Meter in bytes. Keys hold the names of callers, so the
// bytes belong where the audit log is, and nowhere else.
type saved struct {
	Version  int            `json:"version"`
	Sessions []savedSession `json:"sessions"`
	Limits   []savedLimit   `json:"limits"`
}

type savedSession struct {
	Key     string    `json:"key"` // "" with Crowd
	Crowd   bool      `json:"crowd,omitempty"`
	Used    time.Time `json:"used"`
	Calls   int       `json:"calls"`
	Denied  int       `json:"denied"`
	Asked   int       `json:"asked"`
	Tools   []string  `json:"tools,omitempty"`
	Lost    bool      `json:"lost,omitempty"`
	Started time.Time `json:"started,omitzero"`
}

type savedLimit struct {
	Limit   string        `json:"limit"`
	Windows []savedWindow `json:"windows"`
}

type savedWindow struct {
	Key   string    `json:"key"`
	Crowd bool      `json:"crowd,omitempty"`
	Used  time.Time `json:"used"`
	Calls int32     `json:"calls"`
}

// Save is what the meter counted, in canonical JSON: the same counts, the same bytes.
// Of a window only the number of its calls is kept; restored, they count as made when
// the key was last used, so that a restart forgets nothing early.
func (m *Meter) Save() ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := saved{Version: 1, Sessions: []savedSession{}, Limits: []savedLimit{}}
	m.sessions.each(func(key string, crowd bool, used time.Time, v *session) {
		if v.calls+v.denied+v.asked > 0 {
			s.Sessions = append(s.Sessions, savedSession{Key: key, Crowd: crowd, Used: used.UTC(), Calls: v.calls, Denied: v.denied, Asked: v.asked, Tools: slices.Clone(v.tools), Lost: v.lost, Started: v.started})
		}
	})
	for i, t := range m.limits {
		l := savedLimit{Limit: m.policy.limits[i].Name, Windows: []savedWindow{}}
		t.each(func(key string, crowd bool, used time.Time, w *window) {
			if n := w.sum(); n > 0 {
				l.Windows = append(l.Windows, savedWindow{Key: key, Crowd: crowd, Used: used.UTC(), Calls: n})
			}
		})
		s.Limits = append(s.Limits, l)
	}
	out, err := canonjson.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("saving the counts of calls: %w", err)
	}
	return out, nil
}

// Restore takes over what Save wrote, into a meter that has counted nothing. Limits
// that are no longer there are left out. Bytes that Save did not write are an error,
// and leave the meter as it was.
func (m *Meter) Restore(raw []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	var s saved
	if err := d.Decode(&s); err != nil {
		return fmt.Errorf("reading the counts of calls: %w", err)
	}
	if err := s.check(); err != nil {
		return fmt.Errorf("reading the counts of calls: %w", err)
	}
	slices.SortStableFunc(s.Sessions, func(a, b savedSession) int { return a.Used.Compare(b.Used) })
	for _, x := range s.Sessions {
		v := m.sessions.put(x.Key, x.Crowd, x.Used)
		v.calls, v.denied, v.asked, v.started = v.calls+x.Calls, v.denied+x.Denied, v.asked+x.Asked, x.Started
		for _, name := range x.Tools {
			v.called(name)
		}
		v.lost = v.lost || x.Lost
	}
	for _, l := range s.Limits {
		for i := range m.limits {
			if m.policy.limits[i].Name != l.Limit {
				continue
			}
			slices.SortStableFunc(l.Windows, func(a, b savedWindow) int { return a.Used.Compare(b.Used) })
			for _, x := range l.Windows {
				w := m.limits[i].put(x.Key, x.Crowd, x.Used)
				w.width = max(1, int64(m.policy.limits[i].Within)/steps)
				w.add(x.Used, min(x.Calls, maxCalls-w.sum()))
			}
		}
	}
	return nil
}

func (s saved) check() error {
	if s.Version != 1 {
		return fmt.Errorf("they are of version %d, and this program reads version 1", s.Version)
	}
	for _, x := range s.Sessions {
		if min(x.Calls, x.Denied, x.Asked) < 0 || max(x.Calls, x.Denied, x.Asked) > 1<<40 || x.Used.IsZero() {
			return errors.New("a session has counts that cannot be")
		}
	}
	for _, l := range s.Limits {
		for _, w := range l.Windows {
			if w.Calls < 1 || w.Calls > maxCalls || w.Used.IsZero() {
				return fmt.Errorf("limit %q has a count that cannot be", l.Limit)
			}
		}
	}
	return nil
}

// each visits the entries by key, the crowd last.
func (t *table[T]) each(do func(key string, crowd bool, used time.Time, v *T)) {
	keys := make([]string, 0, len(t.by))
	for k := range t.by {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		e := t.by[k].Value.(*entry[T])
		do(k, false, e.used, &e.value)
	}
	do("", true, t.now, &t.crowd)
}

// put is get for what was saved. A time of the past keeps its order.
func (t *table[T]) put(key string, crowd bool, used time.Time) *T {
	if crowd {
		return &t.crowd
	}
	return t.get(key, used)
}
