// Package policyfile reads and edits policy.hcl, the desired state: which tier
// each step of each skill runs on, since when, and why. People and the machine
// share the file, so an edit splices the bytes of the values that change and
// nothing else: comments, order and formatting stay.
//
// It must not write files (it returns bytes), and it must not judge what it
// reads: whether a skill or a tier exists is the engine's question. hclwrite is
// refused, since it deletes the comment above what it removes.
//
//	file, diags := policyfile.Parse("policy.hcl", src)
//	if diags.HasErrors() { ... }
//	a, _ := file.Get("humanizer", "main")
//	a.From, a.Tier = a.Tier, policyfile.TierRef{Ladder: "claude", Tier: "haiku"}
//	err := atomicfile.Write("policy.hcl", file.Set(a), 0o644)
package policyfile

import (
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
	"github.com/plimsoll-dev/plimsoll/hcl/internal/plain"
)

// maxBytes is about ten times the file of 960 skills with two steps each.
const maxBytes = 4 << 20

// TierRef names a rung of a ladder. The zero value names none.
type TierRef struct{ Ladder, Tier string }

// String is the reference as it is written in HCL: "ladder.claude.haiku"; "" for
// the zero value.
func (r TierRef) String() string {
	if r == (TierRef{}) {
		return ""
	}
	return "ladder." + r.Ladder + "." + r.Tier
}

// Assignment is one block: the tier of a (skill, step).
//
// Text is kept in Unicode NFC, as HCL reads it; times are UTC, in the years that
// RFC 3339 can write (0 to 9999, others are written as the nearest of these).
// Range and Hash describe the block in the file and are ignored by Set.
type Assignment struct {
	Skill, Step   string
	Tier, From    TierRef
	Since         time.Time
	Reason        string
	Evidence      string // file#epoch: "evidence/humanizer.jsonl#main-3"
	CooldownUntil time.Time
	Pin           bool
	Range         diag.Range
	Hash          string // "sha256:..." of the block's bytes, first letter to closing brace
}

// File is a parsed policy file. Its edits accumulate: Set and Remove change the
// File and return the whole new source. It is not for concurrent use.
type File struct {
	name   string
	src    []byte
	tokens hclsyntax.Tokens // nil until an edit needs them: see lex
	blocks []block
	index  map[[2]string]int
}

type block struct {
	Assignment
	syntax *hclsyntax.Block
}

// Parse reads a policy file of up to 4 MiB; an empty one is fine. The file is
// nil when there are errors, of which all are returned, each with its range.
func Parse(name string, src []byte) (*File, diag.List) { return parse(name, src, maxBytes) }

func parse(name string, src []byte, limit int) (*File, diag.List) {
	body, diags := plain.Parse(name, src, limit)
	if diags.HasErrors() {
		return nil, diags
	}
	f := &File{name: name, src: src, index: map[[2]string]int{}}
	diags = append(diags, plain.CheckTop(body, []string{blockType})...)
	for _, b := range body.Blocks {
		if b.Type != blockType {
			continue
		}
		a, found := decode(b)
		diags = append(diags, found...)
		if len(b.Labels) != len(labelNames) {
			continue
		}
		if other := f.find(a.key()); other != nil {
			diags = append(diags, plain.Duplicate(b, other.syntax, "Keep one of them: a step of a skill has one tier."))
			continue
		}
		f.index[a.key()] = len(f.blocks)
		start, end := b.TypeRange.Start.Byte, b.CloseBraceRange.End.Byte
		sum := sha256.Sum256(src[start:end])
		a.Hash = "sha256:" + hex.EncodeToString(sum[:])
		a.Range = plain.Range(b.TypeRange)
		a.Range.End = diag.Pos(b.CloseBraceRange.End)
		f.blocks = append(f.blocks, block{a, b})
	}
	if diags.HasErrors() {
		return nil, diags
	}
	return f, diags
}

// Bytes is the source with all edits so far.
func (f *File) Bytes() []byte { return f.src }

// Assignments are the blocks in the order of the file.
func (f *File) Assignments() []Assignment {
	out := make([]Assignment, len(f.blocks))
	for i, b := range f.blocks {
		out[i] = b.Assignment
	}
	return out
}

// Get is the assignment of a step of a skill.
func (f *File) Get(skill, step string) (Assignment, bool) {
	if b := f.find(Assignment{Skill: skill, Step: step}.key()); b != nil {
		return b.Assignment, true
	}
	return Assignment{}, false
}

// key is skill and step as they read in a file.
func (a Assignment) key() [2]string { return [2]string{plain.Valid(a.Skill), plain.Valid(a.Step)} }

func (f *File) find(key [2]string) *block {
	if i, ok := f.index[key]; ok {
		return &f.blocks[i]
	}
	return nil
}
