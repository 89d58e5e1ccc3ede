package lock

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/plimsoll-dev/plimsoll/hcl/lockfile"
	"github.com/plimsoll-dev/plimsoll/sdk/canonjson"
)

// BookName is the file of the Book, beside the lock file and committed like it.
const BookName = "plimsoll.tools.jsonl"

// maxBook bounds the file: some ten thousand definitions.
const maxBook = 64 << 20

// Book holds the definitions that were approved, so that a change can be shown to
// whoever approves the next one, and to whoever reviews the commit. One line is one
// definition.
//
// It is not in the lock file because that is read at every start: a thousand
// definitions in it took 0.8 s to parse (2026-11-21), without them 0.05 s. It is no
// blob of the store because that lies on one machine, and the diff is due on any.
// Nothing is decided by it: a definition counts for its digest only, and one that has
// another digest than its line says is left out.
type Book struct {
	entries []page
}

type page struct {
	Connector  string          `json:"connector"`
	Definition json.RawMessage `json:"definition"`
	Digest     string          `json:"digest"`
	Name       string          `json:"name"`
}

// ParseBook reads a book; an empty one is fine. Lines that cannot be believed are left
// out and named in problems: what they held is shown as not kept.
func ParseBook(src []byte) (b *Book, problems []string) {
	b = &Book{}
	if len(src) > maxBook {
		return b, []string{fmt.Sprintf("%s has %d bytes; the limit is %d", BookName, len(src), maxBook)}
	}
	n := 0
	for line := range bytes.Lines(src) {
		n++
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			continue
		}
		d := json.NewDecoder(bytes.NewReader(line))
		d.DisallowUnknownFields()
		var p page
		err := d.Decode(&p)
		if err == nil {
			var digest string
			p.Definition, digest, err = canonical(p.Definition)
			if err == nil && digest != p.Digest {
				err = fmt.Errorf("the definition has another digest than the line says")
			}
		}
		if err != nil {
			problems = append(problems, fmt.Sprintf("%s:%d: %s", BookName, n, Visible(err.Error())))
			continue
		}
		b.entries = append(b.entries, p)
	}
	return b, problems
}

// Format is the one way in which a book is written: a line for each definition in
// canonical JSON, by connector, name and digest.
func (b *Book) Format() ([]byte, error) {
	var out bytes.Buffer
	entries := slices.Clone(b.entries)
	slices.SortFunc(entries, func(x, y page) int {
		return cmp.Or(cmp.Compare(x.Connector, y.Connector), cmp.Compare(x.Name, y.Name), cmp.Compare(x.Digest, y.Digest))
	})
	for _, p := range entries {
		line, err := canonjson.Marshal(p)
		if err != nil {
			return nil, fmt.Errorf("writing the definition of %s of %s: %w", p.Name, p.Connector, err)
		}
		out.Write(line)
		out.WriteByte('\n')
	}
	return out.Bytes(), nil
}

// Definition finds what a connector's tool was approved as, by its digest.
func (b *Book) Definition(connector, digest string) (json.RawMessage, bool) {
	if b == nil {
		return nil, false
	}
	for _, p := range b.entries {
		if p.Connector == connector && p.Digest == digest {
			return p.Definition, true
		}
	}
	return nil, false
}

// Approve pins a catalogue: it returns copies of the lock file and of the book in
// which exactly these definitions stand for the connector. It refuses a catalogue
// with something broken in it: what cannot be hashed cannot be held to anything. seen,
// when it is not "", is the set digest of what the person looked at (Report.Set): a
// server that offers something else by now is refused.
func Approve(connector string, locked *lockfile.File, book *Book, catalogue []json.RawMessage, seen string) (*lockfile.File, *Book, error) {
	tools, digests, broken := read(catalogue)
	if broken {
		for _, t := range tools {
			if t.Status == Broken {
				return nil, nil, fmt.Errorf("approving %s: %s: %s", connector, cmp.Or(t.Name, "a tool without a name"), t.Problem)
			}
		}
	}
	if len(tools) == 0 {
		return nil, nil, fmt.Errorf("approving %s: it offers no tools, so there is nothing to approve", connector)
	}
	set, err := SetDigest(digests)
	if err != nil {
		return nil, nil, fmt.Errorf("approving %s: %w", connector, err)
	}
	if seen != "" && set != seen {
		return nil, nil, fmt.Errorf("approving %s: it offers something else than was looked at; look again with: plimsoll connector diff %s", connector, connector)
	}
	f := Forget(connector, locked)
	b := &Book{}
	if book != nil {
		b.entries = slices.DeleteFunc(slices.Clone(book.entries), func(p page) bool { return p.Connector == connector })
	}
	f.Connectors = append(f.Connectors, lockfile.Connector{Name: connector, Digest: set})
	for _, t := range tools {
		f.Tools = append(f.Tools, lockfile.Tool{Connector: connector, Name: t.Name, Digest: t.Digest})
		b.entries = append(b.entries, page{Connector: connector, Name: t.Name, Digest: t.Digest, Definition: t.Definition})
	}
	return f, b, nil
}

// Forget is a copy of the lock file without a connector: it is unapproved then.
func Forget(connector string, locked *lockfile.File) *lockfile.File {
	f := &lockfile.File{}
	if locked == nil {
		return f
	}
	*f = *locked
	f.Connectors = slices.DeleteFunc(slices.Clone(locked.Connectors), func(c lockfile.Connector) bool { return c.Name == connector })
	f.Tools = slices.DeleteFunc(slices.Clone(locked.Tools), func(t lockfile.Tool) bool { return t.Connector == connector })
	return f
}
