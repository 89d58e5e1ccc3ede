package sandbox

import "github.com/tetratelabs/wazero/experimental"

// idleMemories is how many cleared buffers a host keeps for later calls. A
// buffer that is used again costs its clearing (60 us for the 3.1 MiB of a Go
// guest); a new one costs the garbage collector.
const idleMemories = 8

// maxIdle is the largest buffer that is kept, in bytes.
const maxIdle = 8 << 20

// linear is the memory of one instance. It says no above the limit and
// remembers that it did, so that a guest that fails because of it is reported
// with code memory and not as some trap.
type linear struct {
	host    *Host
	limit   uint64
	buf     []byte
	peak    uint64
	refused bool
}

var _ experimental.LinearMemory = (*linear)(nil)

// Allocate makes linear the engine's allocator for one instance: a module has
// one memory.
func (l *linear) Allocate(_, _ uint64) experimental.LinearMemory { return l }

// Reallocate grows the memory to size bytes, or gives nil.
func (l *linear) Reallocate(size uint64) []byte {
	if size > l.limit {
		l.refused = true
		return nil
	}
	l.peak = max(l.peak, size)
	if l.buf == nil {
		l.buf = l.host.takeMemory(size)
	}
	if size > uint64(cap(l.buf)) {
		// Twice as much as asked for, so that a guest that grows page by page
		// copies its memory a few times and not a thousand.
		grown := make([]byte, size, min(2*size, l.limit))
		copy(grown, l.buf)
		l.buf = grown
	}
	l.buf = l.buf[:size]
	return l.buf
}

// Free is called when the instance is closed and its code has returned.
func (l *linear) Free() {
	if l.buf != nil && uint64(cap(l.buf)) <= maxIdle {
		buf := l.buf[:l.peak]
		clear(buf)
		select {
		case l.host.memories <- buf[:0]:
		default:
		}
	}
	l.buf = nil
}

func (h *Host) takeMemory(size uint64) []byte {
	select {
	case buf := <-h.memories:
		if uint64(cap(buf)) >= size {
			return buf
		}
	default:
	}
	return make([]byte, 0, size)
}
