package wasmbin_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/plimsoll-dev/plimsoll/core/sandbox/wasmbin"
)

// slice is small, so that tests yield in the middle of everything.
const slice = 1000

var (
	errFuel  = errors.New("the fuel is used up")
	errStack = errors.New("the stack is used up")
)

// world is a runtime with the functions that a metered module imports.
type world struct {
	wazero.Runtime
	yields int
	spent  int64 // fuel that was given
	budget int64 // 0: no end
	slice  int64
	watch  func() // at every yield
}

func newWorld(t testing.TB, config wazero.RuntimeConfig) *world {
	t.Helper()
	ctx := context.Background()
	w := &world{Runtime: wazero.NewRuntimeWithConfig(ctx, config), slice: slice}
	t.Cleanup(func() {
		if err := w.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	_, err := w.NewHostModuleBuilder(wasmbin.RuntimeModule).
		NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(func(_ context.Context, m api.Module, _ []uint64) {
		w.yields++
		if w.watch != nil {
			w.watch()
		}
		w.refuel(m)
	}), nil, nil).Export(wasmbin.YieldImport).
		NewFunctionBuilder().WithGoFunction(api.GoFunc(func(context.Context, []uint64) { panic(errStack) }), nil, nil).Export(wasmbin.OverflowImport).
		Instantiate(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) refuel(m api.Module) {
	fuel := m.ExportedGlobal(wasmbin.FuelGlobal).(api.MutableGlobal)
	have := int64(fuel.Get())
	if w.budget > 0 && w.spent-have > w.budget {
		panic(errFuel)
	}
	give := max(w.slice, w.slice-have)
	w.spent += give
	fuel.Set(uint64(have + give))
}

// instance is a module that runs, metered or not.
type instance struct {
	api.Module
	world *world
	facts *wasmbin.Facts // nil when it is not metered
}

func (w *world) instantiate(name string, module []byte, facts *wasmbin.Facts) (*instance, error) {
	ctx := context.Background()
	m, err := w.InstantiateWithConfig(ctx, module, wazero.NewModuleConfig().WithName(name).WithStartFunctions())
	if err != nil {
		return nil, err
	}
	i := &instance{Module: m, world: w, facts: facts}
	if facts != nil && facts.Start != "" {
		i.ready()
		if _, err := m.ExportedFunction(facts.Start).Call(ctx); err != nil {
			return nil, errors.Join(err, m.Close(ctx))
		}
	}
	return i, nil
}

// ready sets the depth, as the host does before every call.
func (i *instance) ready() {
	if i.facts != nil {
		i.ExportedGlobal(wasmbin.DepthGlobal).(api.MutableGlobal).Set(uint64(uint32(i.facts.Depth)))
	}
}

func (i *instance) fuel() int64 {
	return int64(i.ExportedGlobal(wasmbin.FuelGlobal).Get())
}

func (i *instance) call(name string, args ...uint64) ([]uint64, error) {
	f := i.ExportedFunction(name)
	if f == nil {
		return nil, fmt.Errorf("there is no %s", name)
	}
	i.ready()
	return f.Call(context.Background(), args...)
}

// reason is the first line of an error, without what differs between modules.
func reason(err error) string {
	if err == nil {
		return ""
	}
	first, _, _ := strings.Cut(err.Error(), "\n")
	first, _, _ = strings.Cut(first, " (recovered by wazero)")
	return first
}
