package lever

import (
	"regexp"
	"strings"
)

// Kind says why two prompts differ at a place.
type Kind string

// The kinds of breaks in a prefix.
const (
	Timestamp Kind = "timestamp"
	UUID      Kind = "uuid"
	RandomID  Kind = "random-id"
	Counter   Kind = "counter"
	KeyOrder  Kind = "key-order"
	DataFirst Kind = "data-first" // constant text stands behind the item's data
)

// atom is a piece of a prompt: a word, one other character, or something that
// looks as if it changed from call to call.
type atom struct {
	text string
	kind Kind // "" for what looks constant
}

var (
	clockTime = regexp.MustCompile(`^(\d{4}-\d{2}-\d{2}([T_]\d{2}[:.-]?\d{2}([:.-]?\d{2}([.,]\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?|\d{2}:\d{2}(:\d{2}([.,]\d+)?)?(Z|[+-]\d{2}:?\d{2})?|\d{1,2}\.\d{1,2}\.\d{4}|1\d{9}(\d{3}){0,3})$`)
	uuidText  = regexp.MustCompile(`^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$`)
	hexText   = regexp.MustCompile(`^[0-9a-fA-F]{7,}$`)
	idText    = regexp.MustCompile(`^[0-9A-Za-z_]{12,}$`)
	digits    = regexp.MustCompile(`^\d+$`)
)

// dayNames are weekdays and months: a date written out changes by them.
var dayNames = func() map[string]bool {
	out := map[string]bool{}
	for _, long := range strings.Fields("Monday Tuesday Wednesday Thursday Friday Saturday Sunday January February March April May June July August September October November December") {
		out[long], out[long[:3]] = true, true
	}
	return out
}()

// kindOf says what a run of letters and digits looks like.
func kindOf(s string) Kind {
	if !strings.ContainsAny(s, "0123456789") { // most words: no pattern needs to look at them
		if dayNames[s] {
			return Timestamp
		}
		return ""
	}
	switch {
	case clockTime.MatchString(s):
		return Timestamp
	case uuidText.MatchString(s):
		return UUID
	case digits.MatchString(s):
		return Counter
	case hexText.MatchString(s) && mixed(s), idText.MatchString(s) && mixed(s) && turns(s) >= 3:
		return RandomID
	}
	return ""
}

// mixed tells whether a text that has digits has letters too.
func mixed(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r > '9' })
}

// turns counts how often a text goes from letters to digits or back: names such
// as "version2" do it once or twice, random text does it all the time.
func turns(s string) int {
	n := 0
	for i := 1; i < len(s); i++ {
		if (s[i] <= '9') != (s[i-1] <= '9') {
			n++
		}
	}
	return n
}

// joiners stand inside of dates and ids.
const joiners = "-:.+,"

// longest is how far an atom may reach: ids and times are shorter, and a prompt of
// one endless word must not be scanned again from each of its bytes.
const longest = 64

// atomOf is the atom at the beginning of a text that is not empty. A run that is
// joined by the marks of dates and ids is tried whole first, so that a timestamp is
// one atom and not eleven.
func atomOf(s string) atom {
	end := run(s, 0)
	if end == 0 {
		return atom{text: s[:1]} // cutting a rune does no harm where bytes are compared
	}
	long := end
	for long < min(len(s)-1, longest) && strings.IndexByte(joiners, s[long]) >= 0 && alnum(s[long+1]) {
		long = run(s, long+1)
	}
	if long > end {
		if kind := kindOf(s[:long]); kind != "" {
			return atom{text: s[:long], kind: kind}
		}
	}
	return atom{text: s[:end], kind: kindOf(s[:end])}
}

// run is where the letters and digits end that begin at an offset.
func run(s string, at int) int {
	for at < len(s) && alnum(s[at]) {
		at++
	}
	return at
}

func alnum(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c >= 0x80
}

// shape hides what a text says and shows how it is made: every digit is a 9,
// every letter an a or an A.
func shape(s string) string {
	if len(s) > 64 {
		s = s[:64]
	}
	return strings.ToValidUTF8(strings.Map(func(r rune) rune {
		switch {
		case r >= '0' && r <= '9':
			return '9'
		case r >= 'A' && r <= 'Z':
			return 'A'
		case r >= 'a' && r <= 'z', r >= 0x80:
			return 'a'
		}
		return r
	}, s), "a")
}
