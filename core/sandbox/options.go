package sandbox

import (
	"context"
	"time"

	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

// AdmitOptions narrow what a module may use. Nothing here can widen what the
// host or the module's manifest allows.
type AdmitOptions struct {
	Limits abi.Limits // 0 in a field takes the manifest's limit, else the host's
}

// CallOptions is what a guest can see besides its input. Equal options, equal
// input and equal answers of Host give an equal answer on any machine.
type CallOptions struct {
	Time time.Time  // what the guest's clocks say; the zero Time is 1970-01-01
	Seed []byte     // of the guest's random numbers; nil takes the input
	Log  func(Line) // receives what the guest logs, at most 64 KiB a call; may be nil
	Host HostFunc   // answers host calls in op run; nil offers nothing
	// HostTimeout bounds one call of Host; 0 leaves it to the caller's context. The
	// time that a guest may take stands still meanwhile.
	HostTimeout time.Duration
	Used        *Used // is filled when the call ends, well or not; may be nil

	// Unchecked hands the input over as it is, JSON or not, and passes any op,
	// listed by the manifest or not: conformance kits see with it what a guest does
	// with what no host should send. Answers are checked as always.
	Unchecked bool
	// Fresh makes a new instance where one that was used and restored would do.
	Fresh bool
}

// HostFunc answers a host call that a guest makes while it answers op run. It is
// called on the goroutine of the call, one at a time; payload is a copy that it
// may keep. Only capabilities that the manifest asks for get this far.
//
// An *Error becomes the failure that the guest sees (Code, Message, Retryable,
// Detail); any other error becomes one of code "unavailable". When ctx is done
// the guest is ended with code cancelled, whatever was answered.
type HostFunc func(ctx context.Context, op abi.HostOp, payload []byte) (answer []byte, err error)

// Used is what a call took.
type Used struct {
	Fuel        int64 // about one unit per instruction; the same on every run
	MemoryBytes int64 // size of the instance's memory at the end
	Pages       int   // 4 KiB pages that had to be restored behind the call
	Fresh       bool  // the call had a new instance, not a restored one
}
