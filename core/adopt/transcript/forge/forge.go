// Package forge makes logs of every shape that core/adopt/transcript reads, with
// the truth beside them: which calls happened, what they used, and what each line
// must be counted as. Tests and benchmarks use it; no real log is in the
// repository.
//
// What it writes is invented, and so are the skills' tokens. It reads nothing.
//
//	truth := forge.Write(&buf, forge.Options{Shape: transcript.Claude, Calls: 100, Models: models})
//	fmt.Println(len(truth.Calls), truth.Lines.Repeated)
package forge

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/adopt/transcript"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// Skill is one that calls may be of.
type Skill struct{ Name, Body string }

// Options of a log.
type Options struct {
	Shape   string
	Seed    uint64
	Calls   int
	Skills  []Skill
	Models  []string
	Start   time.Time
	Session string // its names begin so; two logs of one session repeat each other
	Bulk    int    // bytes of text that stand beside each call
	Clean   bool   // without noise
}

// Truth is what a reader must find.
type Truth struct {
	Calls []transcript.Call // At, Skill, Model, Usage, Session
	Lines transcript.Lines
}

type writer struct {
	w     io.Writer
	o     Options
	rnd   *rand.Rand
	truth Truth
	at    time.Time
	bulk  string
	err   error
}

// Secret is put into texts and names: it must turn up nowhere. It is no key of
// anybody, and is put together so that no scanner takes this file for a leak.
var Secret = "ghp_" + strings.Repeat("aZ3kQ9", 6) + "xY7w"

// Write writes one log.
func Write(w io.Writer, o Options) (Truth, error) {
	if o.Start.IsZero() {
		o.Start = time.Date(2026, 6, 1, 8, 0, 0, 0, time.UTC)
	}
	if o.Session == "" {
		o.Session = fmt.Sprintf("s%d", o.Seed)
	}
	f := &writer{w: w, o: o, rnd: rand.New(rand.NewPCG(o.Seed, 7)), at: o.Start, bulk: strings.Repeat("lorem ipsum ", o.Bulk/12+1)[:o.Bulk]}
	f.truth.Lines.Files = 1
	f.truth.Lines.Unknown = map[string]int64{}
	switch o.Shape {
	case transcript.Claude:
		f.claude()
	case transcript.Codex:
		f.codex()
	case transcript.Span:
		f.spans()
	case transcript.Exchange:
		f.exchanges()
	case transcript.Mapped:
		f.mapped()
	default:
		return Truth{}, fmt.Errorf("there is no shape %q", o.Shape)
	}
	return f.truth, f.err
}

type obj = map[string]any

// line writes one record and counts it.
func (f *writer) line(class *int64, v any) {
	raw, err := json.Marshal(v)
	if err != nil {
		f.err = err
	}
	f.raw(class, string(raw)+"\n")
}

func (f *writer) raw(class *int64, s string) {
	f.truth.Lines.Read++
	*class++
	if _, err := io.WriteString(f.w, s); err != nil {
		f.err = err
	}
}

// noise are lines that nothing can be made of.
func (f *writer) noise() {
	if f.o.Clean {
		return
	}
	l := &f.truth.Lines
	switch f.rnd.IntN(20) {
	case 0:
		f.raw(&l.Broken, `{"type": "assistant", "message": {"usage": {"input_tokens": 12`+"\n")
	case 1:
		f.raw(&l.Broken, "-----\n")
	}
}

func (f *writer) unknown(kind string, v any) {
	n := l64{}
	f.line(&n.n, v)
	f.truth.Lines.Unknown[kind]++
}

type l64 struct{ n int64 }

func (f *writer) tick() string {
	f.at = f.at.Add(time.Duration(1+f.rnd.IntN(90)) * time.Second)
	return f.at.Format(time.RFC3339Nano)
}

// use invents what a call used.
func (f *writer) use(cached, write bool) message.Usage {
	u := message.Usage{Input: int64(f.rnd.IntN(5000)), Output: 1 + int64(f.rnd.IntN(900))}
	if cached {
		u.CachedInput = int64(f.rnd.IntN(20000))
	}
	if write {
		u.CacheWrite = int64(f.rnd.IntN(3000))
		u.CacheWrite1h = int64(f.rnd.IntN(int(u.CacheWrite) + 1))
	}
	return u
}

func (f *writer) model() string { return f.o.Models[f.rnd.IntN(len(f.o.Models))] }

// skill is one of them, or none.
func (f *writer) skill() *Skill {
	if len(f.o.Skills) == 0 || f.rnd.IntN(5) == 0 {
		return nil
	}
	return &f.o.Skills[f.rnd.IntN(len(f.o.Skills))]
}

func (f *writer) called(c transcript.Call, s *Skill) {
	if s != nil {
		c.Skill = s.Name
	}
	c.At = f.at
	f.truth.Calls = append(f.truth.Calls, c)
}

// more tells whether calls are missing.
func (f *writer) more() bool { return len(f.truth.Calls) < f.o.Calls && f.err == nil }
