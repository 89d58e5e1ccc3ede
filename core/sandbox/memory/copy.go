package memory

// copyIn copies an image out of Go's heap. Room for its zero pages is reserved
// and never touched.
func (i *Image) copyIn(now []byte, rounded uint64) error {
	if rounded == 0 {
		return nil
	}
	data, err := reserve(rounded)
	if err != nil {
		return err
	}
	if err := commit(data); err != nil {
		unreserve(data)
		return err
	}
	for n, zero := range i.zero {
		if at := uint64(n) * page; !zero {
			copy(data[at:], now[at:min(at+page, uint64(len(now)))])
		}
	}
	i.data = data
	return nil
}

// fill makes the memory its image by copying.
func (s *Space) fill() error {
	if err := s.openUpTo(s.size); err != nil {
		return err
	}
	s.own = uint64(s.compare()) * page
	return nil
}

func (s *Space) openUpTo(size uint64) error {
	upto := roundUp(size)
	if upto <= s.open {
		return nil
	}
	if err := commit(s.reserved[s.open:upto]); err != nil {
		return err
	}
	s.open = upto
	return nil
}
