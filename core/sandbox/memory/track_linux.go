package memory

import (
	"sync"

	"golang.org/x/sys/unix"
)

// How the written pages are found
//
// A Space maps the file of its Image privately. The first write to a page makes
// the kernel copy it into an anonymous page, and nothing but giving the page up
// turns it back. So a page may differ from the image only if the process's page
// table has an entry for it that does not lead to a page of the file, and the
// kernel tells this for any page: PAGEMAP_SCAN since 6.7, /proc/self/pagemap
// before. Whatever is not plainly absent or plainly of the file counts as
// written, because a page too much costs 100 ns and one too few is a leak
// between two callers:
//
//   - a page that was only read is of the file: restored by nothing;
//   - a hole of the file that is read becomes a page of the file, never the
//     zero page; behind the file (the zeros at the end of an image) it is the
//     zero page, which is not of the file and so is looked at;
//   - a page in swap, or on its way to another place, is marked as swapped and
//     not as of the file: looked at, which brings it back;
//   - an absent entry means that the next touch reads the file, or zeros behind
//     it, which is the image;
//   - a huge page is reported for each of its parts. In the file's part the
//     kernel copies single pages only; for the part behind it they are declined;
//   - a process that is started copies nothing: Go's way shares the page table
//     until exec. A fork of other making would write-protect our pages, which
//     stay ours;
//   - growth behind the image is refused by Restore before any of this.
//
// Nothing here remembers pages between two Restores, so nothing can go stale.
// What was refused: soft-dirty bits (one switch for the whole process, often
// compiled out), write protection with SIGSEGV (Go owns the signals) or with
// userfaultfd (a fault for each page and call, 4 us where this was measured,
// against 0.1 us for its copy), and giving all pages up (MADV_DONTNEED: the
// same faults).

// run is consecutive pages, from first to before end, counted from the
// beginning of a memory.
type run struct{ first, end uint64 }

// finder appends the runs of pages that part may have of its own.
type finder interface {
	find(part []byte, runs []run) ([]run, error)
}

// everyPage is how many bytes are compared rather than asked about. The price
// is about the same there: a question costs 2 us and 10 to 20 ns for each page,
// comparing 26 ns for each KiB (2026-11-21, Linux 6.18, EPYC; BENCHMARKS.md).
const everyPage = 128 << 10

// spring is how often, in Restores, a memory gives pages up that the last call
// did not write, and coldPages how many there must be. Each costs a comparison
// at every Restore (0.1 us) and a fault when it is written again (up to 4 us).
const (
	spring    = 64
	coldPages = 32
)

// machine is the way in which this machine tells written pages, found out and
// proved at its first use. It is a fact and not state: nothing changes it, and
// its file stays open as long as the process.
var machine = sync.OnceValue(func() finder {
	fd, err := unix.Open("/proc/self/pagemap", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	for _, f := range []finder{newScan(fd), newTable(fd)} {
		if prove(f) == nil {
			return f
		}
	}
	_ = unix.Close(fd) // only ever read
	return nil
})

func (s *Space) restore() int {
	if s.size > everyPage && s.image.source.fd >= 0 {
		return s.restoreWith(machine())
	}
	return s.restoreWith(nil)
}

// restoreWith compares everything when there is no finder, or it fails.
func (s *Space) restoreWith(f finder) int {
	if f != nil {
		if pages, err := s.restoreFound(f); err == nil {
			return pages
		}
	}
	pages := s.compare()
	s.own = max(s.own, uint64(pages)*page)
	return pages
}

// restoreFound restores the pages that f finds. After an error of f nothing is
// promised: the caller compares everything.
func (s *Space) restoreFound(f finder) (pages int, err error) {
	s.runs, err = f.find(s.reserved[:roundUp(s.size)], s.runs[:0])
	if err != nil {
		return 0, err
	}
	own := 0
	tidy := s.restored%spring == 0
	s.cold = s.cold[:0]
	for _, r := range s.runs {
		own += int(r.end - r.first)
		for n := r.first; n < r.end; n++ {
			if s.restorePage(n) {
				pages++
			} else if tidy {
				s.cold = extend(s.cold, n)
			}
		}
	}
	if tidy && own-pages >= coldPages {
		own -= s.giveUp()
	}
	s.own = uint64(own) * page
	return pages, nil
}

// giveUp returns the cold pages to the system, which reads the image again at
// their next touch, and says how many they were. A refusal leaves them as they
// are, which is the image already.
func (s *Space) giveUp() (pages int) {
	for _, r := range s.cold {
		if unix.Madvise(s.reserved[r.first*page:r.end*page], unix.MADV_DONTNEED) == nil {
			pages += int(r.end - r.first)
		}
	}
	return pages
}

// extend adds page n, which comes after all that are in runs.
func extend(runs []run, n uint64) []run {
	if last := len(runs) - 1; last >= 0 && runs[last].end == n {
		runs[last].end++
		return runs
	}
	return append(runs, run{n, n + 1})
}
