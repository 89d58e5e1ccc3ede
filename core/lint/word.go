package lint

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// word is a stretch of letters and digits, folded so that spellings of one word
// are one.
type word struct {
	text       string // lower case, without accents, hidden characters and look-alikes
	start, end int    // in the text as it is
	breaks     bool   // a sentence or a paragraph ended before it
	joined     bool   // a hyphen ties it to the next word: post-task, human-readable
	mixed      bool   // letters of Latin and of another script that look like Latin
}

// words splits a text. Everything but letters, digits, marks and hidden
// characters separates.
func words(text string) []word {
	out := make([]word, 0, len(text)/6+1)
	breaks := true
	lines := 0
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		if !wordRune(r) {
			switch r {
			case '|': // the cells of a table are sentences of their own
				breaks = true
			case '.', '!', '?', '。', '！', '？', '؟', '।', ';', '；':
				// v1.2 and e.g. are no ends of sentences
				if next, _ := utf8.DecodeRuneInString(text[i+size:]); r > 0x7f || unicode.IsSpace(next) || next == utf8.RuneError || next == '"' || next == '\'' || next == ')' {
					breaks = true
				}
			case '\n':
				if lines++; lines > 1 {
					breaks = true
				}
			}
			if !unicode.IsSpace(r) {
				lines = 0
			}
			i += size
			continue
		}
		start := i
		ascii := true
		for i < len(text) {
			r, size = utf8.DecodeRuneInString(text[i:])
			if !wordRune(r) && !(r == '\'' && i > start) {
				break
			}
			ascii = ascii && r < utf8.RuneSelf
			i += size
		}
		w := word{start: start, end: i, breaks: breaks, joined: i+1 < len(text) && text[i] == '-' && lowerLetter(text[i+1])}
		if raw := text[start:i]; ascii {
			w.text = lower(raw)
		} else {
			w.text, w.mixed = fold(raw)
		}
		w.text = strings.Trim(w.text, "'")
		if article, rest, ok := strings.Cut(w.text, "'"); ok && elided[article] {
			w.text = rest // l'utilisateur, all'utente
		}
		lines = 0
		if w.text == "" {
			continue
		}
		breaks = false
		out = append(out, w)
	}
	return out
}

// elided are words that stand before an apostrophe in French and Italian.
var elided = set("l d n j c s m t qu un all dell dall nell sull")

func wordRune(r rune) bool {
	if r < utf8.RuneSelf {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
	}
	if r == utf8.RuneError {
		return false
	}
	s := sortOf(r)
	return unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsDigit(r) || s == tag || s == zeroWidth || s == variation || r == 0xAD || r == '’'
}

// lower is strings.ToLower of ASCII, without a copy where there is nothing to
// do.
func lower(s string) string {
	for i := range len(s) {
		if s[i] >= 'A' && s[i] <= 'Z' {
			return strings.ToLower(s)
		}
	}
	return s
}

// fold makes spellings of one word one: compatibility forms, case, accents,
// hidden characters, and letters of other scripts in a word that is Latin
// otherwise.
func fold(s string) (folded string, mixed bool) {
	latin, other := false, false
	for _, r := range s {
		if _, ok := lookalikes[r]; ok {
			other = true
		} else if r < utf8.RuneSelf && (r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z') {
			latin = true
		}
	}
	mixed = latin && other
	var b strings.Builder
	for _, r := range norm.NFKD.String(s) {
		switch {
		case r == 'ı':
			r = 'i'
		case r == '’':
			r = '\''
		case sortOf(r) != seen || r == 0xAD:
			continue
		case unicode.Is(unicode.Mn, r) && !unicode.In(r, unicode.Devanagari, unicode.Thai):
			continue
		}
		if mixed {
			if l, ok := lookalikes[r]; ok {
				r = l
			}
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return norm.NFC.String(b.String()), mixed
}

// lookalikes are letters that are drawn like a Latin one in common fonts, after
// the confusables of Unicode (UTS 39), of the scripts that are used for it.
var lookalikes = map[rune]rune{
	'а': 'a', 'е': 'e', 'о': 'o', 'р': 'p', 'с': 'c', 'у': 'y', 'х': 'x', 'і': 'i', 'ј': 'j', 'ѕ': 's', 'ԁ': 'd', 'ԛ': 'q', 'ԝ': 'w', 'һ': 'h', 'ѵ': 'v',
	'А': 'A', 'В': 'B', 'Е': 'E', 'К': 'K', 'М': 'M', 'Н': 'H', 'О': 'O', 'Р': 'P', 'С': 'C', 'Т': 'T', 'У': 'Y', 'Х': 'X', 'І': 'I', 'Ј': 'J', 'Ѕ': 'S',
	'ο': 'o', 'ν': 'v', 'ι': 'i', 'κ': 'k', 'ρ': 'p', 'υ': 'u', 'Α': 'A', 'Β': 'B', 'Ε': 'E', 'Ζ': 'Z', 'Η': 'H', 'Ι': 'I', 'Κ': 'K', 'Μ': 'M', 'Ν': 'N', 'Ο': 'O', 'Ρ': 'P', 'Τ': 'T', 'Υ': 'Y', 'Χ': 'X',
	'օ': 'o', 'ո': 'n', 'ս': 'u', 'հ': 'h',
}
