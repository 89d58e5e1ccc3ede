package sandbox

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"

	"github.com/tetratelabs/wazero/api"

	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

// extismFuncs is what plugin kits of version 1 import: name, parameters and
// result (i is i32, I is i64). The functions of their kernel that only hosts call
// (reset, input_set, ...) are not here.
func extismFuncs() map[string]hostFunc {
	none := func(*pluginCall, []uint64) uint64 { return 0 }
	funcs := map[string]hostFunc{}
	for _, f := range []struct {
		name, params, result string
		run                  func(p *pluginCall, args []uint64) uint64
	}{
		{"alloc", "I", "I", func(p *pluginCall, args []uint64) uint64 { return p.alloc(args[0]) }},
		{"free", "I", "", func(p *pluginCall, args []uint64) uint64 { p.arena.release(args[0]); return 0 }},
		{"length", "I", "I", func(p *pluginCall, args []uint64) uint64 { return p.arena.length(args[0]) }},
		{"length_unsafe", "I", "I", func(p *pluginCall, args []uint64) uint64 { return p.arena.length(args[0]) }},
		{"load_u8", "I", "i", (*pluginCall).load8},
		{"load_u64", "I", "I", (*pluginCall).load64},
		{"store_u8", "Ii", "", (*pluginCall).store8},
		{"store_u64", "II", "", (*pluginCall).store64},
		{"input_length", "", "I", func(p *pluginCall, _ []uint64) uint64 { return uint64(len(p.input)) }},
		{"input_offset", "", "I", (*pluginCall).inputOffset},
		{"input_load_u8", "I", "i", (*pluginCall).inputLoad8},
		{"input_load_u64", "I", "I", (*pluginCall).inputLoad64},
		{"output_set", "II", "", func(p *pluginCall, args []uint64) uint64 { p.out, p.outLen = args[0], args[1]; return 0 }},
		{"error_set", "I", "", func(p *pluginCall, args []uint64) uint64 { p.failed = args[0]; return 0 }},
		{"config_get", "I", "I", none}, // there is no configuration
		{"var_get", "I", "I", (*pluginCall).getVar},
		{"var_set", "II", "", (*pluginCall).setVar},
		{"http_request", "II", "I", (*pluginCall).refuseRequest},
		{"http_status_code", "", "i", none},
		{"http_headers", "", "I", none},
		{"log_trace", "I", "", pluginLog(LevelDebug)},
		{"log_debug", "I", "", pluginLog(LevelDebug)},
		{"log_info", "I", "", pluginLog(LevelInfo)},
		{"log_warn", "I", "", pluginLog(LevelWarn)},
		{"log_error", "I", "", pluginLog(LevelError)},
		{"get_log_level", "", "i", none}, // everything, whoever listens: else a plugin would do different things
	} {
		funcs[f.name] = hostFunc{valueTypes(f.params), valueTypes(f.result), func(ctx context.Context, _ api.Module, stack []uint64) {
			in := of(ctx)
			in.charge(0)
			p, ok := in.own.(*pluginCall)
			if !ok { // a start section, before the profile has begun
				p = newPluginCall(in, nil)
				in.own = p
			}
			if v := f.run(p, stack); f.result != "" {
				stack[0] = v
			}
		}}
	}
	return funcs
}

func valueTypes(s string) []api.ValueType {
	types := make([]api.ValueType, len(s))
	for i, c := range s {
		types[i] = i32
		if c == 'I' {
			types[i] = i64
		}
	}
	return types
}

// stop ends the plugin with an error of the host's.
func (p *pluginCall) stop(code abi.HostCode, message string) {
	p.in.spent = true
	panic(fail(code, message))
}

// most is how large the arena may be: it and the plugin's own memory are under
// one limit. It has half of what is left, because the host holds it twice while
// it grows.
func (p *pluginCall) most() uint64 {
	own := p.in.space.Size() + uint64(p.varLen)
	return (p.in.limits.memory - min(own, p.in.limits.memory)) / 2
}

// alloc ends the plugin when there is no room: kits do not look for a 0.
func (p *pluginCall) alloc(n uint64) uint64 {
	if n > p.most() {
		p.noRoom(n)
	}
	p.in.charge(int(n))
	at := p.arena.alloc(n, p.most())
	if at == 0 && n > 0 {
		p.noRoom(n)
	}
	return at
}

func (p *pluginCall) noRoom(n uint64) {
	p.stop(abi.OutOfMemory, fmt.Sprintf("the plugin wanted %d bytes for what it shares with the host, more than the limit of %d MiB leaves", n, p.in.limits.memory>>20))
}

// put is alloc of a block with these contents.
func (p *pluginCall) put(b []byte) uint64 {
	at := p.alloc(uint64(len(b)))
	if at != 0 {
		view, _ := p.arena.view(at, uint64(len(b))) // it was just made
		copy(view, b)
	}
	return at
}

func (p *pluginCall) outside(what string, n, at uint64) {
	p.stop(abi.Trap, fmt.Sprintf("the plugin %s %d bytes at %d, outside of what it allocated from the host", what, n, at))
}

func (p *pluginCall) load8(args []uint64) uint64 {
	b, ok := p.arena.view(args[0], 1)
	if !ok {
		p.outside("read", 1, args[0])
	}
	return uint64(b[0])
}

func (p *pluginCall) load64(args []uint64) uint64 {
	v, ok := p.arena.load64(args[0])
	if !ok {
		p.outside("read", 8, args[0])
	}
	return v
}

func (p *pluginCall) store8(args []uint64) uint64 {
	b, ok := p.arena.view(args[0], 1)
	if !ok {
		p.outside("wrote", 1, args[0])
	}
	b[0] = byte(args[1])
	return 0
}

func (p *pluginCall) store64(args []uint64) uint64 {
	if !p.arena.store64(args[0], args[1]) {
		p.outside("wrote", 8, args[0])
	}
	return 0
}

// inputOffset puts the input into the arena when a plugin asks where it is there;
// most read it by input_load.
func (p *pluginCall) inputOffset([]uint64) uint64 {
	if p.at == 0 {
		p.at = p.put(p.input)
	}
	return p.at
}

// inputLoad8 is 0 behind the end, as in their kernel.
func (p *pluginCall) inputLoad8(args []uint64) uint64 {
	if args[0] >= uint64(len(p.input)) {
		return 0
	}
	return uint64(p.input[args[0]])
}

func (p *pluginCall) inputLoad64(args []uint64) uint64 {
	if n := uint64(len(p.input)); n < 8 || args[0] > n-8 {
		return 0
	}
	return binary.LittleEndian.Uint64(p.input[args[0]:])
}

// maxVarName bounds the name of a variable, in bytes.
const maxVarName = 64 << 10

// varNote is what a variable is taken to weigh besides its name and value.
const varNote = 128

// varName reads the name of a variable; ok is false when there is no such block.
func (p *pluginCall) varName(at uint64) (name []byte, ok bool) {
	if n := p.arena.length(at); n > maxVarName {
		p.stop(abi.Trap, fmt.Sprintf("the plugin names a variable with %d bytes; names have at most %d", n, maxVarName))
	}
	name, ok = p.arena.block(at)
	p.in.charge(len(name))
	return name, ok
}

// Variables live for a call: what one call leaves must not show in another.
func (p *pluginCall) getVar(args []uint64) uint64 {
	name, _ := p.varName(args[0])
	return p.put(p.vars[string(name)])
}

// setVar takes a name and a value; the value 0 deletes.
func (p *pluginCall) setVar(args []uint64) uint64 {
	name, ok := p.varName(args[0])
	if !ok {
		return 0
	}
	old, had := p.vars[string(name)]
	if had {
		p.varLen -= len(name) + len(old) + varNote
		delete(p.vars, string(name))
	}
	value, ok := p.arena.block(args[1])
	if !ok {
		return 0
	}
	p.in.charge(len(value))
	if n := uint64(len(name) + len(value) + varNote); n > p.most()-min(p.most(), uint64(len(p.arena.buf))) {
		p.noRoom(n)
	}
	if p.vars == nil {
		p.vars = map[string][]byte{}
	}
	p.vars[string(name)] = append([]byte(nil), value...)
	p.varLen += len(name) + len(value) + varNote
	return 0
}

func (p *pluginCall) refuseRequest(args []uint64) uint64 {
	raw, _ := p.arena.block(args[0])
	var request struct {
		URL    string `json:"url"`
		Method string `json:"method"`
	}
	what := "an HTTP request"
	if len(raw) <= maxLog && json.Unmarshal(raw, &request) == nil && request.URL != "" {
		what = fmt.Sprintf("an HTTP request (%s %s)", clip(request.Method, 16), clip(request.URL, 200))
	}
	p.stop(abi.Capability, "the plugin made "+what+"; a skill's code has no network: let the project fetch it, as part of the input")
	return 0
}

func pluginLog(level Level) func(*pluginCall, []uint64) uint64 {
	return func(p *pluginCall, args []uint64) uint64 {
		text, _ := p.arena.block(args[0])
		p.in.charge(min(len(text), maxLog))
		p.in.log.line(level, text)
		return 0
	}
}
