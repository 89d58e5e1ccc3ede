package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	casebook "github.com/plimsoll-dev/plimsoll/core/adopt/items"
	"github.com/plimsoll-dev/plimsoll/core/evidence"
	"github.com/plimsoll-dev/plimsoll/core/skill"
	"github.com/plimsoll-dev/plimsoll/core/store/atomicfile"
	"github.com/plimsoll-dev/plimsoll/core/trial"
	"github.com/plimsoll-dev/plimsoll/sdk/canonjson"
)

// Pools that items are added to.
const (
	Prove = "prove"
	Tune  = "tune"
)

// ItemsAdded is what came of adding items.
type ItemsAdded struct {
	Files     []string `json:"files"`     // written or appended to, relative to the project where they lie in it
	Added     []string `json:"added"`     // ids
	Known     int      `json:"known"`     // inputs that stood in this pool already
	Elsewhere []string `json:"elsewhere"` // ids of inputs that stand in the other pool: refused
	Block     string   `json:"block"`     // what to add to skill.hcl so that the files are read, "" where they are
}

// AddItems writes items beside those that a skill has, never over a file that is
// there. An input that the pool has is left out; one that the other pool has is
// refused, since what people look at proves nothing.
func (p *Project) AddItems(s *skill.Skill, pool string, add []trial.Item, dryRun bool) (*ItemsAdded, error) {
	have, diags := trial.Load(s.Dir, s.Contract.Items)
	if err := diags.Err(); err != nil {
		return nil, fmt.Errorf("the items that %s has: %w", s.Name, err)
	}
	if pool == Prove && sampling(s) > 0 {
		return nil, fmt.Errorf("the evidence of %s samples its runs, and files of prove items cannot stand beside that: add them to tune, with --pool tune", s.Name)
	}
	mine, other := have.Prove, have.Tune
	if pool == Tune {
		mine, other = have.Tune, have.Prove
	}
	ids, inputs, foreign := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, it := range mine {
		inputs[string(canonical(it.Input))] = true
	}
	for _, it := range other {
		foreign[string(canonical(it.Input))] = true
	}
	for _, it := range slices.Concat(mine, other) {
		ids[it.ID] = true
	}
	out := &ItemsAdded{Files: []string{}, Added: []string{}, Elsewhere: []string{}}
	var fresh []trial.Item
	for _, it := range add {
		if pool == Prove && it.Drafted != "" {
			return nil, fmt.Errorf("item %s was drafted by a model: it may screen and never prove. Add it with --pool tune", it.ID)
		}
		input := string(canonical(it.Input))
		switch {
		case inputs[input]:
			out.Known++
			continue
		case foreign[input]:
			out.Elsewhere = append(out.Elsewhere, it.ID)
			continue
		}
		inputs[input] = true
		for n, id := 2, it.ID; ids[it.ID]; n++ {
			it.ID = fmt.Sprintf("%s-%d", id, n)
		}
		ids[it.ID] = true
		fresh = append(fresh, it)
		out.Added = append(out.Added, it.ID)
	}
	if len(fresh) == 0 {
		return out, nil
	}
	return out, p.writeItems(s, pool, fresh, out, dryRun)
}

// writeItems finds the files and writes them.
func (p *Project) writeItems(s *skill.Skill, pool string, fresh []trial.Item, out *ItemsAdded, dryRun bool) error {
	var globs []string
	if c := s.Contract.Items; c != nil {
		if globs = c.Prove; pool == Tune {
			globs = c.Tune
		}
	}
	glob := "items/" + pool + "-*.jsonl"
	if len(globs) > 0 {
		glob = globs[0]
	} else {
		out.Block = fmt.Sprintf("  %s = %q", pool, glob)
		if s.Contract.Items == nil {
			out.Block = "items {\n" + out.Block + "\n}"
			if err := p.beginContract(s, out, dryRun); err != nil {
				return err
			}
		}
	}
	single := strings.HasSuffix(glob, ".json")
	if !single && !strings.HasSuffix(glob, ".jsonl") || strings.ContainsAny(glob, "?[\\") {
		return fmt.Errorf("the items of %s are named by the pattern %q, and no file name can be made from it: write items with a pattern like %q", s.Name, glob, "items/"+pool+"-*.jsonl")
	}
	if !strings.Contains(glob, "*") {
		if single {
			return fmt.Errorf("the items of %s are the one file %q, which holds one item: write a pattern like %q", s.Name, glob, "items/*.json")
		}
		path := filepath.Join(s.Dir, filepath.FromSlash(glob))
		out.Files = append(out.Files, p.relative(path))
		if dryRun {
			return nil
		}
		lines, err := itemLines(fresh)
		if err != nil {
			return err
		}
		return atomicfile.Append(path, lines)
	}
	batches := [][]trial.Item{fresh}
	if single {
		batches = nil
		for _, it := range fresh {
			batches = append(batches, []trial.Item{it})
		}
	}
	n := 0
	for _, batch := range batches {
		var path string
		for {
			n++
			path = filepath.Join(s.Dir, filepath.FromSlash(strings.ReplaceAll(glob, "*", fmt.Sprintf("added-%d", n))))
			if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
				break
			} else if err != nil {
				return fmt.Errorf("looking for a free file name: %w", err)
			}
		}
		out.Files = append(out.Files, p.relative(path))
		if dryRun {
			continue
		}
		lines, err := itemLines(batch)
		if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("making the folder of items: %w", err)
		}
		if err := atomicfile.Write(path, lines, 0o644); err != nil {
			return fmt.Errorf("writing items: %w", err)
		}
	}
	return nil
}

// beginContract writes a skill.hcl with the items block where a skill's folder has
// none: what was adopted is a SKILL.md alone, and items that nothing reads would
// measure nothing.
func (p *Project) beginContract(s *skill.Skill, out *ItemsAdded, dryRun bool) error {
	path := filepath.Join(s.Dir, skill.ContractFile)
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return err // there is one, and its owner adds the block
	}
	out.Files = append(out.Files, p.relative(path))
	text := out.Block + "\n"
	if out.Block = ""; dryRun {
		return nil
	}
	if err := atomicfile.Write(path, []byte(text), 0o644); err != nil {
		return fmt.Errorf("writing %s: %w", skill.ContractFile, err)
	}
	return nil
}

func (p *Project) relative(path string) string {
	if rel, err := filepath.Rel(p.Dir, path); err == nil && filepath.IsLocal(rel) {
		return filepath.ToSlash(rel)
	}
	return path
}

func itemLines(all []trial.Item) ([]byte, error) {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	for _, it := range all {
		if err := e.Encode(it); err != nil {
			return nil, fmt.Errorf("writing item %s: %w", it.ID, err)
		}
	}
	return out.Bytes(), nil
}

// LoggedItem is an input of logged runs, and how many of the runs looked at had it.
type LoggedItem struct {
	trial.Item
	Times int
}

// LoggedInputs draws inputs from a skill's logged runs, at most n that the skill has
// no item of. Runs are drawn, by a seed that nobody chooses, so that an input of
// many runs is likely to be among them; each input becomes one item. total is how
// many runs were looked at, bare how many of them have no input in the store.
func (e *Engine) LoggedInputs(ctx context.Context, s *skill.Skill, n int) (out []LoggedItem, total, bare int, err error) {
	pool, err := e.pool(s)
	if err != nil {
		return nil, 0, 0, err
	}
	notes, err := e.skillRuns(s.Name, e.asOf.Add(-trafficWindow))
	if err != nil {
		return nil, 0, 0, err
	}
	known := map[string]bool{}
	for _, it := range slices.Concat(pool.Prove, pool.Tune) {
		known[string(canonical(it.Input))] = true
	}
	seed := evidence.Epoch{Skill: s.Name, Step: "items"}.Seed()
	ids := make([]string, 0, len(notes))
	for _, r := range notes {
		ids = append(ids, r.ID)
	}
	slices.SortFunc(ids, func(a, b string) int { return strings.Compare(evidence.Rank(seed, a), evidence.Rank(seed, b)) })
	at := map[string]int{} // by digest of the input; -1 has an item, or is too many
	for _, id := range ids {
		if ctx.Err() != nil {
			return nil, 0, 0, ctx.Err()
		}
		rec, err := e.Record(id)
		if err != nil {
			return nil, 0, 0, err
		}
		total++
		if rec.Input == "" || rec.Given != "" { // imported without content; or its folder is gone
			bare++
			continue
		}
		i, seen := at[rec.Input]
		if !seen {
			i = -1
			if len(out) < n {
				input, err := e.store.GetBlob(rec.Input)
				if err != nil {
					return nil, 0, 0, fmt.Errorf("reading a logged input: %w", err)
				}
				if !known[string(canonical(input))] {
					digest, err := canonjson.Digest([]string{s.Name, string(canonical(input))})
					if err != nil {
						return nil, 0, 0, fmt.Errorf("naming a logged input: %w", err)
					}
					i = len(out)
					out = append(out, LoggedItem{Item: trial.Item{ID: "log-" + strings.TrimPrefix(digest, "sha256:")[:12], Input: input}})
				}
			}
			at[rec.Input] = i
		}
		if i >= 0 {
			out[i].Times++
		}
	}
	return out, total, bare, nil
}

// Redacted takes out of items what the rules find; counts come by rule.
func Redacted(all []trial.Item) ([]trial.Item, map[string]int, error) {
	out, total := make([]trial.Item, 0, len(all)), map[string]int{}
	for _, it := range all {
		for _, part := range []*json.RawMessage{&it.Input, &it.Reference} {
			if len(*part) == 0 {
				continue
			}
			clean, found, err := casebook.Redact(*part)
			if err != nil {
				return nil, nil, fmt.Errorf("item %s: %w", it.ID, err)
			}
			*part = clean
			for rule, n := range found {
				total[rule] += n
			}
		}
		out = append(out, it)
	}
	return out, total, nil
}

// LabelledItems are a skill's prove items that a person has labelled outputs of, by
// id: they are burned, a regression test and no fresh evidence.
func (p *Project) LabelledItems(s *skill.Skill, pool *trial.Pool) (map[string]bool, error) {
	out := map[string]bool{}
	j := p.judgeOf(s)
	if j == nil {
		return out, nil
	}
	labels, err := p.Labels(j.Name)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for _, l := range labels {
		seen[l.Item] = true
	}
	for _, it := range pool.Prove {
		digest, err := canonjson.Digest([]string{s.Name, it.ID})
		if err != nil {
			return nil, fmt.Errorf("naming an item of %s: %w", s.Name, err)
		}
		if seen[digest] {
			out[it.ID] = true
		}
	}
	return out, nil
}
