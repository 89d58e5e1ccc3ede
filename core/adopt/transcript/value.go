package transcript

import (
	"bytes"
	"encoding/json"
	"math/big"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/plimsoll-dev/plimsoll/hcl/secret"
)

// moment reads a time as logs write it: RFC 3339, the same with a blank, or a
// number of seconds, milli-, micro- or nanoseconds since 1970, told apart by size.
func moment(raw json.RawMessage) time.Time {
	s := strings.TrimSpace(string(raw))
	if s == "" || s == "null" {
		return time.Time{}
	}
	if s[0] == '"' {
		var t string
		if json.Unmarshal(raw, &t) != nil {
			return time.Time{}
		}
		s = t
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02 15:04:05.999999999Z07:00", "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999"} {
		if t, err := time.Parse(layout, s); err == nil {
			return sane(t)
		}
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		switch {
		case n <= 0:
			return time.Time{}
		case n < 1e11:
			return sane(time.Unix(n, 0))
		case n < 1e14:
			return sane(time.UnixMilli(n))
		case n < 1e17:
			return sane(time.UnixMicro(n))
		}
		return sane(time.Unix(0, n))
	}
	if f, err := strconv.ParseFloat(s, 64); err == nil && f > 0 && f < 1e11 {
		return sane(time.UnixMicro(int64(f * 1e6)))
	}
	return time.Time{}
}

// sane refuses years that no log of a model can have: a zero in some clock's own
// epoch, or a number of something else.
func sane(t time.Time) time.Time {
	if y := t.UTC().Year(); y < 2015 || y > 2200 {
		return time.Time{}
	}
	return t.UTC()
}

// dollars reads an amount in USD, to the nearest micro-dollar, half up. Half
// exact decimals and 1e999999999 are both kept out of big numbers.
func dollars(n json.Number) (micro int64, ok bool) {
	s := string(n)
	if s == "" || len(s) > 40 {
		return 0, false
	}
	if i := strings.IndexAny(s, "eE"); i >= 0 && len(strings.TrimLeft(s[i+1:], "+-0")) > 2 {
		return 0, false
	}
	r, ok := new(big.Rat).SetString(s)
	if !ok || r.Sign() < 0 || strings.Contains(s, "/") {
		return 0, false
	}
	r.Mul(r, big.NewRat(2_000_000, 1))
	r.Add(r, big.NewRat(1, 1))
	q := new(big.Int).Div(r.Num(), new(big.Int).Mul(r.Denom(), big.NewInt(2)))
	if !q.IsInt64() || q.Int64() > maxTokens {
		return 0, false
	}
	return q.Int64(), true
}

// fit makes text fit to be kept as a name: what looks like a secret goes, and so
// do control characters and what is too long.
func (f *file) fit(s string) string {
	if strings.IndexFunc(s, unicode.IsControl) >= 0 {
		s = strings.Map(func(r rune) rune {
			if unicode.IsControl(r) {
				return -1
			}
			return r
		}, s)
	}
	if secret.In(s) {
		f.r.lines.Redacted++
		return "[redacted]"
	}
	if len(s) > maxName {
		s = strings.ToValidUTF8(s[:maxName], "")
	}
	return s
}

// Redact takes out of a text what looks like a secret, and counts it.
func Redact(text string) (clean string, found int) {
	all := secret.Find(text)
	if len(all) == 0 {
		return text, 0
	}
	var b strings.Builder
	at := 0
	for _, m := range all {
		if m.Start < at {
			at = max(at, m.End)
			continue
		}
		b.WriteString(text[at:m.Start])
		b.WriteString("[redacted " + m.Kind + "]")
		at = m.End
		found++
	}
	b.WriteString(text[at:])
	return b.String(), found
}

// object reads one JSON object as its members.
func object(raw []byte) map[string]json.RawMessage {
	var m map[string]json.RawMessage
	if json.Unmarshal(raw, &m) != nil {
		return nil
	}
	return m
}

// inner is an object that stands in a member, or as text in it: loggers encode
// bodies twice.
func inner(raw json.RawMessage) map[string]json.RawMessage {
	raw = bytes.TrimSpace(raw)
	if len(raw) > 0 && raw[0] == '"' {
		var s string
		if json.Unmarshal(raw, &s) != nil {
			return nil
		}
		raw = json.RawMessage(strings.TrimSpace(s))
	}
	if len(raw) == 0 || raw[0] != '{' {
		return nil
	}
	return object(raw)
}

// word is a member that is a string, the first of several names.
func word(m map[string]json.RawMessage, names ...string) string {
	for _, n := range names {
		var s string
		if raw, ok := m[n]; ok && json.Unmarshal(raw, &s) == nil && s != "" {
			return s
		}
	}
	return ""
}

// whole is a count: an integer, also as text or with a fraction of zero.
func whole(raw json.RawMessage) (int64, bool) {
	s := strings.Trim(strings.TrimSpace(string(raw)), `"`)
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n, true
	}
	if f, err := strconv.ParseFloat(s, 64); err == nil && f == float64(int64(f)) && f < 1e15 && f > -1e15 {
		return int64(f), true
	}
	return 0, false
}
