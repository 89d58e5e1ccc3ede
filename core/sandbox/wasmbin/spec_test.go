package wasmbin_test

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/plimsoll-dev/plimsoll/core/sandbox/wasmbin"
)

var interpreter = flag.Bool("interpreter", false, "run the specification tests in the interpreter as well")

// script is a file of the WebAssembly specification tests, as wast2json writes it.
type script struct {
	Commands []struct {
		Type     string `json:"type"`
		Line     int    `json:"line"`
		Name     string `json:"name"`
		Filename string `json:"filename"`
		As       string `json:"as"`
		Kind     string `json:"module_type"`
		Text     string `json:"text"`
		Action   struct {
			Type   string      `json:"type"`
			Field  string      `json:"field"`
			Module string      `json:"module"`
			Args   []specValue `json:"args"`
		} `json:"action"`
	} `json:"commands"`
}

type specValue struct {
	Type  string          `json:"type"`
	Lane  string          `json:"lane_type"`
	Value json.RawMessage `json:"value"`
}

func specArg(v specValue) ([]uint64, error) {
	number := func(raw json.RawMessage, bits int) (uint64, error) {
		var s string
		if err := json.Unmarshal(raw, &s); err != nil {
			return 0, err
		}
		if s == "null" {
			return 0, nil
		}
		if n, err := strconv.ParseUint(s, 10, 64); err == nil {
			return n, nil
		}
		n, err := strconv.ParseInt(s, 10, 64)
		return uint64(n) & (math.MaxUint64 >> (64 - bits)), err
	}
	switch v.Type {
	case "i32", "f32":
		n, err := number(v.Value, 32)
		return []uint64{n}, err
	case "i64", "f64":
		n, err := number(v.Value, 64)
		return []uint64{n}, err
	case "externref", "funcref":
		n, err := number(v.Value, 64)
		return []uint64{n + 1}, err // 0 is null
	case "v128":
		bits := map[string]int{"i8": 8, "i16": 16, "i32": 32, "i64": 64, "f32": 32, "f64": 64}[v.Lane]
		var lanes []json.RawMessage
		if err := json.Unmarshal(v.Value, &lanes); err != nil {
			return nil, err
		}
		out := make([]uint64, 2)
		for i, raw := range lanes {
			n, err := number(raw, bits)
			if err != nil {
				return nil, err
			}
			out[i*bits/64] |= n << (i * bits % 64)
		}
		return out, nil
	}
	return nil, fmt.Errorf("the type %s", v.Type)
}

// corpus finds the specification tests that wazero's module carries.
func corpus(t testing.TB) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/tetratelabs/wazero").Output()
	dir := filepath.Join(strings.TrimSpace(string(out)), "internal", "integration_test", "spectest")
	if err != nil {
		t.Skipf("the module cache cannot be asked for wazero: %v", err)
	}
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("the specification tests are not in the module cache: %v", err)
	}
	return dir
}

// tally counts what became of the corpus.
type tally struct {
	modules, refused         int
	reasons                  map[string]int
	calls, traps, exhausted  int
	invalid, rejected, spare int
	yields                   int
}

// TestSpecification runs the WebAssembly specification tests before and after
// metering and wants the same results, traps and globals.
func TestSpecification(t *testing.T) {
	dir := corpus(t)
	configs := map[string]wazero.RuntimeConfig{"compiler": wazero.NewRuntimeConfigCompiler()}
	if *interpreter {
		configs["interpreter"] = wazero.NewRuntimeConfigInterpreter()
	}
	for name, config := range configs {
		for version, features := range map[string]api.CoreFeatures{"v1": api.CoreFeaturesV1, "v2": api.CoreFeaturesV2} {
			config := config.WithCoreFeatures(features)
			sum := &tally{reasons: map[string]int{}}
			files, err := filepath.Glob(filepath.Join(dir, version, "testdata", "*.json"))
			if err != nil || len(files) == 0 {
				t.Fatalf("no specification tests of %s: %v", version, err)
			}
			for _, file := range files {
				t.Run(name+"/"+version+"/"+strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
					runScript(t, file, name, config, sum)
				})
			}
			t.Logf("%s %s: %d modules ran before and after metering, %d refused; %d calls with equal results, %d with equal traps, %d that exhaust the stack; %d yields; of %d invalid modules %d were refused by Meter and %d by the engine after it",
				name, version, sum.modules, sum.refused, sum.calls, sum.traps, sum.exhausted, sum.yields, sum.invalid, sum.rejected, sum.spare)
			for _, why := range slices.Sorted(maps.Keys(sum.reasons)) {
				t.Logf("  refused: %s: %d", why, sum.reasons[why])
			}
			if sum.modules < 300 || sum.calls < 10_000 || sum.traps < 300 {
				t.Errorf("so little ran that the runner must be broken: %+v", sum)
			}
		}
	}
}

// pair is a module and its metered self.
type pair struct{ plain, metered *instance }

func runScript(t *testing.T, file, engine string, config wazero.RuntimeConfig, sum *tally) {
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var s script
	if err := json.Unmarshal(raw, &s); err != nil {
		t.Fatal(err)
	}
	plain, metered := newWorld(t, config), newWorld(t, config)
	spectest, err := os.ReadFile(filepath.Join(filepath.Dir(file), "..", "..", "testdata", "spectest.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range []*world{plain, metered} {
		if _, err := w.instantiate("spectest", spectest, nil); err != nil {
			t.Fatal(err)
		}
	}
	// A module that is registered later is instantiated under that name.
	as, last := map[int]string{}, -1
	byName := map[string]int{}
	for i, c := range s.Commands {
		switch c.Type {
		case "module":
			last = i
			byName[c.Name] = i
		case "register":
			at := last
			if c.Name != "" {
				at = byName[c.Name]
			}
			if as[at] == "" {
				as[at] = c.As
			}
		}
	}
	var current *pair
	var all []*pair
	named := map[string]*pair{}
	read := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join(filepath.Dir(file), name))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	start := func(name string, module []byte) (p *pair, refused bool, a, b error) {
		p = &pair{}
		m, err := wasmbin.Meter(module, wasmbin.Options{})
		if err != nil {
			sum.refused++
			sum.reasons[err.Error()]++
			return nil, true, nil, err
		}
		p.plain, a = plain.instantiate(name, module, nil)
		p.metered, b = metered.instantiate(name, m.Code, &m.Facts)
		return p, false, a, b
	}
	for i, c := range s.Commands {
		where := fmt.Sprintf("%s:%d", filepath.Base(file), c.Line)
		switch c.Type {
		case "module":
			p, refused, a, b := start(as[i], read(c.Filename))
			if refused {
				t.Logf("%s: %v", where, b)
				current = nil
				continue
			}
			if a != nil || b != nil {
				t.Fatalf("%s: %v, metered: %v", where, a, b)
			}
			sum.modules++
			current = p
			all = append(all, p)
			if c.Name != "" {
				named[c.Name] = p
			}
		case "assert_uninstantiable", "assert_unlinkable":
			if c.Kind == "text" {
				continue
			}
			_, refused, a, b := start("", read(c.Filename))
			if refused {
				continue
			}
			if (a == nil) != (b == nil) { // the engine lets some start that must not
				t.Errorf("%s: a module that must not start: %v, metered: %v", where, a, b)
			}
			if c.Type == "assert_uninstantiable" && reason(a) != reason(b) && !strings.Contains(reason(a), reason(b)) {
				t.Errorf("%s: %q, metered %q", where, reason(a), reason(b))
			}
		case "assert_invalid", "assert_malformed":
			if c.Kind == "text" {
				continue
			}
			sum.invalid++
			m, err := wasmbin.Meter(read(c.Filename), wasmbin.Options{})
			if err != nil {
				var e *wasmbin.Error
				if !errors.As(err, &e) {
					t.Errorf("%s: %v", where, err)
				}
				sum.rejected++
				continue
			}
			if _, err := metered.CompileModule(t.Context(), m.Code); err == nil {
				if _, plainErr := plain.CompileModule(t.Context(), read(c.Filename)); plainErr != nil {
					t.Errorf("%s: an invalid module (%s; %v) became a valid one", where, c.Text, plainErr)
				}
			}
			sum.spare++
		case "assert_return", "assert_trap", "assert_exhaustion", "action":
			p := current
			if c.Action.Module != "" {
				p = named[c.Action.Module]
			}
			if p == nil {
				continue
			}
			if c.Action.Type == "get" {
				a, b := p.plain.ExportedGlobal(c.Action.Field), p.metered.ExportedGlobal(c.Action.Field)
				if a.Get() != b.Get() {
					t.Errorf("%s: global %d, metered %d", where, a.Get(), b.Get())
				}
				sum.calls++
				continue
			}
			var args []uint64
			for _, v := range c.Action.Args {
				a, err := specArg(v)
				if err != nil {
					t.Fatalf("%s: %v", where, err)
				}
				args = append(args, a...)
			}
			for _, q := range all {
				q.metered.ready()
			}
			a, errA := p.plain.call(c.Action.Field, args...)
			b, errB := p.metered.call(c.Action.Field, args...)
			switch {
			case c.Type == "assert_exhaustion":
				// The interpreter ends recursion itself, at 2,000 calls.
				if errA == nil || !errors.Is(errB, errStack) && (engine == "compiler" || errB == nil) {
					t.Errorf("%s: exhaustion: %v, metered %v", where, errA, errB)
				}
				sum.exhausted++
				continue
			case reason(errA) != reason(errB):
				t.Errorf("%s: %s(%v): %v, metered %v", where, c.Action.Field, args, errA, errB)
				continue
			case (errA == nil) != (c.Type != "assert_trap"):
				t.Errorf("%s: %s: %v", where, c.Type, errA)
			}
			if errA != nil {
				sum.traps++
				continue
			}
			def := p.plain.ExportedFunction(c.Action.Field).Definition()
			if !slices.Equal(a, b) && !slices.Contains(def.ResultTypes(), api.ValueType(wasmbin.FuncRef)) {
				t.Errorf("%s: %s(%v) = %v, metered %v", where, c.Action.Field, args, a, b)
			}
			sum.calls++
		}
	}
	// The memories are the same, too.
	for _, p := range all {
		a, b := p.plain.ExportedMemory("memory"), p.metered.ExportedMemory("memory")
		if a == nil {
			continue
		}
		x, _ := a.Read(0, a.Size())
		y, _ := b.Read(0, b.Size())
		if !slices.Equal(x, y) {
			t.Errorf("%s: the memories differ", filepath.Base(file))
		}
	}
	sum.yields += metered.yields
}
