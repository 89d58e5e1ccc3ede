package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/bench/figure"
	"github.com/plimsoll-dev/plimsoll/core/harness"
)

// A task's steps are what its own text says one after the other: its sentences,
// and within a sentence what stands between "and also", "; " and the like. No
// gold and no model takes part in the cutting, so a step may have no tool and a
// tool may be asked for in two steps.
var between = regexp.MustCompile(`(?i)[.?!;]+\s+|,? and (?:also|then) |,? additionally,? |,? furthermore,? |,? moreover,? |,? as well as `)

// fewest words of a step; shorter ones are no request ("Thank you").
const fewest = 4

func cutSteps(query string) []string {
	var out []string
	for _, s := range between.Split(query, -1) {
		if len(strings.Fields(s)) >= fewest {
			out = append(out, s)
		}
	}
	if len(out) == 0 {
		return []string{query}
	}
	return out[:min(len(out), harness.MaxQueries)]
}

// steps compares one search for a whole task with one for each step.
func steps(b bench) ([]figure.Figure, error) {
	s, err := b.load(stable)
	if err != nil {
		return nil, err
	}
	v, err := all(s.docs)
	if err != nil {
		return nil, err
	}
	queries := slices.DeleteFunc(slices.Clone(s.queries), func(q asked) bool { return len(q.Gold) < 2 || len(cutSteps(q.Query)) < 2 })
	if len(queries) == 0 {
		return nil, fmt.Errorf("no query of %s has two tools and two steps", stable)
	}
	type way struct {
		name            string
		recall, all, at float64 // means: recall, all gold found, documents shown
	}
	ways := []*way{{name: "one find for the task, 5 hits"}, {name: "one find with all steps, 5 hits"}, {name: "one find for the task, 10 hits"}, {name: "one find with all steps, 10 hits"},
		{name: "a find for each step, 5 hits each"}, {name: "one find for the task, as many hits as the steps had"}}
	count := 0.0
	for _, q := range queries {
		cut := cutSteps(q.Query)
		count += float64(len(cut))
		var union []string
		for _, step := range cut {
			for _, id := range ids(v.Find([]string{step}, never(5))) {
				if !slices.Contains(union, id) {
					union = append(union, id)
				}
			}
		}
		task := []string{q.Query}
		for i, got := range [][]string{
			ids(v.Find(task, never(5))), ids(v.Find(cut, never(5))), ids(v.Find(task, never(10))), ids(v.Find(cut, never(10))),
			union, ids(v.Find(task, never(max(1, len(union))))),
		} {
			r := recall(got, q.Gold, len(got))
			ways[i].recall += r
			ways[i].at += float64(len(got))
			if r == 1 {
				ways[i].all++
			}
		}
	}
	n := float64(len(queries))
	out := []figure.Figure{figure.Show(fmt.Sprintf("%s: tasks of two tools or more and two steps or more", stable), fmt.Sprintf("%d, %.1f steps each", len(queries), count/n))}
	for _, w := range ways {
		out = append(out, figure.Show(stable+": "+w.name, fmt.Sprintf("recall %.3f, all tools %.3f, %.1f shown", w.recall/n, w.all/n, w.at/n)))
	}
	composed, err := needs(b)
	return append(out, composed...), err
}

// needs compares the same for tasks that have several needs for certain: three
// queries of MetaTool for three tools, put together in the order of the set. As
// one text they are a task; each by itself is a step.
func needs(b bench) ([]figure.Figure, error) {
	s, err := b.load(metatool)
	if err != nil {
		return nil, err
	}
	v, err := all(s.docs)
	if err != nil {
		return nil, err
	}
	const parts, tasks = 3, 1000
	var few, whole, one, each, n float64
	for i := 0; i+parts <= len(s.queries) && n < tasks; i += parts {
		var queries, gold, shown []string
		for _, q := range s.queries[i : i+parts] {
			queries = append(queries, q.Query)
			if !slices.Contains(gold, q.Gold[0]) {
				gold = append(gold, q.Gold[0])
			}
			shown = append(shown, ids(v.Find([]string{q.Query}, never(5)))...)
		}
		if len(gold) < parts {
			continue
		}
		n++
		few += recall(ids(v.Find([]string{strings.Join(queries, " ")}, never(5))), gold, 5)
		whole += recall(ids(v.Find([]string{strings.Join(queries, " ")}, never(15))), gold, 15)
		one += recall(ids(v.Find(queries, never(15))), gold, 15)
		each += recall(shown, gold, len(shown))
	}
	if n == 0 {
		return nil, fmt.Errorf("no three queries of %s in a row are for three tools", metatool)
	}
	return []figure.Figure{
		figure.Show(metatool+": three needs, one find for the whole text, 5 hits", fmt.Sprintf("recall %.3f", few/n)),
		figure.Show(metatool+": three needs, one find for the whole text, 15 hits", fmt.Sprintf("recall %.3f (%.0f tasks)", whole/n, n)),
		figure.Show(metatool+": three needs, one find with three queries, 15 hits", fmt.Sprintf("recall %.3f", one/n)),
		figure.Show(metatool+": three needs, three finds, 5 hits each", fmt.Sprintf("recall %.3f", each/n)),
	}, nil
}
