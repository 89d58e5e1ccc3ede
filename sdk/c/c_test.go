// Package c_test runs the example guest in C as a native program under
// sanitizers: the common cases, and random documents whose reading must equal
// Go's. It must not need more than a C compiler, and is skipped without one. The
// same guest as WASM is run by conformance.
//
//	go test ./sdk/c
package c_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/plimsoll-dev/plimsoll/sdk/canonjson"
)

// The ops that only test/native.c has.
const (
	opWrite = 100 // write what was read
	opHost  = 101 // call the host
)

// guest is a running test/native.c.
type guest struct {
	in  io.Writer
	out *bufio.Reader
}

func start(t *testing.T) *guest {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("stdin and stdout of C change line ends on Windows")
	}
	// go test sees what the test itself reads, not what a compiler does: without
	// this it would take an old answer out of its cache.
	for _, source := range []string{"plimsoll.h", "example/hello.c", "test/native.c"} {
		if _, err := os.ReadFile(source); err != nil {
			t.Fatal(err)
		}
	}
	bin := filepath.Join(t.TempDir(), "native")
	var tried []error
	for _, cc := range []string{"clang", "gcc", "cc"} {
		for _, flags := range [][]string{{"-fsanitize=address,undefined", "-fno-sanitize-recover=all"}, nil} {
			args := append([]string{"-std=c99", "-O1", "-g", "-Wall", "-Wextra", "-Wno-unknown-attributes", "-Wno-array-bounds", "-Werror", "-o", bin}, flags...)
			out, err := exec.Command(cc, append(args, "test/native.c")...).CombinedOutput()
			if err == nil {
				return run(t, bin)
			}
			if errors.Is(err, exec.ErrNotFound) {
				break
			}
			tried = append(tried, fmt.Errorf("%s %v: %w\n%s", cc, flags, err, out))
		}
	}
	if tried != nil {
		t.Fatal(errors.Join(tried...))
	}
	t.Skip("there is no C compiler here: install clang or gcc")
	return nil
}

func run(t *testing.T, bin string) *guest {
	t.Helper()
	cmd := exec.Command(bin)
	cmd.Env = append(os.Environ(), "ASAN_OPTIONS=detect_leaks=0") // there is no free, by design
	cmd.Stderr = os.Stderr
	in, errIn := cmd.StdinPipe()
	out, errOut := cmd.StdoutPipe()
	if err := errors.Join(errIn, errOut); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("the guest ended with %v", err)
		}
	})
	return &guest{in, bufio.NewReader(out)}
}

func (g *guest) call(t *testing.T, op int, input []byte) (answer []byte, failed bool) {
	t.Helper()
	if _, err := fmt.Fprintf(g.in, "%d %d\n%s", op, len(input), input); err != nil {
		t.Fatal(err)
	}
	var flag, n int
	if _, err := fmt.Fscanf(g.out, "%d %d\n", &flag, &n); err != nil {
		t.Fatalf("the guest did not answer %.200q: %v", input, err)
	}
	answer = make([]byte, n)
	if _, err := io.ReadFull(g.out, answer); err != nil {
		t.Fatal(err)
	}
	return answer, flag != 0
}

type expected struct {
	Name, Op, Before, Repeat, After string
	Times                           int
	Input, Answer                   json.RawMessage
	Base64                          []byte
	Error                           *struct {
		Code, Message string
		Retryable     bool
	}
	OrAnswer bool `json:"or_answer"`
}

// TestNative builds the guest once for all that is asked of it.
func TestNative(t *testing.T) {
	g := start(t)
	t.Run("cases", g.cases)
	t.Run("manifest", g.manifest)
	t.Run("lower", g.lower)
	t.Run("reads as Go", g.readsAsGo)
	t.Run("host", g.host)
}

func (g *guest) cases(t *testing.T) {
	ops := map[string]int{"describe": 0, "prepare": 1, "finish": 2, "check": 3, "render": 4, "run": 5}
	for _, file := range []string{"cases.json", "hostile.json"} {
		raw, err := os.ReadFile(filepath.Join("..", "testdata", "hello", file))
		if err != nil {
			t.Fatal(err)
		}
		var list []expected
		if err := json.Unmarshal(raw, &list); err != nil {
			t.Fatal(err)
		}
		for _, e := range list {
			t.Run(e.Name, func(t *testing.T) {
				input := []byte(e.Before + strings.Repeat(e.Repeat, e.Times) + e.After)
				if e.Input != nil {
					input = e.Input
				} else if e.Base64 != nil {
					input = e.Base64
				}
				answer, failed := g.call(t, ops[e.Op], input)
				e.compare(t, answer, failed)
			})
		}
	}
}

func (e expected) compare(t *testing.T, answer []byte, failed bool) {
	t.Helper()
	if !utf8.Valid(answer) || !json.Valid(answer) {
		t.Fatalf("got %q, which is no JSON in UTF-8", answer)
	}
	if e.OrAnswer && !failed {
		return
	}
	if e.Error == nil {
		got, errGot := canonjson.Transform(answer)
		want, errWant := canonjson.Transform(e.Answer)
		if err := errors.Join(errGot, errWant); err != nil || failed || !bytes.Equal(got, want) {
			t.Errorf("got  %s %v\nwant %s", got, err, want)
		}
		return
	}
	got := *e.Error
	got.Code, got.Message, got.Retryable = "", "", false
	if err := json.Unmarshal(answer, &got); err != nil {
		t.Fatal(err)
	}
	if e.Error.Message == "" {
		got.Message = ""
	}
	if !failed || got != *e.Error {
		t.Errorf("got %s, want the failure %+v", answer, *e.Error)
	}
}

// manifest compares what the guest says of itself with its section, which
// conformance reads out of the module: both come from one macro, so canonical
// form is what can go wrong.
func (g *guest) manifest(t *testing.T) {
	answer, failed := g.call(t, 0, []byte("{}"))
	canonical, err := canonjson.Transform(answer)
	if failed || err != nil || !bytes.Equal(answer, canonical) {
		t.Errorf("the manifest is not canonical: %s %v", answer, err)
	}
}

// lower asks the gate everybody about every letter that plim_lower knows.
func (g *guest) lower(t *testing.T) {
	for r := rune(1); r < 0x530; r++ {
		if r > 0x17f && r < 0x386 || r > 0x3ce && r < 0x400 {
			continue
		}
		in, err := json.Marshal(map[string]any{
			"gate":   "everybody",
			"input":  map[string]any{"people": []any{map[string]string{"name": string(r)}}},
			"output": map[string]any{"greetings": []any{map[string]string{"name": string(r), "text": string(unicode.ToLower(r))}}},
		})
		if err != nil {
			t.Fatal(err)
		}
		if answer, failed := g.call(t, 3, in); failed || string(answer) != `{"passed":true}` {
			t.Errorf("%U %c: the lower case is not %c: %s", r, r, unicode.ToLower(r), answer)
		}
	}
}

// readsAsGo mutates documents and compares: read where Go reads, refused
// where Go refuses, and the same value.
func (g *guest) readsAsGo(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	seeds := []string{
		`{"input":{"people":[{"name":"Zoë","known_for":"\u00e4\ud83c\udf37 \"tea\"\\"}]},"completion":"1: Hello\n2: \/ \b\f\r\t"}`,
		`[0,-1,1.5e+10,0.0,1E-7,true,false,null,"",[],{},[[[[]]]],{"a":{"b":[1,{"c":null}]}}]`,
		" { \"a\" : [ 1 , 2 ] , \"\u2028🌷王\" : \"\\ud800\\udc00 \\ud800 \\udc00\\ud800x\" }\r\n\t",
		`"eight by eight, then some more text without any escape at all, and \\ at \" the end"`,
	}
	pieces := []string{`"`, `\`, `\u`, `\ud83c`, `{`, `}`, `[`, `]`, `,`, `:`, `0`, `-`, `.`, `e`, `null`, " ", "\n", "\x00", "\x1f", "\x7f", "é", "\x80", "\xe2\x82", "🌷", "\xed\xa0\x80", "\xf4\x90\x80\x80"}
	read := 0
	for range 20000 {
		doc := []byte(seeds[rng.IntN(len(seeds))])
		for range 1 + rng.IntN(3) {
			at := rng.IntN(len(doc) + 1)
			end := min(len(doc), at+rng.IntN(3))
			piece := pieces[rng.IntN(len(pieces))]
			if rng.IntN(3) == 0 {
				piece = ""
			}
			doc = append(doc[:at:at], append([]byte(piece), doc[end:]...)...)
		}
		answer, failed := g.call(t, opWrite, doc)
		if want := json.Valid(doc) && utf8.Valid(doc); failed == want {
			t.Fatalf("%q: read is %t, Go says %t: %s", doc, !failed, want, answer)
		}
		if failed {
			continue
		}
		read++
		if a, b := decode(t, doc), decode(t, answer); !reflect.DeepEqual(a, b) {
			t.Fatalf("%q\nwas read and written as\n%q", doc, answer)
		}
	}
	if read < 1000 {
		t.Errorf("only %d documents were whole: the test says too little", read)
	}
}

func decode(t *testing.T, raw []byte) (v any) {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// host compares what the host is asked, and what comes of its yes, its no and of
// answers that are none.
func (g *guest) host(t *testing.T) {
	for says, want := range map[string]string{
		`0{"completion":"hi","value":[1.50],"result":{"a":null}}`: `[{"op":1,"payload":{"step":"draft","messages":[{"role":"user","content":"q"}]}},"hi",` +
			`{"op":2,"payload":{"key":"k"}},[1.50],` +
			`{"op":3,"payload":{"key":"k","value":-9223372036854775808}},{"op":3,"payload":{"key":"k","value":null}},` +
			`{"op":4,"payload":{"tool":"t","arguments":{}}},{"a":null}]`,
		`1{"code":"capability","message":"not granted"}`:             "capability: not granted (never)",
		`1{"code":"unavailable","message":"later","retryable":true}`: "unavailable: later (again)",
		`0{"completion":`: "failed: the host's answer cannot be read (never)",
		`0[]`:             "failed: the host's answer cannot be read (never)",
		`1`:               "failed: the host's answer cannot be read (never)",
	} {
		got, failed := g.call(t, opHost, []byte(says))
		if string(got) != want || failed != (want[0] != '[') {
			t.Errorf("the host says %s\ngot  %s\nwant %s", says, got, want)
		}
	}
}
