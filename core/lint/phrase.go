package lint

import (
	"strings"
)

// phrase is a sequence of words, close together and in one sentence.
type phrase struct {
	rule  string
	steps []step
}

// step is one word of a phrase: any of several, up to so many others after the
// one before.
type step struct {
	any []string // folded; a trailing * takes any ending
	gap int
}

// maxWords bounds how far a phrase reaches, so that time stays linear.
const maxWords = 40

// parsePhrase reads `ignore|forget ~3 previous|above ~3 instruction*`: words
// with | between alternatives, ~n for up to n other words between.
func parsePhrase(rule, text string) phrase {
	p := phrase{rule: rule}
	gap := 0
	for _, part := range strings.Fields(text) {
		if part[0] == '~' {
			gap = int(part[1] - '0')
			continue
		}
		p.steps = append(p.steps, step{strings.Split(part, "|"), gap})
		gap = 0
	}
	return p
}

// lexicon are phrases by each form of their first word.
type lexicon map[string][]phrase

func compile(list map[string][]string) lexicon {
	out := lexicon{}
	for rule, texts := range list {
		for _, text := range texts {
			p := parsePhrase(rule, text)
			for _, first := range p.steps[0].any {
				out[first] = append(out[first], p)
			}
		}
	}
	return out
}

// match tells whether a phrase begins at a word, and at which it ends.
func (p phrase) match(ws []word, at int) (last int, ok bool) {
	last = at
	for i, s := range p.steps[1:] {
		next := -1
		end := i == len(p.steps)-2
		for k := last + 1; k <= last+1+s.gap && k < len(ws) && k-at < maxWords; k++ {
			if ws[k].breaks {
				break
			}
			if s.is(ws[k].text) && !(end && ws[k].joined) {
				next = k
				break
			}
		}
		if next < 0 {
			return 0, false
		}
		last = next
	}
	return last, true
}

func (s step) is(w string) bool {
	for _, a := range s.any {
		if stem, ok := strings.CutSuffix(a, "*"); ok && strings.HasPrefix(w, stem) || a == w {
			return true
		}
	}
	return false
}

var phraseMessages = map[string]string{
	"inject-override":   "The %s tells the model to drop its instructions.",
	"inject-conceal":    "The %s tells the model to keep something from the user.",
	"inject-exfiltrate": "The %s asks for the conversation, the system prompt or credentials.",
	"inject-order":      "The %s tells the model which tools to use, and in which order.",
	"inject-role":       "The %s holds a mark that separates the speakers of a conversation.",
	"sensitive-path":    "The %s names a file that holds secrets.",
}

// phrases finds what is said to the model rather than about the tool.
func (r *reader) phrases(f field) {
	ws := words(f.text)
	book := spoken
	done := map[string]int{} // by rule: where the last finding ended
	for i, w := range ws {
		if w.mixed {
			r.at("lookalike-letter", f, w.start, w.end, "The %s holds a word of letters of two scripts that look alike; it reads %q.", f.name, w.text)
		}
		for _, p := range book[w.text] {
			if w.joined || i < done[p.rule] {
				continue
			}
			if last, ok := p.match(ws, i); ok {
				done[p.rule] = last + 1
				r.at(p.rule, f, w.start, ws[last].end, phraseMessages[p.rule], f.name)
			}
		}
	}
	text := f.text
	low := strings.ToLower(text)
	if len(low) != len(text) {
		low = text // places would differ; marks are ASCII, and most are lower case anyway
	}
	for rule, list := range marks {
		r.finds(rule, f, low, list)
	}
	r.unspaced(f)
}

// finds reports literal marks.
func (r *reader) finds(rule string, f field, low string, list []string) {
	for _, m := range list {
		for at := 0; r.count[rule+"\x00"+f.name] < perRule; {
			i := strings.Index(low[at:], m)
			if i < 0 {
				break
			}
			start := at + i
			at = start + len(m)
			r.at(rule, f, start, at, phraseMessages[rule], f.name)
		}
	}
}

// unspaced finds phrases of scripts without spaces between words: one piece, and
// another one soon behind it.
func (r *reader) unspaced(f field) {
	const reach = 60 // bytes, about 20 characters
	for _, p := range written {
		for _, first := range p.first {
			for at := 0; r.count[p.rule+"\x00"+f.name] < perRule; {
				i := strings.Index(f.text[at:], first)
				if i < 0 {
					break
				}
				start := at + i
				at = start + len(first)
				window := f.text[at:min(len(f.text), at+reach)]
				for _, stop := range []string{"。", "！", "？", "\n\n"} {
					window, _, _ = strings.Cut(window, stop)
				}
				for _, second := range p.second {
					if j := strings.Index(window, second); j >= 0 {
						r.at(p.rule, f, start, at+j+len(second), phraseMessages[p.rule], f.name)
						break
					}
				}
			}
		}
	}
}

// fences are the stretches of a Markdown text that are code.
func fences(text string) [][2]int {
	var out [][2]int
	open, mark := -1, ""
	for at := 0; at < len(text); {
		end := strings.IndexByte(text[at:], '\n')
		if end < 0 {
			end = len(text)
		} else {
			end += at + 1
		}
		line := strings.TrimLeft(text[at:end], " \t")
		switch {
		case open < 0 && (strings.HasPrefix(line, "```") || strings.HasPrefix(line, "~~~")):
			open, mark = at, line[:3]
		case open >= 0 && strings.HasPrefix(line, mark):
			out = append(out, [2]int{open, end})
			open = -1
		}
		at = end
	}
	if open >= 0 {
		out = append(out, [2]int{open, len(text)})
	}
	return out
}

// quoted tells whether a place in a body is shown rather than said: in a block
// of code, or right behind a quotation mark.
func quoted(f field, start int) bool {
	low, high := 0, len(f.fences)
	for low < high {
		mid := (low + high) / 2
		if f.fences[mid][1] <= start {
			low = mid + 1
		} else {
			high = mid
		}
	}
	if low < len(f.fences) && f.fences[low][0] <= start {
		return true
	}
	before := strings.TrimRight(f.text[max(0, start-8):start], " \n")
	for _, q := range []string{`"`, "'", "`", "“", "‘", "«", "„", "「", "《", "(", "[", "|"} {
		if strings.HasSuffix(before, q) {
			return true
		}
	}
	return false
}
