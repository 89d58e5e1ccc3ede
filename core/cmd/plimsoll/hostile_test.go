package main

import (
	"encoding/hex"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Modules of the tests of core/sandbox, by their assembler: a loop without an
// end, and one that takes all memory, writes to it, and then asks for more for
// ever.
const (
	moduleHead = "0061736d0100000001200660000060017f017f60037f7f7f017e60037f7f7f0060027f7f017f6000017f"
	oneGlobal  = "05030100020606017e0142000b073004066d656d6f727902000a706c696d5f6162695f3100000a706c696d5f616c6c6f63000109706c696d5f63616c6c0002"
	asksFinish = "00280d706c696d2e6d616e69666573747b22616269223a312c226f7073223a5b2266696e697368225d7d"
	spinning   = moduleHead + "03050400010200" + oneGlobal + "0a160402000b05004180080b080003400c000b000b02000b" + asksFinish
	hogging    = moduleHead + "03050400010200" + oneGlobal + "0a2d0402000b05004180080b1f0041fe0740001a410041074180808020fc0b000340410140001a0c000b000b02000b" + asksFinish
)

// TestHostileCode runs a project whose skill's code does not end, by the binary
// that users have: it is stopped, by name, in time, at a price that is bounded.
func TestHostileCode(t *testing.T) {
	for name, c := range map[string]struct{ module, limits, say string }{
		"spins, out of fuel": {spinning, "limits {\n fuel = 50000000\n}", "50000000 units of fuel"},
		"spins, out of time": {spinning, "limits {\n timeout = \"300ms\"\n}", "300ms"},
		"hogs memory":        {hogging, "limits {\n timeout = \"300ms\"\n}", "300ms"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := writeProject(dir, 0, "greet"); err != nil {
				t.Fatal(err)
			}
			module, err := hex.DecodeString(c.module)
			if err != nil {
				t.Fatal(err)
			}
			put := func(file, text string) {
				t.Helper()
				if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			change := func(file, from, to string) {
				t.Helper()
				raw, err := os.ReadFile(filepath.Join(dir, file))
				if err != nil || !strings.Contains(string(raw), from) {
					t.Fatalf("%s has no %q (%v)", file, from, err)
				}
				put(file, strings.Replace(string(raw), from, to, 1))
			}
			put("skills/greet/skill.wasm", string(module))
			change("skills/greet/skill.hcl", "output = \"output.schema.json\"", "output = \"output.schema.json\"\ncode = \"skill.wasm\"")
			put("limits.hcl", "skill \"greet\" {\n source = \"./skills/greet\"\n"+c.limits+"\n}\n")
			put("item.json", `{"name": "Ada", "place": "Bremen"}`)
			put("good.txt", `{"language": "de", "greeting": "Moin, Ada!"}`)
			if out, err := command(t, dir, "validate").CombinedOutput(); err != nil {
				t.Fatalf("validate: %v\n%s", err, out) // and the code is compiled
			}
			start := time.Now()
			cmd := command(t, dir, "try", "greet", "-i", filepath.Join(dir, "item.json"), "--completion", filepath.Join(dir, "good.txt"))
			out, err := cmd.CombinedOutput()
			took := time.Since(start)
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.Contains(string(out), c.say) {
				t.Errorf("plimsoll try ends with %v, want exit code 1 and %q\n%s", err, c.say, out)
			}
			t.Logf("the command took %s and %d MiB", took, maxResident(cmd)>>20)
			if took > 20*time.Second { // a busy machine; without a bound it would be for ever
				t.Errorf("the command took %s", took)
			}
			if most := maxResident(cmd); most > 400<<20 && !raced {
				t.Errorf("the command took %d MiB of memory", most>>20)
			}
		})
	}
}
