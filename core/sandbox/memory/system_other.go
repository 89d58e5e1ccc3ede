//go:build !linux

package memory

// scratch is nothing where every page is looked at.
type scratch struct{}

// source is nothing where images are plain copies.
type source struct{}

func (i *Image) keep(now []byte, rounded uint64) error { return i.copyIn(now, rounded) }

func (i *Image) forget() {
	if i.data != nil {
		unreserve(i.data)
		i.data = nil
	}
}

func (s *Space) adopt() error { return s.fill() }

func (s *Space) restore() int {
	pages := s.compare()
	s.own = max(s.own, uint64(pages)*page)
	return pages
}
