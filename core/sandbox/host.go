package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/tetratelabs/wazero/api"

	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

// plimFuncs are the functions of module plim.
func plimFuncs() map[string]hostFunc {
	return map[string]hostFunc{
		"log":       {[]api.ValueType{i32, i32, i32}, nil, plimLog},
		"host":      {[]api.ValueType{i32, i32, i32}, []api.ValueType{i64}, plimHost},
		"host_read": {[]api.ValueType{i32, i32}, []api.ValueType{i32}, plimHostRead},
	}
}

// log(level, ptr, len). A range outside of the memory is the guest's loss: a log
// is no reason to stop it.
func plimLog(ctx context.Context, _ api.Module, stack []uint64) {
	in := of(ctx)
	n := min(uint32(stack[2]), maxLog)
	in.charge(int(n))
	if b, ok := in.memory.Read(uint32(stack[1]), n); ok {
		in.log.line(Level(min(uint32(stack[0]), uint32(LevelError))), b)
	}
}

// host(op, ptr, len) -> err<<31 | len. The answer stays with the host until
// host_read copies it. Op 0 lists what this call may use.
func plimHost(ctx context.Context, _ api.Module, stack []uint64) {
	in := of(ctx)
	in.charge(int(min(uint32(stack[2]), abi.MaxPayload)))
	answer, failed := in.ask(abi.HostOp(int32(stack[0])), uint32(stack[1]), uint32(stack[2]))
	in.answer, stack[0] = answer, uint64(len(answer))
	if failed {
		stack[0] |= 1 << 31
	}
}

// host_read(ptr, cap) -> bytes copied, or -1 when they do not lie in memory.
func plimHostRead(ctx context.Context, _ api.Module, stack []uint64) {
	in := of(ctx)
	n := min(uint32(len(in.answer)), uint32(stack[1]))
	in.charge(int(n))
	if !in.memory.Write(uint32(stack[0]), in.answer[:n]) {
		stack[0] = uint64(^uint32(0))
		return
	}
	stack[0] = uint64(n)
}

// refusals that need no formatting, and the answer to host op 0 where nothing is
// offered.
type fixed struct{ early, op, nothing []byte }

func newFixed() *fixed {
	return &fixed{
		early:   []byte(`{"code":"capability","message":"the host cannot be called while the module is initialised or allocates"}`),
		op:      []byte(`{"code":"capability","message":"the host can be called in op run only"}`),
		nothing: []byte(`{"ops":[]}`),
	}
}

// codeUnavailable is what a guest sees of a host's trouble: it may try again.
const codeUnavailable = "unavailable"

// maxHostAnswer bounds what a HostFunc may answer, in bytes.
const maxHostAnswer = 16 << 20

// ask answers a host call with JSON; failed says that it is a Failure.
func (in *instance) ask(op abi.HostOp, ptr, n uint32) (answer []byte, failed bool) {
	fixed := in.admission.host.fixed
	switch {
	case !in.open:
		return fixed.early, true
	case op == abi.HostList && (in.op != abi.OpRun || in.host == nil):
		return fixed.nothing, false
	case op == abi.HostList:
		return in.admission.offers, false
	case !known(op):
		return refusal(abi.Failure{Code: string(abi.Capability), Message: "this host does not offer " + op.String()})
	case in.op != abi.OpRun:
		return fixed.op, true
	case !in.admission.manifest.Asks(op):
		return refusal(abi.Failure{Code: string(abi.Capability), Message: "the module's manifest does not ask for " + op.String() + "; list it under capabilities"})
	case in.host == nil:
		return refusal(abi.Failure{Code: string(abi.Capability), Message: "this host does not offer " + op.String()})
	case n > abi.MaxPayload:
		return refusal(abi.Failure{Code: abi.CodeInput, Message: fmt.Sprintf("the payload of %s has %d bytes; at most %d are allowed", op, n, abi.MaxPayload)})
	}
	payload, ok := in.memory.Read(ptr, n)
	if !ok {
		return refusal(abi.Failure{Code: abi.CodeInput, Message: fmt.Sprintf("the payload of %s is said to be %d bytes at %d, outside of memory", op, n, ptr)})
	}
	answer, err := in.hostCall(op, append([]byte(nil), payload...))
	if err == nil && len(answer) > maxHostAnswer {
		err = fmt.Errorf("the host's answer has %d bytes; at most %d are passed on", len(answer), maxHostAnswer)
	}
	if err == nil {
		return answer, false
	}
	var e *Error
	if errors.As(err, &e) {
		return refusal(abi.Failure{Code: e.Code, Message: e.Message, Retryable: e.Retryable, Detail: e.Detail})
	}
	return refusal(abi.Failure{Code: codeUnavailable, Message: err.Error(), Retryable: true})
}

// hostCall asks the caller's function. The guest's clock stands still meanwhile.
func (in *instance) hostCall(op abi.HostOp, payload []byte) (answer []byte, err error) {
	ctx := in.meter.ctx
	if in.hostMax > 0 {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(ctx, in.hostMax)
		defer stop()
	}
	// The host may be closed meanwhile: the caller's function is to know.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(in.admission.host.alive, cancel)()
	before := time.Now()
	answer, err = in.host(ctx, op, payload)
	in.meter.since = in.meter.since.Add(time.Since(before))
	if in.meter.ctx.Err() != nil || in.admission.host.alive.Err() != nil {
		in.end(abi.Cancelled)
	}
	return answer, err
}

func known(op abi.HostOp) bool {
	return op >= abi.HostList && op <= abi.HostTool
}

// offersOf is the answer to host op 0 in op run.
func offersOf(m *abi.Manifest) []byte {
	out := abi.ListOutput{Ops: []abi.HostOp{}}
	for _, name := range m.Capabilities {
		if op, ok := abi.ParseHostOp(name); ok {
			out.Ops = append(out.Ops, op)
		}
	}
	raw, _ := json.Marshal(out) // numbers
	return raw
}

func refusal(f abi.Failure) ([]byte, bool) {
	raw, _ := json.Marshal(f) // texts and a bool
	return raw, true
}
