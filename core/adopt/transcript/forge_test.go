package transcript_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/plimsoll-dev/plimsoll/core/adopt/transcript"
	"github.com/plimsoll-dev/plimsoll/core/adopt/transcript/forge"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

var shapes = []string{transcript.Claude, transcript.Codex, transcript.Span, transcript.Exchange, transcript.Mapped}

func skills() ([]forge.Skill, *transcript.Index) {
	var out []forge.Skill
	x := &transcript.Index{}
	for _, name := range []string{"pdf", "release-notes", "triage"} {
		body := "# " + name + "\n\n  Do what " + name + " does, with care, step by step, and say what was done.\n\n- always\n- never otherwise, since that would be something else"
		out = append(out, forge.Skill{Name: name, Body: body})
		x.Add(name, body)
	}
	return out, x
}

func read(t fataler, r *transcript.Reader, log []byte, name string) []transcript.Call {
	var got []transcript.Call
	if err := r.Read(bytes.NewReader(log), name, func(c transcript.Call) error {
		got = append(got, c)
		return nil
	}); err != nil {
		t.Fatalf("%v", err)
	}
	if l := r.Lines(); !l.Accounted() {
		t.Fatalf("records are lost: %+v", l)
	}
	return got
}

type fataler interface {
	Fatalf(format string, args ...any)
}

// What is read is what happened: every call once, with its tokens, model, skill
// and time, and every record counted as what it is.
func TestEveryShape(t *testing.T) {
	for _, shape := range shapes {
		t.Run(shape, rapid.MakeCheck(func(t *rapid.T) {
			list, index := skills()
			var b bytes.Buffer
			truth, err := forge.Write(&b, forge.Options{
				Shape: shape, Seed: rapid.Uint64().Draw(t, "seed"), Calls: rapid.IntRange(1, 60).Draw(t, "calls"), Skills: list,
				Models: []string{"claude-opus-4-8", "claude-haiku-4-5", "gpt-5.4"}, Clean: rapid.Bool().Draw(t, "clean"),
			})
			if err != nil {
				t.Fatalf("%v", err)
			}
			o := transcript.Options{Skills: index, Content: rapid.Bool().Draw(t, "content")}
			if shape == transcript.Mapped {
				o.Mapping = forge.Mapping()
			}
			r := transcript.New(o)
			got := read(t, r, b.Bytes(), "log")
			same(t, got, truth)
			lines := r.Lines()
			lines.Redacted, lines.Backward = 0, 0
			if !reflect.DeepEqual(lines, truth.Lines) {
				t.Fatalf("lines %+v\nwant %+v", lines, truth.Lines)
			}
			if raw := fmt.Sprint(got); strings.Contains(raw, forge.Secret) {
				t.Fatalf("a secret was kept")
			}
			// The same log again, as a copy in another file: nothing is counted twice.
			if again := read(t, r, b.Bytes(), "copy"); len(again) != 0 {
				t.Fatalf("%d calls were counted twice", len(again))
			}
			// A first half and the whole: the whole adds what was missing, no more.
			half := b.Bytes()[:bytes.LastIndexByte(b.Bytes()[:b.Len()/2+1], '\n')+1]
			r = transcript.New(o)
			all := append(read(t, r, half, "log"), read(t, r, b.Bytes(), "log")...)
			if shape != transcript.Claude && shape != transcript.Span { // a half may end in a streamed answer, and before the span that names the skill
				same(t, all, truth)
			} else if len(all) != len(truth.Calls) {
				t.Fatalf("%d calls, want %d", len(all), len(truth.Calls))
			}
		}))
	}
}

func same(t fataler, got []transcript.Call, truth forge.Truth) {
	sum := func(all []transcript.Call) map[string]message.Usage {
		out := map[string]message.Usage{}
		for _, c := range all {
			k := fmt.Sprint(c.Skill, " ", c.Model, " ", c.Session, " ", c.At.UnixMilli())
			out[k] = out[k].Add(c.Usage)
		}
		return out
	}
	a, b := sum(got), sum(truth.Calls)
	if len(got) != len(truth.Calls) || !maps.Equal(a, b) {
		for k := range b {
			if a[k] != b[k] {
				t.Fatalf("%d calls, want %d: %s used %+v, read as %+v", len(got), len(truth.Calls), k, b[k], a[k])
			}
		}
		for k := range a {
			if a[k] != b[k] {
				t.Fatalf("%d calls, want %d: %s was read, and never happened", len(got), len(truth.Calls), k)
			}
		}
	}
}

// A log cut anywhere is read up to there: half a last line is counted as one.
func TestTorn(t *testing.T) {
	list, index := skills()
	var b bytes.Buffer
	truth, err := forge.Write(&b, forge.Options{Shape: transcript.Codex, Seed: 3, Calls: 40, Skills: list, Models: []string{"gpt-5.4"}, Clean: true})
	if err != nil {
		t.Fatal(err)
	}
	for cut := b.Len() - 400; cut < b.Len(); cut += 7 {
		r := transcript.New(transcript.Options{Skills: index})
		got := read(t, r, b.Bytes()[:cut], "log")
		l := r.Lines()
		if l.Broken != 0 || l.Torn > 1 || len(got) < len(truth.Calls)-4 {
			t.Fatalf("cut at %d: %+v", cut, l)
		}
		if b.Bytes()[cut-1] != '\n' && l.Torn == 0 && json.Valid(b.Bytes()[bytes.LastIndexByte(b.Bytes()[:cut], '\n')+1:cut]) == false {
			t.Fatalf("cut at %d: the half line is not told: %+v", cut, l)
		}
	}
}

// JSON that stands over many lines, and arrays of records, are read as well.
func TestDocuments(t *testing.T) {
	list, index := skills()
	for _, shape := range []string{transcript.Span, transcript.Exchange} {
		var b bytes.Buffer
		truth, err := forge.Write(&b, forge.Options{Shape: shape, Seed: 5, Calls: 20, Skills: list, Models: []string{"gpt-5.4"}, Clean: true})
		if err != nil {
			t.Fatal(err)
		}
		var records []json.RawMessage
		for line := range bytes.Lines(b.Bytes()) {
			records = append(records, bytes.Clone(line))
		}
		array, err := json.MarshalIndent(records, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		var pretty bytes.Buffer
		for _, raw := range records {
			if err := json.Indent(&pretty, raw, "", "  "); err != nil {
				t.Fatal(err)
			}
		}
		for name, doc := range map[string][]byte{"array": array, "objects": pretty.Bytes()} {
			r := transcript.New(transcript.Options{Skills: index})
			same(t, read(t, r, doc, name), truth)
			if r.Lines().Read != truth.Lines.Read {
				t.Errorf("%s %s: %+v, want %+v", shape, name, r.Lines(), truth.Lines)
			}
		}
	}
}
