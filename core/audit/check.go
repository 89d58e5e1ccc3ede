package audit

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

// Options say what a verification may rely on. Without them it proves only that
// the log agrees with itself.
type Options struct {
	// Key is a verifier key ("origin+hash+base64") that the log has or had, taken
	// from somewhere else than the log: without it, whoever can write the state
	// can sign another log with another key.
	Key string
	// Old are checkpoints kept from earlier, in any order: without one, the
	// holder of the key can cut the log or write it anew.
	Old [][]byte
}

// Result is what a verification without a fault has shown.
type Result struct {
	Checkpoint Checkpoint
	Keys       []string // the keys of the log, in order of use; the last one is in use
	Trusted    bool     // Options.Key is one of them
	Old        int      // how many older checkpoints the log contains
}

// head is what a log says about itself beside its records.
type head struct {
	origin     string // "" when not told apart from the checkpoint
	keys       []string
	rotations  map[int64][]byte // by size of the tree
	checkpoint []byte           // nil: the log has none
}

// checker walks a log from its first record and rebuilds the tree.
type checker struct {
	head    head
	old     []oldCheckpoint // by size
	tree    tree
	keys    []string // followed so far
	scratch []tlog.Hash
}

type oldCheckpoint struct {
	raw []byte
	Checkpoint
	reached bool
	root    tlog.Hash // of this log at that size
}

func newChecker(h head, o Options) (*checker, error) {
	c := &checker{head: h, scratch: make([]tlog.Hash, 0, 64)}
	c.tree.edge = make([]tlog.Hash, 0, 64)
	for i, raw := range o.Old {
		p, err := ParseCheckpoint(raw)
		if err != nil {
			return nil, fmt.Errorf("older checkpoint %d: %w", i+1, err)
		}
		c.old = append(c.old, oldCheckpoint{raw: raw, Checkpoint: p})
	}
	slices.SortStableFunc(c.old, func(a, b oldCheckpoint) int { return cmp.Compare(a.Size, b.Size) })
	if len(h.keys) > 0 {
		c.keys = h.keys[:1]
	}
	c.reach()
	return c, nil
}

// add takes the next record and the hashes that were stored with it: the leaf,
// and where they are kept, the inner ones that it completed.
func (c *checker) add(data []byte, stored []byte, inner bool) error {
	n := c.tree.size
	leaf := tlog.RecordHash(data)
	if len(stored) < tlog.HashSize {
		return notHashed(n)
	}
	if !bytes.Equal(stored[:tlog.HashSize], leaf[:]) {
		return changed(n)
	}
	c.scratch = c.tree.add(leaf, c.scratch[:0])
	if inner {
		if len(stored) != len(c.scratch)*tlog.HashSize {
			return notHashed(n)
		}
		for level := 1; level < len(c.scratch); level++ {
			if !bytes.Equal(stored[level*tlog.HashSize:(level+1)*tlog.HashSize], c.scratch[level][:]) {
				return subtree(n, level)
			}
		}
	}
	if raw, ok := c.head.rotations[c.tree.size]; ok {
		if err := c.turn(raw, data); err != nil {
			return err
		}
	}
	c.reach()
	return nil
}

// reach notes the root at the sizes of older checkpoints.
func (c *checker) reach() {
	for i := range c.old {
		if o := &c.old[i]; o.Size == c.tree.size {
			o.reached, o.root = true, c.tree.root()
		}
	}
}

// turn follows a rotation: the key in use signed the tree that ends in a record
// that names the next one.
func (c *checker) turn(raw, data []byte) error {
	n := c.tree.size - 1
	bad := func(err error) *Fault {
		return &Fault{n, n, fmt.Sprintf("the rotation of the key does not hold: %v", err),
			"What was signed after it is signed by a key that the key before did not name", doTrust}
	}
	if len(c.keys) == 0 {
		return bad(fmt.Errorf("the log names no key"))
	}
	from := c.keys[len(c.keys)-1]
	p, _, err := OpenCheckpoint(raw, from)
	if err != nil {
		return bad(err)
	}
	if p.Size != c.tree.size || p.Root != c.tree.root() {
		return bad(fmt.Errorf("the old key signed another tree of %d records", p.Size))
	}
	to, err := follow(from, data)
	if err != nil {
		return bad(err)
	}
	c.keys = append(slices.Clone(c.keys), to)
	return nil
}

// finish compares what was rebuilt with what was signed.
func (c *checker) finish(o Options) (*Result, error) {
	var p Checkpoint
	if c.head.checkpoint == nil {
		if c.tree.size > 0 {
			return nil, &Fault{0, c.tree.size - 1, "no checkpoint is there for them", "The signature of the log was removed", doCompare}
		}
		p = Checkpoint{Root: emptyRoot}
	} else {
		var err error
		if p, err = c.signed(); err != nil {
			return nil, err
		}
	}
	r := &Result{Checkpoint: p, Keys: c.keys}
	if err := c.trusted(o, r); err != nil {
		return nil, err
	}
	return r, c.contains(r)
}

func (c *checker) signed() (Checkpoint, error) {
	p, _, err := OpenCheckpoint(c.head.checkpoint, c.keys...)
	if err != nil {
		return p, noRecord(fmt.Sprintf("its checkpoint is not signed by its key: %v", err),
			"The checkpoint was changed, or made by somebody without the key", doTrust)
	}
	if _, _, err := OpenCheckpoint(c.head.checkpoint, c.keys[len(c.keys)-1]); err != nil {
		return p, noRecord("its checkpoint is signed by a key that was rotated out", "An old key was used again, or the log lost its end", doTrust)
	}
	if c.head.origin != "" && p.Origin != c.head.origin {
		return p, noRecord(fmt.Sprintf("its checkpoint speaks for %q, the log is %q", p.Origin, c.head.origin), "The checkpoint is that of another log", doCompare)
	}
	if len(c.keys) != len(c.head.keys) || !slices.Equal(c.keys, c.head.keys) {
		return p, noRecord(fmt.Sprintf("it lists %d keys, its rotations lead to %d", len(c.head.keys), len(c.keys)), "The list of keys or a rotation was changed", doCompare)
	}
	switch n := c.tree.size; {
	case n < p.Size:
		return p, &Fault{n, p.Size - 1, "they are missing at the end", "The tail of the log was cut off after it was signed", doCompare}
	case n > p.Size:
		return p, &Fault{p.Size, n - 1, "they stand behind the signed end of the log", "They were added by something else than Plimsoll", doCompare}
	case c.tree.root() != p.Root:
		return p, &Fault{0, n - 1, "they do not lead to the root that was signed",
			"Records were changed together with all hashes over them, by somebody without the key; an older checkpoint narrows down where", doCompare}
	}
	return p, nil
}

func (c *checker) trusted(o Options, r *Result) error {
	if o.Key == "" || c.head.checkpoint == nil { // an empty log is signed by nobody
		return nil
	}
	if r.Trusted = slices.Contains(c.keys, o.Key); !r.Trusted {
		return noRecord(fmt.Sprintf("it is not signed by the key %s", o.Key),
			"It is another log, or it was written anew with another key", doTrust)
	}
	return nil
}

// contains checks the older checkpoints. The first that does not hold, and the
// last that does, tell where the log parts from what it was.
func (c *checker) contains(r *Result) error {
	var good int64
	for _, o := range c.old {
		if len(c.keys) == 0 {
			return noRecord(fmt.Sprintf("an older checkpoint covers %d records, the log is empty", o.Size), "The log was removed", doCompare)
		}
		if _, _, err := OpenCheckpoint(o.raw, c.keys...); err != nil {
			return noRecord(fmt.Sprintf("an older checkpoint is not signed by a key of this log: %v", err),
				"The checkpoint is that of another log, or this log was written anew with another key", doTrust)
		}
		switch {
		case !o.reached:
			return &Fault{c.tree.size, o.Size - 1, fmt.Sprintf("they are missing: an older checkpoint covers %d records, the log has %d", o.Size, c.tree.size),
				"The tail of the log was cut off, and the rest signed again by the holder of the key", doTrust}
		case o.root != o.Root:
			return &Fault{good, o.Size - 1, "they are not the ones that an older checkpoint covers",
				"The log was written anew, or forked, by the holder of the key; the first difference is among these records", doTrust}
		}
		good = o.Size
		r.Old++
	}
	return nil
}
