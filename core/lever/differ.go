package lever

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/plimsoll-dev/plimsoll/sdk/canonjson"
)

// differed is where and why texts differ. Offsets are those of the first text.
type differed struct {
	stable int // bytes that all share at the beginning
	breaks []gap
}

type gap struct {
	kind   Kind
	at     int
	text   string // of the first text
	behind int    // constant bytes up to the next break, or to the item's data
}

// nearby is how many constant bytes may stand between two breaks that are told as
// one: the parts of a date that is written out.
const nearby = 16

// maxBreaks bounds the work on prompts that differ everywhere, and what a person
// is told.
const maxBreaks = 32

// difference walks all texts at once. What differs and looks the same everywhere
// (a time, an id, a number) is a break to be mended, and the walk goes on; the
// first difference that does not is the item's data, and ends it.
func difference(texts []flatPrompt) differed {
	w := walk{texts: texts, at: make([]int, len(texts))}
	var out differed
	add := func(n int) {
		if len(out.breaks) == 0 {
			out.stable += n
			return
		}
		out.breaks[len(out.breaks)-1].behind += n
	}
	broken := func(kind Kind, a atom) {
		if n := len(out.breaks); n > 0 && out.breaks[n-1].behind <= nearby && (out.breaks[n-1].kind == kind || out.breaks[n-1].kind == Timestamp && kind == Counter) {
			return
		}
		out.breaks = append(out.breaks, gap{kind: kind, at: w.at[0], text: a.text})
	}
	for {
		// Most of a long prompt is the same in all texts: it is compared as bytes,
		// and only what differs is looked at as atoms.
		n := w.common()
		add(n)
		w.step(n)
		if w.ended() || len(out.breaks) == maxBreaks {
			break
		}
		first := w.atom(0)
		same, alike := true, first.kind != ""
		for i := range texts {
			b := w.atom(i)
			same, alike = same && b.text == first.text, alike && b.kind == first.kind
		}
		switch {
		case same:
			add(len(first.text))
			w.step(len(first.text))
			continue
		case alike:
			broken(first.kind, first)
			for i := range texts {
				w.at[i] += len(w.atom(i).text)
			}
			continue
		}
		offset := w.at[0]
		ends, ok := w.reordered()
		if !ok {
			break
		}
		broken(KeyOrder, first)
		w.at = ends
		add(ends[0] - offset)
	}
	out.finish(&w)
	return out
}

// finish looks at what is left, which begins with the item's data: constant text
// at its very end could stand before the data. Breaks with next to nothing
// constant behind them are the item's data too.
func (d *differed) finish(w *walk) {
	if behind := w.suffix(); Estimate(behind) >= worthTokens {
		d.breaks = append(d.breaks, gap{kind: DataFirst, at: w.at[0], text: w.atom(0).text, behind: behind})
	}
	for len(d.breaks) > 0 && Estimate(d.breaks[len(d.breaks)-1].behind) < worthTokens {
		d.breaks = d.breaks[:len(d.breaks)-1]
	}
}

// walk is a place in every text.
type walk struct {
	texts []flatPrompt
	at    []int
}

func (w *walk) rest(i int) string { return w.texts[i].text[w.at[i]:] }

func (w *walk) atom(i int) atom { return atomOf(w.rest(i)) }

func (w *walk) step(n int) {
	for i := range w.at {
		w.at[i] += n
	}
}

// ended tells whether some text has nothing left.
func (w *walk) ended() bool {
	for i := range w.texts {
		if w.rest(i) == "" {
			return true
		}
	}
	return false
}

// common is how many bytes of what is left all texts share, back to a place where
// no atom is cut; all of it where one text is at its end.
func (w *walk) common() int {
	first := w.rest(0)
	n := len(first)
	for i := range w.texts {
		other := w.rest(i)
		n = min(n, len(other))
		for j := range n {
			if other[j] != first[j] {
				n = j
				break
			}
		}
	}
	for i := range w.texts {
		if len(w.rest(i)) == n {
			return n
		}
	}
	for n > 0 && (alnum(first[n-1]) || strings.IndexByte(joiners, first[n-1]) >= 0) {
		n--
	}
	return n
}

// suffix is how many bytes at the ends of the remaining texts are the same, on to
// a place where no word is cut; 0 where a text has none left.
func (w *walk) suffix() int {
	if w.ended() {
		return 0
	}
	first := w.rest(0)
	n := len(first) - 1
	for i := range w.texts {
		other := w.rest(i)
		n = min(n, len(other)-1)
		for j := range n {
			if other[len(other)-1-j] != first[len(first)-1-j] {
				n = j
				break
			}
		}
	}
	for n > 0 && alnum(first[len(first)-n]) {
		n--
	}
	return max(n, 0)
}

// maxNest is how many objects around a difference are tried, innermost first.
const maxNest = 8

// reordered tells whether the texts differ because the same JSON object stands
// there with its keys in another order, and where it ends in each.
func (w *walk) reordered() (ends []int, ok bool) {
	opens := make([][]int, len(w.texts))
	for i, t := range w.texts {
		opens[i] = braces(t.text[:w.at[i]])
	}
	for depth := 1; depth <= maxNest; depth++ {
		ends = make([]int, len(w.texts))
		var want []byte
		equal, spelled := true, map[string]bool{}
		for i, t := range w.texts {
			if len(opens[i]) < depth {
				return nil, false
			}
			start := opens[i][len(opens[i])-depth]
			canon, length := object(t.text[start:])
			if length == 0 || start+length < w.at[i] || i > 0 && !bytes.Equal(canon, want) {
				equal = false
				break
			}
			want, ends[i] = canon, start+length
			spelled[t.text[start:start+length]] = true
		}
		if equal && len(spelled) > 1 {
			return ends, true
		}
	}
	return nil, false
}

// braces are the offsets of the objects that are open at the end of a text, as
// far as that can be told of text that is not all JSON. Braces in strings are
// taken for what they look like: the object is decoded afterwards, and that fails.
func braces(s string) []int {
	var open []int
	for i := range len(s) {
		switch s[i] {
		case '{':
			open = append(open, i)
		case '}':
			if len(open) > 0 {
				open = open[:len(open)-1]
			}
		}
	}
	return open
}

// object is the JSON object at the beginning of a text in canonical form, and its
// length; 0 where there is none.
func object(s string) (canon []byte, length int) {
	d := json.NewDecoder(strings.NewReader(s))
	var raw json.RawMessage
	if d.Decode(&raw) != nil {
		return nil, 0
	}
	canon, err := canonjson.Transform(raw)
	if err != nil {
		return nil, 0
	}
	return canon, int(d.InputOffset())
}
