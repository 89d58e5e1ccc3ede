package script

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
	"github.com/plimsoll-dev/plimsoll/sdk/typescript"
)

func files(pairs ...string) fstest.MapFS {
	m := fstest.MapFS{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = &fstest.MapFile{Data: []byte(pairs[i+1])}
	}
	return m
}

// TestImports: what may be imported, and in which ways it may be written.
func TestImports(t *testing.T) {
	p, err := Bundle(files(
		"code/skill.ts", `import { skill } from "@plimsoll/skill";
import { a } from "./a";
import { b } from "./b.js";
import { c } from "../lib/c.mts";
import d, { later } from "../lib";
import data from "./data.json";
import alsoData from "./data";
import text from "./text.md";
import odd from "./odd.csv" with { type: "text" };
import raw from "./data.json" with { type: "text" };
import type { Nothing } from "./types-only";
enum Kind { One = 1 }
const n: Nothing | number = Kind.One satisfies number;
export default skill({ run: async () => [a, b, c, d, later(), data.x, alsoData.x, text, odd, raw, n, (await import("./lazy.ts")).default] });
`,
		"code/a.ts", `export const a = "a" as const;`,
		"code/b.ts", `export const b: string = "b";`,
		"code/lazy.ts", `export default "lazy";`,
		"code/types-only.ts", `export interface Nothing {}`,
		"lib/c.mts", `export const c = "c";`,
		"lib/index.ts", `import { a } from "../code/a.js"; export default "d"; export const later = () => a + "2";`,
		"code/data.json", `{"x": [1]}`,
		"code/text.md", "# ü\n",
		"code/odd.csv", "1;2\n",
		"unused.ts", `syntax error here`,
	), "code/skill.ts")
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"code/a.ts", "code/b.ts", "code/data.json", "code/lazy.ts", "code/odd.csv", "code/skill.ts", "code/text.md", "lib/c.mts", "lib/index.ts"}; !reflect.DeepEqual(p.Files, want) {
		t.Errorf("read %v, want %v", p.Files, want)
	}
	l, err := load(t, p)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := must(l.call(t, abi.OpRun, `{"input":1}`)), `{"output":["a","b","c","d","a2",[1],[1],"# ü\n","1;2\n","{\"x\": [1]}",1,"lazy"]}`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	for i, c := range p.Code {
		if c > 126 {
			t.Fatalf("byte %d of the bundle is %d, not ASCII: columns of stack traces would be wrong", i, c)
		}
	}
}

func TestDigest(t *testing.T) {
	one := files("skill.ts", "export default 1;", "a.ts", "")
	digestOf := func(fsys fs.FS) string {
		p, err := Bundle(fsys, "skill.ts")
		if err != nil {
			t.Fatal(err)
		}
		return p.Digest
	}
	first := digestOf(one)
	one["a.ts"].Data = []byte("export const unused = 1;")
	if digestOf(one) != first {
		t.Error("a file that is not imported changes the digest")
	}
	one["skill.ts"].Data = []byte("\nexport default 1;")
	if digestOf(one) == first {
		t.Error("a line more, which moves every place in a failure, does not change the digest")
	}
	for range 20 { // esbuild works with several goroutines
		if a, b := digestOf(one), digestOf(one); a != b {
			t.Fatalf("the same files give %s and %s", a, b)
		}
	}
}

// TestTrouble: every way to be wrong says where, and what to do.
func TestTrouble(t *testing.T) {
	for name, c := range map[string]struct{ code, want string }{
		"syntax":          {"const a = ;\n", "skill.js:1:11: Unexpected \";\".\n  1 | const a = ;\n    |           ^"},
		"a package":       {"\nimport x from \"lodash\";", "skill.js:2:15: \"lodash\" is a package, and packages are not looked for.\n  2 | import x from \"lodash\";\n    |               ^\nFor a file of the skill's folder write \"./lodash\". To use a package, copy its file for browsers"},
		"the file system": {`import { readFileSync } from "node:fs";`, `skill.js:1:30: "node:fs" is a module of Node, which a skill does not have.` + "\n  1 | import { readFileSync } from \"node:fs\";\n    |                              ^\nA skill has no files; import the text of a file"},
		"the network":     {`import http from "https";`, `A skill has no network; what it needs to know comes with its input, or by host.tool.call in run.`},
		"another part":    {`import p from "fs/promises";`, `"fs/promises" is a module of Node`},
		"a process":       {`import { exec } from "child_process";`, `A skill starts no other program.`},
		"require":         {`const fs = require("fs");`, `skill.js:1:20: "fs" is a module of Node`},
		"an address":      {`import x from "https://esm.sh/lodash";`, `cannot be imported: a skill has no network, neither when it is built nor when it runs.`},
		"an SDK":          {`import x from "@plimsoll/sdk";`, `"@plimsoll/sdk" is not there; the SDK is "@plimsoll/skill".`},
		"absolute":        {`import x from "/etc/passwd";`, `"/etc/passwd" is an absolute path.`},
		"above":           {`import x from "../other/skill.ts";`, `"../other/skill.ts" leads out of the skill's folder.`},
		"far above":       {`import x from "./a/../../b.ts";`, `leads out of the skill's folder.`},
		"missing":         {`import x from "./helper";`, `there is no file "helper" in the skill's folder.`},
		"a folder":        {`import x from "./folder";`, `there is no file "folder" in the skill's folder.`},
		"JSX":             {`import x from "./x.tsx";`, `"x.tsx" has JSX, which skills do not have.`},
		"CommonJS":        {`import x from "./x.cjs";`, `"x.cjs" is a CommonJS module.`},
		"WASM":            {`import x from "./x.wasm";`, `"x.wasm" is a WASM module; a script cannot load one.`},
		"an image":        {`import x from "./x.png";`, `"x.png" is neither TypeScript, JavaScript, JSON, .md nor .txt.`},
		"a type":          {`import x from "./x.png" with { type: "bytes" };`, `"x.png" is imported with {type: "bytes"}, which is not known.`},
		"bad JSON":        {`import x from "./bad.json"; export default x;`, `bad.json:1:`},
		"a missing name":  {`import { nope } from "@plimsoll/skill"; export default nope;`, `No matching export in "plimsoll:@plimsoll/skill" for import "nope".`},
		"await":           {"await 1;\nexport default 1;", `Await inside of a handler`},
		"too large":       {`import "./large.js";`, `"large.js" has 2048 KiB; at most 1024 are taken.`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Bundle(files("skill.js", c.code, "x.tsx", "", "x.cjs", "", "x.wasm", "", "x.png", "", "bad.json", "{", "large.js", strings.Repeat("a", 2<<20), "folder/other.ts", ""), "skill.js")
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("got %v, which is no *Error", err)
			}
			if !strings.Contains(e.Text(), c.want) {
				t.Errorf("got\n%s\nwant\n%s", e.Text(), c.want)
			}
			if e.File == "" || e.Message == "" {
				t.Errorf("%+v does not say where or what", e)
			}
		})
	}
	_, err := Bundle(files("skill.js", "import a from \"left-pad\";\nimport b from \"node:os\";\n"), "skill.js")
	if err == nil || !strings.Contains(err.Error(), "left-pad") || !strings.Contains(err.Error(), "node:os") {
		t.Errorf("of two errors it says %v", err)
	}
	for _, entry := range []string{"missing.ts", "../skill.ts", "/skill.ts", "folder", "skill.tsx", "skill.py", ""} {
		_, err := Bundle(files("folder/a.ts", "", "skill.tsx", "", "skill.py", "import os"), entry)
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("entry %q: %v", entry, err)
		}
	}
}

// TestOnlyTheFolder: nothing outside is read, whatever stands there, and links
// are not followed.
func TestOnlyTheFolder(t *testing.T) {
	dir := t.TempDir()
	put := func(name, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	put("outside.ts", `export default "secret";`)
	put("tsconfig.json", `{"compilerOptions":{"paths":{"lodash":["./outside.ts"]},"jsx":"broken"}}`)
	put("node_modules/lodash/index.js", `export default "secret";`)
	put("skill/node_modules/lodash/package.json", `{"main":"index.js"}`)
	put("skill/node_modules/lodash/index.js", `export default "near";`)
	put("skill/tsconfig.json", `{"compilerOptions":{"paths":{"lodash":["../outside.ts"]}}}`)
	put("skill/skill.ts", `import x from "lodash"; export default x;`)
	put("skill/near.ts", `import x from "./node_modules/lodash/index.js"; export default x;`)
	at := os.DirFS(filepath.Join(dir, "skill"))
	if _, err := Bundle(at, "skill.ts"); err == nil || !strings.Contains(err.Error(), `"lodash" is a package`) {
		t.Errorf("a package gives %v", err)
	}
	if p, err := Bundle(at, "near.ts"); err != nil || !strings.Contains(string(p.Code), `"near"`) || strings.Contains(string(p.Code), "secret") {
		t.Errorf("a package's file by its path gives %v", err)
	}
	if runtime.GOOS == "windows" {
		return // links need a privilege there
	}
	for name, target := range map[string]string{"link.ts": "../outside.ts", "folder": ".."} {
		if err := os.Symlink(target, filepath.Join(dir, "skill", name)); err != nil {
			t.Fatal(err)
		}
	}
	put("skill/a.ts", `import x from "./link"; export default x;`)
	put("skill/b.ts", `import x from "./folder/outside"; export default x;`)
	for _, entry := range []string{"a.ts", "b.ts", "link.ts"} {
		if _, err := Bundle(at, entry); err == nil || !strings.Contains(err.Error(), "is a symbolic link") {
			t.Errorf("%s gives %v", entry, err)
		}
	}
}

// opens is a file system of files without folders and without Lstat, as a
// loader of skills hands it over.
type opens struct{ fstest.MapFS }

func (o opens) Open(name string) (fs.File, error) {
	if _, ok := o.MapFS[name]; !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return o.MapFS.Open(name)
}

func TestPlainFS(t *testing.T) {
	var plain struct{ fs.FS } // hides every method but Open
	plain.FS = opens{files("code/skill.ts", `import a from "./lib/a"; export default a;`, "code/lib/a.js", `export default 1;`)}
	if _, err := Bundle(plain, "code/skill.ts"); err != nil {
		t.Error(err)
	}
}

// TestSDK: the types tell of everything that the SDK exports, and of nothing
// else.
func TestSDK(t *testing.T) {
	p, err := Bundle(files("skill.ts", `import * as sdk from "@plimsoll/skill"; export default sdk.skill({ run: () => Object.keys(sdk).sort() });`), "skill.ts")
	if err != nil {
		t.Fatal(err)
	}
	l, err := load(t, p)
	if err != nil {
		t.Fatal(err)
	}
	got := must(l.call(t, abi.OpRun, `{"input":1}`))
	if want := `{"output":["SkillError","assistant","fail","failure","host","pass","retry","skill","system","user"]}`; got != want {
		t.Errorf("the SDK exports %s, want %s", got, want)
	}
	for _, name := range []string{"class SkillError", "function assistant(", "function fail(", "function failure(", "const host:", "function pass(", "function retry(", "function skill<", "function system(", "function user("} {
		if !strings.Contains(typescript.Types(), "export "+name) {
			t.Errorf("the types lack %s", name)
		}
	}
}

func BenchmarkBundle(b *testing.B) {
	at := os.DirFS("../../../sdk/typescript/example")
	for b.Loop() {
		if _, err := Bundle(at, "skill.ts"); err != nil {
			b.Fatal(err)
		}
	}
}
