package sandbox

import (
	"encoding/binary"
	"math/bits"
)

// arena is the memory that a plugin shares with its host, for one call. Blocks
// have addresses from arenaBase on, 256 bytes apart, so that what the host notes
// of a block is less than the block; 0 is no block. A
// freed block serves again for blocks of its class (sizes between two powers of
// two), so that a plugin that allocates and frees in a loop does not grow. Old
// contents may show through in a block that serves again; those of another call
// never do.
type arena struct {
	buf    []byte              // addresses arenaBase to arenaBase+len(buf)
	blocks map[uint64]block    // by address
	free   [arenaBits][]uint64 // by class
	peak   int                 // most blocks at a time
}

type block struct {
	length uint64 // as it was asked for
	class  int
}

const (
	arenaBase = 64
	arenaBits = 33 // classes: 2^0 to 2^32 bytes
	arenaLow  = 8  // the least class
	arenaKept = 256 << 10
	// arenaNotes is for how many blocks notes are kept from call to call: neither
	// maps nor lists give back what they once grew to.
	arenaNotes = 4096
)

// reset empties the arena. A buffer of up to arenaKept bytes is kept, cleared.
func (a *arena) reset() {
	clear(a.buf)
	a.buf = a.buf[:0]
	if cap(a.buf) > arenaKept {
		a.buf = nil
	}
	clear(a.blocks)
	if a.peak > arenaNotes {
		a.blocks, a.free, a.peak = nil, [arenaBits][]uint64{}, 0
	}
	for i := range a.free {
		a.free[i] = a.free[i][:0]
	}
}

// classOf is the exponent of the least power of two that holds n bytes; n is at
// most 2^32.
func classOf(n uint64) int { return max(bits.Len64(n-1), arenaLow) }

// alloc gives the address of n bytes; 0 when n is 0 or the arena would have more
// than most bytes.
func (a *arena) alloc(n, most uint64) uint64 {
	if n == 0 || n > most || n > 1<<32 {
		return 0
	}
	class := classOf(n)
	if a.blocks == nil {
		a.blocks = map[uint64]block{}
	}
	if free := a.free[class]; len(free) > 0 {
		at := free[len(free)-1]
		a.free[class] = free[:len(free)-1]
		a.blocks[at] = block{n, class}
		return at
	}
	size := uint64(1) << class
	if size > most || uint64(len(a.buf)) > most-size {
		// The last block need not be a whole power of two; it can serve again for
		// what it holds only by being asked for the same, so it is not kept.
		if size = (n + 15) &^ 15; size > most || uint64(len(a.buf)) > most-size {
			return 0
		}
		class = -1
	}
	at := arenaBase + uint64(len(a.buf))
	if need := len(a.buf) + int(size); need <= cap(a.buf) {
		a.buf = a.buf[:need]
	} else {
		grown := make([]byte, need, max(need, min(2*cap(a.buf), int(most)), 4<<10))
		copy(grown, a.buf)
		a.buf = grown
	}
	a.blocks[at] = block{n, class}
	a.peak = max(a.peak, len(a.blocks))
	return at
}

// release frees a block; of anything else, and a second time, it does nothing.
func (a *arena) release(at uint64) {
	b, ok := a.blocks[at]
	if !ok {
		return
	}
	delete(a.blocks, at)
	if b.class >= 0 {
		a.free[b.class] = append(a.free[b.class], at)
	}
}

// length is that of the block that begins at an address, 0 when none does.
func (a *arena) length(at uint64) uint64 { return a.blocks[at].length }

// block is the contents of the block that begins at an address.
func (a *arena) block(at uint64) ([]byte, bool) {
	b, ok := a.blocks[at]
	if !ok {
		return nil, false
	}
	return a.view(at, b.length)
}

// view is a range of the arena, whatever blocks it covers: plugins pass the
// middle of blocks.
func (a *arena) view(at, n uint64) ([]byte, bool) {
	size := uint64(len(a.buf))
	if at < arenaBase || at-arenaBase > size || n > size-(at-arenaBase) {
		return nil, false
	}
	from := at - arenaBase
	return a.buf[from : from+n], true
}

func (a *arena) load64(at uint64) (uint64, bool) {
	b, ok := a.view(at, 8)
	if !ok {
		return 0, false
	}
	return binary.LittleEndian.Uint64(b), true
}

func (a *arena) store64(at, v uint64) bool {
	b, ok := a.view(at, 8)
	if ok {
		binary.LittleEndian.PutUint64(b, v)
	}
	return ok
}
