package sandbox

import (
	"context"
	"time"

	"github.com/tetratelabs/wazero/api"

	"github.com/plimsoll-dev/plimsoll/core/sandbox/wasmbin"
	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

// slice is how much fuel a guest is given at once. When it is used up the guest
// comes back to the host, which looks at the clock, at the caller and at the
// budget; and this is where Go's garbage collector finds a goroutine that it
// can stop. 20,000 units are 8 to 30 us of ordinary code; coming back costs 0.1 us.
// What decides it is a guest that writes to a page of its own with every few
// instructions: each is a page fault of 2 to 4 us, and with 100,000 units the
// collector waited 40 to 130 ms for one (2026-11).
const slice = 20_000

// deepFuel is what a call takes at least that nests deep enough for the engine's
// stack to matter afterwards.
const deepFuel = 100_000

// What host functions charge, in fuel: calling one costs about as much as a
// hundred instructions, moving bytes about an eighth of one for each.
const (
	hostCallFuel = 100
	bytesPerFuel = 8
)

// meter bounds one call: its fuel, and the time that the guest itself takes.
type meter struct {
	granted int64 // sum of the slices
	host    int64 // what host functions charged
	unseen  int64 // of it, since the guest was last looked at
	budget  int64
	slices  int // after the first
	ctx     context.Context
	done    <-chan struct{} // the caller's
	closed  <-chan struct{} // the host's
	since   time.Time       // when the guest began, moved on by the time it spent in the host
	timeout time.Duration
	ended   abi.HostCode // why the host ended the guest; "" when it did not
}

func (m *meter) begin(ctx context.Context, closed <-chan struct{}, budget int64, timeout time.Duration) {
	*m = meter{ctx: ctx, done: ctx.Done(), closed: closed, budget: budget, since: time.Now(), timeout: timeout}
}

// refuel gives the guest its next slice. left is what is in the tank.
func (in *instance) refuel(left int64) {
	m := &in.meter
	next := min(slice, m.budget-m.used(left))
	m.granted += next - left
	in.fuel.Set(uint64(next))
}

func (m *meter) used(left int64) int64 { return m.granted - left + m.host }

// used is what the guest has used so far.
func (in *instance) used() int64 { return in.meter.used(int64(in.fuel.Get())) }

// yield is where the guest comes when its slice is used up. The budget is
// looked at first: whether a call runs out of fuel must not depend on a clock.
func (in *instance) yield() {
	m, left := &in.meter, int64(in.fuel.Get())
	if m.used(left) > m.budget {
		in.end(abi.Fuel)
	}
	select {
	case <-m.done:
		in.end(abi.Cancelled)
	case <-m.closed:
		in.end(abi.Cancelled)
	default:
	}
	if time.Since(m.since) > m.timeout {
		in.end(abi.Deadline)
	}
	m.slices++
	m.unseen = 0
	in.refuel(left)
}

// charge takes fuel for what a host function is about to do, and ends the guest
// when there is none. Work that is proportional to a length is charged, and
// done, in pieces of at most chunk bytes. It counts on the host's side, because
// to read and write the guest's global costs as much as the rest of a small host
// function; where the guest is looked at is the same on every run all the same.
func (in *instance) charge(bytes int) {
	cost := hostCallFuel + int64(bytes/bytesPerFuel)
	in.meter.host += cost
	if in.meter.unseen += cost; in.meter.unseen > slice {
		in.yield()
	}
}

// chunk bounds the work of a host function between two looks at the clock.
const chunk = 64 << 10

// end stops the guest at once. It does not return.
func (in *instance) end(why abi.HostCode) {
	in.meter.ended = why
	in.spent = true
	panic(errEnded)
}

// rtFuncs are what the rewritten module calls.
func rtFuncs() map[string]hostFunc {
	return map[string]hostFunc{
		wasmbin.YieldImport:    {nil, nil, func(ctx context.Context, _ api.Module, _ []uint64) { of(ctx).yield() }},
		wasmbin.OverflowImport: {nil, nil, func(ctx context.Context, _ api.Module, _ []uint64) { of(ctx).end(abi.Stack) }},
	}
}
