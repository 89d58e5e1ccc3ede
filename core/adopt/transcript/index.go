package transcript

import (
	"crypto/sha256"
	"slices"
	"strings"
)

// Index finds skills by their name and by their text in a prompt.
type Index struct {
	names map[string]bool
	heads map[string][]text // by the first line of the body
}

// text is a skill's body by its digest: the body itself is not kept.
type text struct {
	name  string
	size  int // bytes, normalised
	lines int
	sum   [sha256.Size]byte
}

// shortest is the size of a body that is looked for inside a longer prompt, in
// bytes: a shorter one may stand there by chance.
const shortest = 80

// Add takes a skill. A body may be empty: then its name alone is known.
func (x *Index) Add(name, body string) {
	if x.names == nil {
		x.names, x.heads = map[string]bool{}, map[string][]text{}
	}
	x.names[name] = true
	lines := normal(body)
	if len(lines) == 0 {
		return
	}
	whole := strings.Join(lines, "\n")
	x.heads[lines[0]] = append(x.heads[lines[0]], text{name, len(whole), len(lines), sha256.Sum256([]byte(whole))})
}

// Has tells whether a skill of that name was added.
func (x *Index) Has(name string) bool { return x != nil && x.names[name] }

// In lists the skills whose whole body stands in a prompt, white space aside.
func (x *Index) In(prompt string) []string {
	if x == nil || len(x.heads) == 0 {
		return nil
	}
	lines := normal(prompt)
	var out []string
	for i, l := range lines {
		for _, t := range x.heads[l] {
			if i+t.lines > len(lines) || t.size < shortest && t.lines != len(lines) || slices.Contains(out, t.name) {
				continue
			}
			// Sizes first: joining and hashing is what takes time.
			size := t.lines - 1
			for _, p := range lines[i : i+t.lines] {
				size += len(p)
			}
			if size == t.size && sha256.Sum256([]byte(strings.Join(lines[i:i+t.lines], "\n"))) == t.sum {
				out = append(out, t.name)
			}
		}
	}
	return out
}

// normal are the lines of a text without the white space around them, and
// without empty ones: templates indent, and join with more or fewer of these.
func normal(s string) []string {
	var out []string
	for l := range strings.Lines(s) {
		if l = strings.TrimSpace(l); l != "" {
			out = append(out, l)
		}
	}
	return out
}
