package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/tetratelabs/wazero/api"

	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

// Refusals that need no formatting.
const (
	refusedEarly = `{"code":"capability","message":"the host cannot be called while the module is initialised or allocates"}`
	refusedOp    = `{"code":"capability","message":"the host can be called in op run only"}`
	nothingHere  = `{"ops":[]}`
)

// codeUnavailable is what a guest sees of a host's trouble: it may try again.
const codeUnavailable = "unavailable"

// ask answers a host call with JSON; failed says that it is a Failure.
func (c *call) ask(op abi.HostOp, memory api.Memory, ptr, n uint32) (answer []byte, failed bool) {
	switch {
	case !c.hostCalls:
		return []byte(refusedEarly), true
	case op == abi.HostList:
		return c.offers(), false
	case op < 0 || op.String() == "host op "+fmt.Sprint(int32(op)):
		return refusal(abi.Failure{Code: string(abi.Capability), Message: "this host does not offer " + op.String()})
	case c.op != abi.OpRun:
		return []byte(refusedOp), true
	case !c.module.manifest.Asks(op):
		return refusal(abi.Failure{Code: string(abi.Capability), Message: "the module's manifest does not ask for " + op.String() + "; list it under capabilities"})
	case c.host == nil:
		return refusal(abi.Failure{Code: string(abi.Capability), Message: "this host does not offer " + op.String()})
	case n > abi.MaxPayload:
		return refusal(abi.Failure{Code: abi.CodeInput, Message: fmt.Sprintf("the payload of %s has %d bytes; at most %d are allowed", op, n, abi.MaxPayload)})
	}
	payload, ok := memory.Read(ptr, n)
	if !ok {
		return refusal(abi.Failure{Code: abi.CodeInput, Message: fmt.Sprintf("the payload of %s is said to be %d bytes at %d, outside of memory", op, n, ptr)})
	}
	answer, err := c.host(c.ctx, op, append([]byte(nil), payload...))
	if err == nil {
		return answer, false
	}
	var e *Error
	if errors.As(err, &e) {
		return refusal(abi.Failure{Code: e.Code, Message: e.Message, Retryable: e.Retryable, Detail: e.Detail})
	}
	return refusal(abi.Failure{Code: codeUnavailable, Message: err.Error(), Retryable: true})
}

// offers lists the ops that this call may use.
func (c *call) offers() []byte {
	if c.op != abi.OpRun || c.host == nil || len(c.module.manifest.Capabilities) == 0 {
		return []byte(nothingHere)
	}
	var out abi.ListOutput
	for _, name := range c.module.manifest.Capabilities {
		if op, ok := abi.ParseHostOp(name); ok {
			out.Ops = append(out.Ops, op)
		}
	}
	raw, err := json.Marshal(out)
	if err != nil {
		return []byte(nothingHere)
	}
	return raw
}

func refusal(f abi.Failure) ([]byte, bool) {
	raw, err := json.Marshal(f)
	if err != nil {
		return []byte(refusedOp), true
	}
	return raw, true
}
