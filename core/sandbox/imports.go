package sandbox

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tetratelabs/wazero/api"

	"github.com/plimsoll-dev/plimsoll/core/sandbox/wasmbin"
	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

const (
	i32 = api.ValueTypeI32
	i64 = api.ValueTypeI64

	wasiModule = "wasi_snapshot_preview1"
)

// checkImports compares a module's imports with what its profile offers. The
// message names what was asked for and is not there.
func checkImports(f *wasmbin.Facts, p profile) error {
	offered := p.offers()
	for _, i := range f.Imports {
		if i.Kind != wasmbin.FuncExtern {
			return fail(abi.Capability, fmt.Sprintf("the module imports the %s %s.%s; only functions can be imported", i.Kind, i.Module, i.Name))
		}
		functions, known := offered[i.Module]
		want, ok := functions[i.Name]
		switch {
		case ok && !sameSignature(i.Func, want):
			return fail(abi.Capability, fmt.Sprintf("the module imports %s.%s%s; the host has %s.%s%s", i.Module, i.Name, i.Func, i.Module, i.Name, want.signature()))
		case ok:
		case i.Module == wasiModule && known:
			return fail(abi.Capability, fmt.Sprintf("the module imports %s.%s, which WASI preview 1 does not have", i.Module, i.Name))
		case known:
			return fail(abi.Capability, fmt.Sprintf("the module imports %s.%s; %s has %s", i.Module, i.Name, i.Module, list(slices.Sorted(maps.Keys(functions)))))
		case i.Module == "env" || strings.HasPrefix(i.Module, "extism:"):
			return fail(abi.Capability, fmt.Sprintf("the module imports %s.%s: it is made for another host; a skill imports from plim (see sdk/ABI.md)", i.Module, i.Name))
		default:
			return fail(abi.Capability, fmt.Sprintf("the module imports %s.%s; a skill may import from %s only", i.Module, i.Name, list(slices.Sorted(maps.Keys(offered)))))
		}
	}
	return nil
}

func sameSignature(t wasmbin.FuncType, f hostFunc) bool {
	same := func(a []wasmbin.ValueType, b []api.ValueType) bool {
		return slices.EqualFunc(a, b, func(a wasmbin.ValueType, b api.ValueType) bool { return byte(a) == b })
	}
	return same(t.Params, f.params) && same(t.Results, f.results)
}

func (f hostFunc) signature() string {
	types := func(all []api.ValueType) (out []wasmbin.ValueType) {
		for _, t := range all {
			out = append(out, wasmbin.ValueType(t))
		}
		return out
	}
	return wasmbin.FuncType{Params: types(f.params), Results: types(f.results)}.String()
}

// list is "a, b and c".
func list(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}
