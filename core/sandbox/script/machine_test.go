package script

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/plimsoll-dev/plimsoll/core/sandbox/script/quickjs"
	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

// bench is an interpreter without a sandbox around it: what this package does is
// tested here, limits and isolation in core/sandbox.
type bench struct {
	mod     api.Module
	session *Session
}

var interpreter = sync.OnceValues(func() (wazero.Runtime, error) {
	ctx := context.Background()
	r := wazero.NewRuntime(ctx)
	wasi_snapshot_preview1.MustInstantiate(ctx, r)
	i32 := api.ValueTypeI32
	b := r.NewHostModuleBuilder("env")
	for name, f := range map[string]struct {
		params int
		result bool
		run    func(b *bench, stack []uint64)
	}{
		"host_call": {5, true, func(b *bench, s []uint64) {
			v, err := b.session.Asked(b, uint32(s[3]), uint32(s[4]))
			if err != nil {
				panic(err)
			}
			s[0] = uint64(v)
		}},
		"host_promise_rejection": {3, false, func(b *bench, s []uint64) {
			if err := b.session.Rejected(b, uint32(s[0]), uint32(s[1]), uint32(s[2]) != 0); err != nil {
				panic(err)
			}
		}},
		"host_get_timezone_offset": {2, true, func(_ *bench, s []uint64) { s[0] = 0 }},
		"host_interrupt":           {0, true, func(_ *bench, s []uint64) { s[0] = 0 }},
		"host_module_normalize":    {2, true, func(_ *bench, s []uint64) { s[0] = 0 }},
		"host_module_load":         {2, true, func(_ *bench, s []uint64) { s[0] = 0 }},
	} {
		params := make([]api.ValueType, f.params)
		for i := range params {
			params[i] = i32
		}
		var results []api.ValueType
		if f.result {
			results = []api.ValueType{i32}
		}
		b.NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(func(ctx context.Context, _ api.Module, stack []uint64) {
			f.run(ctx.Value(benchKey{}).(*bench), stack)
		}), params, results).Export(name)
	}
	if _, err := b.Instantiate(ctx); err != nil {
		return nil, err
	}
	return r, nil
})

var compiled = sync.OnceValues(func() (wazero.CompiledModule, error) {
	r, err := interpreter()
	if err != nil {
		return nil, err
	}
	return r.CompileModule(context.Background(), quickjs.Module())
})

type benchKey struct{}

func newBench(t testing.TB) *bench {
	t.Helper()
	r, err := interpreter()
	if err != nil {
		t.Fatal(err)
	}
	module, err := compiled()
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{}
	b.mod, err = r.InstantiateModule(b.ctx(), module, wazero.NewModuleConfig().WithName("").WithStartFunctions("_initialize"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.mod.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return b
}

func (b *bench) ctx() context.Context { return context.WithValue(context.Background(), benchKey{}, b) }

func (b *bench) Call(export string, args ...uint64) (uint64, error) {
	out, err := b.mod.ExportedFunction(export).Call(b.ctx(), args...)
	if err != nil || len(out) == 0 {
		return 0, err
	}
	return out[0], nil
}

func (b *bench) Read(ptr, n uint32) ([]byte, bool)  { return b.mod.Memory().Read(ptr, n) }
func (b *bench) Write(ptr uint32, data []byte) bool { return b.mod.Memory().Write(ptr, data) }

// loaded is a program in an interpreter, and the memory that it began with.
type loaded struct {
	*bench
	image *Image
	saved []byte
	host  *fakeHost
}

// fakeHost answers host calls from a function and keeps what is logged.
type fakeHost struct {
	log []string
	ask func(op abi.HostOp, payload []byte) ([]byte, bool)
	*bench
}

func (h *fakeHost) Log(level uint32, text []byte) {
	h.log = append(h.log, fmt.Sprintf("%d %s", level, text))
}
func (h *fakeHost) Seed() [4]uint32 { return [4]uint32{1, 2, 3, 4} }
func (h *fakeHost) Ask(op abi.HostOp, ptr, n uint32) ([]byte, bool) {
	payload, ok := h.Read(ptr, n)
	if h.ask == nil || !ok {
		return []byte(`{"code":"capability","message":"nothing is offered"}`), true
	}
	return h.ask(op, payload)
}

func load(t testing.TB, p *Program) (*loaded, error) {
	t.Helper()
	b := newBench(t)
	l := &loaded{bench: b, host: &fakeHost{bench: b}}
	b.session = &Session{Host: l.host}
	var err error
	if l.image, err = Boot(b, p, b.session); err != nil {
		return l, err
	}
	all, _ := b.mod.Memory().Read(0, b.mod.Memory().Size())
	l.saved = bytes.Clone(all)
	return l, nil
}

// call answers an op from the memory that the program began with.
func (l *loaded) call(t testing.TB, op abi.Op, input string) (string, bool, error) {
	t.Helper()
	all, _ := l.mod.Memory().Read(0, l.mod.Memory().Size())
	clear(all[copy(all, l.saved):])
	l.session = &Session{Host: l.host}
	raw, failed, err := l.image.Call(l, l.session, op, []byte(input))
	return string(raw), failed, err
}
