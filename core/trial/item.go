// Package trial knows items and what a model made of them: it reads a skill's
// pools, fixes the order in which an epoch buys them, and turns a run's record
// into a score.
//
// A score is computed by code, in millionths: 0 when a gate still fails after
// its fixes, on refusal and on timeout; otherwise what a reference or the
// skill's dimensions say. A run that brought no answer has no score at all:
// that is missing, never zero and never a pass (core/verdict decides what
// missing means for which question).
//
//	pool, diags := trial.Load(skill.Dir, skill.Contract.Items)
//	for _, it := range trial.Order(pool.Prove, epoch.Seed()) {
//		score, why := trial.Score(it, record, judged)
//	}
package trial

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/evidence"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
	"github.com/plimsoll-dev/plimsoll/sdk/backend/fixture"
	"github.com/plimsoll-dev/plimsoll/sdk/canonjson"
)

// Ways to compare an output with a reference.
const (
	Exact  = "exact"  // the same text, or the same JSON
	JSON   = "json"   // the share of the reference's leaves that the output has
	Number = "number" // the same number, to one part in a million
	Rule   = "rule"   // the item's own rule over input, output and reference
)

// Item is one representative input.
type Item struct {
	ID        string          `json:"id"`
	Input     json.RawMessage `json:"input"`
	Reference json.RawMessage `json:"reference,omitempty"`
	Compare   string          `json:"compare,omitempty"`
	Rule      string          `json:"rule,omitempty"`
	// Fixture is the folder, below the skill's, that a runner's agent gets a copy of
	// for this item.
	Fixture string `json:"fixture,omitempty"`
	// Drafted is the tier whose model made the input up, "" where nobody did. Such an
	// item may be looked at, never proved with.
	Drafted string `json:"drafted,omitempty"`

	Folder string     `json:"-"` // absolute path of Fixture, or empty
	Digest string     `json:"-"` // sha256 over all of the above but the id, and over the files of Fixture
	At     diag.Range `json:"-"`

	// Of an item that was sampled from traffic: the run that it stands for, and what
	// only a simulated model is told.
	Run   string          `json:"-"`
	Known json.RawMessage `json:"-"`
}

// Pool is a skill's items. Source is authored, imported or traffic.
type Pool struct {
	Source  string
	Repeats int
	Prove   []Item
	Tune    []Item
	Lacks   string // why there are no Prove items yet, where they come from traffic
}

// Bounds on files of items: a pool of a thousand large items is 100 MB at the
// most, a single item has to fit a model's window.
const (
	maxFile = 64 << 20
	maxItem = 4 << 20
)

// Load reads the pools. All that is wrong comes back at once; items that are
// wrong are left out, which the diagnostics make an error, never a smaller pool.
func Load(dir string, items *config.Items) (*Pool, diag.List) {
	if items == nil {
		return &Pool{Repeats: 1}, nil
	}
	l := loader{dir: dir, ids: map[string]diag.Range{}, digests: map[string]Item{}, inputs: map[string]pooled{}, folders: map[string]fixture.Folder{}}
	pool := &Pool{Source: items.Source, Repeats: max(items.Repeats, 1)}
	pool.Prove = l.globs("prove", items.Prove, items.Range)
	pool.Tune = l.globs("tune", items.Tune, items.Range)
	return pool, l.diags
}

// Digest names a pool by its items, whatever their order.
func Digest(items []Item) string {
	all := make([]string, 0, len(items))
	for _, it := range items {
		all = append(all, it.Digest)
	}
	slices.Sort(all)
	digest, err := canonjson.Digest(all)
	if err != nil {
		// Digests are plain ASCII strings: they always have a canonical form.
		return "sha256:" + err.Error()
	}
	return digest
}

// Order is the order in which an epoch buys its items: by rank, see
// evidence.Rank. It is fixed before the first call and cannot be chosen.
func Order(items []Item, seed [32]byte) []Item {
	type ranked struct {
		item Item
		rank string
	}
	all := make([]ranked, 0, len(items))
	for _, it := range items {
		all = append(all, ranked{it, evidence.Rank(seed, it.Digest)})
	}
	slices.SortFunc(all, func(a, b ranked) int { return strings.Compare(a.rank, b.rank) })
	out := make([]Item, 0, len(all))
	for _, r := range all {
		out = append(out, r.item)
	}
	return out
}

type loader struct {
	dir     string
	diags   diag.List
	ids     map[string]diag.Range
	digests map[string]Item
	folders map[string]fixture.Folder // by absolute path: items may share one
	inputs  map[string]pooled         // by folder and input
}

type pooled struct {
	pool string
	item Item
}

func (l *loader) globs(pool string, globs []string, at diag.Range) []Item {
	var out []Item
	for _, g := range globs {
		if !filepath.IsLocal(filepath.FromSlash(g)) {
			l.errorf(at, "items-outside", "Items outside the skill", "The pattern %q leaves the skill's folder. Items travel with the skill: move them into it.", g)
			continue
		}
		files, err := filepath.Glob(filepath.Join(l.dir, filepath.FromSlash(g)))
		if err != nil {
			l.errorf(at, "items-pattern", "Not a pattern", "%q is not a file pattern: %v.", g, err)
			continue
		}
		if len(files) == 0 {
			l.errorf(at, "items-none", "No items", "No file matches %q for the pool %s in %s. Add items, or remove the pattern.", g, pool, l.dir)
			continue
		}
		slices.Sort(files)
		for _, f := range files {
			for _, it := range l.file(f) {
				if l.apart(pool, it) {
					out = append(out, it)
				}
			}
		}
	}
	return out
}

func (l *loader) file(path string) []Item {
	at := diag.Range{File: path}
	info, err := os.Stat(path)
	if err == nil && info.Size() > maxFile {
		err = fmt.Errorf("it has %d MiB, more than the %d that a file of items may have", info.Size()>>20, maxFile>>20)
	}
	var src []byte
	if err == nil {
		src, err = os.ReadFile(path)
	}
	if err != nil {
		l.errorf(at, "items-read", "Items cannot be read", "%v", err)
		return nil
	}
	if strings.HasSuffix(path, ".jsonl") {
		return l.lines(path, src)
	}
	if it, ok := l.item(src, at); ok {
		if it.ID == "" {
			it.ID = strings.TrimSuffix(filepath.Base(path), ".json")
		}
		return l.keep(it)
	}
	return nil
}

func (l *loader) lines(path string, src []byte) []Item {
	var out []Item
	offset := 0
	for n, line := range bytes.SplitAfter(src, []byte("\n")) {
		at := diag.Range{File: path, Start: diag.Pos{Line: n + 1, Column: 1, Byte: offset}, End: diag.Pos{Line: n + 1, Column: 2, Byte: offset + 1}}
		offset += len(line)
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		if it, ok := l.item(line, at); ok {
			if it.ID == "" {
				it.ID = fmt.Sprintf("%s-%d", strings.TrimSuffix(filepath.Base(path), ".jsonl"), n+1)
			}
			out = append(out, l.keep(it)...)
		}
	}
	return out
}

func (l *loader) item(src []byte, at diag.Range) (Item, bool) {
	var it Item
	if len(src) > maxItem {
		l.errorf(at, "item-size", "Item too large", "The item has %d KiB; the limit is %d KiB.", len(src)>>10, maxItem>>10)
		return it, false
	}
	// Canonical JSON first: it refuses duplicate members, NaN and broken UTF-8.
	if _, err := canonjson.Transform(src); err != nil {
		l.errorf(at, "item-json", "Item is not JSON", "%v. An item is an object: {\"id\": \"a-1\", \"input\": ..., \"reference\": ...}.", err)
		return it, false
	}
	d := json.NewDecoder(bytes.NewReader(src))
	d.DisallowUnknownFields()
	if err := d.Decode(&it); err != nil && err != io.EOF {
		l.errorf(at, "item-shape", "Not an item", "%v. Members of an item: id, input, reference, compare, rule, fixture.", err)
		return it, false
	}
	it.At = at
	if why := it.check(); why != "" {
		l.errorf(at, "item-shape", "Not an item", "%s", why)
		return it, false
	}
	what := map[string]any{"input": it.Input, "reference": it.Reference, "compare": it.Compare, "rule": it.Rule}
	if it.Fixture != "" {
		folder, ok := l.fixture(&it)
		if !ok {
			return it, false
		}
		what["fixture"] = folder
	}
	digest, err := canonjson.Digest(what)
	if err != nil {
		l.errorf(at, "item-json", "Item is not JSON", "%v", err)
		return it, false
	}
	it.Digest = digest
	return it, true
}

func (it Item) check() string {
	switch {
	case len(it.Input) == 0:
		return "An item needs an input."
	case it.Compare != "" && !slices.Contains([]string{Exact, JSON, Number, Rule}, it.Compare):
		return fmt.Sprintf("compare is %q; it can be exact, json, number or rule.%s", it.Compare, diag.DidYouMean(it.Compare, []string{Exact, JSON, Number, Rule}))
	case it.Compare == Rule && it.Rule == "":
		return "compare is rule, but the item has no rule."
	case it.Compare != "" && it.Compare != Rule && len(it.Reference) == 0:
		return fmt.Sprintf("compare is %s, but the item has no reference.", it.Compare)
	}
	return ""
}

// apart keeps what people look at out of what proves: an item that a model drafted,
// and an input that stands in both pools, whatever its reference is.
func (l *loader) apart(pool string, it Item) bool {
	if pool == "prove" && it.Drafted != "" {
		l.errorf(it.At, "item-drafted", "Drafted item", "Item %q was drafted by a model on %s. It may screen and never prove: move it to the files of tune, or replace it by an input that somebody met.", it.ID, it.Drafted)
		return false
	}
	input, err := canonjson.Transform(it.Input)
	if err != nil {
		input = it.Input
	}
	key := it.Fixture + "\x00" + string(input)
	if old, ok := l.inputs[key]; ok && old.pool != pool {
		l.errorf(it.At, "item-both", "Item in both pools", "Item %q of %s has the same input as %q of %s, at %s. What people look at while they tune is no evidence any more: remove one.", it.ID, pool, old.item.ID, old.pool, old.item.At)
		return false
	}
	l.inputs[key] = pooled{pool, it}
	return true
}

// keep refuses an item that stands in a pool already: twice in prove it would
// count twice, in tune and prove people would look at evidence.
func (l *loader) keep(it Item) []Item {
	if old, ok := l.ids[it.ID]; ok {
		l.errorf(it.At, "item-duplicate", "Duplicate item", "The id %q was used already, at %s. Every item has an id of its own.", it.ID, old)
		return nil
	}
	l.ids[it.ID] = it.At
	if old, ok := l.digests[it.Digest]; ok {
		l.errorf(it.At, "item-duplicate", "Duplicate item", "Item %q has the same input and reference as %q at %s. An item counts once, in one pool; remove one.", it.ID, old.ID, old.At)
		return nil
	}
	l.digests[it.Digest] = it
	return []Item{it}
}

func (l *loader) errorf(at diag.Range, code, summary, format string, args ...any) {
	l.diags = append(l.diags, diag.Errorf(at, code, summary, format, args...))
}
