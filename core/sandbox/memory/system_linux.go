package memory

import (
	"errors"
	"unsafe"

	"golang.org/x/sys/unix"
)

// scratch is what finding written pages needs again and again.
type scratch struct{ runs, cold []run }

// source is the file in memory that holds the image, or below zero when the
// system gave none and the image is a plain copy.
type source struct{ fd int }

// seals make sure that nobody can change the image or cut it short, which
// would end the process at the next touch of a page.
const seals = unix.F_SEAL_SEAL | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE

// keep writes the image into a file in memory, whose zero pages are holes, and
// maps it for reading. A machine without such files, or a process that may not
// open more of them, has copies.
func (i *Image) keep(now []byte, rounded uint64) error {
	i.source.fd = -1
	if rounded == 0 {
		return nil
	}
	fd, err := create()
	if err != nil {
		return i.copyIn(now, rounded)
	}
	if err := i.write(fd, now, rounded); err != nil {
		return errors.Join(err, unix.Close(fd))
	}
	// Private and not shared: a kernel before 6.7 refuses every shared mapping
	// of a file that is sealed against writing.
	data, err := mapAt(nil, fd, rounded, unix.PROT_READ, unix.MAP_PRIVATE)
	if err != nil {
		return errors.Join(err, unix.Close(fd))
	}
	i.source.fd, i.data = fd, data
	return nil
}

func create() (int, error) {
	const name, flags = "plimsoll-image", unix.MFD_CLOEXEC | unix.MFD_ALLOW_SEALING
	fd, err := unix.MemfdCreate(name, flags|unix.MFD_NOEXEC_SEAL)
	if errors.Is(err, unix.EINVAL) { // before 6.3
		fd, err = unix.MemfdCreate(name, flags)
	}
	return fd, err
}

func (i *Image) write(fd int, now []byte, rounded uint64) error {
	if err := unix.Ftruncate(fd, int64(rounded)); err != nil {
		return err
	}
	for n := 0; n < len(i.zero); n++ {
		first := n
		for n < len(i.zero) && !i.zero[n] {
			n++
		}
		at, end := uint64(first)*page, min(uint64(n)*page, uint64(len(now)))
		for at < end {
			wrote, err := unix.Pwrite(fd, now[at:end], int64(at))
			if err != nil && !errors.Is(err, unix.EINTR) {
				return err
			}
			at += uint64(max(wrote, 0))
		}
	}
	_, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, seals)
	return err
}

func (i *Image) forget() {
	if i.data != nil {
		unmap(i.data)
		i.data = nil
	}
	if i.source.fd >= 0 {
		_ = unix.Close(i.source.fd) // nothing was written since the seals
		i.source.fd = -1
	}
}

// adopt lays the image over the beginning of the memory, copy-on-write, and
// makes the rest of it zeros without pages.
func (s *Space) adopt() error {
	data := uint64(len(s.image.data))
	if data > 0 && s.image.source.fd < 0 {
		return s.fill()
	}
	if data > 0 {
		at := unsafe.Pointer(unsafe.SliceData(s.reserved))
		if _, err := mapAt(at, s.image.source.fd, data, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_FIXED|unix.MAP_NORESERVE); err != nil {
			// The kernel may have unmapped what was there. The addresses stay
			// ours, or the next Free would unmap somebody else's.
			_, again := mapAt(at, -1, data, unix.PROT_NONE, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_FIXED|unix.MAP_NORESERVE)
			return errors.Join(err, again)
		}
		s.open = max(s.open, data)
	}
	if used := s.reserved[data:max(s.open, data)]; len(used) > 0 {
		if err := unix.Madvise(used, unix.MADV_DONTNEED); err != nil {
			return err
		}
	}
	if err := s.openUpTo(s.size); err != nil {
		return err
	}
	if tail := s.reserved[data:max(s.open, data)]; len(tail) > 0 {
		// A huge page would be 512 touched pages for one that was. A kernel
		// without huge pages says EINVAL.
		_ = unix.Madvise(tail, unix.MADV_NOHUGEPAGE)
	}
	s.own = 0
	return nil
}
