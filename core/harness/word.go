package harness

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// maxWord is the longest word in characters; what is longer (a hash, an
// encoded blob) is cut, on both sides alike.
const maxWord = 48

// token is one searchable piece of a text before stemming.
type token struct {
	text   string // folded
	shown  string // as it was typed
	script script
	// spare is a token that only a document has: single characters of scripts
	// that are searched by bigrams, so that a query of one character finds them.
	spare bool
}

type script uint8

const (
	latin script = iota
	cyrillic
	arabic
	plain // other scripts with spaces: folded, not stemmed
	digit
	bigram // scripts without spaces: already cut into pairs
)

// class is what a character is to the splitter.
type class uint8

const (
	separator class = iota
	letter          // of a script with spaces
	number
	han // Han and kana: Japanese runs mix them
	hangul
	dense // Thai, Lao, Khmer, Burmese: no spaces, marks belong to the letters
	dropped
)

func classify(r rune) (class, script) {
	switch {
	case r < utf8.RuneSelf:
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z':
			return letter, latin
		case '0' <= r && r <= '9':
			return number, digit
		}
		return separator, plain
	case r == 0x200b || r == 0x200c: // zero-width space and non-joiner part words
		return separator, plain
	case r == 0x0640 || r == 0x00ad || unicode.Is(unicode.Cf, r): // tatweel, soft hyphen, joiners, bidi marks
		return dropped, plain
	case r == 'ー' || unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana):
		return han, bigram
	case unicode.Is(unicode.Hangul, r):
		return hangul, bigram
	case unicode.In(r, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar):
		if unicode.IsDigit(r) {
			return number, digit
		}
		if unicode.IsLetter(r) || unicode.IsMark(r) {
			return dense, bigram
		}
		return separator, plain
	case unicode.IsDigit(r):
		return number, digit
	case unicode.IsLetter(r):
		switch {
		case unicode.Is(unicode.Latin, r):
			return letter, latin
		case unicode.Is(unicode.Cyrillic, r):
			return letter, cyrillic
		case unicode.Is(unicode.Arabic, r):
			return letter, arabic
		}
		return letter, plain
	case unicode.IsMark(r):
		return letter, plain // belongs to the letter before it
	}
	return separator, plain
}

// split cuts a text into tokens. It never fails: what is not text (broken
// UTF-8, control characters) separates words.
func split(text string, yield func(token)) {
	if !ascii(text) {
		text = norm.NFKC.String(strings.ToValidUTF8(text, " "))
	}
	runs := scanner{yield: yield}
	for i, r := range text {
		c, s := classify(r)
		runs.step(text, i, r, c, s)
	}
	runs.flush(text, len(text))
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// scanner gathers a run: characters with nothing between them.
type scanner struct {
	yield  func(token)
	start  int
	class  class  // separator: no run is open
	script script // of the first letter
	last   rune
}

func (s *scanner) step(text string, i int, r rune, c class, sc script) {
	if c == dropped {
		return
	}
	mark := c == letter && sc == plain && unicode.IsMark(r)
	switch {
	case mark && s.class == separator:
		return
	case mark:
		return // stays in the run
	case s.class == separator && c == separator:
		return
	case s.class != separator && joins(s.class, c) && (sc == s.script || c == number || s.script == digit || c != letter):
		if s.script == digit && c == letter {
			s.script = sc
		}
		s.class, s.last = c, r
		return
	}
	s.flush(text, i)
	if c != separator {
		s.start, s.class, s.script, s.last = i, c, sc, r
	}
}

// joins says whether two characters beside each other are of one run. Letters
// and digits are: "oauth2", "s3".
func joins(a, b class) bool {
	return a == b || a == letter && b == number || a == number && b == letter
}

func (s *scanner) flush(text string, end int) {
	if s.class == separator {
		return
	}
	run, c, sc := text[s.start:end], s.class, s.script
	s.class = separator
	switch c {
	case letter, number:
		identifier(run, sc, s.yield)
	default:
		bigrams(run, c, s.yield)
	}
}

// identifier takes a run of letters and digits apart: "createIssue" is create,
// issue and createissue; "OAuth2" is oauth2 and oauth. The whole stays a word of
// its own, because people write "GitHub" and "github" for the same thing.
func identifier(run string, sc script, yield func(token)) {
	if sc == digit {
		yield(token{text: cut(digits(run)), shown: run, script: digit})
		return
	}
	parts, mixed := humps(run)
	for _, p := range parts {
		if t := fold(p, sc); t != "" && (p != run) {
			yield(token{text: cut(t), shown: p, script: sc})
		}
	}
	if t := fold(run, sc); t != "" {
		s := sc
		if mixed {
			s = plain // "s3s" and "mp3" have no stem
		}
		yield(token{text: cut(t), shown: run, script: s})
	}
}

// humps are the parts of a camel-case run, without its digits, and whether it
// has digits. A run of one part is given back as no part.
func humps(run string) (parts []string, mixed bool) {
	start, prev, prevUpper := 0, rune(0), false
	add := func(end int) {
		if p := run[start:end]; utf8.RuneCountInString(p) >= 2 && p != run {
			parts = append(parts, p)
		}
	}
	for i, r := range run {
		upper, isDigit := unicode.IsUpper(r), unicode.IsDigit(r)
		mixed = mixed || isDigit
		switch {
		case i == 0:
		case isDigit != unicode.IsDigit(prev):
			if !unicode.IsDigit(prev) {
				add(i)
			}
			start = i
		case upper && !prevUpper && !isDigit:
			add(i)
			start = i
		case !upper && prevUpper && i-start > utf8.RuneLen(prev) && !isDigit: // "HTTPServer": the S begins a word
			cutAt := i - utf8.RuneLen(prev)
			add(cutAt)
			start = cutAt
		}
		prev, prevUpper = r, upper
	}
	if start > 0 && !unicode.IsDigit(prev) {
		add(len(run))
	}
	return parts, mixed
}

// bigrams cuts a run of a script without spaces into bigrams. A run of one
// character is itself; in longer runs of Han and hangul the single characters
// are spare tokens.
func bigrams(run string, c class, yield func(token)) {
	rs := []rune(strings.Map(func(r rune) rune {
		if k, _ := classify(r); k == dropped {
			return -1
		}
		return r
	}, run))
	if len(rs) == 1 {
		yield(token{text: string(rs), shown: string(rs), script: bigram})
		return
	}
	for i, r := range rs {
		if i+1 < len(rs) {
			p := string(rs[i : i+2])
			yield(token{text: p, shown: p, script: bigram})
		}
		if c == hangul || c == han && unicode.Is(unicode.Han, r) {
			// One Chinese character among kana is a word: 駅は.
			lone := c == han && (i == 0 || !unicode.Is(unicode.Han, rs[i-1])) && (i+1 == len(rs) || !unicode.Is(unicode.Han, rs[i+1]))
			yield(token{text: string(r), shown: string(r), script: bigram, spare: !lone})
		}
	}
	// A Korean noun of one syllable carries its particle: 책을 must find 책.
	if c == hangul && len(rs) == 2 && strings.ContainsRune("을를이가은는에의로와과도만", rs[1]) {
		yield(token{text: string(rs[0]), shown: run, script: bigram})
	}
}

func cut(word string) string {
	if len(word) <= maxWord {
		return word
	}
	n := 0
	for i := range word {
		if n++; n > maxWord {
			return word[:i]
		}
	}
	return word
}

// digits are those of any script as 0-9.
func digits(run string) string {
	if ascii(run) {
		return run
	}
	return strings.Map(func(r rune) rune {
		if r < utf8.RuneSelf || !unicode.IsDigit(r) {
			return r
		}
		// The digits of a script stand in one block of ten that begins at its zero.
		zero := r
		for n := 0; n < 9 && unicode.IsDigit(zero-1) && zero > r-9; n++ {
			zero--
		}
		return '0' + (r - zero)
	}, run)
}
