package splice_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/hcl/policyfile"
	"github.com/plimsoll-dev/plimsoll/hcl/splice"
	"pgregory.net/rapid"
)

const contract = `# the author's words
output = "output.schema.json" # behind

each "output.tweets" {
  id = "it.id"
  # about the summary
  gate "summary" {
    value     = "it.summary"
    max_chars = 280 # clusters
  }
  gate "short" { max_chars = 3 }
}

gate "decisions" {
  value     = "output.decisions"
  max_items = 3
}
`

func ref(words ...string) []splice.Ref {
	var out []splice.Ref
	for i := 0; i < len(words); i += 2 {
		out = append(out, splice.Ref{Type: words[i], Labels: []string{words[i+1]}})
	}
	return out
}

func TestEdits(t *testing.T) {
	grant := `skill "a" {
  source = "./a"
  grant {
    tools    = ["x.read", "y.write", "z"]
    readonly = ["only"]
  }
}
`
	inGrant := append(ref("skill", "a"), splice.Ref{Type: "grant"})
	for name, c := range map[string]struct {
		src  string
		edit func(src []byte) ([]byte, error)
		diff string // lines that begin with + or -
	}{
		"an attribute in a nested block": {contract, func(src []byte) ([]byte, error) {
			return splice.SetAttribute("f", src, ref("each", "output.tweets", "gate", "summary"), "fix", `"truncate"`)
		}, `+    fix       = "truncate"`},
		"an attribute in a block on one line": {contract, func(src []byte) ([]byte, error) {
			return splice.SetAttribute("f", src, ref("each", "output.tweets", "gate", "short"), "fix", `"truncate"`)
		}, `-  gate "short" { max_chars = 3 }
+  gate "short" {
+    max_chars = 3
+    fix       = "truncate"
+  }`},
		"an attribute that is there": {contract, func(src []byte) ([]byte, error) {
			return splice.SetAttribute("f", src, ref("gate", "decisions"), "max_items", "4")
		}, `-  max_items = 3
+  max_items = 4`},
		"a block in a block": {contract, func(src []byte) ([]byte, error) {
			return splice.AddBlock("f", src, ref("each", "output.tweets"), "gate \"one\" {\n  value = \"it.x\"\n  one_of = [\"a\"]\n}")
		}, `+
+  gate "one" {
+    value  = "it.x"
+    one_of = ["a"]
+  }`},
		"a block at the end": {contract, func(src []byte) ([]byte, error) {
			return splice.AddBlock("f", src, nil, "gate \"g\" {\n  links = 1\n}\n")
		}, `+
+gate "g" {
+  links = 1
+}`},
		"a file without an end of line": {`a = "1"`, func(src []byte) ([]byte, error) {
			return splice.AddBlock("f", src, nil, "gate \"g\" {\n}")
		}, `-a = "1"
+a = "1"
+
+gate "g" {
+}`},
		"a block goes": {contract, func(src []byte) ([]byte, error) {
			return splice.RemoveBlock("f", src, ref("gate", "decisions"))
		}, `-
-gate "decisions" {
-  value     = "output.decisions"
-  max_items = 3
-}`},
		"the first word": {grant, func(src []byte) ([]byte, error) { return splice.RemoveWord("f", src, inGrant, "tools", "x.read") },
			`-    tools    = ["x.read", "y.write", "z"]
+    tools    = ["y.write", "z"]`},
		"the last word": {grant, func(src []byte) ([]byte, error) { return splice.RemoveWord("f", src, inGrant, "tools", "z") },
			`-    tools    = ["x.read", "y.write", "z"]
+    tools    = ["x.read", "y.write"]`},
		"the only word": {grant, func(src []byte) ([]byte, error) { return splice.RemoveWord("f", src, inGrant, "readonly", "only") },
			`-    tools    = ["x.read", "y.write", "z"]
-    readonly = ["only"]
+    tools = ["x.read", "y.write", "z"]`},
	} {
		after, err := c.edit([]byte(c.src))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var changed []string
		for l := range strings.SplitSeq(policyfile.Diff([]byte(c.src), after, "f"), "\n") {
			if (strings.HasPrefix(l, "+") || strings.HasPrefix(l, "-")) && !strings.HasPrefix(l, "+++") && !strings.HasPrefix(l, "---") {
				changed = append(changed, l)
			}
		}
		if got := strings.Join(changed, "\n"); got != c.diff {
			t.Errorf("%s changes\n%s\nwant\n%s", name, got, c.diff)
		}
	}
}

// A file that is not in canonical form keeps its own, but for what is added.
func TestFormIsKept(t *testing.T) {
	src := "gate \"g\" {\r\n\tmax_chars=3   # three\r\n}\r\n"
	after, err := splice.SetAttribute("f", []byte(src), ref("gate", "g"), "fix", `"truncate"`)
	if err != nil {
		t.Fatal(err)
	}
	if want := "gate \"g\" {\r\n\tmax_chars=3   # three\r\n  fix = \"truncate\"\r\n}\r\n"; string(after) != want {
		t.Errorf("%q", after)
	}
}

func TestRefusals(t *testing.T) {
	for name, err := range map[string]error{
		"no such block": second(splice.SetAttribute("f", []byte(contract), ref("gate", "nothing"), "fix", "1")),
		"no such each":  second(splice.AddBlock("f", []byte(contract), ref("each", "output.x"), "gate \"g\" {\n}")),
		"nothing to go": second(splice.RemoveBlock("f", []byte(contract), ref("gate", "nothing"))),
	} {
		if !errors.Is(err, splice.ErrNoBlock) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, err := range map[string]error{
		"a file that is broken":     second(splice.AddBlock("f", []byte("gate {"), nil, "a {\n}")),
		"a block that is broken":    second(splice.AddBlock("f", []byte(contract), nil, "gate \"g\" {")),
		"an expression that is not": second(splice.SetAttribute("f", []byte(contract), ref("gate", "decisions"), "fix", "\"")),
		"no block named":            second(splice.SetAttribute("f", []byte(contract), nil, "fix", "1")),
		"a word that is not there":  second(splice.RemoveWord("f", []byte("g {\n  a = [\"b\"]\n}\n"), []splice.Ref{{Type: "g"}}, "a", "c")),
		"no list":                   second(splice.RemoveWord("f", []byte("g {\n  a = x\n}\n"), []splice.Ref{{Type: "g"}}, "a", "c")),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func second(_ []byte, err error) error { return err }

// Whatever the file: an edit parses, has what was added, and loses no other line.
func TestEditProperty(t *testing.T) {
	lines := rapid.SampledFrom([]string{"# word", "a = 1", "", "b = [\"x\",", "  \"y\"]", "gate \"g\" {", "}", "gate \"h\" { c = 1 }", "\tmax_chars=3", "/* x", "*/"})
	rapid.Check(t, func(t *rapid.T) {
		src := []byte(strings.Join(rapid.SliceOfN(lines, 0, 12).Draw(t, "lines"), rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(t, "eol")))
		for _, at := range [][]splice.Ref{nil, ref("gate", "g"), ref("gate", "h")} {
			after, err := splice.AddBlock("f", src, at, "added \"here\" {\n}")
			if err != nil {
				continue
			}
			if !splice.Has("f", after, append(at, splice.Ref{Type: "added", Labels: []string{"here"}})) {
				t.Fatalf("the block is not where it belongs:\n%s", after)
			}
			back, err := splice.RemoveBlock("f", after, append(at, splice.Ref{Type: "added", Labels: []string{"here"}}))
			if err != nil {
				t.Fatal(err)
			}
			if strings.Join(strings.Fields(string(back)), " ") != strings.Join(strings.Fields(string(src)), " ") {
				t.Fatalf("%q became %q", src, back)
			}
		}
	})
}

func FuzzEdit(f *testing.F) {
	f.Add([]byte(contract))
	f.Add([]byte("gate \"g\" { a = 1 }"))
	f.Fuzz(func(t *testing.T, src []byte) {
		for _, edit := range []func() ([]byte, error){
			func() ([]byte, error) { return splice.SetAttribute("f", src, ref("gate", "g"), "fix", `"drop"`) },
			func() ([]byte, error) { return splice.AddBlock("f", src, ref("gate", "g"), "a {\n}") },
			func() ([]byte, error) { return splice.RemoveBlock("f", src, ref("gate", "g")) },
		} {
			after, err := edit()
			if err != nil {
				continue
			}
			if _, diags := config.Format("f", after); diags.HasErrors() {
				t.Fatalf("the result cannot be read:\n%s", after)
			}
		}
	})
}
