//go:build wasip1

package skill

import (
	"encoding/json"
	"fmt"
	"unsafe"

	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

// A module is one skill and is called by one goroutine at a time, so these
// variables are its state in the way in which its memory is. Alternatives were
// refused: exports written by the author would be four functions with pointers
// in every skill.
var (
	program *Program
	given   []byte // what plim_alloc handed out; held, so that it is not collected
	result  []byte // the last answer; held until the next call
)

func install(p *Program, types ...any) {
	if program != nil {
		panic("skill.Register was called twice: a module holds one skill")
	}
	program = p
	p.warm(types...)
}

//go:wasmexport plim_abi_1
func marker() {}

//go:wasmexport plim_alloc
func alloc(n int32) int32 {
	if n < 0 {
		return 0
	}
	given = make([]byte, max(int(n), 1)) // a pointer to nothing would be 0, which says that there is no memory
	return int32(uintptr(unsafe.Pointer(unsafe.SliceData(given))))
}

//go:wasmexport plim_call
func call(op, ptr, n int32) int64 {
	if n < 0 || int(n) > len(given) || (n > 0 && ptr != int32(uintptr(unsafe.Pointer(unsafe.SliceData(given))))) {
		return 0
	}
	input := given[:n]
	if program == nil {
		return reply(&Error{Code: abi.CodeUnsupported, Message: "the module registered no skill: write var _ = skill.Register(...) in its main package"})
	}
	output, err := program.Call(abi.Op(op), input)
	if err != nil {
		return reply(asError(err))
	}
	result = output
	return abi.Pack(uint32(uintptr(unsafe.Pointer(unsafe.SliceData(result)))), uint32(len(result)), false)
}

func reply(e *Error) int64 {
	body, err := json.Marshal(e)
	if err != nil {
		return 0
	}
	result = body
	return abi.Pack(uint32(uintptr(unsafe.Pointer(unsafe.SliceData(result)))), uint32(len(result)), true)
}

//go:wasmimport plim log
func hostLog(level int32, ptr unsafe.Pointer, n int32)

//go:wasmimport plim host
func hostAsk(op int32, ptr unsafe.Pointer, n int32) int64

//go:wasmimport plim host_read
func hostRead(ptr unsafe.Pointer, n int32) int32

// hostCall asks the host; its answer stays there until it is read.
func hostCall(op abi.HostOp, payload []byte) ([]byte, error) {
	_, n, failed := abi.Unpack(hostAsk(int32(op), unsafe.Pointer(unsafe.SliceData(payload)), int32(len(payload))))
	answer := make([]byte, n)
	if n > 0 && hostRead(unsafe.Pointer(unsafe.SliceData(answer)), int32(n)) != int32(n) {
		return nil, Errorf(abi.CodeFailed, "the host's answer to %s cannot be read", op)
	}
	if !failed {
		return answer, nil
	}
	e := &Error{}
	if err := json.Unmarshal(answer, e); err != nil || e.Code == "" {
		return nil, Errorf(abi.CodeFailed, "the host failed in %s and did not say why", op)
	}
	return nil, e
}

// Logf writes a line for the person who develops the skill: to stderr in tests,
// to the run's capped log in the sandbox. Nothing decides by it.
func Logf(format string, args ...any) {
	line := fmt.Appendf(nil, format, args...)
	hostLog(1, unsafe.Pointer(unsafe.SliceData(line)), int32(len(line)))
}
