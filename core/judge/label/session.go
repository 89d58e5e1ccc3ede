package label

import (
	"errors"
	"fmt"
	"sync"

	"github.com/plimsoll-dev/plimsoll/core/judge"
	"github.com/plimsoll-dev/plimsoll/core/verdict"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

// Session is one sitting. It is safe for use by several goroutines.
type Session struct {
	mu     sync.Mutex
	config Config
	sheet  *sheet
	all    []question
	have   known
	next   int    // index of the question that is asked; len(all) at the end
	steps  []step // of this session, for undo
	skip   map[string]bool
}

// step is what undo goes back by.
type step struct {
	at      int
	skipped bool
	before  int64 // the file's size
}

// Open lays out a session and finds what was answered earlier. Diagnostics are of
// the file of answers.
func Open(c Config) (*Session, diag.List, error) {
	sheet, have, diags, err := readSheet(c.File)
	if err != nil || diags.HasErrors() {
		return nil, diags, err
	}
	s := &Session{config: c, sheet: sheet, have: have, all: questions(c, have), skip: map[string]bool{}, next: -1}
	if len(s.all) == 0 {
		return nil, nil, errors.New("there is nothing to label")
	}
	s.forward()
	return s, nil, nil
}

// forward goes to the next question that has no answer.
func (s *Session) forward() {
	for s.next++; s.next < len(s.all); s.next++ {
		if _, ok := s.have[s.all[s.next].key()]; !ok {
			return
		}
	}
}

// ErrStale is an answer to a question that is not asked any more, as two windows
// of one session give it.
var ErrStale = errors.New("this question is not asked any more")

// Answer takes the answer to a question, writes it down and goes on.
func (s *Session) Answer(id, answer string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.asked(id)
	if err != nil {
		return err
	}
	gold, err := s.gold(q, answer)
	if err != nil {
		return err
	}
	before, err := s.sheet.add(q, gold)
	if err != nil {
		return err
	}
	s.have[q.key()] = gold
	s.steps = append(s.steps, step{at: s.next, before: before})
	s.forward()
	return nil
}

// Skip leaves a question for another session.
func (s *Session) Skip(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.asked(id)
	if err != nil {
		return err
	}
	s.skip[q.id] = true
	s.steps = append(s.steps, step{at: s.next, skipped: true})
	s.forward()
	return nil
}

// Undo takes back the last answer or skip of this session. Without one it does
// nothing.
func (s *Session) Undo() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.steps) == 0 {
		return nil
	}
	last := s.steps[len(s.steps)-1]
	q := s.all[last.at]
	if last.skipped {
		delete(s.skip, q.id)
	} else {
		if err := s.sheet.undo(last.before); err != nil {
			return err
		}
		delete(s.have, q.key())
	}
	s.steps, s.next = s.steps[:len(s.steps)-1], last.at
	return nil
}

func (s *Session) asked(id string) (question, error) {
	if s.next >= len(s.all) || s.all[s.next].id != id {
		return question{}, ErrStale
	}
	return s.all[s.next], nil
}

// gold is what an answer makes of the two works, in the order of Pair.Works. A
// judge that compares is set against halves where neither is better, as its own
// word would be; one that scores is set against good and not good.
func (s *Session) gold(q question, answer string) ([2]int64, error) {
	var left, right int64
	switch {
	case answer == First:
		left = verdict.Million
	case answer == Second:
		right = verdict.Million
	case answer == Same && s.config.Comparing:
		left, right = verdict.Million/2, verdict.Million/2
	case answer == Same:
		left, right = verdict.Million, verdict.Million
	case answer == Neither && !s.config.Comparing:
	default:
		return [2]int64{}, fmt.Errorf("%q is no answer to this question", answer)
	}
	if q.turned {
		return [2]int64{right, left}, nil
	}
	return [2]int64{left, right}, nil
}

// Summary counts.
func (s *Session) Summary() Summary {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.summary()
}

func (s *Session) summary() Summary {
	out := Summary{Of: len(s.all), Skipped: len(s.skip)}
	pairs := map[*Pair]bool{}
	for _, q := range s.all {
		pairs[q.pair] = true
		gold, ok := s.have[q.key()]
		if !ok {
			continue
		}
		out.Done++
		if q.look == 2 {
			first := q.key()
			first.look = 1
			if was, ok := s.have[first]; ok {
				out.Twice++
				if was == gold {
					out.Alike++
				}
			}
		}
	}
	for _, st := range s.steps {
		if !st.skipped {
			out.Fresh++
		}
	}
	out.Pairs = len(pairs)
	return out
}

// State is what the page shows.
type State struct {
	Summary
	Judge     string    `json:"judge"`
	Comparing bool      `json:"comparing"`
	Undo      bool      `json:"undo"` // there is something to take back
	Question  *Question `json:"question,omitempty"`
	Finish    string    `json:"finish,omitempty"` // the command; with the last question
	Error     string    `json:"error,omitempty"`
}

// Question is a question as the page shows it: nothing in it tells which tier
// wrote which work.
type Question struct {
	ID        string  `json:"id"`
	Number    int     `json:"number"` // from 1
	Skill     string  `json:"skill"`
	Dimension string  `json:"dimension"`
	Rubric    string  `json:"rubric"`
	Identical bool    `json:"identical"`
	Input     Shown   `json:"input"`
	Works     []Shown `json:"works"`
}

// Now is the state.
func (s *Session) Now() State {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := State{Summary: s.summary(), Judge: s.config.Judge, Comparing: s.config.Comparing, Undo: len(s.steps) > 0}
	if s.next >= len(s.all) {
		out.Finish = s.config.Finish
		return out
	}
	q := s.all[s.next]
	dims := []*config.Dimension{q.dimension}
	var input string
	var works [2]string
	for i := range q.pair.Works {
		c := judge.Case{Input: q.pair.Input, Output: q.pair.Works[i].Output, Names: q.pair.Names}
		input, works[i] = c.Shown(dims)
	}
	a, b := q.first(), 1-q.first()
	out.Question = &Question{
		ID: q.id, Number: s.next + 1, Skill: q.pair.Skill, Dimension: q.dimension.Name, Rubric: q.dimension.Rubric,
		Identical: works[0] == works[1], Input: show(input), Works: []Shown{show(works[a]), show(works[b])},
	}
	return out
}
