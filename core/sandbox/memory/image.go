package memory

import (
	"bytes"
	"errors"
	"os"
	"sync/atomic"
)

// Image is what a memory held at one moment. It never changes, may be used by
// many goroutines, and lives until its owner has called Release and the last
// Space of it is freed.
type Image struct {
	size   uint64
	data   []byte // the image up to its last byte that is not zero, rounded up to a page
	zero   []bool // for each page of data: it holds zeros only
	source source // what the system keeps of it, beside data
	bytes  uint64
	refs   atomic.Int64
	owned  atomic.Bool
}

// Size is how many bytes a memory has that begins as this image.
func (i *Image) Size() uint64 { return i.size }

// Bytes is how much of the machine's memory the image keeps, whatever the
// number of its Spaces: its pages that are not zero. It never changes, so that
// it may be added to a sum and taken off again. (On Linux a page of zeros
// between others that some guest writes is kept once more beside it.)
func (i *Image) Bytes() uint64 { return i.bytes }

// Release ends the owner's hold on the image. Spaces of it go on; new ones
// cannot be made. A second Release by the owner does nothing.
func (i *Image) Release() {
	if i.owned.CompareAndSwap(true, false) {
		i.drop()
	}
}

// page is the unit in which the system maps memory, in bytes.
var page = uint64(os.Getpagesize())

func roundUp(n uint64) uint64 { return (n + page - 1) / page * page }

// zeros is compared with pages; 64 KiB is the largest page there is.
var zeros [64 << 10]byte

func newImage(now []byte) (*Image, error) {
	used := uint64(len(now))
	for used > 0 && isZero(now[(used-1)/page*page:used]) {
		used = (used - 1) / page * page
	}
	used = roundUp(used)
	img := &Image{size: uint64(len(now)), zero: make([]bool, used/page)}
	for n := range img.zero {
		at := uint64(n) * page
		img.zero[n] = isZero(now[at:min(at+page, img.size)])
		if !img.zero[n] {
			img.bytes += page
		}
	}
	if err := img.keep(now[:min(used, img.size)], used); err != nil {
		return nil, err
	}
	img.refs.Store(1)
	img.owned.Store(true)
	return img, nil
}

func isZero(b []byte) bool { return bytes.Equal(b, zeros[:len(b)]) }

// hold adds a user, unless the image is gone.
func (i *Image) hold() error {
	for {
		n := i.refs.Load()
		if n == 0 {
			return errors.New("the image has been released")
		}
		if i.refs.CompareAndSwap(n, n+1) {
			return nil
		}
	}
}

// drop takes a user away, and with the last one the image goes.
func (i *Image) drop() {
	if i.refs.Add(-1) == 0 {
		i.forget()
	}
}
