package sandbox

import (
	"fmt"
	"slices"

	"github.com/plimsoll-dev/plimsoll/core/sandbox/wasmbin"
	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

// plim1 is the ABI of sdk/ABI.md.
type plim1 struct{}

var _ profile = plim1{}

func (plim1) name() string { return "plim1" }

func (plim1) fits(f *wasmbin.Facts) (bool, error) {
	if _, ok := exported(f, abi.Marker); !ok {
		return false, nil
	}
	if _, command := exported(f, wasiStart); command {
		if _, ok := exported(f, abi.Initialize); !ok {
			return true, fail(abi.Protocol, "the module is built as a WASI command (it exports _start and no _initialize), so that its exports cannot be called: build it with -buildmode=c-shared")
		}
	}
	i32, i64 := wasmbin.I32, wasmbin.I64
	for _, want := range []struct {
		name     string
		is       wasmbin.FuncType
		optional bool
	}{
		{abi.Alloc, wasmbin.FuncType{Params: []wasmbin.ValueType{i32}, Results: []wasmbin.ValueType{i32}}, false},
		{abi.Call, wasmbin.FuncType{Params: []wasmbin.ValueType{i32, i32, i32}, Results: []wasmbin.ValueType{i64}}, false},
		{abi.Initialize, wasmbin.FuncType{}, true},
	} {
		e, ok := exported(f, want.name)
		switch {
		case !ok && want.optional:
		case !ok || e.Kind != wasmbin.FuncExtern:
			return true, fail(abi.Protocol, fmt.Sprintf("the module does not export %s%s", want.name, want.is))
		case !sameType(e.Func, want.is):
			return true, fail(abi.Protocol, fmt.Sprintf("the module exports %s%s; it must be %s%s", want.name, e.Func, want.name, want.is))
		}
	}
	if e, ok := exported(f, abi.Memory); !ok || e.Kind != wasmbin.MemoryExtern {
		return true, fail(abi.Protocol, "the module does not export its memory under the name memory")
	}
	return true, nil
}

func (plim1) offers() map[string]map[string]hostFunc {
	return map[string]map[string]hostFunc{abi.HostModule: plimFuncs(), wasiModule: wasiFuncs()}
}

func (plim1) start(in *instance, _ any) (any, error) {
	if f := in.function(abi.Initialize); f != nil {
		return nil, in.invoke(f, nil)
	}
	return nil, nil
}

func (plim1) call(in *instance, op abi.Op, input []byte) (answer []byte, failed bool, err error) {
	in.stack[0] = uint64(len(input))
	if err := in.invoke(in.function(abi.Alloc), in.stack[:1]); err != nil {
		return nil, false, err
	}
	at := uint32(in.stack[0])
	if at == 0 {
		return nil, false, fail(abi.OutOfMemory, fmt.Sprintf("the module has no room for %d bytes of input", len(input)))
	}
	if !in.memory.Write(at, input) {
		return nil, false, fail(abi.Protocol, fmt.Sprintf("plim_alloc(%d) gave %d, which lies outside of the module's %d bytes of memory", len(input), at, in.memory.Size()))
	}
	in.stack[0], in.stack[1], in.stack[2] = uint64(uint32(op)), uint64(at), uint64(len(input))
	in.open = true
	err = in.invoke(in.function(abi.Call), in.stack[:3])
	in.open = false
	if err != nil {
		return nil, false, err
	}
	packed := int64(in.stack[0])
	if packed == 0 {
		return nil, false, fail(abi.Protocol, fmt.Sprintf("plim_call answered %s with 0, which is no answer", op))
	}
	ptr, n, failed := abi.Unpack(packed)
	answer, err = in.copyOut(op, ptr, n)
	return answer, failed, err
}

func sameType(a, b wasmbin.FuncType) bool {
	return slices.Equal(a.Params, b.Params) && slices.Equal(a.Results, b.Results)
}
