package harness

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"slices"
)

// field of a document in the index.
type field uint8

const (
	inName field = iota
	inDescription
	inParameters
	inBody
	inConnector
	fields // how many
)

// format goes into every digest: an index that cuts words in another way is
// another index.
const format = "plimsoll harness index 1"

// How much of each field is indexed, in characters: an upstream server may send
// anything, and one document must not outweigh a catalogue.
func (x *Index) limit(f field) int {
	switch f {
	case inName:
		return 512
	case inBody:
		return x.body
	case inConnector:
		return 128
	}
	return 8192
}

// Index is a set of documents that can be searched. It never changes after
// Build and may be used by any number of goroutines.
type Index struct {
	docs   []Document // by name, then id
	byID   map[string]int32
	terms  map[string]int32
	texts  [][]posting // by term, then document
	learnt [][]support // by term, then document
	length [][fields]int32
	pairs  pairs
	spoken []language // by document
	lex    *lexicon
	tune   tuning
	body   int // characters of a body that are indexed
	digest string
}

// posting is how often a term stands in the fields of a document.
type posting struct {
	doc   int32
	count [fields]uint8 // 255 means that or more
}

// Build indexes the documents. Their order makes no difference. An empty or
// repeated ID is an error that names it, since whoever asked for one of the two
// would get the other.
func Build(docs []Document) (*Index, error) { return BuildDeep(docs, BodyLimit) }

// BuildDeep is Build with another limit than BodyLimit: body is how many
// characters of a body are indexed, 0 for none of it.
func BuildDeep(docs []Document, body int) (*Index, error) {
	if body < 0 {
		return nil, fmt.Errorf("building the index: the limit of bodies is %d characters; it must not be negative", body)
	}
	x := &Index{body: body, tune: tuned, docs: slices.Clone(docs), byID: make(map[string]int32, len(docs)), lex: newLexicon()}
	slices.SortFunc(x.docs, func(a, b Document) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) })
	for i := range x.docs {
		d := &x.docs[i]
		if d.ID == "" {
			return nil, fmt.Errorf("building the index: the document named %q has no id", d.Name)
		}
		if at, twice := x.byID[d.ID]; twice {
			return nil, fmt.Errorf("building the index: %q is the id of two documents, named %q and %q; give each its own", d.ID, x.docs[at].Name, d.Name)
		}
		x.byID[d.ID] = int32(i)
		d.Learned = slices.SortedFunc(slices.Values(d.Learned), Phrase.compare)
	}
	b := newBuilder(x)
	for i := range x.docs {
		b.add(int32(i), &x.docs[i])
	}
	x.pairs = gather(b.twos)
	x.digest = digest(x.docs, body)
	return x, nil
}

// Digest names the documents and the way they are indexed ("sha256:..."): the
// same documents have the same digest on every machine, in whatever order they
// were handed over.
func (x *Index) Digest() string { return x.digest }

// Len is the number of documents, whoever may see them.
func (x *Index) Len() int { return len(x.docs) }

func digest(docs []Document, body int) string {
	sum := sha256.New()
	put(sum, format)
	count(sum, body)
	ids := make([]int, len(docs))
	for i := range ids {
		ids[i] = i
	}
	slices.SortFunc(ids, func(a, b int) int { return cmp.Compare(docs[a].ID, docs[b].ID) })
	for _, i := range ids {
		d := &docs[i]
		put(sum, d.ID, string(d.Kind), d.Name, d.Connector, d.Description, d.Parameters, d.Body)
		count(sum, len(d.Learned))
		for _, p := range d.Learned {
			put(sum, p.Text, p.Principal)
			count(sum, int(p.Weight))
		}
	}
	return "sha256:" + hex.EncodeToString(sum.Sum(nil))
}

// put writes texts so that no two lists of them have the same bytes.
func put(to hash.Hash, texts ...string) {
	for _, t := range texts {
		count(to, len(t))
		_, _ = io.WriteString(to, t) // a hash takes everything
	}
}

func count(to hash.Hash, n int) {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(int64(n)))
	_, _ = to.Write(b[:])
}

// builder has what only the building needs.
type builder struct {
	x     *Index
	stems map[stemKey]string
	seen  map[int32]int // term to its place in row
	row   []entry
	twos  []two
	buf   []token
}

type stemKey struct {
	word string
	lang language
}

type entry struct {
	term  int32
	count [fields]uint8
}

func newBuilder(x *Index) *builder {
	x.terms = map[string]int32{}
	x.length = make([][fields]int32, len(x.docs))
	x.spoken = make([]language, len(x.docs))
	return &builder{x: x, stems: map[stemKey]string{}, seen: map[int32]int{}}
}

func (b *builder) add(i int32, d *Document) {
	x := b.x
	clear(b.seen)
	b.row = b.row[:0]
	var cut [fields][]token
	b.buf = b.buf[:0]
	for f, text := range [fields]string{inName: d.Name, inDescription: d.Description, inParameters: d.Parameters, inBody: d.Body, inConnector: d.Connector} {
		from := len(b.buf)
		split(first(text, x.limit(field(f))), func(t token) { b.buf = append(b.buf, t) })
		cut[f] = b.buf[from:len(b.buf):len(b.buf)]
	}
	lang := x.lex.language(cut[inDescription], cut[inBody])
	x.spoken[i] = lang
	for f, tokens := range cut {
		f := field(f)
		last := int32(-1)
		named := f == inName || f == inConnector
		for _, t := range tokens {
			// A name keeps its stop words: a skill may be called "how-to".
			if !named && x.lex.stops(t, lang) {
				continue
			}
			if !t.spare {
				x.length[i][f]++
			}
			word := b.stem(t, lang)
			id := b.put(word, f)
			if !t.spare {
				if last >= 0 {
					b.twos = append(b.twos, two{pairKey(last, id), i, f})
				}
				last = id
			}
			// Names are English more often than their descriptions are.
			if named && lang != english_ && t.script == latin {
				if e := b.stem(t, english_); e != word {
					b.put(e, f)
				}
			}
		}
	}
	for _, e := range b.row {
		x.texts[e.term] = append(x.texts[e.term], posting{doc: i, count: e.count})
	}
	b.learn(i, d, lang)
}

func (b *builder) tokens(text string) []token {
	b.buf = b.buf[:0]
	split(text, func(t token) { b.buf = append(b.buf, t) })
	return b.buf
}

func (b *builder) stem(t token, lang language) string {
	if t.script != latin && t.script != cyrillic {
		return stem(t, lang)
	}
	key := stemKey{t.text, lang}
	s, ok := b.stems[key]
	if !ok {
		s = stem(t, lang)
		b.stems[key] = s
	}
	return s
}

func (b *builder) term(word string) int32 {
	id, ok := b.x.terms[word]
	if !ok {
		id = int32(len(b.x.texts))
		b.x.terms[word] = id
		b.x.texts = append(b.x.texts, nil)
		b.x.learnt = append(b.x.learnt, nil)
	}
	return id
}

func (b *builder) put(word string, f field) int32 {
	id := b.term(word)
	at, ok := b.seen[id]
	if !ok {
		at = len(b.row)
		b.seen[id] = at
		b.row = append(b.row, entry{term: id})
	}
	if c := &b.row[at].count[f]; *c < 255 {
		*c++
	}
	return id
}

// first is the beginning of a text, in characters.
func first(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for i := range text {
		if n == 0 {
			return text[:i]
		}
		n--
	}
	return text
}
