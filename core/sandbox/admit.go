package sandbox

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

// Admitted is a module that was checked, compiled and started once. It is safe
// for concurrent use.
type Admitted struct {
	host *Host
	*admission
}

// admission is shared by everybody who admitted the same with the same limits.
type admission struct {
	host     *Host
	key      string
	digest   string
	program  any           // what profile.start is given; nil for modules
	ready    chan struct{} // closed when the rest is set
	err      error
	code     *code
	manifest abi.Manifest
	declared bool   // there is a manifest
	offers   []byte // the answer to host op 0
	limits   limits
	facts    Facts
	users    int          // guarded by Host.mu
	done     bool         // admit has returned; guarded by Host.mu
	used     atomic.Int64 // the number of the last call

	mu    sync.Mutex // held while instances are made
	image *image     // nil: not taken yet, given up, or the module cannot be restored
}

// limits are those of one admission: the host's, narrowed by the manifest and by
// AdmitOptions.
type limits struct {
	memory  uint64 // bytes
	timeout time.Duration
	output  int
	fuel    int64
}

// source is what is admitted.
type source struct {
	digest  string // of all of it
	module  []byte
	profile string // "" finds it
	program any
}

// Admit checks and compiles a module, or finds it among those that are admitted
// already: equal bytes (sha256) are compiled once. A module without a manifest
// section is asked for its manifest (op describe) in the sandbox; one that does
// not know the op is taken to answer check and render, which skill.hcl names,
// and nothing else. The manifest's self-tests are run, twice. The error is an
// *Error that says what the module is or lacks, unless this machine could not do
// its part (no room for the cache, no process to compile in).
func (h *Host) Admit(ctx context.Context, module []byte, o AdmitOptions) (*Admitted, error) {
	return h.admitSource(ctx, source{digest: digestOf(module), module: module}, o)
}

func digestOf(b []byte) string {
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func (h *Host) admitSource(ctx context.Context, s source, o AdmitOptions) (*Admitted, error) {
	key := fmt.Sprint(s.profile, s.digest, o.Limits)
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return nil, cancelled("the sandbox is closed")
	}
	m, found := h.admitted[key]
	if !found {
		m = &admission{host: h, key: key, digest: s.digest, program: s.program, ready: make(chan struct{})}
		h.admitted[key] = m
		h.work.Add(1)
	}
	m.users++
	h.mu.Unlock()
	if !found {
		// Others may wait for the same bytes: one caller who gives up must not
		// fail them all. Closing the host ends it.
		go func() {
			defer h.work.Done()
			m.err = m.admit(h.alive, s, o)
			h.mu.Lock()
			m.done = true
			abandoned := m.users == 0
			h.mu.Unlock()
			close(m.ready)
			if abandoned {
				h.forget(m)
			}
		}()
	}
	select {
	case <-m.ready:
	case <-ctx.Done():
		h.release(m)
		return nil, stopped(ctx, 0)
	}
	if m.err != nil {
		h.release(m)
		return nil, m.err
	}
	return &Admitted{host: h, admission: m}, nil
}

// release forgets an admission that nobody uses any more.
func (h *Host) release(m *admission) {
	h.mu.Lock()
	m.users--
	last := m.users == 0 && h.admitted[m.key] == m
	if last {
		delete(h.admitted, m.key)
	}
	last = last && m.done // else who is still at it forgets it
	h.mu.Unlock()
	if last {
		h.forget(m)
	}
}

// forget frees everything of an admission but what is still out of the pool,
// which goes when it comes back.
func (h *Host) forget(m *admission) {
	m.mu.Lock()
	defer m.mu.Unlock()
	h.drop(m)
	if m.code != nil {
		h.disown(m.code)
	}
}

// Close gives the module back; its code is freed when everybody who admitted it
// has done so. Call it once, with no call under way.
func (a *Admitted) Close() error {
	a.host.release(a.admission)
	return nil
}

// Digest is the module's "sha256:" and 64 hexadecimal digits.
func (a *Admitted) Digest() string { return a.digest }

// Manifest is what the module says of itself; ok is false when it says nothing.
func (a *Admitted) Manifest() (m abi.Manifest, ok bool) { return a.manifest, a.declared }

// Has tells whether the module answers an op.
func (m *admission) Has(op abi.Op) bool {
	if m.declared {
		return m.manifest.Has(op)
	}
	return op == abi.OpCheck || op == abi.OpRender
}

func (m *admission) admit(ctx context.Context, s source, o AdmitOptions) error {
	c := m.host.config
	if len(s.module) > maxModule {
		return fail(abi.Protocol, fmt.Sprintf("the module has %d MiB; at most %d are admitted", len(s.module)>>20, maxModule>>20))
	}
	manifest, declared, err := abi.ReadManifest(s.module)
	if err != nil {
		return fail(abi.Protocol, err.Error())
	}
	m.limits = limits{memory: uint64(c.MemoryMiB) << 20, timeout: c.Timeout, output: c.MaxOutput, fuel: c.Fuel}
	if declared {
		if err := m.limits.narrow("the module", manifest.Limits); err != nil {
			return err
		}
	}
	if m.code, err = m.host.codeOf(ctx, digestOf(s.module), s.profile, s.module); err != nil {
		return err
	}
	if p, ok := m.code.profile.(thirsty); ok && (!declared || manifest.Limits.Fuel == 0) {
		m.limits.fuel = min(m.limits.fuel, math.MaxInt64/p.thirst()) * p.thirst()
	}
	if least := uint64(m.code.facts.MemoryMin) * pageSize; least > m.limits.memory {
		return fail(abi.OutOfMemory, fmt.Sprintf("the module begins with %d MiB of memory; the limit is %d MiB", least>>20, m.limits.memory>>20))
	}
	before := m.limits
	if declared {
		m.declare(manifest)
	} else if err := m.describe(ctx); err != nil {
		return err
	}
	if err := m.limits.narrow("the project", o.Limits); err != nil {
		return err
	}
	if m.limits != before {
		// What was made to describe itself was made with other limits.
		m.mu.Lock()
		m.host.drop(m)
		m.mu.Unlock()
	}
	return m.prove(ctx, len(s.module))
}

func (m *admission) declare(manifest abi.Manifest) {
	m.manifest, m.declared, m.offers = manifest, true, offersOf(&manifest)
}

// describe asks a module without a manifest section for its manifest.
func (m *admission) describe(ctx context.Context) error {
	if err := m.tryStart(ctx); err != nil {
		return err // which is not about its manifest
	}
	raw, err := m.answer(ctx, abi.OpDescribe, []byte("{}"), CallOptions{})
	var e *Error
	switch {
	case errors.As(err, &e) && e.Guest && e.Code == abi.CodeUnsupported:
		return nil
	case errors.As(err, &e) && e.Guest:
		return e
	case errors.As(err, &e):
		e.Message = "asking the module for its manifest: " + e.Message
		return e
	case err != nil:
		return fmt.Errorf("asking the module for its manifest: %w", err)
	}
	manifest, err := abi.ParseManifest(raw)
	if err != nil {
		return fail(abi.Schema, err.Error())
	}
	m.declare(manifest)
	return m.limits.narrow("the module", manifest.Limits)
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
	if fuel := int64(asked.Fuel); fuel > l.fuel {
		return fail(abi.Fuel, fmt.Sprintf("%s asks for %d units of fuel for a call; the limit is %d", who, fuel, l.fuel))
	} else if fuel > 0 {
		l.fuel = fuel
	}
	return nil
}
