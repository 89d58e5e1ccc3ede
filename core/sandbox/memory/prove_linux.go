package memory

import (
	"bytes"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// prove tries f on a real mapping. It fails when f misses a page that was
// written, or when a memory that was restored by it differs from its image:
// then this kernel, or what stands between it and us, does not mean what the
// documentation says, and f must not be used.
func prove(f finder) error {
	const data, all = 24, 32 // pages; the rest is zeros behind the file
	first, err := New(all * page)
	if err != nil {
		return err
	}
	defer first.Free()
	mem := first.Reallocate(all * page)
	if mem == nil {
		return errors.New("no memory to try it on")
	}
	for n := range uint64(data) {
		if n%5 != 4 { // the others are holes of the file
			mem[n*page] = byte(n + 1)
			mem[(n+1)*page-1] = byte(n + 101)
		}
	}
	want := bytes.Clone(mem)
	img, err := first.Snapshot()
	if err != nil {
		return err
	}
	defer img.Release()
	if img.source.fd < 0 {
		return errors.New("images are copies here")
	}
	s, err := NewFrom(img, all*page)
	if err != nil {
		return err
	}
	defer s.Free()
	return tryRounds(f, s, want)
}

// tryRounds writes other pages in each round, in other ways, and reads some, so
// that pages are absent, of the file, and of the memory's own. From the second
// round on every page has been read.
func tryRounds(f finder, s *Space, want []byte) error {
	mem := s.Reallocate(0)
	pages := uint64(len(mem)) / page
	for round := range uint64(6) {
		var written []uint64
		for n := range pages {
			switch (n*7 + round) % 6 {
			case 0:
				mem[n*page] ^= 0xff
			case 1:
				mem[(n+1)*page-1] ^= 0x80
			case 2:
				mem[n*page+page/2] = 0 // what is there already, and a write all the same
			case 3:
				if mem[n*page] != want[n*page] { // read only
					return fmt.Errorf("page %d is not that of the image", n)
				}
				continue
			default:
				continue
			}
			written = append(written, n)
		}
		runs, err := f.find(mem, nil)
		if err != nil {
			return err
		}
		for _, n := range written {
			if !covers(runs, n) {
				return fmt.Errorf("page %d was written and is not reported", n)
			}
		}
		if _, err := s.restoreFound(f); err != nil {
			return err
		}
		if !bytes.Equal(mem, want) {
			return errors.New("what was restored differs from the image")
		}
		if round == 3 { // pages that were given up read as the image again
			if err := unix.Madvise(mem, unix.MADV_DONTNEED); err != nil {
				return err
			}
			if !bytes.Equal(mem, want) {
				return errors.New("what was given up differs from the image")
			}
		}
	}
	return nil
}

func covers(runs []run, n uint64) bool {
	for _, r := range runs {
		if r.first <= n && n < r.end {
			return true
		}
	}
	return false
}
