package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/plimsoll-dev/plimsoll/core/harness"
)

// The public sets, by folder.
const (
	metatool = "metatool_single"
	stable   = "stabletoolbench"
	skills   = "skills_trigger"
)

var sets = []string{metatool, stable, skills}

// asked is a query with the documents that answer it.
type asked struct {
	ID    string   `json:"id"`
	Query string   `json:"query"`
	Gold  []string `json:"gold"`
}

type set struct {
	docs    []harness.Document
	queries []asked
}

func (b bench) load(name string) (set, error) {
	var s set
	dir := filepath.Join(b.data, "retrieval", name)
	kind := harness.Tool
	if name == skills {
		kind = harness.Skill
	}
	err := lines(filepath.Join(dir, "corpus.jsonl"), func(line []byte) error {
		var d struct{ ID, Name, Description, Server, Params, Body string }
		if err := json.Unmarshal(line, &d); err != nil {
			return err
		}
		s.docs = append(s.docs, harness.Document{ID: d.ID, Kind: kind, Name: d.Name, Connector: d.Server, Description: d.Description, Parameters: d.Params, Body: d.Body})
		return nil
	})
	if err != nil {
		return s, err
	}
	err = lines(filepath.Join(dir, "queries.jsonl"), func(line []byte) error {
		var q asked
		if err := json.Unmarshal(line, &q); err != nil {
			return err
		}
		if len(q.Gold) == 0 {
			return fmt.Errorf("query %s has no gold", q.ID)
		}
		s.queries = append(s.queries, q)
		return nil
	})
	if n := len(s.queries); b.queries > 0 && n > b.queries {
		var some []asked
		for i := range b.queries {
			some = append(some, s.queries[i*n/b.queries])
		}
		s.queries = some
	}
	return s, err
}

func lines(path string, each func([]byte) error) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("reading the public data: %w", err)
	}
	defer f.Close()
	r := bufio.NewReader(f)
	for n := 1; ; n++ {
		line, err := r.ReadBytes('\n')
		if len(line) > 1 {
			if err := each(line); err != nil {
				return fmt.Errorf("%s, line %d: %w", path, n, err)
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("reading the public data: %w", err)
		}
	}
}

// all sees everything, as the owner of a project does.
func all(docs []harness.Document) (*harness.View, error) {
	x, err := harness.Build(docs)
	if err != nil {
		return nil, err
	}
	return x.View(harness.Viewer{Allowed: harness.Everything}), nil
}

// never abstains: what ranking finds, apart from what is held back.
func never(limit int) harness.Options { return harness.Options{Limit: limit, Confidence: -1} }

func ids(f harness.Found) []string {
	out := make([]string, len(f.Hits))
	for i, h := range f.Hits {
		out[i] = h.Document.ID
	}
	return out
}
