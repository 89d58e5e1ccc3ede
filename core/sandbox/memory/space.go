// Package memory holds the linear memories of guests, outside of Go's heap. A
// Space reserves its addresses once, so that growing neither copies nor moves,
// and can be put back to an Image, byte for byte, at the price of the pages
// that were written since: this is what isolates one call of a skill from the
// next.
//
// It must know nothing of WebAssembly or of an engine, and no method may ever
// call memory restored that is not: every shortcut that a kernel offers is
// proved on a real mapping before it is used (see prove), and what is left
// when all fail is comparing every byte.
//
//	first, err := memory.New(64 << 20)
//	mem := first.Reallocate(1 << 20) // the guest starts here and fills it
//	image, err := first.Snapshot()   // what every later call begins with
//	space, err := memory.NewFrom(image, 64<<20)
//	pages, err := space.Restore()    // after each call
package memory

import (
	"errors"
	"fmt"
)

// ErrGrown is what Restore answers when the Space is larger than its Image.
// Whoever runs the guest has been told the new size and cannot unlearn it, so
// such a Space is for throwing away.
var ErrGrown = errors.New("the memory has grown since the image was taken, so it cannot be restored")

// ErrNoImage is what Restore answers when there is nothing to go back to.
var ErrNoImage = errors.New("the memory has no image that it could be restored to")

// errFreed is what everything answers after Free.
var errFreed = errors.New("the memory has been freed")

// guard is how many bytes behind the limit belong to the Space and can never
// be used, so that a fault in an engine's bounds ends the process and does not
// reach the memory of another guest. It costs addresses only.
const guard = 64 << 10

// maxLimit is the largest limit: all that 32 bits of guest address can reach.
const maxLimit = 4 << 30

// Space is one linear memory. It has the shape of wazero's LinearMemory. Its
// methods must not be called by two goroutines at once, and no slice of it may
// be used after Free: its addresses are gone then, and touching them ends the
// process.
type Space struct {
	reserved []byte // the whole reservation; only the first size bytes may be touched
	limit    uint64
	size     uint64
	open     uint64 // bytes that the system has made usable; at least size
	image    *Image
	restored int    // Restores so far
	own      uint64 // bytes of pages of its own, as of the last Restore
	refused  bool
	broken   error
	scratch
}

// New reserves the addresses for a memory of up to limit bytes, at most 4 GiB.
// None of it is used yet.
func New(limit uint64) (*Space, error) {
	if limit > maxLimit {
		return nil, fmt.Errorf("a memory of %d bytes is more than 32 bits of address can reach", limit)
	}
	reserved, err := reserve(roundUp(limit) + guard)
	if err != nil {
		return nil, fmt.Errorf("reserving %d bytes of addresses for a guest's memory: %w", limit, err)
	}
	return &Space{reserved: reserved, limit: limit}, nil
}

// NewFrom makes a memory that begins as img, of up to limit bytes, and that
// Restore brings back to img. It keeps img alive until Free. An engine that
// asks it for less than img is given img whole.
func NewFrom(img *Image, limit uint64) (*Space, error) {
	if img.size > limit {
		return nil, fmt.Errorf("the image has %d bytes, and the limit of the memory is %d", img.size, limit)
	}
	if err := img.hold(); err != nil {
		return nil, err
	}
	s, err := New(limit)
	if err != nil {
		img.drop()
		return nil, err
	}
	s.image, s.size = img, img.size
	if err := s.adopt(); err != nil {
		s.Free()
		return nil, fmt.Errorf("mapping an image of %d bytes: %w", img.size, err)
	}
	return s, nil
}

// Reallocate makes the memory size bytes long and gives all of it. The new
// bytes are zero; the old ones stay where they are. It gives nil when size is
// above the limit or the system has no more memory, and Refused tells so
// afterwards. It never shrinks: asked for less than there is, it gives what
// there is.
func (s *Space) Reallocate(size uint64) []byte {
	switch {
	case s.reserved == nil:
		return nil
	case size > s.limit:
		s.refused = true
		return nil
	case s.openUpTo(size) != nil:
		s.refused = true
		return nil
	}
	s.size = max(s.size, size)
	return s.reserved[:s.size:s.size]
}

// Snapshot makes what the memory holds now an Image, and the Space one of this
// Image: it may be restored from here on, and has not grown. The caller owns
// the Image and must Release it.
func (s *Space) Snapshot() (*Image, error) {
	if err := s.usable(); err != nil {
		return nil, err
	}
	img, err := newImage(s.reserved[:s.size])
	if err != nil {
		return nil, fmt.Errorf("taking an image of %d bytes: %w", s.size, err)
	}
	if err := img.hold(); err != nil {
		return nil, err
	}
	if s.image != nil {
		s.image.drop()
	}
	s.image = img
	if err := s.adopt(); err != nil {
		// The image is good, this Space is not: it says so at its next use.
		s.broken = fmt.Errorf("mapping the image that was taken of it: %w", err)
	}
	return img, nil
}

// Restore puts the memory back to its Image and tells how many pages of the
// system (4 KiB on most machines) had to be written for it. After an error
// (ErrGrown, ErrNoImage, a freed or broken Space) it holds what the last guest
// left, and must be thrown away.
func (s *Space) Restore() (pages int, err error) {
	switch {
	case s.usable() != nil:
		return 0, s.usable()
	case s.image == nil:
		return 0, ErrNoImage
	case s.Grown():
		return 0, ErrGrown
	}
	s.refused = false
	s.restored++
	return s.restore(), nil
}

// Grown is true when the memory is larger than its Image, or has none and is
// not empty.
func (s *Space) Grown() bool {
	if s.image == nil {
		return s.size > 0
	}
	return s.size > s.image.size
}

// Size is how many bytes the guest has.
func (s *Space) Size() uint64 { return s.size }

// Resident estimates how many bytes of the machine's memory this Space alone
// keeps: its pages of its own, as the last Restore saw them, and before the
// first Restore and after growth all that an Image does not explain.
// What it shares with others is in Image.Bytes.
func (s *Space) Resident() uint64 {
	if s.image == nil {
		return s.size
	}
	return s.own + (s.size - s.image.size)
}

// Refused is true when growth was refused since the last Restore. A guest that
// then fails has most likely failed because of it.
func (s *Space) Refused() bool { return s.refused }

// Free gives everything back. The slices that Reallocate gave must not be used
// any more. A second Free does nothing.
func (s *Space) Free() {
	if s.reserved == nil {
		return
	}
	unreserve(s.reserved)
	s.reserved, s.size, s.open = nil, 0, 0
	if s.image != nil {
		s.image.drop()
		s.image = nil
	}
}

func (s *Space) usable() error {
	if s.reserved == nil {
		return errFreed
	}
	return s.broken
}
