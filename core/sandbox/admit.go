package sandbox

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

// Admitted is a module that was checked and compiled. It is safe for concurrent
// use.
type Admitted struct {
	host *Host
	*admission
}

// admission is shared by everybody who admitted the same bytes.
type admission struct {
	digest   string
	key      string        // in Host.admitted: the digest and what the project asked for
	ready    chan struct{} // closed when the rest is set
	err      error
	compiled wazero.CompiledModule
	manifest abi.Manifest
	declared bool // there is a manifest
	limits   limits
	users    int // guarded by Host.mu
}

// limits are those of one module: the host's, narrowed by the manifest.
type limits struct {
	memory  uint64 // bytes
	timeout time.Duration
	output  int
}

// Admit checks and compiles a module, or finds it among those that are admitted
// already: equal bytes (sha256) are compiled once. A module without a manifest
// section is asked for its manifest (op describe) in the sandbox; one that does
// not know the op is taken to answer check and render, which skill.hcl names,
// and nothing else. The error is an *Error that says what the module is or lacks.
func (h *Host) Admit(ctx context.Context, module []byte, o AdmitOptions) (*Admitted, error) {
	sum := sha256.Sum256(module)
	digest := "sha256:" + hex.EncodeToString(sum[:])
	key := fmt.Sprint(digest, o.Limits)
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return nil, fail(abi.Cancelled, "the sandbox is closed")
	}
	m, found := h.admitted[key]
	if !found {
		m = &admission{digest: digest, key: key, ready: make(chan struct{})}
		h.admitted[key] = m
		h.calls.Add(1)
	}
	m.users++
	h.mu.Unlock()
	a := &Admitted{host: h, admission: m}
	if !found {
		// Others may wait for the same bytes: one caller who gives up must not
		// fail them all. Compilation could not be stopped anyway.
		m.err = h.admit(context.WithoutCancel(ctx), a, module, o)
		close(m.ready)
		h.calls.Done()
	}
	select {
	case <-m.ready:
	case <-ctx.Done():
		return nil, also(stopped(ctx, 0), h.release(m))
	}
	if m.err != nil {
		return nil, also(m.err, h.release(m))
	}
	return a, nil
}

// also keeps an *Error an *Error where nothing else went wrong.
func also(err, more error) error {
	if more == nil {
		return err
	}
	return errors.Join(err, more)
}

// release forgets an admission that nobody uses any more.
func (h *Host) release(m *admission) error {
	h.mu.Lock()
	m.users--
	last := m.users == 0 && h.admitted[m.key] == m
	if last {
		delete(h.admitted, m.key)
	}
	h.mu.Unlock()
	if !last {
		return nil
	}
	<-m.ready
	if m.compiled == nil {
		return nil
	}
	return m.compiled.Close(context.Background())
}

// Close gives the module back; its code is freed when everybody who admitted it
// has done so. Call it once, with no call under way.
func (a *Admitted) Close() error { return a.host.release(a.admission) }

// Digest is the module's "sha256:" and 64 hexadecimal digits.
func (a *Admitted) Digest() string { return a.digest }

// Manifest is what the module says of itself; ok is false when it says nothing.
func (a *Admitted) Manifest() (m abi.Manifest, ok bool) { return a.manifest, a.declared }

// Has tells whether the module answers an op.
func (a *Admitted) Has(op abi.Op) bool {
	if a.declared {
		return a.manifest.Has(op)
	}
	return op == abi.OpCheck || op == abi.OpRender
}

func (h *Host) admit(ctx context.Context, a *Admitted, module []byte, o AdmitOptions) error {
	m := a.admission
	if len(module) > maxModule {
		return fail(abi.Protocol, fmt.Sprintf("the module has %d MiB; at most %d are admitted", len(module)>>20, maxModule>>20))
	}
	manifest, declared, err := abi.ReadManifest(module)
	if err != nil {
		return fail(abi.Protocol, err.Error())
	}
	if err := checkImports(module); err != nil {
		return err
	}
	compiled, err := h.runtime.CompileModule(ctx, joinData(module))
	if err != nil {
		return fail(abi.Protocol, "the module is not valid: "+err.Error())
	}
	m.limits = limits{memory: uint64(h.config.MemoryMiB) << 20, timeout: h.config.Timeout, output: h.config.MaxOutput}
	if err := m.check(compiled); err != nil {
		return also(err, compiled.Close(ctx))
	}
	m.compiled = compiled
	if !declared {
		manifest, declared, err = a.describe(ctx)
	}
	if err == nil && declared {
		m.manifest, m.declared = manifest, true
		err = m.limits.narrow("the module", manifest.Limits)
	}
	if err == nil {
		err = m.limits.narrow("the project", o.Limits)
	}
	if err != nil {
		m.compiled = nil
		return also(err, compiled.Close(ctx))
	}
	return nil
}

// describe asks a module without a manifest section for its manifest.
func (a *Admitted) describe(ctx context.Context) (abi.Manifest, bool, error) {
	raw, err := a.call(ctx, abi.OpDescribe, []byte("{}"), CallOptions{})
	var e *Error
	switch {
	case errors.As(err, &e) && e.Guest && e.Code == abi.CodeUnsupported:
		return abi.Manifest{}, false, nil
	case errors.As(err, &e):
		e.Message = "asking the module for its manifest: " + e.Message
		return abi.Manifest{}, false, e
	case err != nil:
		return abi.Manifest{}, false, fmt.Errorf("asking the module for its manifest: %w", err)
	}
	manifest, err := abi.ParseManifest(raw)
	if err != nil {
		return abi.Manifest{}, false, fail(abi.Schema, err.Error())
	}
	return manifest, true, nil
}

// narrow applies what somebody asks for: less than is allowed is granted, more
// is not.
func (l *limits) narrow(who string, asked abi.Limits) error {
	if asked.MemoryMiB < 0 || asked.TimeoutMS < 0 || asked.OutputBytes < 0 || asked.Fuel < 0 {
		return fail(abi.Protocol, who+" asks for limits below zero")
	}
	if memory := uint64(asked.MemoryMiB) << 20; memory > l.memory {
		return fail(abi.OutOfMemory, fmt.Sprintf("%s asks for %d MiB of memory; the limit is %d MiB", who, asked.MemoryMiB, l.memory>>20))
	} else if memory > 0 {
		l.memory = memory
	}
	if timeout := time.Duration(asked.TimeoutMS) * time.Millisecond; timeout > l.timeout {
		return fail(abi.Deadline, fmt.Sprintf("%s asks for %s for a call; the limit is %s", who, timeout, l.timeout))
	} else if timeout > 0 {
		l.timeout = timeout
	}
	if asked.OutputBytes > l.output {
		return fail(abi.OutputLimit, fmt.Sprintf("%s asks for answers of %d bytes; the limit is %d", who, asked.OutputBytes, l.output))
	} else if asked.OutputBytes > 0 {
		l.output = asked.OutputBytes
	}
	return nil
}

// check looks at exports and at the signatures of imports.
func (m *admission) check(c wazero.CompiledModule) error {
	exports := c.ExportedFunctions()
	for name := range exports {
		if strings.HasPrefix(name, "__plim") {
			return fail(abi.Protocol, fmt.Sprintf("the module exports %q; names that begin with __plim belong to the host", name))
		}
	}
	if _, ok := exports[abi.Marker]; !ok {
		return fail(abi.Protocol, whatElse(exports))
	}
	for _, want := range []struct {
		name            string
		params, results []api.ValueType
		optional        bool
	}{
		{abi.Alloc, []api.ValueType{i32}, []api.ValueType{i32}, false},
		{abi.Call, []api.ValueType{i32, i32, i32}, []api.ValueType{i64}, false},
		{abi.Initialize, nil, nil, true},
	} {
		f, ok := exports[want.name]
		if !ok && want.optional {
			continue
		}
		if !ok {
			return fail(abi.Protocol, fmt.Sprintf("the module does not export %s%s", want.name, signature(want.params, want.results)))
		}
		if !slices.Equal(f.ParamTypes(), want.params) || !slices.Equal(f.ResultTypes(), want.results) {
			return fail(abi.Protocol, fmt.Sprintf("the module exports %s%s; it must be %s%s", want.name, signature(f.ParamTypes(), f.ResultTypes()), want.name, signature(want.params, want.results)))
		}
	}
	memory, ok := c.ExportedMemories()[abi.Memory]
	if !ok {
		return fail(abi.Protocol, "the module does not export its memory under the name memory")
	}
	if least := uint64(memory.Min()) * pageSize; least > m.limits.memory {
		return fail(abi.OutOfMemory, fmt.Sprintf("the module begins with %d MiB of memory; the limit is %d MiB", least>>20, m.limits.memory>>20))
	}
	for _, f := range c.ImportedFunctions() {
		module, name, _ := f.Import()
		want := offered(module)[name]
		if !slices.Equal(f.ParamTypes(), want.params) || !slices.Equal(f.ResultTypes(), want.results) {
			return fail(abi.Capability, fmt.Sprintf("the module imports %s.%s%s; the host has %s.%s%s", module, name, signature(f.ParamTypes(), f.ResultTypes()), module, name, signature(want.params, want.results)))
		}
	}
	return nil
}

// whatElse says what a module without the marker seems to be.
func whatElse(exports map[string]api.FunctionDefinition) string {
	for name := range exports {
		if strings.HasPrefix(name, abi.MarkerPrefix) {
			return fmt.Sprintf("the module is made for another version of the ABI (%s); this host speaks %s", name, abi.Marker)
		}
	}
	if _, ok := exports["_start"]; ok {
		return "the module is a WASI command (it exports _start), not a skill: build it with -buildmode=c-shared and register it with sdk/skill"
	}
	return fmt.Sprintf("the module does not export %s: it is not a skill's code (see sdk/ABI.md)", abi.Marker)
}

func signature(params, results []api.ValueType) string {
	names := func(types []api.ValueType) string {
		out := make([]string, len(types))
		for i, t := range types {
			out[i] = api.ValueTypeName(t)
		}
		return strings.Join(out, ", ")
	}
	return fmt.Sprintf("(%s) -> (%s)", names(params), names(results))
}
