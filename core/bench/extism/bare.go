package main

import (
	"context"
	"errors"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
)

// slice is the sandbox's: what a metered guest is given when it comes back.
const slice = 100_000

// most is how large the memory of a guest may become before it is made anew:
// nobody restores it here, and not every guest frees.
const most = 32 << 20

// bare is a guest of the ABI plim1 in the engine as it comes: no limits, no
// restoring. A metered module is driven as the sandbox drives it.
type bare struct {
	ctx         context.Context
	rt          wazero.Runtime
	code        wazero.CompiledModule
	fresh       bool // a new instance for each call
	mod         api.Module
	alloc, run  api.Function
	fuel, depth api.MutableGlobal
	deepest     uint64 // what depth begins with
	stack       [3]uint64
}

func openBare(ctx context.Context, module []byte, fresh bool) (*bare, error) {
	b := &bare{ctx: ctx, rt: wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigCompiler()), fresh: fresh}
	if _, err := wasi_snapshot_preview1.Instantiate(ctx, b.rt); err != nil {
		return nil, err
	}
	i32, i64 := api.ValueTypeI32, api.ValueTypeI64
	nothing := api.GoModuleFunc(func(_ context.Context, _ api.Module, stack []uint64) {
		if len(stack) > 0 {
			stack[0] = 0
		}
	})
	plim := b.rt.NewHostModuleBuilder("plim")
	plim.NewFunctionBuilder().WithGoModuleFunction(nothing, []api.ValueType{i32, i32, i32}, nil).Export("log")
	plim.NewFunctionBuilder().WithGoModuleFunction(nothing, []api.ValueType{i32, i32, i32}, []api.ValueType{i64}).Export("host")
	plim.NewFunctionBuilder().WithGoModuleFunction(nothing, []api.ValueType{i32, i32}, []api.ValueType{i32}).Export("host_read")
	if _, err := plim.Instantiate(ctx); err != nil {
		return nil, err
	}
	meter := b.rt.NewHostModuleBuilder("plim_rt")
	meter.NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(func(context.Context, api.Module, []uint64) { b.fuel.Set(slice) }), nil, nil).Export("yield")
	meter.NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(func(context.Context, api.Module, []uint64) { panic("overflow") }), nil, nil).Export("overflow")
	if _, err := meter.Instantiate(ctx); err != nil {
		return nil, err
	}
	var err error
	if b.code, err = b.rt.CompileModule(ctx, module); err != nil {
		return nil, err
	}
	return b, b.make()
}

func (b *bare) make() error {
	if b.mod != nil {
		if err := b.mod.Close(b.ctx); err != nil {
			return err
		}
	}
	var err error
	if b.mod, err = b.rt.InstantiateModule(b.ctx, b.code, wazero.NewModuleConfig().WithName("").WithStartFunctions()); err != nil {
		return err
	}
	b.alloc, b.run = b.mod.ExportedFunction("plim_alloc"), b.mod.ExportedFunction("plim_call")
	b.fuel, _ = b.mod.ExportedGlobal("__plim_fuel").(api.MutableGlobal)
	b.depth, _ = b.mod.ExportedGlobal("__plim_depth").(api.MutableGlobal)
	if b.depth != nil {
		b.deepest = b.depth.Get()
	}
	if f := b.mod.ExportedFunction("_initialize"); f != nil {
		_, err = f.Call(b.ctx)
	}
	return err
}

const opFinish = 2

// refill does what the sandbox does before it calls a metered module.
func (b *bare) refill() {
	if b.fuel != nil {
		b.fuel.Set(slice)
		b.depth.Set(b.deepest)
	}
}

func (b *bare) call(input []byte) ([]byte, error) {
	if b.fresh {
		if err := b.make(); err != nil {
			return nil, err
		}
	}
	b.refill()
	b.stack[0] = uint64(len(input))
	if err := b.alloc.CallWithStack(b.ctx, b.stack[:1]); err != nil {
		return nil, err
	}
	at := b.stack[0]
	b.refill()
	if !b.mod.Memory().Write(uint32(at), input) {
		return nil, errors.New("there is no room for the input")
	}
	b.stack[0], b.stack[1], b.stack[2] = opFinish, at, uint64(len(input))
	if err := b.run.CallWithStack(b.ctx, b.stack[:3]); err != nil {
		return nil, err
	}
	packed := b.stack[0]
	out, ok := b.mod.Memory().Read(uint32(packed>>32), uint32(packed)&^(1<<31))
	if !ok || packed&(1<<31) != 0 {
		return nil, errors.New("the guest failed")
	}
	return append([]byte(nil), out...), nil
}

func (b *bare) between() error {
	if b.mod.Memory().Size() > most {
		return b.make()
	}
	return nil
}
