package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
	"github.com/tetratelabs/wazero/sys"

	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

// Call asks the module for op. Input and answer are JSON. The answer is a copy,
// UTF-8, valid JSON and of the op's shape (abi.CheckAnswer). The error is an
// *Error.
func (a *Admitted) Call(ctx context.Context, op abi.Op, input []byte, o CallOptions) ([]byte, error) {
	if op != abi.OpDescribe && !o.Unchecked && !a.Has(op) {
		return nil, fail(abi.Capability, fmt.Sprintf("the module has no %s; it has %s", op, strings.Join(a.manifest.Ops, ", ")))
	}
	if !o.Unchecked && !json.Valid(input) {
		return nil, fail(abi.Protocol, fmt.Sprintf("the input of %s is not JSON", op))
	}
	return a.call(ctx, op, input, o)
}

func (a *Admitted) call(ctx context.Context, op abi.Op, input []byte, o CallOptions) ([]byte, error) {
	if err := a.host.enter(); err != nil {
		return nil, err
	}
	defer a.host.calls.Done()
	limited, cancel := context.WithTimeout(ctx, a.limits.timeout)
	defer cancel()
	defer context.AfterFunc(a.host.alive, cancel)()

	c := newCall(a, op, input, o)
	raw, failed, err := c.run(limited, op, input)
	c.log.flush()
	if o.Used != nil {
		*o.Used = Used{MemoryBytes: int64(c.memory.peak), Fresh: true}
	}
	if err != nil {
		return nil, c.explain(ctx, limited, op, err)
	}
	if err := checkText(op, raw); err != nil {
		return nil, err
	}
	if failed {
		return nil, guestError(op, raw)
	}
	if err := abi.CheckAnswer(op, raw); err != nil {
		return nil, fail(abi.Schema, fmt.Sprintf("the answer to %s does not have its shape: %v", op, err))
	}
	return raw, nil
}

func (h *Host) enter() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return fail(abi.Cancelled, "the sandbox is closed")
	}
	h.calls.Add(1)
	return nil
}

// run makes an instance, hands over the input, copies the answer and throws the
// instance away.
func (c *call) run(ctx context.Context, op abi.Op, input []byte) (answer []byte, failed bool, err error) {
	ctx = experimental.WithMemoryAllocator(context.WithValue(ctx, callKey{}, c), c.memory)
	mod, err := c.module.host.runtime.InstantiateModule(ctx, c.module.compiled, wazero.NewModuleConfig().WithName("").WithStartFunctions(abi.Initialize))
	if err != nil {
		return nil, false, err
	}
	defer func() { err = errors.Join(err, mod.Close(context.WithoutCancel(ctx))) }()

	ptr, err := mod.ExportedFunction(abi.Alloc).Call(ctx, uint64(len(input)))
	if err != nil {
		return nil, false, err
	}
	at := uint32(ptr[0])
	if at == 0 {
		return nil, false, fail(abi.OutOfMemory, fmt.Sprintf("the module has no room for %d bytes of input", len(input)))
	}
	if !mod.Memory().Write(at, input) {
		return nil, false, fail(abi.Protocol, fmt.Sprintf("plim_alloc(%d) gave %d, which lies outside of the module's %d bytes of memory", len(input), at, mod.Memory().Size()))
	}
	c.hostCalls = true
	c.ctx = ctx
	packed, err := mod.ExportedFunction(abi.Call).Call(ctx, uint64(uint32(op)), uint64(at), uint64(len(input)))
	if err != nil {
		return nil, false, err
	}
	answer, failed, err = c.copyOut(mod.Memory(), op, int64(packed[0]))
	return answer, failed, err
}

func (c *call) copyOut(memory api.Memory, op abi.Op, packed int64) ([]byte, bool, error) {
	if packed == 0 {
		return nil, false, fail(abi.Protocol, fmt.Sprintf("plim_call answered %s with 0, which is no answer", op))
	}
	ptr, n, failed := abi.Unpack(packed)
	if int64(n) > int64(c.module.limits.output) {
		return nil, false, fail(abi.OutputLimit, fmt.Sprintf("the answer to %s has %d bytes; the limit is %d", op, n, c.module.limits.output))
	}
	view, ok := memory.Read(ptr, n)
	if !ok {
		return nil, false, fail(abi.Protocol, fmt.Sprintf("the answer to %s is said to be %d bytes at %d, outside of the module's %d bytes of memory", op, n, ptr, memory.Size()))
	}
	return append([]byte(nil), view...), failed, nil
}

// explain turns the engine's error into one of the host codes. What the guest
// did itself (exit) is asked first, because it can end with any number,
// including those by which the engine reports a deadline.
func (c *call) explain(caller, limited context.Context, op abi.Op, err error) error {
	var own *Error
	if errors.As(err, &own) {
		return own
	}
	var e *Error
	var exit *sys.ExitError
	text := firstLine(err.Error())
	switch {
	case c.exited:
		e = fail(abi.Exit, fmt.Sprintf("the module ended itself with exit code %d in %s", c.exitCode, op))
	case limited.Err() != nil:
		if c.module.host.alive.Err() != nil {
			e = fail(abi.Cancelled, "the sandbox was closed during the call")
			e.cause = context.Canceled
			break
		}
		return stopped(caller, c.module.limits.timeout)
	case strings.Contains(text, "stack overflow"):
		e = fail(abi.Stack, fmt.Sprintf("the module's calls are nested too deep in %s", op))
	case errors.As(err, &exit):
		e = fail(abi.Exit, fmt.Sprintf("the module was closed with code %d in %s", exit.ExitCode(), op))
	default:
		e = fail(abi.Trap, fmt.Sprintf("the module trapped in %s: %s", op, text))
	}
	if c.memory.refused && (e.Code == string(abi.Exit) || e.Code == string(abi.Trap)) {
		e = fail(abi.OutOfMemory, fmt.Sprintf("the module wanted more than %d MiB of memory in %s and gave up", c.memory.limit>>20, op))
	}
	return e.withDetail(strings.TrimSpace(c.log.tail() + "\n" + clip(err.Error(), maxDetail)))
}

// stopped says why a context ended: the caller's, or the time of the call.
func stopped(caller context.Context, timeout time.Duration) *Error {
	if errors.Is(caller.Err(), context.Canceled) {
		e := fail(abi.Cancelled, "the caller gave up")
		e.cause = context.Canceled
		return e
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

// checkText lets only text out that every JSON reader understands in the same
// way: UTF-8, JSON, and no escape of half a surrogate pair, which readers
// replace, keep or refuse as they like.
func checkText(op abi.Op, raw []byte) error {
	switch {
	case !utf8.Valid(raw):
		return fail(abi.UTF8, fmt.Sprintf("the answer to %s is not UTF-8", op))
	case !json.Valid(raw):
		return fail(abi.Protocol, fmt.Sprintf("the answer to %s is not JSON: %s", op, clip(string(raw), 80)))
	case loneSurrogate(raw):
		return fail(abi.UTF8, fmt.Sprintf("the answer to %s escapes half of a surrogate pair", op))
	}
	return nil
}

// loneSurrogate looks for \uD800..\uDFFF that is not one half of a pair, in
// valid JSON.
func loneSurrogate(raw []byte) bool {
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' {
			continue
		}
		i++ // what is escaped; valid JSON does not end here
		if raw[i] != 'u' {
			continue
		}
		switch unit := hex4(raw[i+1 : i+5]); {
		case unit >= 0xDC00 && unit <= 0xDFFF:
			return true
		case unit >= 0xD800 && unit <= 0xDBFF:
			rest := raw[i+5:]
			if len(rest) < 6 || rest[0] != '\\' || rest[1] != 'u' {
				return true
			}
			if low := hex4(rest[2:6]); low < 0xDC00 || low > 0xDFFF {
				return true
			}
			i += 10
		default:
			i += 4
		}
	}
	return false
}

func hex4(b []byte) (v int) {
	for _, c := range b {
		switch {
		case c <= '9':
			v = v<<4 | int(c-'0')
		case c <= 'F':
			v = v<<4 | int(c-'A'+10)
		default:
			v = v<<4 | int(c-'a'+10)
		}
	}
	return v
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
