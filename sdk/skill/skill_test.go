package skill_test

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/plimsoll-dev/plimsoll/sdk/skill"
	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

var update = flag.Bool("update", false, "write the golden files anew")

type input struct {
	Names []string `json:"names"`
}

type output struct {
	Greetings []string `json:"greetings"`
}

var program = skill.Register(skill.Skill[input, output]{
	Name:    "greeter",
	Version: "1.0.0",
	Prepare: func(in input, turn skill.Turn) (skill.Prompt, error) {
		return skill.Prompt{Messages: []skill.Message{skill.System(turn.Step + turn.Done["draft"]), skill.User(strings.Join(in.Names, ","))}, State: in.Names}, nil
	},
	Finish: func(_ input, a skill.Answer) (output, error) {
		var names []string
		if err := a.State(&names); err != nil {
			return output{}, skill.Retry("no_state", "%v", err)
		}
		switch a.Completion {
		case "panic":
			panic("told to")
		case "plain":
			return output{}, errors.New("plain")
		case "empty":
			return output{}, &skill.Error{Message: "no code"}
		}
		return output{Greetings: append(names, a.Completion, a.Completions["draft"])}, nil
	},
	Check: map[string]skill.CheckFunc[input, output]{
		"all": func(in input, out output) (skill.Verdict, error) {
			if len(out.Greetings) < len(in.Names) {
				return skill.Fail("some are missing", in.Names[len(out.Greetings):]...), nil
			}
			return skill.Pass(), nil
		},
		"broken": func(input, output) (skill.Verdict, error) { return skill.Verdict{}, errors.New("cannot tell") },
	},
	Render: map[string]skill.RenderFunc[input, output]{
		"html": func(_ input, out output) (string, error) { return "<p>" + out.Greetings[0], nil },
	},
})

func TestProgram(t *testing.T) {
	for _, c := range []struct {
		op       abi.Op
		in, want string // want is the answer, or "!" and the failure
	}{
		{abi.OpDescribe, `{}`, `{"abi":1,"name":"greeter","version":"1.0.0","ops":["prepare","finish","check","render"],"gates":["all","broken"],"formats":["html"]}`},
		{abi.OpPrepare, `{"input":{"names":["a","b"]},"step":"copy","done":{"draft":"D"}}`, `{"messages":[{"role":"system","content":"copyD"},{"role":"user","content":"a,b"}],"state":["a","b"]}`},
		{abi.OpFinish, `{"input":{},"completion":"c","completions":{"draft":"d"},"state":["a"]}`, `{"output":{"greetings":["a","c","d"]}}`},
		{abi.OpFinish, `{"input":{},"completion":"c"}`, `!no_state: prepare gave no state (again)`},
		{abi.OpFinish, `{"input":{},"completion":"panic","state":[]}`, `!panic: finish panicked: told to`},
		{abi.OpFinish, `{"input":{},"completion":"plain","state":[]}`, `!failed: plain`},
		{abi.OpFinish, `{"input":{},"completion":"empty","state":[]}`, `!failed: : no code`},
		{abi.OpFinish, `{"input":[],"completion":"c"}`, `!bad_input: the input does not fit`},
		{abi.OpFinish, `{"completion":"c"}`, `!bad_input: the input is missing`},
		{abi.OpFinish, `nonsense`, `!bad_input: the payload does not fit`},
		{abi.OpCheck, `{"gate":"all","input":{"names":["a","b"]},"output":{"greetings":["x"]}}`, `{"passed":false,"reason":"some are missing","failed_ids":["b"]}`},
		{abi.OpCheck, `{"gate":"all","input":{"names":["a"]},"output":{"greetings":["x"]}}`, `{"passed":true}`},
		{abi.OpCheck, `{"gate":"broken","input":{},"output":{}}`, `!failed: cannot tell`},
		{abi.OpCheck, `{"gate":"al","input":{},"output":{}}`, `!unsupported_op: this skill's code has no gate "al"; it has ["all" "broken"]`},
		{abi.OpCheck, `{"gate":"all","input":{},"output":7}`, `!bad_input: the output does not fit`},
		{abi.OpRender, `{"format":"html","input":{},"output":{"greetings":["x"]}}`, `{"text":"<p>x"}`},
		{abi.OpRender, `{"format":"html","input":{},"output":{}}`, `!panic: render panicked: runtime error: index out of range`},
		{abi.OpRender, `{"format":"pdf","input":{},"output":{}}`, `!unsupported_op: this skill's code has no format "pdf"`},
		{abi.OpRun, `{}`, `!unsupported_op: this skill has no code for run`},
	} {
		raw, err := program.Call(c.op, []byte(c.in))
		got := string(raw)
		if err != nil {
			var e *skill.Error
			if !errors.As(err, &e) {
				t.Fatalf("%s %s: %T is no *skill.Error", c.op, c.in, err)
			}
			got = "!" + e.Error()
			if e.Retryable {
				got += " (again)"
			}
		} else if err := abi.CheckAnswer(c.op, raw); err != nil {
			t.Errorf("%s %s: a host would refuse %s: %v", c.op, c.in, raw, err)
		}
		if got != c.want && !(strings.HasPrefix(c.want, "!") && strings.HasPrefix(got, c.want)) {
			t.Errorf("%s %s:\n got %s\nwant %s", c.op, c.in, got, c.want)
		}
	}
	if m := program.Manifest(); m.Validate() != nil {
		t.Error(m.Validate())
	}
	if _, err := skill.Register(skill.Skill[input, chan int]{Finish: func(input, skill.Answer) (chan int, error) { return nil, nil }}).Call(abi.OpFinish, []byte(`{"input":{}}`)); err == nil {
		t.Error("a channel travelled as JSON")
	}
}

// TestModules lists every package that the SDK brings to an author, by parsing
// its files: it must be the standard library and this SDK.
func TestModules(t *testing.T) {
	const self = "github.com/plimsoll-dev/plimsoll/"
	seen := map[string]bool{}
	var visit func(pkg string)
	visit = func(pkg string) {
		if seen[pkg] {
			return
		}
		seen[pkg] = true
		dir, ours := strings.CutPrefix(pkg, self)
		if !ours {
			return
		}
		files, err := filepath.Glob(filepath.Join("..", "..", filepath.FromSlash(dir), "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("package %s has no files (%v)", pkg, err)
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
			if err != nil {
				t.Fatal(err)
			}
			for _, i := range f.Imports {
				path, err := strconv.Unquote(i.Path.Value)
				if err != nil {
					t.Fatal(err)
				}
				visit(path)
			}
		}
	}
	visit(self + "sdk/skill")
	list := slices.Sorted(maps.Keys(seen))
	for _, pkg := range list {
		if first, _, _ := strings.Cut(pkg, "/"); strings.Contains(first, ".") && !strings.HasPrefix(pkg, self+"sdk/") {
			t.Errorf("sdk/skill needs %s, which is neither the standard library nor the SDK", pkg)
		}
	}
	golden := filepath.Join("testdata", "packages.golden")
	got := strings.Join(list, "\n") + "\n"
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the packages are\n%swant\n%s(go test ./sdk/skill -update)", got, want)
	}
}

func ExampleRegister() {
	type in struct{ Text string }
	p := skill.Register(skill.Skill[in, string]{
		Finish: func(in in, a skill.Answer) (string, error) { return strings.ToUpper(a.Completion), nil },
	})
	out, err := p.Call(abi.OpFinish, json.RawMessage(`{"input":{"text":"hi"},"completion":"done"}`))
	fmt.Println(string(out), err)
	// Output: {"output":"DONE"} <nil>
}
