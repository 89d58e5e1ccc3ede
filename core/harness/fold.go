package harness

import (
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// fold is a word without the differences that people do not type: case, and in
// Arabic the vowel signs and the forms of one letter. Accents of Latin letters
// stay until the word is stemmed (stems know them); see bare.
func fold(word string, sc script) string {
	if ascii(word) {
		return strings.ToLower(word)
	}
	word = cases.Fold().String(word)
	switch sc {
	case arabic:
		return arabicLetters(word)
	case cyrillic:
		return strings.ReplaceAll(word, "ё", "е")
	case latin:
		return strings.Map(joined, word)
	}
	return strings.Map(joined, word)
}

func joined(r rune) rune {
	if c, _ := classify(r); c == dropped {
		return -1
	}
	return r
}

// bare takes the accents off Latin letters: a query without them must find the
// word with them. Other scripts keep their marks, which are letters there.
func bare(word string) string {
	if ascii(word) {
		return word
	}
	return norm.NFC.String(strings.Map(func(r rune) rune {
		switch r {
		case 'ø':
			return 'o'
		case 'ł':
			return 'l'
		case 'đ':
			return 'd'
		case 'ı':
			return 'i'
		}
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return r
	}, norm.NFD.String(word)))
}

// arabicLetters writes the forms of a letter as one (after Larkey, Ballesteros
// and Connell, "Light Stemming for Arabic Information Retrieval", 2007): alef
// without hamza or madda, ya for alef maksura, ha for ta marbuta; Persian ya and
// kaf as the Arabic ones; no vowel signs, no tatweel.
func arabicLetters(word string) string {
	return strings.Map(func(r rune) rune {
		switch r {
		case 'أ', 'إ', 'آ', 'ٱ':
			return 'ا'
		case 'ى', 'ی', 'ئ':
			return 'ي'
		case 'ؤ':
			return 'و'
		case 'ة', 'ۀ', 'ە':
			return 'ه'
		case 'ک':
			return 'ك'
		}
		if c, _ := classify(r); c == dropped || unicode.Is(unicode.Mn, r) {
			return -1
		}
		return r
	}, word)
}

// arabicStem is the light stemmer "light10" of the same paper: the article with
// what is written in front of it, and the endings that most words take. A root
// stemmer was refused: it joins words that have little in common.
func arabicStem(word string) string {
	rs := []rune(word)
	for _, p := range []string{"وال", "بال", "كال", "فال", "ال", "لل", "و"} {
		n := len([]rune(p))
		least := 2
		if n == 1 {
			least = 3
		}
		if strings.HasPrefix(word, p) && len(rs)-n >= least {
			rs, word = rs[n:], word[len(p):]
			break
		}
	}
	for _, s := range []string{"ها", "ان", "ات", "ون", "ين", "يه", "ه", "ي"} {
		if n := len([]rune(s)); strings.HasSuffix(word, s) && len(rs)-n >= 2 {
			rs, word = rs[:len(rs)-n], strings.TrimSuffix(word, s)
		}
	}
	return word
}
