package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

type blob struct {
	bytes.Buffer
	aborted, committed int
}

func (b *blob) Commit() (string, error) { b.committed++; return "sha256:b", nil }
func (b *blob) Abort()                  { b.aborted++ }

func assemble(inline, hard int64, b *blob, message []byte, piece int) (*envelope, error) {
	a := &assembler{inline: func() int64 { return inline }, hard: hard}
	if b != nil {
		a.create = func() (Blob, error) { return b, nil }
	}
	for len(message) > 0 {
		n := min(piece, len(message))
		if err := a.write(message[:n]); err != nil {
			a.abort()
			return nil, err
		}
		message = message[n:]
	}
	return a.finish()
}

// A result comes out the same, whether it was split or not, wherever its message
// has the id, and however it was cut into pieces.
func TestSplit(t *testing.T) {
	long := strings.Repeat("a", 100<<10)
	result := `{"content":[{"type":"text","text":"` + long + `\" } ] , \\"}],"n":[1,{"result":2}]}`
	for _, message := range []string{
		`{"jsonrpc":"2.0","id":7,"result":` + result + `}`,
		`{"result":` + result + `,"id":7,"jsonrpc":"2.0"}`,
		` { "jsonrpc" : "2.0" , "result" : ` + result + `, "id" : "7" } ` + "\n",
		`{"jsonrpc":"2.0","id":7,"x":{"result":1},"result":` + result + `,"result2":1}`,
	} {
		for _, piece := range []int{1, 7, 4096, 1 << 20} {
			b := &blob{}
			e, err := assemble(0, 1<<20, b, []byte(message), piece)
			if err != nil {
				t.Fatal(err)
			}
			if id, ok := e.number(); !ok || id != 7 || e.over == nil || strings.TrimSpace(b.String()) != result || b.committed != 1 || !e.over.Kept || e.over.Cut {
				t.Fatalf("%d: %+v, %d bytes", piece, e, b.Len())
			}
		}
	}
	b := &blob{}
	e, err := assemble(0, 20_000, b, []byte(`{"jsonrpc":"2.0","id":7,"result":`+result+`}`), 1<<20)
	if err != nil || b.Len() != 20_000 || !e.over.Cut || e.over.Bytes != int64(len(result)) {
		t.Errorf("%v %d %+v", err, b.Len(), e.over)
	}
	for name, message := range map[string]string{
		"two results":   `{"jsonrpc":"2.0","id":7,"result":` + result + `,"result":1}`,
		"no end":        `{"jsonrpc":"2.0","id":7,"result":` + result,
		"no end either": `{"jsonrpc":"2.0","id":7,"result":"` + long,
		"more behind":   `{"jsonrpc":"2.0","id":7,"result":` + result + `} {}`,
		"no object":     `["` + long + `"]`,
		"too many ends": `{"jsonrpc":"2.0","id":7,"result":` + result + `}}`,
		"no version":    `{"id":7,"result":` + result + `}`,
		"large error":   `{"jsonrpc":"2.0","id":7,"error":{"code":1,"message":"` + strings.Repeat("a", envelopeLimit) + `"}}`,
	} {
		b := &blob{}
		if e, err := assemble(0, 1<<20, b, []byte(message), 999); err == nil {
			t.Errorf("%s: %+v", name, e)
		} else if b.committed+b.aborted != 1 {
			t.Errorf("%s: the blob was ended %d times", name, b.committed+b.aborted)
		}
	}
}

func FuzzSplit(f *testing.F) {
	f.Add([]byte(`{"jsonrpc":"2.0","id":7,"result":{"a":[1,"}",{"b":"\\\""}]}}`), 3)
	f.Add([]byte(`{"jsonrpc":"2.0","method":"x","params":{"result":1}}`), 1)
	f.Add([]byte(`{"jsonrpc":"2.0","id":1,"result":12 }`), 2)
	f.Fuzz(func(t *testing.T, message []byte, piece int) {
		s := &splitter{over: newOverflow(8, 1<<20, nil)}
		var err error
		for rest := message; len(rest) > 0 && err == nil; {
			n := min(len(rest), 1+max(0, piece%16))
			err = s.write(rest[:n])
			rest = rest[n:]
		}
		var split *envelope
		if err == nil {
			split, err = s.finish()
		}
		whole, bad := decode(message)
		if bad != nil {
			return // what is malformed inside a result is handed on as it came
		}
		if err != nil {
			// Only doubled members and other spellings of them may be refused.
			var v map[string]json.RawMessage
			if json.Unmarshal(message, &v) == nil && bytes.Count(bytes.ToLower(message), []byte("result")) < 2 && !bytes.Contains(message, []byte(`\u`)) && !bytes.Contains(bytes.ToLower(message), []byte("resul")) {
				t.Errorf("%q: %v", message, err)
			}
			return
		}
		if split.over != nil && bytes.Count(message, []byte("result")) == 1 && len(whole.Result) > 0 && split.over.Bytes < int64(len(whole.Result)) {
			t.Errorf("%q: %d bytes of %d", message, split.over.Bytes, len(whole.Result))
		}
	})
}

func readAll(t testing.TB, stream string, one bool) ([]*envelope, *events, error) {
	var r io.Reader = strings.NewReader(stream)
	if one {
		r = iotest.OneByteReader(r)
	}
	e := &events{body: r, assembler: &assembler{inline: func() int64 { return 1 << 20 }, hard: 1 << 20}}
	var out []*envelope
	for {
		env, err := e.next()
		if err != nil {
			return out, e, err
		}
		out = append(out, env)
	}
}

func TestEvents(t *testing.T) {
	m := `{"jsonrpc":"2.0","method":"m%d"}`
	stream := ": hello\n\nid: 1\ndata:\n\nevent: message\nid: 2\ndata: " + fmt.Sprintf(m, 1) + "\n\n" +
		"data: {\"jsonrpc\":\"2.0\",\r\ndata: \"method\":\"m2\"}\r\n\r\nevent: other\ndata: not json\n\n" +
		"retry: 250\nid:3\ndata:" + fmt.Sprintf(m, 3) + "\r\rdata\nunknown: x\n\ndata: {\"half\":"
	for _, oneByte := range []bool{false, true} {
		got, e, err := readAll(t, stream, oneByte)
		if !errors.Is(err, io.EOF) || len(got) != 3 || *got[0].Method != "m1" || *got[1].Method != "m2" || *got[2].Method != "m3" || e.id != "3" || e.retry != 250*time.Millisecond {
			t.Errorf("%v %d %+v", err, len(got), e)
		}
	}
	for _, bad := range []string{"data: {\n\n", "data: []\n\n", strings.Repeat("x", fieldLimit+2), "data: {}\n\n"} {
		_, _, err := readAll(t, bad, false)
		var f *Fault
		if !errors.As(err, &f) || f.Kind != Protocol {
			t.Errorf("%.20q: %v", bad, err)
		}
	}
	if _, _, err := readAll(t, "data: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\""+strings.Repeat("x", 9<<20), false); err == nil || !strings.Contains(err.Error(), "given up") {
		t.Error(err)
	}
}

func FuzzEvents(f *testing.F) {
	f.Add("id: 1\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"m\"}\n\n")
	f.Add("data: {\"jsonrpc\":\"2.0\",\r\ndata:\"method\":\"m\"}\r\r")
	f.Fuzz(func(t *testing.T, stream string) {
		a, ea, errA := readAll(t, stream, false)
		b, eb, errB := readAll(t, stream, true)
		if len(a) != len(b) || ea.id != eb.id || errors.Is(errA, io.EOF) != errors.Is(errB, io.EOF) {
			t.Errorf("%q: %d %d messages, %v %v", stream, len(a), len(b), errA, errB)
		}
	})
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"jsonrpc":"2.0","id":"7","error":{"code":1,"message":"x"}}`))
	f.Add([]byte(`{"jsonrpc":"2.0","id":null,"method":null}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := decode(b)
		if err != nil {
			return
		}
		e.number()
		tab := newTable(Config{Now: time.Now}.filled())
		if err := tab.incoming(e, nil, nil); err != nil && e.Method == nil {
			t.Error(err)
		}
		tab.shut(errShape)
	})
}

func TestMeta(t *testing.T) {
	cfg := Config{Now: time.Now}.filled()
	got, err := withMeta(&Request{Params: json.RawMessage(` { "name":"<x>"}`), Meta: map[string]any{"traceparent": "t", "io.modelcontextprotocol/protocolVersion": "forged"}, LogLevel: "info"}, &cfg, Stateless, json.RawMessage("5"))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"_meta":{"io.modelcontextprotocol/clientCapabilities":{},"io.modelcontextprotocol/clientInfo":{"name":"plimsoll","version":"dev"},` +
		`"io.modelcontextprotocol/logLevel":"info","io.modelcontextprotocol/protocolVersion":"2026-07-28","progressToken":5,"traceparent":"t"},"name":"<x>"}`
	if string(got) != want {
		t.Errorf("%s", got)
	}
	if got, err := withMeta(&Request{}, &cfg, Legacy, json.RawMessage("5")); err != nil || string(got) != `{"_meta":{"progressToken":5}}` {
		t.Errorf("%s %v", got, err)
	}
	if got, err := encodeCall(1, "a", json.RawMessage("{\n\"x\": \"y\\n\"}")); err != nil || string(got) != `{"jsonrpc":"2.0","id":1,"method":"a","params":{"x":"y\n"}}`+"\n" {
		t.Errorf("%s %v", got, err)
	}
	plain := json.RawMessage(`{"b":1,"a":2}`)
	if got, err := withMeta(&Request{Params: plain}, &cfg, Legacy, nil); err != nil || string(got) != string(plain) {
		t.Errorf("%s %v", got, err)
	}
	if _, err := withMeta(&Request{Params: json.RawMessage(`[1]`)}, &cfg, Stateless, nil); err == nil {
		t.Error("parameters that are no object")
	}
}

func TestParamHeaders(t *testing.T) {
	def := json.RawMessage(`{"inputSchema":{"properties":{"region":{"type":"string","x-mcp-header":"Region"},"n":{"type":"integer","x-mcp-header":"N"},
		"o":{"properties":{"b":{"type":"boolean","x-mcp-header":"B"}}},"bad":{"x-mcp-header":"a b"},"none":{"x-mcp-header":"None"},"f":{"x-mcp-header":"F"}}}}`)
	got := ParamHeaders(def, json.RawMessage(`{"region":"é","n":3,"o":{"b":true},"bad":"x","none":null,"f":1.5}`))
	if fmt.Sprint(got) != "map[Mcp-Param-B:true Mcp-Param-N:3 Mcp-Param-Region:=?base64?w6k=?=]" {
		t.Error(got)
	}
	if got := ParamHeaders(json.RawMessage(`{"x-mcp-header":1`), nil); got != nil {
		t.Error(got)
	}
}

func TestShow(t *testing.T) {
	for in, want := range map[string]string{"a\x1b[31mb\nc": "a[31mb c", "a\u202eb": "ab", "\xff": "", strings.Repeat("é", 10): "ééééé ..."} {
		if got := Show(in, 10); got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
}

func TestTail(t *testing.T) {
	x := &tail{secrets: map[string]string{"KEY": "abcdef", "SHORT": "x"}}
	for i := range 100_000 {
		_, _ = fmt.Fprintf(x, "line %d abcdef\n", i)
	}
	got := x.shown()
	if len(x.buf) > tailBytes || strings.Count(got, "\n") != tailLines || !strings.Contains(got, "99999 [KEY]") || strings.Contains(got, "abcdef") {
		t.Error(got)
	}
	_, _ = x.Write(bytes.Repeat([]byte("z"), 1<<20))
	if len(x.buf) != tailBytes {
		t.Error(len(x.buf))
	}
}

func TestRate(t *testing.T) {
	now := time.Unix(0, 0)
	r := newRate(func() time.Time { return now })
	var err error
	n := 0
	for ; err == nil; n++ {
		err = r.take(10)
	}
	if n != floodBurst+1 {
		t.Error(n)
	}
	now = now.Add(time.Minute)
	if err := r.take(10); err != nil {
		t.Error(err)
	}
	if err := r.take(floodBytes + 1); err == nil {
		t.Error("too many bytes")
	}
}
