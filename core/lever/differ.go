package lever

import (
	"bytes"
	"encoding/json"
	"slices"
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

// difference walks all texts at once. What differs and looks the same everywhere
// (a time, an id, a number) is a break to be mended, and the walk goes on; the
// first difference that does not is the item's data, and ends it.
func difference(texts []flatPrompt) differed {
	// Most of a long prompt is the same in all texts: it is compared as bytes, and
	// only the rest is cut into atoms.
	out := differed{stable: common(texts)}
	w := walk{texts: texts}
	for _, t := range texts {
		w.atoms = append(w.atoms, atoms(t.text, out.stable))
	}
	w.next = make([]int, len(texts))
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
		out.breaks = append(out.breaks, gap{kind: kind, at: a.at, text: a.text})
	}
	for !w.ended() {
		a := w.at(0)
		same, alike := true, a.kind != ""
		for i := range texts {
			b := w.at(i)
			same, alike = same && b.text == a.text, alike && b.kind == a.kind
		}
		switch {
		case same:
			add(len(a.text))
			w.step()
		case alike:
			broken(a.kind, a)
			w.step()
		default:
			n, ok := w.reordered()
			if !ok {
				out.finish(&w)
				return out
			}
			broken(KeyOrder, a)
			add(n)
		}
	}
	out.finish(&w)
	return out
}

// common is how many bytes at the beginning all texts share, back to a place where
// no atom is cut.
func common(texts []flatPrompt) int {
	n := len(texts[0].text)
	for _, t := range texts[1:] {
		n = min(n, len(t.text))
		for i := range n {
			if t.text[i] != texts[0].text[i] {
				n = i
				break
			}
		}
	}
	for n > 0 && (alnum(texts[0].text[n-1]) || strings.IndexByte(joiners, texts[0].text[n-1]) >= 0) {
		n--
	}
	return n
}

// finish looks at what is left, which begins with the item's data: constant text
// at its very end could stand before the data. Breaks with next to nothing
// constant behind them are the item's data too.
func (d *differed) finish(w *walk) {
	if behind := w.suffix(); Estimate(behind) >= worthTokens {
		a := w.at(0)
		d.breaks = append(d.breaks, gap{kind: DataFirst, at: a.at, text: a.text, behind: behind})
	}
	for len(d.breaks) > 0 && Estimate(d.breaks[len(d.breaks)-1].behind) < worthTokens {
		d.breaks = d.breaks[:len(d.breaks)-1]
	}
}

type walk struct {
	texts []flatPrompt
	atoms [][]atom
	next  []int // by text: the atom to look at
}

func (w *walk) at(i int) atom { return w.atoms[i][w.next[i]] }

func (w *walk) step() {
	for i := range w.next {
		w.next[i]++
	}
}

// ended tells whether some text has nothing left.
func (w *walk) ended() bool {
	for i := range w.texts {
		if w.next[i] >= len(w.atoms[i]) {
			return true
		}
	}
	return false
}

// suffix is how many bytes at the ends of the remaining texts are the same, 0
// where a text has none left.
func (w *walk) suffix() int {
	if w.ended() {
		return 0
	}
	n := 0
	for back := 1; ; back++ {
		var want string
		for i, list := range w.atoms {
			at := len(list) - back
			if at <= w.next[i] {
				return n
			}
			if i == 0 {
				want = list[at].text
			} else if list[at].text != want {
				return n
			}
		}
		n += len(want)
	}
}

// maxNest is how many objects around a difference are tried, innermost first.
const maxNest = 8

// reordered tells whether the texts differ because the same JSON object stands
// there with its keys in another order. It goes past the object in every text and
// gives how many of its bytes were not counted yet.
func (w *walk) reordered() (uncounted int, ok bool) {
	opens := make([][]int, len(w.texts))
	for i, t := range w.texts {
		opens[i] = braces(t.text[:w.at(i).at])
	}
	for depth := 1; depth <= maxNest; depth++ {
		ends := make([]int, len(w.texts))
		var want []byte
		equal, spelled := true, map[string]bool{}
		for i, t := range w.texts {
			if len(opens[i]) < depth {
				return 0, false
			}
			start := opens[i][len(opens[i])-depth]
			canon, length := object(t.text[start:])
			if length == 0 || i > 0 && !bytes.Equal(canon, want) {
				equal = false
				break
			}
			want, ends[i] = canon, start+length
			spelled[t.text[start:start+length]] = true
		}
		if !equal || len(spelled) < 2 {
			continue
		}
		uncounted = ends[0] - w.at(0).at
		for i := range w.texts {
			w.next[i], _ = slices.BinarySearchFunc(w.atoms[i], ends[i], func(a atom, end int) int { return a.at - end })
		}
		return uncounted, true
	}
	return 0, false
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
