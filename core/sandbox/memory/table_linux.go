package memory

import (
	"encoding/binary"
	"errors"
	"io"
	"sync"

	"golang.org/x/sys/unix"
)

// The bits of an entry of /proc/self/pagemap that matter here. They are told
// to every process about itself; the addresses beside them are not.
const (
	entryFile    = 1 << 61 // a page of a file, or shared
	entrySwapped = 1 << 62
	entryPresent = 1 << 63
)

// table reads one entry for each page (/proc/self/pagemap). Twice the price of
// scan, and there on every kernel since 4.2.
type table struct {
	pagemap int
	buffers sync.Pool
}

// entries is as many as the kernel works on at a time.
type entries [512 * 8]byte

func newTable(pagemap int) *table {
	return &table{pagemap: pagemap, buffers: sync.Pool{New: func() any { return new(entries) }}}
}

func (f *table) find(part []byte, runs []run) ([]run, error) {
	base, pages := address(part)/page, uint64(len(part))/page
	buf := f.buffers.Get().(*entries)
	defer f.buffers.Put(buf)
	for at := uint64(0); at < pages; {
		n, err := unix.Pread(f.pagemap, buf[:min(uint64(len(buf)), (pages-at)*8)], int64((base+at)*8))
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return runs, err
		case n < 8 || n%8 != 0:
			return runs, io.ErrUnexpectedEOF
		}
		for i := 0; i < n; i += 8 {
			entry := binary.NativeEndian.Uint64(buf[i:])
			if entry&entryFile == 0 && entry&(entryPresent|entrySwapped) != 0 {
				runs = extend(runs, at)
			}
			at++
		}
	}
	return runs, nil
}
