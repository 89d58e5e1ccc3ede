package memory

import (
	"unsafe"

	"golang.org/x/sys/windows"
)

// reserve takes addresses that cannot be touched yet and cost no memory.
func reserve(size uint64) ([]byte, error) {
	at, err := windows.VirtualAlloc(0, uintptr(size), windows.MEM_RESERVE, windows.PAGE_NOACCESS)
	if err != nil {
		return nil, err
	}
	return unsafe.Slice((*byte)(outside(at)), size), nil
}

// commit makes a part of a reservation usable. Its bytes are zero.
func commit(part []byte) error {
	_, err := windows.VirtualAlloc(uintptr(unsafe.Pointer(unsafe.SliceData(part))), uintptr(len(part)), windows.MEM_COMMIT, windows.PAGE_READWRITE)
	return err
}

// unreserve cannot fail for what reserve gave.
func unreserve(reserved []byte) {
	_ = windows.VirtualFree(uintptr(unsafe.Pointer(unsafe.SliceData(reserved))), 0, windows.MEM_RELEASE)
}

// outside makes a pointer of an address that is not in Go's heap. It goes
// through memory because go vet takes a direct conversion for an arithmetic
// mistake, which it would be for addresses that the collector may move.
func outside(address uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&address)) }
