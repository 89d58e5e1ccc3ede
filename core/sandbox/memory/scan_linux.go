package memory

import (
	"errors"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// scanArg is struct pm_scan_arg of <linux/fs.h>.
type scanArg struct {
	size, flags                   uint64
	start, end, walkEnd           uint64
	vec, vecLen, maxPages         uint64
	inverted, mask, anyOf, result uint64
}

// region is struct page_region of <linux/fs.h>: addresses from start to before
// end.
type region struct{ start, end, categories uint64 }

const (
	pagemapScan = 0xc0606610 // _IOWR('f', 16, struct pm_scan_arg)

	isFile    = 1 << 2 // PAGE_IS_FILE
	isPresent = 1 << 3 // PAGE_IS_PRESENT
	isSwapped = 1 << 4 // PAGE_IS_SWAPPED
)

// question is what one call of the kernel reads and writes. It lies in the
// heap, where Go does not move it while the kernel holds its address.
type question struct {
	arg     scanArg
	regions [64]region // a Go guest has about thirty
}

// scan asks for runs of pages by their kind (PAGEMAP_SCAN).
type scan struct {
	pagemap   int
	questions sync.Pool
}

func newScan(pagemap int) *scan {
	return &scan{pagemap: pagemap, questions: sync.Pool{New: func() any { return new(question) }}}
}

func (f *scan) find(part []byte, runs []run) ([]run, error) {
	base := address(part)
	q := f.questions.Get().(*question)
	defer f.questions.Put(q)
	q.arg = scanArg{
		size: uint64(unsafe.Sizeof(scanArg{})), start: base, end: base + uint64(len(part)),
		vec: uint64(uintptr(unsafe.Pointer(&q.regions))), vecLen: uint64(len(q.regions)),
		inverted: isFile, mask: isFile, anyOf: isPresent | isSwapped,
	}
	for q.arg.start < q.arg.end {
		n, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(f.pagemap), pagemapScan, uintptr(unsafe.Pointer(q)))
		switch {
		case errno == unix.EINTR:
			continue
		case errno != 0:
			return runs, errno
		case n > uintptr(len(q.regions)) || q.arg.walkEnd <= q.arg.start || q.arg.walkEnd > q.arg.end:
			return runs, errors.New("the kernel's answer about written pages makes no sense")
		}
		for _, r := range q.regions[:n] {
			if r.start < base || r.end > q.arg.end || r.start > r.end {
				return runs, errors.New("the kernel's answer about written pages lies outside of the memory")
			}
			runs = append(runs, run{(r.start - base) / page, (r.end - base + page - 1) / page})
		}
		q.arg.start = q.arg.walkEnd
	}
	return runs, nil
}

// address is where b lies. It is outside of Go's heap and does not move.
func address(b []byte) uint64 { return uint64(uintptr(unsafe.Pointer(unsafe.SliceData(b)))) }
