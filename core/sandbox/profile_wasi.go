package sandbox

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/sandbox/wasmbin"
	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

// wasiStart is the function by which a WASI command is run.
const wasiStart = "_start"

// commands are programs that read stdin, write stdout and end: what every
// toolchain for WASI makes of a main function. It is the last resort, for
// languages without an SDK: each call pays for the start of the language's
// runtime, and there are no host calls.
type commands struct{}

var _ profile = commands{}

func (commands) name() string { return "wasi" }

func (commands) fits(f *wasmbin.Facts) (bool, error) {
	e, ok := exported(f, wasiStart)
	if !ok {
		return false, nil
	}
	if e.Kind != wasmbin.FuncExtern || !sameType(e.Func, wasmbin.FuncType{}) {
		return true, fail(abi.Protocol, fmt.Sprintf("the module exports %s%s; that of a WASI command must be %s() -> ()", wasiStart, e.Func, wasiStart))
	}
	if e, ok := exported(f, abi.Memory); !ok || e.Kind != wasmbin.MemoryExtern {
		return true, fail(abi.Protocol, "the module does not export its memory under the name memory")
	}
	return true, nil
}

func (commands) offers() map[string]map[string]hostFunc {
	funcs := maps.Clone(wasiFuncs())
	maps.Copy(funcs, commandFuncs())
	return map[string]map[string]hostFunc{wasiModule: funcs}
}

// start does nothing: the image is the memory as the module declares it, and
// each call is the first start of the program.
func (commands) start(*instance, any) (any, error) { return nil, nil }

// command is one run of a program.
type command struct {
	op     string
	stdin  []byte
	stdout []byte
	stderr lastLine
}

func (commands) call(in *instance, op abi.Op, input []byte) ([]byte, bool, error) {
	c := &command{op: op.String(), stdin: input}
	in.own = c
	err := in.invoke(in.function(wasiStart), nil)
	in.own = nil
	code := uint32(0)
	switch {
	case err != nil && in.meter.ended == abi.Exit:
		// A program that ends has not broken anything: memory and globals are put
		// back as after any other call.
		in.spent, code = false, in.exit
	case err != nil && op == abi.OpDescribe && in.meter.ended == "" && !isOwn(err):
		return noDescription() // a trap on an argument that the program does not know
	case err != nil:
		return nil, false, err
	}
	if op == abi.OpDescribe && !describes(code, c.stdout) {
		return noDescription()
	}
	if code == 0 {
		answer := trimJSON(c.stdout)
		if len(answer) == 0 {
			return nil, false, fail(abi.Protocol, fmt.Sprintf("the program ended in %s with exit code 0 and wrote nothing to stdout, where the answer belongs", op))
		}
		return answer, false, nil
	}
	if failure := trimJSON(c.stdout); isFailure(failure) {
		return failure, true, nil
	}
	if in.space.Refused() {
		return nil, false, err // out of memory, says explain
	}
	message := c.stderr.text()
	if message == "" {
		message = fmt.Sprintf("the program ended in %s with exit code %d and said nothing on stderr", op, code)
	}
	in.log.flush()
	e := fail(abi.HostCode(abi.CodeFailed), message)
	e.Guest = true
	return nil, false, e.withDetail(strings.TrimSpace(in.log.tail()))
}

// noDescription is the answer of a program that knows no op describe: a guest
// that is taken to answer check and render.
func noDescription() ([]byte, bool, error) {
	raw, _ := json.Marshal(abi.Failure{Code: abi.CodeUnsupported, Message: "the program does not describe itself"}) // texts
	return raw, true, nil
}

// describes tells whether what a program said is meant as a manifest. Programs
// that look at stdin only answer describe with something, an echo of it perhaps;
// a manifest names its ABI.
func describes(code uint32, stdout []byte) bool {
	var said struct {
		ABI json.RawMessage `json:"abi"`
	}
	return code == 0 && json.Unmarshal(stdout, &said) == nil && said.ABI != nil
}

// isFailure tells whether a text is {code, message, ...}.
func isFailure(raw []byte) bool {
	var f abi.Failure
	return json.Unmarshal(raw, &f) == nil && f.Code != ""
}

// trimJSON takes the white space of JSON off both ends.
func trimJSON(b []byte) []byte { return bytes.Trim(b, " \t\r\n") }
