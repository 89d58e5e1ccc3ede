package sandbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/plimsoll-dev/plimsoll/sdk/canonjson"
	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

// Facts are what admission found out.
type Facts struct {
	Profile      string     // the convention that the module speaks: plim1, ...
	ModuleBytes  int        // as it was handed in
	MachineBytes int64      // of machine code
	ImageBytes   int64      // of memory that is not zero before a call
	Functions    int        // that the module defines
	Restored     bool       // instances are restored and used again; else each call makes one
	Why          string     // why they are not, a phrase
	MemoryBegin  int64      // bytes of memory that the module declares
	MemoryImage  int64      // bytes of memory before a call
	StartFuel    int64      // that starting it took
	SelfTests    int        // of the manifest, all of which passed twice
	SelfTestFuel int64      // that one round of them took
	Ops          []string   // that it answers
	Capabilities []string   // that it asks for
	Limits       abi.Limits // that hold for it
}

// Facts tells what admission found out. The slices must not be changed.
func (a *Admitted) Facts() Facts { return a.facts }

// selfTestCalls is how many times the fuel of one call all self-tests may take:
// whoever admits a module waits for them.
const selfTestCalls = 10

// prove starts the module, runs its self-tests twice and writes the facts down.
// A module that answers otherwise than its author vouches for, or otherwise the
// second time, is refused: it would do so in production too.
func (m *admission) prove(ctx context.Context, size int) error {
	c := m.code
	m.facts = Facts{
		Profile: c.profile.name(), ModuleBytes: size, MachineBytes: c.machine, Functions: c.facts.Functions,
		Restored: c.facts.Restorable, Why: c.facts.Why, MemoryBegin: int64(c.facts.MemoryMin) * pageSize,
		Ops: []string{abi.OpCheck.String(), abi.OpRender.String()}, Capabilities: m.manifest.Capabilities,
		Limits: abi.Limits{MemoryMiB: int(m.limits.memory >> 20), TimeoutMS: int(m.limits.timeout / time.Millisecond), OutputBytes: m.limits.output, Fuel: int(m.limits.fuel)},
	}
	if m.declared {
		m.facts.Ops = m.manifest.Ops
	}
	if err := m.tryStart(ctx); err != nil {
		return err
	}
	for i, t := range m.manifest.SelfTests {
		op, ok := abi.ParseOp(t.Op)
		if !ok || !m.Has(op) {
			return fail(abi.Schema, fmt.Sprintf("self-test %d of the manifest is for op %s, which the manifest does not list", i+1, t.Op))
		}
		fuel, err := m.selfTest(ctx, i+1, op, t)
		if err != nil {
			return err
		}
		m.facts.SelfTests++
		if m.facts.SelfTestFuel += fuel; m.facts.SelfTestFuel/selfTestCalls > m.limits.fuel {
			return fail(abi.Fuel, fmt.Sprintf("the self-tests of the manifest take more than %d times the %d units of fuel of one call, up to number %d: leave some out, or test with smaller inputs", selfTestCalls, m.limits.fuel, i+1))
		}
	}
	return nil
}

func (m *admission) tryStart(ctx context.Context) error {
	loan, err := m.host.pool.Get(ctx, m)
	if err != nil {
		return m.refused(ctx, err)
	}
	in := loan.Value
	defer func() { m.host.pool.Put(loan, !in.starting) }()
	if in.starting { // it is started before each call: once now, to see that it can be
		if err := in.boot(ctx); err != nil {
			return err
		}
		m.facts.StartFuel = in.used()
	}
	m.facts.MemoryImage = int64(in.space.Size())
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.image != nil {
		m.facts.ImageBytes, m.facts.StartFuel = int64(m.image.memory.Bytes()), m.image.fuel
	}
	return nil
}

// selfTest runs one self-test on two instances and compares.
func (m *admission) selfTest(ctx context.Context, n int, op abi.Op, t abi.SelfTest) (int64, error) {
	var answers [2][]byte
	var used [2]Used
	for i := range answers {
		var err error
		// The first may be an instance that is restored, the second is a new one.
		if answers[i], err = m.answer(ctx, op, t.Input, CallOptions{Used: &used[i], Fresh: i == 1}); err != nil {
			return 0, inSelfTest(n, op, err)
		}
	}
	if !bytes.Equal(answers[0], answers[1]) {
		return 0, fail(abi.Schema, fmt.Sprintf("self-test %d of the manifest (%s) gave two different answers to the same input: %s", n, op, difference(answers[0], answers[1])))
	}
	if used[0].Fuel != used[1].Fuel {
		return 0, fail(abi.Schema, fmt.Sprintf("self-test %d of the manifest (%s) took %d units of fuel and then %d: the module does not do the same twice", n, op, used[0].Fuel, used[1].Fuel))
	}
	want, err := canonjson.Transform(t.Output)
	if err != nil {
		return 0, fail(abi.Schema, fmt.Sprintf("the output of self-test %d of the manifest cannot be read: %v", n, err))
	}
	got, err := canonjson.Transform(answers[0])
	if err != nil {
		return 0, fail(abi.Schema, fmt.Sprintf("the answer of self-test %d of the manifest cannot be read: %v", n, err))
	}
	if !bytes.Equal(want, got) {
		return 0, fail(abi.Schema, fmt.Sprintf("self-test %d of the manifest (%s) fails: %s", n, op, difference(want, got)))
	}
	return used[0].Fuel, nil
}

func inSelfTest(n int, op abi.Op, err error) error {
	var e *Error
	if errors.As(err, &e) {
		copied := *e
		copied.Message = fmt.Sprintf("self-test %d of the manifest (%s): %s", n, op, e.Message)
		return &copied
	}
	return err
}

// difference shows two texts where they begin to differ.
func difference(want, got []byte) string {
	at := 0
	for at < len(want) && at < len(got) && want[at] == got[at] {
		at++
	}
	from := max(0, at-40)
	around := func(b []byte) string {
		s := string(b[from:min(len(b), at+60)])
		if from > 0 {
			s = "..." + s
		}
		return s
	}
	return fmt.Sprintf("from byte %d on it should be %q and is %q", at, around(want), around(got))
}
