package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/evidence"
	"github.com/plimsoll-dev/plimsoll/core/evolve"
	"github.com/plimsoll-dev/plimsoll/core/judge"
	"github.com/plimsoll-dev/plimsoll/core/run"
	"github.com/plimsoll-dev/plimsoll/core/skill"
	"github.com/plimsoll-dev/plimsoll/core/store"
	"github.com/plimsoll-dev/plimsoll/core/store/atomicfile"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

// JudgeDir holds what people said of outputs, beside what judges said: one file
// a judge, kept in the repository.
const JudgeDir = "judges"

// LabelsFile is a judge's file, relative to the project.
func LabelsFile(name string) string { return JudgeDir + "/" + name + ".jsonl" }

// Labels reads a judge's labels; a judge without a file has none. A damaged file
// is an error: terms from a part of it could be anything.
func (p *Project) Labels(name string) (judge.Labels, error) {
	src, err := os.ReadFile(filepath.Join(p.Dir, filepath.FromSlash(LabelsFile(name))))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading labels: %w", err)
	}
	labels, diags := judge.ParseLabels(LabelsFile(name), src)
	if err := diags.Err(); err != nil {
		return nil, fmt.Errorf("the labels of judge %s are damaged; restore %s from version control:\n%w", name, LabelsFile(name), err)
	}
	return labels, nil
}

// Judge finds a judge by name; "" is the only one.
func (p *Project) Judge(name string) (*config.Judge, error) {
	var names []string
	for _, j := range p.Config.Judges {
		names = append(names, j.Name)
		if j.Name == name || name == "" && len(p.Config.Judges) == 1 {
			return j, nil
		}
	}
	switch {
	case len(names) == 0:
		return nil, fmt.Errorf("this project has no judge: add a judge block, such as judge \"house\" { tier = ladder.LADDER.TIER }")
	case name == "":
		return nil, fmt.Errorf("this project has several judges; say which: %s", strings.Join(names, ", "))
	}
	return nil, fmt.Errorf("there is no judge %q.%s The project has %s", name, diag.DidYouMean(name, names), strings.Join(names, ", "))
}

// AskOf is what a comparison of two tiers wants of a judge's labels.
func AskOf(j *config.Judge, s *skill.Skill, p *config.Policy, current, candidate *config.Tier) judge.Ask {
	a := judge.Ask{
		Judge: j.Name, Pin: judge.Pin(j.Members(), j.Pairwise), Family: j.FamilyOf(s.Name),
		Current: current.Model, Candidate: candidate.Model,
		Margin: micro(p.Margin), JudgeMargin: micro(p.JudgeMargin), Alpha: micro(p.Alpha),
		Simulated: run.Simulated(current) && run.Simulated(candidate), Pairwise: j.Pairwise,
	}
	if l := Ladder(s); l != nil {
		a.Pairs = len(l.Tiers) * (len(l.Tiers) - 1) / 2
	}
	for _, d := range s.Contract.Dimensions {
		a.Dimensions = append(a.Dimensions, judge.Weight{Dimension: d.Name, Weight: micro(d.Weight)})
	}
	return a
}

// juryOf is who judges a comparison, and what the labels allow.
func (e *Engine) juryOf(j *config.Judge, s *skill.Skill, p *config.Policy, current, candidate *config.Tier) (evolve.Jury, error) {
	out := evolve.Jury{Panel: j.Panel, Pairwise: j.Pairwise}
	for _, t := range j.Panel {
		if err := e.callable(t); err != nil {
			return out, err
		}
	}
	labels, err := e.Project.Labels(j.Name)
	if err != nil {
		return out, err
	}
	ask := AskOf(j, s, p, current, candidate)
	granted, err := judge.Grant(labels, ask)
	if err != nil {
		return out, err
	}
	out.Earlier = func(digest string) (*evidence.JudgeTerms, error) { return judge.Earlier(labels, ask, digest) }
	out.Terms, out.Why, out.Reported = granted.Terms, granted.Why, granted.Reported
	return out, nil
}

// Calibrate appends labels to a judge's file and records that it did. Labels
// that the file has already are left out; how many were new comes back.
func (e *Engine) Calibrate(ctx context.Context, j *config.Judge, labels judge.Labels) (int, error) {
	old, err := e.Project.Labels(j.Name)
	if err != nil {
		return 0, err
	}
	fresh := labels.Where(func(l judge.Label) bool {
		return !slices.ContainsFunc(old, func(o judge.Label) bool { return o.SameThing(l) })
	})
	if len(fresh) == 0 {
		return 0, nil
	}
	lines, err := fresh.Lines()
	if err != nil {
		return 0, err
	}
	digest, err := fresh.Digest()
	if err != nil {
		return 0, err
	}
	raw, err := json.Marshal(map[string]any{"judge": j.Name, "pin": judge.Pin(j.Members(), j.Pairwise), "labels": len(fresh), "digest": digest})
	if err != nil {
		return 0, err
	}
	if _, err := e.store.Commit(ctx, store.Batch{Entries: []store.Entry{{Time: e.asOf, Kind: "judge.calibrate", Scope: scope, Data: raw}}}); err != nil {
		return 0, fmt.Errorf("recording the calibration of %s: %w", j.Name, err)
	}
	dir := filepath.Join(e.Project.Dir, JudgeDir)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return 0, fmt.Errorf("making the folder of labels: %w", err)
	}
	if path := filepath.Join(dir, ".gitattributes"); !exists(path) {
		if err := atomicfile.Write(path, []byte("*.jsonl merge=union text eol=lf\n"), 0o644); err != nil {
			return 0, fmt.Errorf("writing %s: %w", JudgeDir+"/.gitattributes", err)
		}
	}
	if err := atomicfile.Append(filepath.Join(e.Project.Dir, filepath.FromSlash(LabelsFile(j.Name))), lines); err != nil {
		return 0, fmt.Errorf("appending to %s: %w", LabelsFile(j.Name), err)
	}
	return len(fresh), nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
