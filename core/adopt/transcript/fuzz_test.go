package transcript_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/plimsoll-dev/plimsoll/core/adopt/transcript"
	"github.com/plimsoll-dev/plimsoll/core/adopt/transcript/forge"
)

// Whatever stands in a file: nothing panics, every record is one thing, no number
// is impossible, and reading it twice adds nothing.
func FuzzRead(f *testing.F) {
	list, index := skills()
	for i, shape := range shapes {
		var b bytes.Buffer
		if _, err := forge.Write(&b, forge.Options{Shape: shape, Seed: uint64(i), Calls: 6, Skills: list, Models: []string{"m"}}); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes(), false)
		f.Add(b.Bytes(), true)
	}
	f.Add([]byte(`[{"usage":{"prompt_tokens":-1},"model":"m"},[1],2]`), true)
	f.Add([]byte("{\n\"attributes\": {\"gen_ai.usage.input_tokens\": 1e300}, \"context\": 3\n}"), false)
	f.Add([]byte("\ufeff{\"type\":\"session_meta\",\"payload\":[]}\n{\"type\":\"event_msg\",\"payload\":{\"type\":\"token_count\",\"info\":{\"last_token_usage\":{}}}}"), true)
	f.Add([]byte(`{"id":"msg_1","type":"message","role":"assistant","usage":{"input_tokens":9223372036854775807,"cost":1e999999999}}`), true)
	f.Fuzz(func(t *testing.T, src []byte, content bool) {
		o := transcript.Options{Skills: index, Content: content}
		if len(src)%2 == 0 {
			o.Mapping = forge.Mapping()
		}
		r := transcript.New(o)
		calls := 0
		take := func(c transcript.Call) error {
			calls++
			u := c.Usage
			if min(u.Input, u.CachedInput, u.CacheWrite, u.CacheWrite1h, u.Output, u.Reasoning, c.Micro) < 0 || c.Skill != "" && c.Why != "" || c.Skill == "" && c.Why == "" || len(c.Key) != 32 {
				t.Fatalf("%+v", c)
			}
			return nil
		}
		for range 2 {
			if err := r.Read(bytes.NewReader(src), "fuzz", take); err != nil {
				t.Fatal(err)
			}
			if l := r.Lines(); !l.Accounted() || l.Used+l.Undated != int64(calls) {
				t.Fatalf("%d calls, %+v", calls, l)
			}
		}
		before := calls
		if err := r.Read(bytes.NewReader(src), "fuzz", take); err != nil || calls != before {
			t.Fatalf("%d calls, then %d: %v", before, calls, err)
		}
	})
}

func FuzzParseMapping(f *testing.F) {
	raw, err := json.Marshal(forge.Mapping())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add([]byte(`{"model": "=x", "cost_usd": "a.b", "Model": 3}`))
	f.Fuzz(func(t *testing.T, src []byte) {
		m, err := transcript.ParseMapping(src)
		if err == nil && m.Model == "" {
			t.Fatal("a mapping without a model")
		}
	})
}
