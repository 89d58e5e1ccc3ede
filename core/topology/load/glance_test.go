package load

import (
	"encoding/json"
	"testing"
)

var chunks = []string{
	`{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1795296090,"model":"a/b","choices":[{"index":0,"delta":{"content":" tide"},"logprobs":null,"finish_reason":null}]}`,
	`{"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}],"model":"m","usage":null}`,
	`{"model":"m","choices":[{"text":"a \"b\" \\","finish_reason":"length","stop_reason":null,"token_ids":[1,2,-3.5e7],"x":{"y":[true,false,{}]}}, {"text":"more"}]}`,
	`{"choices":[{"delta":{"content":null,"reasoning_content":"hm"},"finish_reason":null}]}`,
	`{"choices":[]}`,
	`{"choices":[],"usage":{"prompt_tokens":2,"completion_tokens":3}}`,
	`{"choices":[{"delta":{"tool_calls":[{"id":"x"}]}}]}`,
	`{"error":{"message":"no"}}`, `{"object":"error","message":"no"}`, `{"error":null,"choices":[{}]}`,
	`{"choices":[{"text":"a"}],"choices":[{"text":""}]}`, `{"Choices":[{"text":"a"}]}`, `{"choices":[{"text":"a"}]} x`, `{"choices":[{"te`, `[]`, ``, `{"choices":[{"text":1}]}`,
}

// same tells whether a glance is what decoding gives.
func same(t *testing.T, src []byte) {
	t.Helper()
	g, ok := look(src)
	if !ok {
		return
	}
	var e event
	if json.Unmarshal(src, &e) != nil {
		return // a number or an escape that is not well formed passes here; it stands in what is skipped
	}
	if e.failure() != "" || e.Usage != nil || e.Model != string(g.model) || g.choices != (len(e.Choices) > 0) {
		t.Fatalf("%s: %+v, decoded %+v", src, g, e)
	}
	if len(e.Choices) == 0 {
		return
	}
	finish := ""
	if f := e.Choices[0].Finish; f != nil {
		finish = *f
	}
	if g.says != e.Choices[0].says() || string(g.finish) != finish {
		t.Fatalf("%s: %+v, decoded %+v", src, g, e)
	}
}

func TestGlance(t *testing.T) {
	for i, c := range chunks {
		if _, ok := look([]byte(c)); ok != (i < 5 || i == 9) {
			t.Errorf("%s: taken at a glance: %v", c, ok)
		}
		same(t, []byte(c))
	}
}

func FuzzGlance(f *testing.F) {
	for _, c := range chunks {
		f.Add([]byte(c))
	}
	f.Fuzz(same)
}

func BenchmarkGlance(b *testing.B) {
	for b.Loop() {
		look([]byte(chunks[0]))
	}
}

func BenchmarkDecode(b *testing.B) {
	for b.Loop() {
		var e event
		if json.Unmarshal([]byte(chunks[0]), &e) != nil {
			b.Fatal("it does not decode")
		}
	}
}
