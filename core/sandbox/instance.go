package sandbox

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/plimsoll-dev/plimsoll/core/sandbox/memory"
	"github.com/plimsoll-dev/plimsoll/core/sandbox/wasmbin"
	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

// instance is a module in memory, and the host's side of the call that it is in.
// It serves one call at a time. It is the context.Context that the engine is
// handed, because the engine gives that to host functions: finding the instance
// so costs a type assertion, where context.WithValue costs an allocation for
// every call and a walk for every host call.
type instance struct {
	admission *admission
	code      *code
	mod       api.Module
	memory    api.Memory
	space     *memory.Space
	fuel      api.MutableGlobal
	depth     api.MutableGlobal
	globals   []api.MutableGlobal
	functions map[string]api.Function
	stack     [4]uint64 // parameters and results, so that they are not allocated
	state     any       // the profile's, from profile.start
	own       any       // the profile's, for this instance; profiles reset it at each call
	image     *image    // that it began as; nil while it is not started, or cannot be restored
	starting  bool      // it is to be started before a call
	spent     bool      // a trap or an end: what is in memory is no state to go on from

	meter meter

	// The call that it is in.
	op      abi.Op
	limits  *limits
	log     log
	now     int64 // nanoseconds since 1970, not negative
	slept   int64 // nanoseconds that the guest slept, those before the image included
	awake   int64 // slept when the call began
	seed    []byte
	random  rand.ChaCha8
	seeded  bool
	open    bool // host ops are allowed
	host    HostFunc
	answer  []byte // of the last host call
	exit    uint32
	hostMax time.Duration
}

var _ context.Context = (*instance)(nil)

// Deadline and the others make an instance a context that never ends and holds
// nothing: deadlines are the meter's.
func (in *instance) Deadline() (time.Time, bool) { return time.Time{}, false }

// Done is nil: the engine is not to watch anything.
func (in *instance) Done() <-chan struct{} { return nil }

// Err is always nil.
func (in *instance) Err() error { return nil }

// Value finds nothing.
func (in *instance) Value(any) any { return nil }

// of finds the instance that an import was called from.
func of(ctx context.Context) *instance { return ctx.(*instance) }

// allocator hands the engine one memory, which is there already: where the
// machine refuses memory, it has been refused before the engine asks, which
// knows no better answer than to panic.
type allocator struct{ space *memory.Space }

// Allocate makes allocator a wazero allocator.
func (a allocator) Allocate(_, _ uint64) experimental.LinearMemory { return a.space }

// space is the memory of a new instance.
func (m *admission) space(img *image) (*memory.Space, error) {
	if img != nil {
		return memory.NewFrom(img.memory, m.limits.memory)
	}
	return memory.New(m.limits.memory)
}

// instantiate makes an instance without running any code. With an image it is
// the image; without, memory is as the module declares it.
func (m *admission) instantiate(img *image) (in *instance, err error) {
	c, err := m.host.hold(m)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			m.host.leave(c)
		}
	}()
	space, err := m.space(img)
	if err != nil && m.host.pool.Trim(0) > 0 {
		// Instances that wait for calls are worth less than a call that waits.
		space, err = m.space(img)
	}
	if err != nil {
		return nil, noMemory(err)
	}
	if least := uint64(c.facts.MemoryMin) * pageSize; space.Reallocate(least) == nil && least > 0 {
		space.Free()
		return nil, noMemory(fmt.Errorf("%d bytes are refused", least))
	}
	ctx := experimental.WithMemoryAllocator(context.Background(), allocator{space})
	mod, err := m.host.runtimes[c.profile.name()].InstantiateModule(ctx, c.compiled, anonymous)
	if err != nil {
		space.Free()
		return nil, fail(abi.Protocol, "the module cannot be instantiated: "+firstLine(err.Error()))
	}
	in = &instance{admission: m, code: c, mod: mod, memory: mod.Memory(), space: space, functions: map[string]api.Function{}, limits: &m.limits, starting: true}
	if err := in.bind(); err != nil {
		in.close()
		return nil, err
	}
	if img == nil {
		for _, s := range c.segments {
			if !in.memory.Write(s.at, s.data) {
				in.close()
				return nil, fail(abi.Trap, fmt.Sprintf("the module's initial data lies outside of its memory: %d bytes at %d, of %d", len(s.data), s.at, in.memory.Size()))
			}
		}
		return in, nil
	}
	in.image, in.starting, in.state, in.slept = img, false, img.state, img.slept
	for i, g := range in.globals {
		g.Set(img.globals[i])
	}
	return in, nil
}

// anonymous is the configuration of every instance: no name, no start function.
var anonymous = wazero.NewModuleConfig().WithName("").WithStartFunctions()

func noMemory(err error) *Error {
	return fail(abi.OutOfMemory, "the machine gives no memory for an instance: "+err.Error())
}

func (in *instance) bind() error {
	find := func(name string) api.MutableGlobal {
		g, _ := in.mod.ExportedGlobal(name).(api.MutableGlobal)
		return g
	}
	in.fuel, in.depth = find(wasmbin.FuelGlobal), find(wasmbin.DepthGlobal)
	if in.fuel == nil || in.depth == nil {
		return fail(abi.Protocol, "the rewritten module has no meter; delete the cache of compiled code")
	}
	for _, g := range in.code.facts.Globals {
		found := find(g.Export)
		if found == nil {
			return fail(abi.Protocol, fmt.Sprintf("the rewritten module lacks %s; delete the cache of compiled code", g.Export))
		}
		in.globals = append(in.globals, found)
	}
	return nil
}

// function finds an exported function; nil when there is none.
func (in *instance) function(name string) api.Function {
	f, ok := in.functions[name]
	if !ok {
		f = in.mod.ExportedFunction(name)
		in.functions[name] = f
	}
	return f
}

// invoke runs a function of the guest; stack holds parameters and then results.
// After an error the instance is spent.
func (in *instance) invoke(f api.Function, stack []uint64) error {
	if f == nil {
		return fail(abi.Protocol, "the module lacks a function that it is to be called by")
	}
	in.depth.Set(uint64(uint32(in.code.facts.Depth)))
	if err := f.CallWithStack(in, stack); err != nil {
		in.spent = true
		return err
	}
	return nil
}

// begin readies the instance for a call.
func (in *instance) begin(ctx context.Context, op abi.Op, input []byte, o *CallOptions) {
	in.op, in.open, in.host, in.answer, in.hostMax = op, false, o.Host, nil, o.HostTimeout
	in.log.reset(o.Log)
	in.now = 0
	if !o.Time.IsZero() {
		in.now = max(o.Time.UnixNano(), 0)
	}
	in.awake = in.slept
	if in.seed, in.seeded = o.Seed, false; o.Seed == nil {
		in.seed = input
	}
	in.meter.begin(ctx, in.admission.host.alive.Done(), in.limits.fuel, in.limits.timeout)
	in.refuel(0)
}

// rng is the guest's random numbers. They are seeded when the guest first asks,
// since most never do.
func (in *instance) rng() *rand.ChaCha8 {
	if !in.seeded {
		h := sha256.New()
		h.Write([]byte(in.admission.digest + "\x00"))
		h.Write(in.seed)
		in.random.Seed([32]byte(h.Sum(nil)))
		in.seeded = true
	}
	return &in.random
}

// restore makes the instance what it was before the call; false means that it
// must be thrown away.
func (in *instance) restore() (pages int, ok bool) {
	img := in.image
	if in.spent || img == nil || in.space.Grown() {
		return 0, false
	}
	pages, err := in.space.Restore()
	if err != nil {
		return pages, false
	}
	for i, g := range in.globals {
		g.Set(img.globals[i])
	}
	in.slept = img.slept
	if in.used() > deepFuel {
		// The engine keeps the stack that a deep recursion grew for the life of the
		// function object.
		clear(in.functions)
	}
	in.log.reset(nil)
	in.host, in.seed, in.answer = nil, nil, nil
	in.meter.ctx = nil
	return pages, true
}

// resident estimates what the instance weighs, in bytes.
func (in *instance) resident() int64 { return int64(in.space.Resident()) + instanceBytes }

// instanceBytes is what an instance of the engine weighs without its memory:
// 10 KiB of stack for each of its functions, and tables.
const instanceBytes = 48 << 10

func (in *instance) close() {
	// Nothing can go wrong: there are no files behind it, and no other module
	// imports from it.
	_ = in.mod.Close(context.Background())
	in.admission.host.leave(in.code)
}

// copyOut takes n bytes at ptr out of the guest.
func (in *instance) copyOut(op abi.Op, ptr, n uint32) ([]byte, error) {
	if int64(n) > int64(in.limits.output) {
		return nil, fail(abi.OutputLimit, fmt.Sprintf("the answer to %s has %d bytes; the limit is %d", op, n, in.limits.output))
	}
	view, ok := in.memory.Read(ptr, n)
	if !ok {
		return nil, fail(abi.Protocol, fmt.Sprintf("the answer to %s is said to be %d bytes at %d, outside of the module's %d bytes of memory", op, n, ptr, in.memory.Size()))
	}
	return append([]byte(nil), view...), nil
}

// image is what every call begins with.
type image struct {
	memory  *memory.Image
	globals []uint64
	slept   int64
	state   any
	fuel    int64 // that the start took
}

// snapshot takes the image of an instance that was started.
func (in *instance) snapshot() (*image, error) {
	mem, err := in.space.Snapshot()
	if err != nil {
		return nil, noMemory(err)
	}
	img := &image{memory: mem, slept: in.slept, state: in.state}
	for _, g := range in.globals {
		img.globals = append(img.globals, g.Get())
	}
	in.image, in.starting = img, false
	return img, nil
}

// run starts an instance where that is still to be done. It must have begun.
func (in *instance) run(program any) error {
	if start := in.code.facts.Start; start != "" {
		if err := in.invoke(in.function(start), nil); err != nil {
			return err
		}
	}
	state, err := in.code.profile.start(in, program)
	if err != nil {
		in.spent = true
		return err
	}
	in.state = state
	return nil
}

// errEnded unwinds the guest; why stands in meter.ended.
var errEnded = errors.New("the host ended the guest")
