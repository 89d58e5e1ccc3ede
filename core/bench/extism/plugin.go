package main

import (
	"context"
	"fmt"

	extism "github.com/extism/go-sdk"
)

// plugin is a guest in Extism's SDK, which compiles it once. Fresh, each call has
// an instance of its own, as calls that must not see each other need it there,
// and no timeout, which would make it slower. Pooled, calls share an instance and
// have a timeout.
type plugin struct {
	ctx   context.Context
	code  *extism.CompiledPlugin
	fresh bool
	one   *extism.Plugin
}

func openPlugin(ctx context.Context, module []byte, fresh bool) (*plugin, error) {
	manifest := extism.Manifest{Wasm: []extism.Wasm{extism.WasmData{Data: module}}}
	if !fresh {
		manifest.Timeout = 2000 // ms
	}
	code, err := extism.NewCompiledPlugin(ctx, manifest, extism.PluginConfig{}, nil)
	if err != nil {
		return nil, err
	}
	p := &plugin{ctx: ctx, code: code, fresh: fresh}
	p.one, err = code.Instance(ctx, extism.PluginInstanceConfig{})
	return p, err
}

func (p *plugin) call(input []byte) ([]byte, error) {
	one := p.one
	if p.fresh {
		var err error
		if one, err = p.code.Instance(p.ctx, extism.PluginInstanceConfig{}); err != nil {
			return nil, err
		}
	}
	status, out, err := one.CallWithContext(p.ctx, "finish", input)
	if err == nil && status != 0 {
		err = fmt.Errorf("the plugin ended with %d", status)
	}
	out = append([]byte(nil), out...)
	if p.fresh {
		if closed := one.CloseWithContext(p.ctx); err == nil {
			err = closed
		}
	}
	return out, err
}

func (p *plugin) between() error { return nil }
