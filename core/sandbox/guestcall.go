package sandbox

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"

	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/sys"

	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

// call is the host's side of one call: what the guest can reach through its
// imports. Nothing of it outlives the call.
type call struct {
	module    *Admitted
	memory    *linear
	log       *log
	random    *rand.ChaCha8
	now       int64 // nanoseconds since 1970, not negative
	slept     int64 // nanoseconds that the guest slept
	hostCalls bool  // false during _initialize and plim_alloc
	op        abi.Op
	host      HostFunc
	ctx       context.Context // of the call, for host
	answer    []byte
	exited    bool
	exitCode  uint32
}

type callKey struct{}

func newCall(a *Admitted, op abi.Op, input []byte, o CallOptions) *call {
	if o.Seed == nil {
		o.Seed = input
	}
	c := &call{
		module: a,
		op:     op,
		host:   o.Host,
		memory: &linear{host: a.host, limit: a.limits.memory},
		log:    &log{send: o.Log},
		random: rand.NewChaCha8(sha256.Sum256(append([]byte(a.digest+"\x00"), o.Seed...))),
	}
	if !o.Time.IsZero() {
		c.now = max(o.Time.UnixNano(), 0)
	}
	return c
}

// of finds the call that an import was made in.
func of(ctx context.Context) *call { return ctx.Value(callKey{}).(*call) }

// offer makes the host modules.
func (h *Host) offer(ctx context.Context) error {
	for _, module := range []string{abi.HostModule, wasiModule} {
		b := h.runtime.NewHostModuleBuilder(module)
		for name, f := range offered(module) {
			// WithGoModuleFunction costs 33 ns a call, the reflective WithFunc 1,030 ns.
			b.NewFunctionBuilder().WithGoModuleFunction(f.run, f.params, f.results).Export(name)
		}
		if _, err := b.Instantiate(ctx); err != nil {
			return err
		}
	}
	return nil
}

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
func plimLog(ctx context.Context, mod api.Module, stack []uint64) {
	if b, ok := mod.Memory().Read(uint32(stack[1]), uint32(stack[2])); ok {
		of(ctx).log.line(Level(min(uint32(stack[0]), uint32(LevelError))), b)
	}
}

// host(op, ptr, len) -> err<<31 | len. The answer stays with the host until
// host_read copies it. Op 0 lists what this call may use.
func plimHost(ctx context.Context, mod api.Module, stack []uint64) {
	c := of(ctx)
	answer, failed := c.ask(abi.HostOp(int32(stack[0])), mod.Memory(), uint32(stack[1]), uint32(stack[2]))
	c.answer, stack[0] = answer, uint64(len(answer))
	if failed {
		stack[0] |= 1 << 31
	}
}

// host_read(ptr, cap) -> bytes copied, or -1 when they do not lie in memory.
func plimHostRead(ctx context.Context, mod api.Module, stack []uint64) {
	answer := of(ctx).answer
	n := min(uint32(len(answer)), uint32(stack[1]))
	if !mod.Memory().Write(uint32(stack[0]), answer[:n]) {
		stack[0] = uint64(^uint32(0))
		return
	}
	stack[0] = uint64(n)
}

// exit ends the guest at once.
func (c *call) exit(ctx context.Context, mod api.Module, code uint32) {
	c.exited, c.exitCode = true, code
	// The engine stops a guest by the panic, and answers later calls by the close.
	_ = mod.CloseWithExitCode(ctx, code)
	panic(sys.NewExitError(code))
}

func put32(mod api.Module, at uint64, v uint32) bool {
	return mod.Memory().WriteUint32Le(uint32(at), v)
}

func put64(mod api.Module, at uint64, v uint64) bool {
	return mod.Memory().Write(uint32(at), binary.LittleEndian.AppendUint64(nil, v))
}
