package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/sandbox/wasmbin"
	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

const (
	extismEnv  = "extism:host/env"
	extismUser = "extism:host/user"
	extismOld  = "extism:env" // before version 1 of their kits
)

// plugins are modules that were written with one of Extism's plugin kits. An op is
// an exported function of its name; input and answer pass through a memory of
// the host's that a plugin reads and writes by calls (see arena).
type plugins struct{}

var _ profile = plugins{}

func (plugins) name() string { return "extism" }

func (plugins) fits(f *wasmbin.Facts) (bool, error) {
	ours := false
	for _, i := range f.Imports {
		switch i.Module {
		case extismOld:
			return true, fail(abi.Capability, fmt.Sprintf("the module imports %s.%s, of plugin kits before version 1: build it with a newer one", i.Module, i.Name))
		case extismUser:
			return true, fail(abi.Capability, fmt.Sprintf("the module imports %s.%s, a function of the host that it was made for; this host offers %s and WASI", i.Module, i.Name, extismEnv))
		case extismEnv:
			ours = true
		}
	}
	if !ours {
		return false, nil
	}
	some := false
	for _, op := range append(opNames(), abi.OpDescribe.String()) {
		e, ok := exported(f, op)
		switch {
		case !ok:
		case e.Kind != wasmbin.FuncExtern || len(e.Func.Params) > 0 || len(e.Func.Results) > 1 || len(e.Func.Results) == 1 && e.Func.Results[0] != wasmbin.I32:
			return true, fail(abi.Protocol, fmt.Sprintf("the module exports %s%s; an op of a plugin must be %s() -> (i32)", op, e.Func, op))
		default:
			some = true
		}
	}
	if !some {
		return true, fail(abi.Protocol, "the module is an Extism plugin and exports none of "+strings.Join(opNames(), ", ")+": a skill's code exports the ops that it answers under their names")
	}
	for _, name := range []string{abi.Initialize, callCtors} {
		if e, ok := exported(f, name); ok && (e.Kind != wasmbin.FuncExtern || !sameType(e.Func, wasmbin.FuncType{})) {
			return true, fail(abi.Protocol, fmt.Sprintf("the module exports %s%s; it must be %s() -> ()", name, e.Func, name))
		}
	}
	if e, ok := exported(f, haskellInit); ok && !sameType(e.Func, wasmbin.FuncType{Params: []wasmbin.ValueType{wasmbin.I32, wasmbin.I32}}) {
		return true, fail(abi.Protocol, fmt.Sprintf("the module exports %s%s; it must be %s(i32, i32) -> ()", haskellInit, e.Func, haskellInit))
	}
	if e, ok := exported(f, abi.Memory); ok && e.Kind != wasmbin.MemoryExtern {
		return true, fail(abi.Protocol, "what the module exports under the name memory is no memory")
	}
	return true, nil
}

func (plugins) offers() map[string]map[string]hostFunc {
	return map[string]map[string]hostFunc{extismEnv: extismFuncs(), wasiModule: wasiFuncs()}
}

// How toolchains want their runtimes to be started.
const (
	callCtors   = "__wasm_call_ctors" // C and C++ without a reactor's start
	haskellInit = "hs_init"
)

func (plugins) start(in *instance, _ any) (any, error) {
	in.own = newPluginCall(in, nil)
	defer func() { in.own = nil }()
	for _, name := range []string{abi.Initialize, callCtors} {
		if f := in.function(name); f != nil {
			if err := in.invoke(f, nil); err != nil {
				return nil, err
			}
			break // what makes a start function has it call the constructors
		}
	}
	if f := in.function(haskellInit); f != nil {
		return nil, in.invoke(f, []uint64{0, 0})
	}
	return nil, nil
}

func (plugins) call(in *instance, op abi.Op, input []byte) ([]byte, bool, error) {
	f := in.function(op.String())
	if f == nil && op == abi.OpDescribe {
		return opsByExports(in), false, nil
	}
	if f == nil {
		return nil, false, fail(abi.Protocol, fmt.Sprintf("the plugin does not export %s() -> (i32), by which it would answer", op))
	}
	p := newPluginCall(in, input)
	in.own = p
	defer p.end()
	in.stack[0] = 0
	err := in.invoke(f, in.stack[:1])
	status := uint32(in.stack[0])
	switch {
	case err != nil && in.meter.ended == abi.Exit && in.exit == 0:
		status = 0 // some runtimes end in this way
	case err != nil:
		return nil, false, err
	case len(f.Definition().ResultTypes()) == 0:
		status = 0
	}
	if said, ok := p.arena.block(p.failed); ok || status != 0 {
		if len(said) > in.limits.output {
			return nil, false, fail(abi.OutputLimit, fmt.Sprintf("the error that the plugin set in %s has %d bytes; the limit is %d", op, len(said), in.limits.output))
		}
		return pluginFailure(op, said, status), true, nil
	}
	if p.outLen > uint64(in.limits.output) {
		return nil, false, fail(abi.OutputLimit, fmt.Sprintf("the answer to %s has %d bytes; the limit is %d", op, p.outLen, in.limits.output))
	}
	out, ok := p.arena.view(p.out, p.outLen)
	switch {
	case p.out == 0 || p.outLen == 0:
		return nil, false, fail(abi.Protocol, fmt.Sprintf("the plugin ended %s without an error and set no output", op))
	case !ok:
		return nil, false, fail(abi.Protocol, fmt.Sprintf("the output of %s is said to be %d bytes at %d, outside of what the plugin allocated", op, p.outLen, p.out))
	}
	return append([]byte(nil), out...), false, nil
}

// opsByExports is the manifest of a plugin that has none: what it exports.
func opsByExports(in *instance) []byte {
	m := abi.Manifest{ABI: abi.Version, Ops: []string{}}
	for _, op := range opNames() {
		if in.function(op) != nil {
			m.Ops = append(m.Ops, op)
		}
	}
	raw, _ := json.Marshal(m) // a number and texts
	return raw
}

func opNames() []string {
	var names []string
	for op := abi.OpPrepare; op <= abi.OpRun; op++ {
		names = append(names, op.String())
	}
	return names
}

// pluginFailure is what a plugin said with error_set: {code, message}, or a text.
func pluginFailure(op abi.Op, said []byte, status uint32) []byte {
	if isFailure(said) {
		return append([]byte(nil), said...)
	}
	message := strings.ToValidUTF8(string(said), "\uFFFD")
	if message == "" {
		message = fmt.Sprintf("the plugin ended %s with %d and set no error", op, int32(status))
	}
	raw, err := json.Marshal(abi.Failure{Code: abi.CodeFailed, Message: message})
	if err != nil {
		panic(errors.New("a failure of two texts cannot be written: " + err.Error()))
	}
	return raw
}

// pluginCall is what the host holds for one call of a plugin.
type pluginCall struct {
	in     *instance
	input  []byte
	arena  arena
	at     uint64 // the input in the arena, once it was asked for
	out    uint64
	outLen uint64
	failed uint64
	vars   map[string][]byte
	varLen int // bytes of vars
}

// newPluginCall begins a call. The buffer of the one before serves again: it is
// as empty as a new one.
func newPluginCall(in *instance, input []byte) *pluginCall {
	p, ok := in.own.(*pluginCall)
	if !ok {
		p = &pluginCall{}
	}
	*p = pluginCall{in: in, input: input, arena: p.arena}
	p.arena.reset()
	return p
}

// end gives back what should not wait for the next call.
func (p *pluginCall) end() {
	p.arena.reset()
	p.input, p.vars = nil, nil
}
