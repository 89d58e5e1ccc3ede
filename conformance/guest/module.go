package guest

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/plimsoll-dev/plimsoll/conformance/report"
	"github.com/plimsoll-dev/plimsoll/core/sandbox/wasmbin"
	"github.com/plimsoll-dev/plimsoll/sdk/canonjson"
	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

const (
	inExports  = "sdk/ABI.md, Exports"
	inImports  = "sdk/ABI.md, Imports"
	inCall     = "sdk/ABI.md, A call"
	inOps      = "sdk/ABI.md, Ops"
	inFailures = "sdk/ABI.md, Failures"
	inManifest = "sdk/ABI.md, Manifest"
	inChanges  = "sdk/ABI.md, Changes"
)

// moduleQuestions look at the module's bytes and run nothing.
func moduleQuestions() []question {
	decoded := func(f func(*wasmbin.Module) finding) func(*kit) finding {
		return func(k *kit) finding {
			m, err := wasmbin.Decode(k.subject.bytes)
			if err != nil {
				return fail("%v", err)
			}
			return f(m)
		}
	}
	list := []question{
		{id: "module.core", title: "one core WASM module", says: "A skill's code is one core WASM module (not a component).", section: "sdk/ABI.md",
			do: "Build for wasm32 as a core module; for Go: GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared.", ask: func(k *kit) finding {
				if err := abi.CheckHeader(k.subject.bytes); err != nil {
					return fail("%v", err)
				}
				m, err := wasmbin.Decode(k.subject.bytes)
				if err != nil {
					return fail("%v", err)
				}
				return pass("%d functions in %d bytes", len(m.Funcs), len(k.subject.bytes))
			}},
		{id: "module.marker", title: "the version can be read without running code", says: "plim_abi_1: () -> (); a marker that says the version and is never called.", section: inExports,
			do: "Export a function plim_abi_1 that takes and gives nothing.", ask: decoded(func(m *wasmbin.Module) finding {
				return exported(m, map[string]string{abi.Marker: "() -> ()"})
			})},
		{id: "module.exports", title: "the functions that hosts call", says: "plim_alloc: (i32) -> i32; plim_call: (op i32, ptr i32, len i32) -> i64; optional _initialize: () -> ().", section: inExports,
			do: "Export the functions with these names and types.", ask: decoded(func(m *wasmbin.Module) finding {
				want := map[string]string{abi.Alloc: "(i32) -> (i32)", abi.Call: "(i32, i32, i32) -> (i64)"}
				if slices.ContainsFunc(m.Exports, func(e wasmbin.Export) bool { return e.Name == abi.Initialize }) {
					want[abi.Initialize] = "() -> ()"
				}
				return exported(m, want)
			})},
		{id: "module.memory", title: "one memory, exported", says: "memory: the only one.", section: inExports,
			do: "Export the memory under the name memory; build without threads, memory64 and imported memory.", ask: decoded(func(m *wasmbin.Module) finding {
				at := slices.IndexFunc(m.Exports, func(e wasmbin.Export) bool {
					return e.Name == abi.Memory && e.Kind == wasmbin.MemoryExtern
				})
				if len(m.Memories) != 1 || at < 0 {
					return fail("there are %d memories, and %s exported under the name memory", len(m.Memories), map[bool]string{true: "one is", false: "none is"}[at >= 0])
				}
				return pass("it begins with %d pages of 64 KiB", m.Memories[0].Min)
			})},
		{id: "module.imports", title: "imports of plim and WASI alone", says: "A module that imports anything else is refused, by name.", section: inImports,
			do: "Take out what needs these imports, or link it with a stub.", ask: decoded(foreign)},
		{id: "module.reserved", title: "no name of the host's is taken", says: "Names that begin with __plim belong to hosts; a module that exports one is refused.", section: inExports,
			do: "Name these exports otherwise.", ask: decoded(func(m *wasmbin.Module) finding {
				for _, e := range m.Exports {
					if strings.HasPrefix(e.Name, wasmbin.Reserved) {
						return fail("it exports %s", e.Name)
					}
				}
				return pass("none of its %d exports", len(m.Exports))
			})},
		{id: "module.admitted", title: "the sandbox admits it", says: "The host makes an instance and calls _initialize, within its limits.", section: inCall,
			do: "Read the message: it says what the module is or lacks.", ask: func(k *kit) finding {
				if k.refused != nil {
					return fail("%v", k.refused)
				}
				return pass("%s", k.code.Digest())
			}},
	}
	for i := range list {
		list[i].needsModule = list[i].id != "module.admitted"
	}
	return list
}

// exported compares types of exported functions.
func exported(m *wasmbin.Module, want map[string]string) finding {
	var wrong []string
	for name, signature := range want {
		at := slices.IndexFunc(m.Exports, func(e wasmbin.Export) bool { return e.Name == name })
		switch {
		case at < 0:
			wrong = append(wrong, fmt.Sprintf("%s is missing", name))
		case m.Exports[at].Kind != wasmbin.FuncExtern:
			wrong = append(wrong, fmt.Sprintf("%s is not a function", name))
		default:
			if got := signatureOf(m, m.Exports[at].Index); got != signature {
				wrong = append(wrong, fmt.Sprintf("%s is %s, not %s", name, got, signature))
			}
		}
	}
	if wrong != nil {
		slices.Sort(wrong)
		return fail("%s", strings.Join(wrong, "; "))
	}
	return pass("as it should be")
}

// signatureOf writes the type of a function; the index counts imports first.
func signatureOf(m *wasmbin.Module, index uint32) string {
	var types []uint32
	for _, i := range m.Imports {
		if i.Kind == wasmbin.FuncExtern {
			types = append(types, i.Func)
		}
	}
	types = append(types, m.Funcs...)
	if int(index) >= len(types) || int(types[index]) >= len(m.Types) {
		return "a function that is not there"
	}
	t := m.Types[types[index]]
	names := func(values []wasmbin.ValueType) string {
		out := make([]string, len(values))
		for i, v := range values {
			out[i] = map[wasmbin.ValueType]string{0x7f: "i32", 0x7e: "i64", 0x7d: "f32", 0x7c: "f64", 0x7b: "v128"}[v]
		}
		return strings.Join(out, ", ")
	}
	if len(t.Params)+len(t.Results) == 0 {
		return "() -> ()"
	}
	return fmt.Sprintf("(%s) -> (%s)", names(t.Params), names(t.Results))
}

func foreign(m *wasmbin.Module) finding {
	var wrong []string
	seen := map[string]bool{}
	for _, i := range m.Imports {
		name := i.Module + "." + i.Name
		switch {
		case i.Kind != wasmbin.FuncExtern:
			wrong = append(wrong, name+" is no function")
		case i.Module == abi.HostModule && slices.Contains([]string{"log", "host", "host_read"}, i.Name), i.Module == "wasi_snapshot_preview1":
			seen[name] = true
		default:
			wrong = append(wrong, name)
		}
	}
	if wrong != nil {
		return fail("it imports %s", strings.Join(wrong, ", "))
	}
	return pass("%d functions", len(seen))
}

// manifestQuestions are about what the module says of itself.
func manifestQuestions() []question {
	return []question{
		{id: "manifest.there", title: "it says what it is", says: "Custom section plim.manifest, or an answer to op describe.", section: inManifest, needsCode: true,
			do: "Let the SDK write the section or answer describe; without either, hosts ask for check and render only.", ask: func(k *kit) finding {
				if !k.declared {
					return fail("there is no section plim.manifest, and op describe is not answered")
				}
				return pass("%s, with %s", orNothing(k.manifest.Name), strings.Join(k.manifest.Ops, ", "))
			}},
		{id: "manifest.section", title: "the section is valid canonical JSON", says: "At most once, at most 1 MiB: canonical JSON (RFC 8785).", section: inManifest,
			do: "Write the section by the SDK's tool, or by abi.WithManifest.", ask: section},
		{id: "manifest.same", title: "section and describe say the same", says: "A host that finds no section calls describe and takes the answer for the manifest.", section: inManifest, needsCode: true,
			do: "Write both from one source: a host that reads the one must not learn other things than a host that asks for the other.", ask: describeSame},
		{id: "manifest.self_tests", title: "its self-tests hold", says: "self_tests are calls whose answers the author vouches for.", section: inManifest,
			do: "Mend the code, or the self-test.", ask: selfTests},
	}
}

func orNothing(s string) string {
	if s == "" {
		return "without a name"
	}
	return s
}

// body is the content of the section, nil when there is none.
func body(module []byte) ([]byte, int) {
	m, err := wasmbin.Decode(module)
	if err != nil {
		return nil, 0
	}
	var out []byte
	n := 0
	for _, c := range m.Custom {
		if c.Name == abi.Section {
			out, n = c.Data, n+1
		}
	}
	return out, n
}

func section(k *kit) finding {
	raw, n := body(k.subject.bytes)
	if n == 0 {
		return skip("there is no section: op describe is asked instead")
	}
	if _, _, err := abi.ReadManifest(k.subject.bytes); err != nil {
		return fail("%v", err)
	}
	canonical, err := canonjson.Transform(raw)
	if err != nil {
		return fail("%v", err)
	}
	if string(canonical) != string(raw) {
		return fail("it is JSON, but not in its canonical form: it should be %.200s", canonical)
	}
	return pass("%d bytes", len(raw))
}

func describeSame(k *kit) finding {
	raw, n := body(k.subject.bytes)
	o := k.call(call{"describe", abi.OpDescribe, []byte("{}")}, false)
	switch {
	case n == 0:
		return skip("there is no section")
	case o.err != nil && o.err.Guest && o.err.Code == abi.CodeUnsupported:
		return skip("op describe is not answered; the section says it all")
	case o.err != nil:
		return fail("describe: %s", o.says())
	}
	a, errA := canonjson.Transform(raw)
	b, errB := canonjson.Transform(o.answer)
	if err := errors.Join(errA, errB); err != nil {
		return fail("%v", err)
	}
	if string(a) != string(b) {
		return fail("the section says %.300s and describe says %.300s", a, b)
	}
	return pass("the same")
}

// selfTests runs them once more. A sandbox that runs them at admission refuses
// the module because of them, and its message says which.
func selfTests(k *kit) finding {
	if k.refused != nil {
		if m, ok, err := abi.ReadManifest(k.subject.bytes); err == nil && ok && len(m.SelfTests) > 0 {
			return fail("%v", k.refused)
		}
		return skip("the code was not admitted: see guest.module.admitted")
	}
	if len(k.manifest.SelfTests) == 0 {
		return skip("it has none")
	}
	for i, t := range k.manifest.SelfTests {
		op, ok := abi.ParseOp(t.Op)
		if !ok {
			return fail("self-test %d asks for %q, which is no op", i+1, t.Op)
		}
		o := k.call(call{"a self-test", op, t.Input}, false)
		if o.err != nil {
			return fail("self-test %d: %s", i+1, o.says())
		}
		want, errA := canonjson.Transform(t.Output)
		got, errB := canonjson.Transform(o.answer)
		if err := errors.Join(errA, errB); err != nil {
			return fail("self-test %d: %v", i+1, err)
		}
		if string(want) != string(got) {
			return fail("self-test %d: answered %.200s, not %.200s", i+1, got, want)
		}
	}
	return pass("all %d", len(k.manifest.SelfTests))
}

// failureQuestions look back at every failure that the guest said while it was
// tested, so they come last.
func failureQuestions() []question {
	return []question{{
		id: "failure.shape", title: "its failures have a code of its own and a message", needsCode: true,
		says:    "The answer is {code, message, retryable?, detail?}; code is lower case words with underscores. What hosts report are codes of their own, which guests cannot produce.",
		section: inFailures, do: "Use codes such as bad_input and no_such_date, and say in the message what is wrong.", ask: failureShape,
	}}
}

func failureShape(k *kit) finding {
	if len(k.failures) == 0 {
		// Asked alone, it makes a failure itself.
		k.call(call{"op 4242", 4242, []byte(`{}`)}, false)
		k.call(call{"no input", abi.OpFinish, nil}, false)
	}
	if len(k.failures) == 0 {
		return finding{status: report.Skip, saw: "it never failed"}
	}
	host := []abi.HostCode{abi.Fuel, abi.Deadline, abi.Cancelled, abi.OutOfMemory, abi.Stack, abi.Trap, abi.Exit, abi.Protocol, abi.OutputLimit, abi.UTF8, abi.Schema}
	codes := map[string]bool{}
	for _, f := range k.failures {
		codes[f.err.Code] = true
		switch {
		case !words(f.err.Code):
			return fail("%s fails with the code %q, which is not lower case words with underscores", f.call, f.err.Code)
		case slices.Contains(host, abi.HostCode(f.err.Code)):
			return fail("%s fails with the code %q, which is one of the host's", f.call, f.err.Code)
		case strings.TrimSpace(f.err.Message) == "":
			return fail("%s fails with code %s and without a message", f.call, f.err.Code)
		}
	}
	return pass("%d failures, with %s", len(k.failures), strings.Join(sortedKeys(codes), ", "))
}

func sortedKeys(m map[string]bool) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

func words(code string) bool {
	if code == "" || code[0] < 'a' || code[0] > 'z' {
		return false
	}
	for _, c := range code {
		if c != '_' && (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// endedBy tells of a call that the host had to end.
func endedBy(name string, o outcome) finding {
	return fail("%s: the host had to end it with code %s: %.300s", name, o.err.Code, o.err.Message)
}
