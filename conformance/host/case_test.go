package host_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/plimsoll-dev/plimsoll/conformance/host"
	"github.com/plimsoll-dev/plimsoll/core/sandbox/wasmbin"
	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

var update = flag.Bool("update", false, "rewrite golden files")

// TestCases holds the table to its own rules: every case says what it is about,
// can be told from the others and asks for something.
func TestCases(t *testing.T) {
	ids, files := map[string]bool{}, map[string]string{}
	cases := host.Cases()
	if len(cases) < 150 {
		t.Errorf("there are only %d cases", len(cases))
	}
	codes := map[string]bool{}
	for _, c := range []abi.HostCode{abi.Fuel, abi.Deadline, abi.Cancelled, abi.OutOfMemory, abi.Stack, abi.Trap, abi.Exit, abi.Protocol, abi.OutputLimit, abi.UTF8, abi.Schema, abi.Capability} {
		codes[string(c)] = false
	}
	note := func(id string, e host.Expect) {
		if !e.OK && len(e.Codes) == 0 && len(e.GuestCodes) == 0 {
			t.Errorf("%s expects nothing: it cannot pass", id)
		}
		for _, c := range e.Codes {
			if _, ok := codes[c]; !ok {
				t.Errorf("%s expects %s, which is no host code", id, c)
			}
			codes[c] = true
		}
	}
	for _, c := range cases {
		if ids[c.ID] {
			t.Errorf("%s is there twice", c.ID)
		}
		ids[c.ID] = true
		sum := fmt.Sprintf("%x", sha256.Sum256(c.Wasm()))
		if other := files[sum]; other != "" && c.Churn == nil && !strings.HasPrefix(other, "load") && group(other) == group(c.ID) && strings.HasPrefix(c.ID, "stop.") {
			t.Errorf("%s is the same module as %s", c.ID, other)
		}
		files[sum] = c.ID
		if c.Title == "" || c.Says == "" || c.Section == "" || c.Do == "" {
			t.Errorf("%s does not say what it is about", c.ID)
		}
		note(c.ID, c.Admit)
		if c.Admit.OK && len(c.Calls) == 0 {
			t.Errorf("%s admits a module and never calls it", c.ID)
		}
		for i, call := range c.Calls {
			note(c.ID, call.Expect)
			if call.Expect.SameAs > i || call.Expect.DiffersAs > i {
				t.Errorf("%s: call %d is compared with one that comes later", c.ID, i+1)
			}
			if !json.Valid(call.Input) {
				t.Errorf("%s: the input of call %d is not JSON", c.ID, i+1)
			}
		}
		// What is to be admitted must at least be a module. Those that are too dear to
		// compile are left to the host.
		if c.Admit.OK && group(c.ID) != "compile" {
			if _, err := wasmbin.Decode(c.Wasm()); err != nil {
				t.Errorf("%s: the module cannot be read: %v", c.ID, err)
			}
		}
	}
	for c, seen := range codes {
		if !seen && c != "cancelled" {
			t.Errorf("no case expects code %s", c)
		}
	}
}

func group(id string) string { g, _, _ := strings.Cut(id, "."); return g }

// TestWrite compares the digests of all modules with a list in the tree: the kit
// is the same on every machine, and a change of it shows.
func TestWrite(t *testing.T) {
	one, two := t.TempDir(), t.TempDir()
	for _, dir := range []string{one, two} {
		if err := host.Write(dir); err != nil {
			t.Fatal(err)
		}
	}
	entries, err := os.ReadDir(one)
	if err != nil {
		t.Fatal(err)
	}
	var list strings.Builder
	for _, e := range entries {
		a, errA := os.ReadFile(filepath.Join(one, e.Name()))
		b, errB := os.ReadFile(filepath.Join(two, e.Name()))
		if errA != nil || errB != nil || !bytes.Equal(a, b) {
			t.Fatalf("%s differs from one time to the next: %v %v", e.Name(), errA, errB)
		}
		fmt.Fprintf(&list, "%x %s\n", sha256.Sum256(a), e.Name())
	}
	golden := filepath.Join("testdata", "digests.txt")
	if *update {
		if err := os.WriteFile(golden, []byte(list.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if list.String() != string(want) {
		t.Errorf("the kit's files changed: if that is meant, raise host.Version and rewrite %s by -update", golden)
	}
	var read struct {
		Cases []host.Case `json:"cases"`
	}
	raw, err := os.ReadFile(filepath.Join(one, "cases.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &read); err != nil || len(read.Cases) != len(host.Cases()) {
		t.Errorf("cases.json has %d cases, %v", len(read.Cases), err)
	}
	for _, c := range read.Cases {
		if c.Bounds.CallMillis == 0 || c.Bounds.RSSMiB == 0 || c.Bounds.AdmitMillis == 0 || c.Limits.TimeoutMS == 0 {
			t.Errorf("%s stands in cases.json without its bounds", c.ID)
		}
	}
}
