package main

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/bench/figure"
	"github.com/plimsoll-dev/plimsoll/core/harness"
)

// quality of a set of queries: means over the queries.
type quality struct {
	r1, r5, r10, n5, n10, complete5, kept5 float64
}

// recall is the share of gold among the first k.
func recall(got, gold []string, k int) float64 {
	n := 0
	for _, id := range got[:min(k, len(got))] {
		if slices.Contains(gold, id) {
			n++
		}
	}
	return float64(n) / float64(len(gold))
}

// ndcg after Jaervelin and Kekaelaeinen (2002), with gold counting one.
func ndcg(got, gold []string, k int) float64 {
	var sum, ideal float64
	for i, id := range got[:min(k, len(got))] {
		if slices.Contains(gold, id) {
			sum += 1 / math.Log2(float64(i+2))
		}
	}
	for i := range min(k, len(gold)) {
		ideal += 1 / math.Log2(float64(i+2))
	}
	return sum / ideal
}

func measure(v *harness.View, queries []asked) quality {
	var q quality
	for _, a := range queries {
		found := v.Find([]string{a.Query}, never(10))
		got := ids(found)
		q.r1 += recall(got, a.Gold, 1)
		five := recall(got, a.Gold, 5)
		q.r5 += five
		q.r10 += recall(got, a.Gold, 10)
		q.n5 += ndcg(got, a.Gold, 5)
		q.n10 += ndcg(got, a.Gold, 10)
		if five == 1 {
			q.complete5++
		}
		if found.Answers[0].Confidence >= harness.DefaultConfidence {
			q.kept5 += five
		}
	}
	n := float64(len(queries))
	for _, x := range []*float64{&q.r1, &q.r5, &q.r10, &q.n5, &q.n10, &q.complete5, &q.kept5} {
		*x /= n
	}
	return q
}

// deviation of a share that was measured on n queries: one standard error.
func deviation(share float64, n int) string {
	return fmt.Sprintf(" +- %.4f (%d queries)", math.Sqrt(share*(1-share)/float64(n)), n)
}

func recalls(b bench) ([]figure.Figure, error) {
	var out []figure.Figure
	for _, name := range sets {
		s, err := b.load(name)
		if err != nil {
			return nil, err
		}
		v, err := all(s.docs)
		if err != nil {
			return nil, err
		}
		q := measure(v, s.queries)
		n := len(s.queries)
		switch name {
		case metatool:
			out = append(out, floor(name+": recall@5", .63, q.r5, deviation(q.r5, n)))
		case stable:
			out = append(out, floor(name+": recall@5", .69, q.r5, deviation(q.r5, n)))
		case skills:
			out = append(out, floor(name+": recall@10", .66, q.r10, deviation(q.r10, n)))
		}
		out = append(out,
			figure.Show(name+": recall@1/5/10", fmt.Sprintf("%.3f / %.3f / %.3f", q.r1, q.r5, q.r10)),
			figure.Show(name+": NDCG@5/10", fmt.Sprintf("%.3f / %.3f", q.n5, q.n10)),
			figure.Show(name+": complete@5", fmt.Sprintf("%.3f", q.complete5)),
			figure.Show(name+": recall@5 with abstention", fmt.Sprintf("%.3f", q.kept5)))
	}
	return out, nil
}

// bodies compares bodies cut at BodyLimit with whole ones, where the whole ones
// are at hand. The trigger phrases that are asked for are taken out of the
// whole bodies first, as they are in the public set: else they find themselves.
func bodies(b bench) ([]figure.Figure, error) {
	s, err := b.load(skills)
	if err != nil {
		return nil, err
	}
	whole, err := wholeBodies(filepath.Join(b.data, "skills", "skill-md.tar.gz"))
	if errors.Is(err, os.ErrNotExist) {
		return []figure.Figure{figure.Show("whole bodies", "skipped: skills/skill-md.tar.gz is not there")}, nil
	}
	if err != nil {
		return nil, err
	}
	phrases := map[string][]string{}
	for _, q := range s.queries {
		phrases[q.Gold[0]] = append(phrases[q.Gold[0]], q.Query)
	}
	known := map[string]bool{}
	docs := slices.Clone(s.docs)
	for i, d := range docs {
		body, ok := whole[d.ID]
		if !ok {
			continue
		}
		known[d.ID] = true
		for _, p := range phrases[d.ID] {
			body = without(body, p)
		}
		docs[i].Body = body
	}
	queries := slices.DeleteFunc(slices.Clone(s.queries), func(q asked) bool { return !known[q.Gold[0]] })
	if len(queries) == 0 {
		return []figure.Figure{figure.Show("whole bodies", "skipped: no skill of the public set is among them")}, nil
	}
	var out []figure.Figure
	for _, limit := range []int{0, harness.BodyLimit, 20_000} {
		x, err := harness.BuildDeep(docs, limit)
		if err != nil {
			return nil, err
		}
		q := measure(x.View(harness.Viewer{Allowed: harness.Everything}), queries)
		out = append(out, figure.Show(fmt.Sprintf("%s: recall@10, bodies to %d characters (%d skills whole)", skills, limit, len(known)), fmt.Sprintf("%.4f%s", q.r10, deviation(q.r10, len(queries)))))
	}
	return out, nil
}

// without takes a phrase out of a text, whatever its case.
func without(text, phrase string) string {
	low, p := strings.ToLower(text), strings.ToLower(phrase)
	if len(low) != len(text) || p == "" {
		return strings.ReplaceAll(text, phrase, " ")
	}
	var out strings.Builder
	for {
		i := strings.Index(low, p)
		if i < 0 {
			out.WriteString(text)
			return out.String()
		}
		out.WriteString(text[:i] + " ")
		text, low = text[i+len(p):], low[i+len(p):]
	}
}

// wholeBodies are those of the archive by the ids of the public set.
func wholeBodies(path string) (map[string]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	out := map[string]string{}
	for t := tar.NewReader(z); ; {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", path, err)
		}
		if !strings.HasSuffix(h.Name, "/SKILL.md") {
			continue
		}
		data, err := io.ReadAll(io.LimitReader(t, 1<<20))
		if err != nil {
			return nil, fmt.Errorf("reading %s of %s: %w", h.Name, path, err)
		}
		body := string(data)
		if rest, ok := strings.CutPrefix(body, "---"); ok {
			if _, after, ok := strings.Cut(rest, "\n---"); ok {
				body = after
			}
		}
		out[strings.TrimPrefix(h.Name, "skills/")] = body
	}
}
