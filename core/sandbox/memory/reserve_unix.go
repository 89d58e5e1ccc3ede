//go:build unix

package memory

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// reserve takes addresses that cannot be touched yet, and so count for nothing
// even where the system promises no more memory than it has.
func reserve(size uint64) ([]byte, error) {
	return mapAt(nil, -1, size, unix.PROT_NONE, unix.MAP_PRIVATE|unix.MAP_ANON)
}

// commit makes a part of a reservation usable. Its bytes are zero.
func commit(part []byte) error {
	return unix.Mprotect(part, unix.PROT_READ|unix.PROT_WRITE)
}

func unreserve(reserved []byte) { unmap(reserved) }

// mapAt maps size bytes, at the address of at when flags say so.
func mapAt(at unsafe.Pointer, fd int, size uint64, prot, flags int) ([]byte, error) {
	p, err := unix.MmapPtr(fd, 0, at, uintptr(size), prot, flags)
	if err != nil {
		return nil, err
	}
	return unsafe.Slice((*byte)(p), size), nil
}

// unmap cannot fail for what mapAt gave: the only errors are wrong arguments
// and a hole punched into the middle of a larger mapping.
func unmap(b []byte) { _ = unix.MunmapPtr(unsafe.Pointer(unsafe.SliceData(b)), uintptr(len(b))) }
