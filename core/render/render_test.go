package render_test

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/plimsoll-dev/plimsoll/core/render"
)

func data(t testing.TB, s string) any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(s))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

const digest = `{"title": "Day <1>", "n": 3, "big": 9007199254740993, "huge": 123456789012345678901234, "score": 0.50, "zero": 0, "note": null,
	"tags": ["a", "b"], "empty": [], "at": "2026-11-21T09:30:00+01:00", "day": "2026-11-21",
	"tweets": [{"id": "x", "text": "hello"}, {"id": "y", "text": "wörld"}],
	"tree": {"name": "root", "kids": [{"name": "leaf", "kids": []}]}}`

func TestRender(t *testing.T) {
	for src, want := range map[string]string{
		`plain`:                                 "plain",
		`{{.output.title}} {{.output.n}}`:       "Day <1> 3",
		`{{.output.big}} {{.output.huge}}`:      "9007199254740993 123456789012345678901234",
		`{{.output.score}} {{.output.zero}}`:    "0.5 0",
		`{{if .output.zero}}no{{else}}0{{end}}`: "0",
		`{{range $i, $t := .output.tweets}}{{number $i}} {{$t.text | upper}}{{"\n"}}{{end}}`: "1. HELLO\n2. WÖRLD\n",
		`{{range .output.tweets}}{{.id}}{{else}}none{{end}}`:                                 "xy",
		`{{range .output.empty}}x{{else}}none{{end}}`:                                        "none",
		`{{range $k, $v := .output.tree}}{{$k}} {{end}}`:                                     "kids name ",
		`{{join ", " .output.tags}} {{.output.tags | join "/"}}`:                             "a, b a/b",
		`{{lower "ÄB"}}{{trim "  x "}}`:                                                      "äbx",
		`{{truncate 3 "wörld"}} {{truncate 5 "wörld"}} {{truncate 2 "👩‍👩‍👧👩‍👩‍👧👩‍👩‍👧"}}`:     "wö… wörld 👩‍👩‍👧…",
		`{{truncate .output.n "wörld"}}`:                                                     "wö…",
		`{{plural (len .output.tweets) "tweet" "tweets"}}, {{plural 1 "tag" "tags"}}`:        "2 tweets, 1 tag",
		`{{default "none" .output.note}} {{default "none" .output.title}}`:                   "none Day <1>",
		`{{get .output "gone" | default "–"}}`:                                               "–",
		`{{date "2 Jan 2006, 15:04" .output.at}} {{date "Monday" .output.day}}`:              "21 Nov 2026, 09:30 Saturday",
		`{{json .output.tweets}} {{json .output.huge}} {{json .output.note}}`:                `[{"id":"x","text":"hello"},{"id":"y","text":"wörld"}] 123456789012345678901234 null`,
		`{{len "äb"}}{{len .output.tags}}`:                                                   "22",
		`{{if eq .output.n 3}}a{{end}}{{if eq .output.score 0.5}}b{{end}}{{if eq .output.n 3.0}}c{{end}}{{if eq .output.title "x" "Day <1>"}}d{{end}}`: "abcd",
		`{{if gt .output.n 2.5}}a{{end}}{{if lt .output.day "2027"}}b{{end}}{{if ge .output.n 3}}c{{end}}{{if le .output.n 2}}d{{end}}`:                "abc",
		`{{if eq .output.note nil}}null{{end}}{{if ne .output.n 4}}!{{end}}`:                                                                           "null!",
		`{{if and .output.n (not .output.empty)}}both{{end}}`:                                                                                          "both",
		`{{with .output.tree}}{{.name}}{{end}}`:                                                                                                        "root",
		`{{index .output.tags 1}}{{(index .output.tweets 0).id}}`:                                                                                      "bx",
		`{{define "node"}}{{.name}}({{range .kids}}{{template "node" .}}{{end}}){{end}}{{template "node" .output.tree}}`:                               "root(leaf())",
		`{{$n := 0}}{{range .output.tweets}}{{$n = .id}}{{end}}{{$n}}`:                                                                                 "y",
		`{{range 3}}{{.}}{{end}}`: "012",
		`{{range .output.tweets}}{{if eq .id "y"}}{{break}}{{end}}{{.id}}{{end}}`: "x",
		`{{.input.from}}`:            "me",
		`{{/* a remark */}}{{true}}`: "true",
	} {
		tmpl, err := render.Compile("x.tmpl", []byte(src))
		if err != nil {
			t.Errorf("%s: %v", src, err)
			continue
		}
		got, err := tmpl.Render(data(t, digest), map[string]any{"from": "me"})
		if err != nil || got != want {
			t.Errorf("%s: got %q, %v; want %q", src, got, err, want)
		}
	}
}

func TestRefusedAtCompile(t *testing.T) {
	for _, c := range []struct{ src, want string }{
		{"a\n{{.output.x", "x.tmpl:2: unclosed action"},
		{"{{uper .output.x}}", `x.tmpl:1: there is no function uper. Did you mean "upper"?`},
		{"a\n  {{printf \"%d\" 1}}", "x.tmpl:2:5: printf is not allowed in a template; write the value itself, or truncate, date, json"},
		{"{{if (html .output)}}{{end}}", "x.tmpl:1:7: html is not allowed in a template; templates make text"},
		{"{{(slice .output.x 1).y}}", "x.tmpl:1:4: slice is not allowed in a template; use truncate"},
		{"{{$x := call .output}}", "x.tmpl:1:9: call is not allowed in a template; values are JSON"},
		{"{{range .output}}{{else}}{{println}}{{end}}", "x.tmpl:1:28: println is not allowed in a template; write the value itself"},
		{"{{_print 1}}", "x.tmpl:1:3: _print is not a function of templates"},
		{`{{template "nope" .}}`, `x.tmpl:1:12: there is no template "nope"`},
		{strings.Repeat("x", render.MaxSource+1), "x.tmpl: the template has 65537 bytes; the limit is 65536"},
	} {
		_, err := render.Compile("x.tmpl", []byte(c.src))
		var e *render.Error
		if !errors.As(err, &e) || e.Error() != c.want {
			t.Errorf("%.60s: got %v, want %s", c.src, err, c.want)
		}
	}
}

func TestRefusedAtRender(t *testing.T) {
	many := strings.Repeat(`{{range $.output.tweets}}`, 4)
	for _, c := range []struct{ src, want string }{
		{"a\n{{ .output.tweest }}", `x.tmpl:2:11: there is no member "tweest" here. Did you mean "tweets"?`},
		{"{{range .output.tweets}}{{.txet}}{{end}}", `x.tmpl:1:27: there is no member "txet" here. Did you mean "text"?`},
		{"{{.output.note.x}}", `x.tmpl:1:10: the value here is null, so it has no member "x"`},
		{"{{.output.title.x}}", `x.tmpl:1:10: the value here is no object, so it has no member "x"`},
		{"{{.output.tweets.x}}", `x.tmpl:1:10: the value here is no object, so it has no member "x"`},
		{"{{.output.n.String}}", `x.tmpl:1:10: the value here is no object, so it has no member "String"`},
		{"{{.output.note}}", `x.tmpl:1:3: the value is null; write what to show instead: default "none" (...)`},
		{"{{.output.tags}}", "x.tmpl:1:3: the value is a list; use range, join or json"},
		{"{{.}}", "x.tmpl:1:3: the value is an object; name a member, or use json"},
		{"{{.output.note | upper}}", `x.tmpl:1:18: the value is null; write what to show instead: default "none" (...)`},
		{"{{range .output.title}}{{end}}", "x.tmpl:1:16: range needs a list, an object or a whole number"},
		{`{{date "2006" .output.title}}`, `x.tmpl:1:3: "Day <1>" is no date like 2026-11-21 or 2026-11-21T09:30:00Z`},
		{`{{join ", " .output.tweets}}`, "x.tmpl:1:3: join: element 1: the value is an object; name a member, or use json"},
		{`{{lt .output.n "x"}}`, "x.tmpl:1:3: only two numbers or two texts have an order"},
		{`{{eq .output.tags .output.tags}}`, "x.tmpl:1:3: eq compares texts, numbers, true, false and null"},
		{`{{number "x"}}`, "x.tmpl:1:3: number needs the index of a range"},
		{"{{range 2000000}}{{end}}", "x.tmpl:1:9: the template is too much work: more than 200000 steps"},
		{many + "{{range 100000000}}{{end}}" + strings.Repeat("{{end}}", 4), "x.tmpl:1:109: the template is too much work: more than 200000 steps"},
		{`{{define "a"}}{{template "a" .}}{{end}}{{template "a" .}}`, "x.tmpl:1:15: templates call each other more than 32 deep"},
		{`{{define "b"}}{{template "a" .}}{{end}}{{define "a"}}{{template "b" .}}{{end}}{{template "a" .}}`, "x.tmpl:1:15: templates call each other more than 32 deep"},
		{`{{range 120000}}0123456789{{end}}`, "x.tmpl: the text is longer than 1048576 bytes"},
		{`{{$s := "\\"}}{{range 100}}{{$s = json $s}}{{end}}`, "x.tmpl:1:35: the template makes too much text: more than 16777216 bytes"},
	} {
		tmpl, err := render.Compile("x.tmpl", []byte(c.src))
		if err != nil {
			t.Errorf("%s: %v", c.src, err)
			continue
		}
		text, err := tmpl.Render(data(t, digest), nil)
		var e *render.Error
		if text != "" || !errors.As(err, &e) || e.Error() != c.want {
			t.Errorf("%.60s:\n got %q, %v\nwant %s", c.src, text, err, c.want)
		}
	}
}

func TestSnippet(t *testing.T) {
	tmpl, err := render.Compile("x.tmpl", []byte("one\n  {{.output.nope}} two\nthree"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = tmpl.Render(map[string]any{}, nil)
	var e *render.Error
	if !errors.As(err, &e) || e.Snippet != "  {{.output.nope}} two" || e.Line != 2 {
		t.Errorf("got %#v", err)
	}
}

func TestDataThatIsNotJSON(t *testing.T) {
	tmpl, err := render.Compile("x.tmpl", []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	deep := any("x")
	for range 300 {
		deep = []any{deep}
	}
	for _, v := range []any{math.NaN(), struct{}{}, json.Number("1e999"), json.Number("x"), deep, []any{map[string]any{"a": make(chan int)}}} {
		if text, err := tmpl.Render(v, nil); err == nil {
			t.Errorf("%T: got %q, want an error", v, text)
		}
	}
}

func TestRenderingsDoNotShareABudget(t *testing.T) {
	tmpl, err := render.Compile("x.tmpl", []byte("{{range 120000}}{{end}}ok"))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	for range 4 {
		go func() {
			_, err := tmpl.Render(nil, nil)
			done <- err
		}()
	}
	for range 4 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// Whatever the template and the data: no panic, an error has its place inside
// the source, no Go syntax reaches the text, and the same again is the same.
func FuzzRender(f *testing.F) {
	for _, s := range []string{
		"{{.output.title}}", "{{range $i, $t := .output.tweets}}{{number $i}} {{$t.text}}\n{{end}}", `{{define "a"}}{{.}}{{end}}{{template "a" .output.n}}`,
		`{{with $x := .output}}{{json $x}}{{end}}`, "{{- .input -}}", `{{block "b" .}}{{len .output}}{{end}}`, "{{range}}", "{{nil}}", "{{1e1000}}", "{{'a'}}", "{{.output.tags | join `,` | upper | printf}}", "{{break}}", "{{(.).x}}", "{{1i}}",
	} {
		f.Add([]byte(s))
	}
	v := data(f, digest)
	f.Fuzz(func(t *testing.T, src []byte) {
		tmpl, err := render.Compile("x", src)
		if err == nil {
			var text, again string
			text, err = tmpl.Render(v, v)
			if len(text) > render.MaxText || strings.Contains(text, "<nil>") && !strings.Contains(string(src), "nil") {
				t.Fatalf("%q gave %.100q", src, text)
			}
			if again, _ = tmpl.Render(v, v); again != text {
				t.Fatalf("%q gave %.100q, then %.100q", src, text, again)
			}
		}
		var e *render.Error
		if err != nil && (!errors.As(err, &e) || e.Line > 1+strings.Count(string(src), "\n") || e.Message == "") {
			t.Fatalf("%q: %#v", src, err)
		}
	})
}

func BenchmarkRender(b *testing.B) {
	tmpl, err := render.Compile("x.tmpl", []byte("{{.output.title}}\n{{range $i, $t := .output.tweets}}{{number $i}} {{$t.text | truncate 80}}\n{{end}}"))
	if err != nil {
		b.Fatal(err)
	}
	v := data(b, digest)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := tmpl.Render(v, nil); err != nil {
			b.Fatal(err)
		}
	}
}
