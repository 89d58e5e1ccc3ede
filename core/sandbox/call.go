package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/sandbox/pool"
	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

// Call asks the module for op. Input and answer are JSON. The answer is a copy,
// UTF-8, valid JSON and of the op's shape (abi.CheckAnswer). The error is an
// *Error. A call waits while as many instances run as may.
func (a *Admitted) Call(ctx context.Context, op abi.Op, input []byte, o CallOptions) ([]byte, error) {
	if op != abi.OpDescribe && !o.Unchecked && !a.Has(op) {
		return nil, fail(abi.Capability, fmt.Sprintf("the module has no %s; it has %s", op, strings.Join(a.facts.Ops, ", ")))
	}
	if well, _ := scan(input); !well && !o.Unchecked && !json.Valid(input) {
		return nil, fail(abi.Protocol, fmt.Sprintf("the input of %s is not JSON", op))
	}
	return a.answer(ctx, op, input, o)
}

// answer makes a call and checks what came of it.
func (m *admission) answer(ctx context.Context, op abi.Op, input []byte, o CallOptions) ([]byte, error) {
	if len(input) > math.MaxInt32 {
		return nil, fail(abi.OutOfMemory, fmt.Sprintf("the input has %d bytes; no module takes more than 2 GiB", len(input)))
	}
	raw, failed, err := m.serve(ctx, op, input, &o)
	if err != nil {
		return nil, err
	}
	if err := checkAnswer(op, raw, failed); err != nil {
		return nil, err
	}
	return raw, nil
}

// serve borrows an instance, makes the call, and gives the instance back as it
// was.
func (m *admission) serve(ctx context.Context, op abi.Op, input []byte, o *CallOptions) (answer []byte, failed bool, err error) {
	m.used.Store(m.host.uses.Add(1))
	var loan pool.Loan[*admission, *instance]
	if o.Fresh {
		loan, err = m.host.pool.Fresh(ctx, m)
	} else {
		loan, err = m.host.pool.Get(ctx, m)
	}
	if err != nil {
		return nil, false, m.refused(ctx, err)
	}
	in := loan.Value
	keep := false
	defer func() { m.host.pool.Put(loan, keep) }()
	if in.starting {
		if err := in.boot(ctx); err != nil {
			return nil, false, err
		}
	}
	in.begin(ctx, op, input, o)
	answer, failed, err = m.code.profile.call(in, op, input)
	in.open = false
	in.log.flush()
	if err != nil {
		err = in.explain(op.String(), err)
	}
	used := Used{Fuel: in.used(), MemoryBytes: int64(in.space.Size()), Fresh: !loan.Reused}
	used.Pages, keep = in.restore()
	if o.Used != nil {
		*o.Used = used
	}
	return answer, failed, err
}

// refused tells why the pool gave no instance.
func (m *admission) refused(ctx context.Context, err error) error {
	var own *Error
	switch {
	case errors.As(err, &own):
		return own
	case errors.Is(err, pool.ErrClosed):
		return cancelled("the sandbox is closed")
	case m.host.alive.Err() != nil:
		return cancelled("the sandbox was closed during the call")
	case ctx.Err() != nil:
		return stopped(ctx, 0)
	}
	return err
}

// make makes an instance for the pool: of the image, which is taken first where
// that is still to be done.
func (m *admission) make(ctx context.Context) (*instance, error) {
	if !m.code.facts.Restorable {
		return m.instantiate(nil)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.image != nil {
		return m.instantiate(m.image)
	}
	in, err := m.instantiate(nil)
	if err != nil {
		return nil, err
	}
	if err := in.boot(ctx); err != nil {
		in.close()
		return nil, err
	}
	fuel := in.used()
	img, err := in.snapshot()
	if err != nil {
		in.close()
		return nil, err
	}
	img.fuel = fuel
	m.host.setImage(m, img)
	m.host.shrink(m)
	return in, nil
}

// boot starts a new instance under the limits of a call.
func (in *instance) boot(ctx context.Context) error {
	in.begin(ctx, abi.OpDescribe, nil, &CallOptions{})
	if err := in.run(in.admission.program); err != nil {
		return in.explain("its start", err)
	}
	return nil
}

// explain turns what ended a guest into one of the host codes. Why the host ended
// it is asked first.
func (in *instance) explain(where string, err error) error {
	var own *Error
	if errors.As(err, &own) {
		return own
	}
	text := firstLine(err.Error())
	var e *Error
	switch in.meter.ended {
	case abi.Fuel:
		e = fail(abi.Fuel, fmt.Sprintf("the module used up its %d units of fuel in %s", in.meter.budget, where))
	case abi.Deadline:
		e = stopped(context.Background(), in.meter.timeout)
	case abi.Cancelled:
		if in.meter.ctx.Err() == nil {
			return cancelled("the sandbox was closed during the call")
		}
		return stopped(in.meter.ctx, in.meter.timeout)
	case abi.Stack:
		e = fail(abi.Stack, fmt.Sprintf("the module's calls are nested too deep in %s", where))
	case abi.Exit:
		e = fail(abi.Exit, fmt.Sprintf("the module ended itself with exit code %d in %s", in.exit, where))
	default:
		e = fail(abi.Trap, fmt.Sprintf("the module trapped in %s: %s", where, text))
		if strings.Contains(text, "stack overflow") { // the engine's own bound, which the meter's lies below
			e = fail(abi.Stack, fmt.Sprintf("the module's calls are nested too deep in %s", where))
		}
	}
	if in.space.Refused() && (e.Code == string(abi.Exit) || e.Code == string(abi.Trap)) {
		e = fail(abi.OutOfMemory, fmt.Sprintf("the module wanted more than %d MiB of memory in %s and gave up", in.limits.memory>>20, where))
	}
	return e.withDetail(strings.TrimSpace(in.log.tail() + "\n" + clip(err.Error(), maxDetail)))
}

// stopped says why a context ended: the caller's, or the time of the call.
func stopped(caller context.Context, timeout time.Duration) *Error {
	if errors.Is(caller.Err(), context.Canceled) {
		return cancelled("the caller gave up")
	}
	e := fail(abi.Deadline, fmt.Sprintf("the module did not answer within %s", timeout))
	if caller.Err() != nil {
		e.Message = "the module did not answer within the caller's deadline"
	}
	e.cause = context.DeadlineExceeded
	return e
}

func guestError(op abi.Op, raw []byte) error {
	var f abi.Failure
	if err := json.Unmarshal(raw, &f); err != nil || f.Code == "" {
		return fail(abi.Schema, fmt.Sprintf("%s failed, and what it says of it is not {code, message}: %s", op, clip(string(raw), 200)))
	}
	return &Error{Code: f.Code, Message: clip(f.Message, maxDetail), Detail: clip(f.Detail, maxDetail), Guest: true, Retryable: f.Retryable}
}

const maxDetail = 4 << 10

func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + " ..."
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}
