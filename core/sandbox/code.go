package sandbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/tetratelabs/wazero"

	"github.com/plimsoll-dev/plimsoll/core/sandbox/wasmbin"
)

// code is a rewritten module as this process holds it: what is known of it
// always, its machine code while it is used. Admissions of the same module share
// it, whatever their limits and programs.
type code struct {
	key      string // of the record
	profile  profile
	facts    *wasmbin.Facts
	segments []segment
	machine  int64 // bytes of machine code

	loading  sync.Mutex
	compiled wazero.CompiledModule // guarded by Host.mu where it may change: while users is 0
	users    int                   // instances; guarded by Host.mu
	owners   int                   // admissions; guarded by Host.mu
}

// weight is what loaded code is taken to weigh: the machine code, and what the
// engine keeps of the module beside it, which is about as much.
func (c *code) weight() int64 { return 2 * c.machine }

// codeOf finds the code of a module, compiling it where nobody has. The caller
// owns it until disown.
func (h *Host) codeOf(ctx context.Context, digest, profile string, module []byte) (*code, error) {
	key := recordKey(digest, profile)
	h.mu.Lock()
	c, ok := h.codes[key]
	if ok {
		c.owners++
	}
	h.mu.Unlock()
	if ok {
		return c, nil
	}
	r, err := h.compiler.record(ctx, digest, profile, module)
	if err != nil {
		return nil, err
	}
	p, ok := profileNamed(r.Profile)
	if !ok {
		return nil, fmt.Errorf("the record of the compiled module names the profile %q, which is not there", r.Profile)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if c, ok := h.codes[key]; ok {
		c.owners++
		return c, nil
	}
	c = &code{key: key, profile: p, facts: &r.Facts, segments: r.segments, machine: int64(r.Machine), owners: 1}
	h.codes[key] = c
	return c, nil
}

func (h *Host) disown(c *code) {
	h.mu.Lock()
	if c.owners--; c.owners == 0 {
		delete(h.codes, c.key)
	}
	compiled := h.unload(c)
	h.mu.Unlock()
	closeCompiled(compiled)
}

// hold makes the code of an admission ready for one more instance.
func (h *Host) hold(m *admission) (*code, error) {
	c := m.code
	h.mu.Lock()
	c.users++
	ready := c.compiled != nil
	h.mu.Unlock()
	if ready {
		return c, nil
	}
	if err := h.load(c); err != nil {
		h.leave(c)
		return nil, err
	}
	h.shrink(m)
	return c, nil
}

func (h *Host) leave(c *code) {
	h.mu.Lock()
	c.users--
	var compiled wazero.CompiledModule
	if c.owners == 0 {
		compiled = h.unload(c)
	}
	h.mu.Unlock()
	closeCompiled(compiled)
}

// load takes machine code from the cache folder. The record is read again, and
// checked: the engine must find its file, or it would compile here, where nothing
// could stop it.
func (h *Host) load(c *code) error {
	c.loading.Lock()
	defer c.loading.Unlock()
	if c.compiled != nil {
		return nil
	}
	r, ok := readRecord(h.compiler.dir, c.key)
	if !ok {
		return errors.New("the compiled code of an admitted module is gone from the cache folder, or damaged: admit the module again")
	}
	compiled, err := h.runtimes[c.profile.name()].CompileModule(context.Background(), r.code)
	if err != nil {
		return fmt.Errorf("loading compiled code: %w", err)
	}
	h.mu.Lock()
	c.compiled = compiled
	h.resident += c.weight()
	h.mu.Unlock()
	return nil
}

// unload takes the machine code of an unused module out; h.mu is held.
func (h *Host) unload(c *code) wazero.CompiledModule {
	compiled := c.compiled
	if compiled == nil || c.users > 0 {
		return nil
	}
	c.compiled = nil
	h.resident -= c.weight()
	return compiled
}

func closeCompiled(c wazero.CompiledModule) {
	if c != nil {
		_ = c.Close(context.Background()) // cannot fail
	}
}

// shrink gives up the images and the code of admissions that were not called for
// longest, until what is left fits. It spares the one that is needed now, and
// those that somebody is at work with.
func (h *Host) shrink(spare *admission) {
	most := int64(h.config.ResidentMiB) << 20
	h.mu.Lock()
	if h.resident <= most {
		h.mu.Unlock()
		return
	}
	all := make([]*admission, 0, len(h.admitted))
	for _, m := range h.admitted {
		if m != spare {
			all = append(all, m)
		}
	}
	h.mu.Unlock()
	slices.SortFunc(all, func(a, b *admission) int { return cmp.Compare(a.used.Load(), b.used.Load()) })
	for _, m := range all {
		// Whoever holds the lock of an admission is making an instance of it, and
		// may be shrinking as well: waiting for him could be waiting for oneself.
		if !m.mu.TryLock() {
			continue
		}
		h.drop(m)
		m.mu.Unlock()
		h.mu.Lock()
		enough := h.resident <= most
		h.mu.Unlock()
		if enough {
			return
		}
	}
}

// drop gives up what an admission keeps ready; m.mu is held.
func (h *Host) drop(m *admission) {
	h.pool.Drop(m)
	h.setImage(m, nil)
	if m.code == nil {
		return
	}
	h.mu.Lock()
	compiled := h.unload(m.code)
	h.mu.Unlock()
	closeCompiled(compiled)
}

// setImage replaces the image of an admission; m.mu is held.
func (h *Host) setImage(m *admission, img *image) {
	old := m.image
	m.image = img
	h.mu.Lock()
	if old != nil {
		h.resident -= int64(old.memory.Bytes())
	}
	if img != nil {
		h.resident += int64(img.memory.Bytes())
	}
	h.mu.Unlock()
	if old != nil {
		old.memory.Release()
	}
}
