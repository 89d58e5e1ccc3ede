package memory

import "bytes"

// compare restores by looking at every page. It needs nothing of the system
// and is always right; the faster ways are measured against it and checked
// with it. Pages that nobody wrote are only read, so that they go on costing
// no memory.
func (s *Space) compare() (pages int) {
	for n := uint64(0); n*page < s.size; n++ {
		if s.restorePage(n) {
			pages++
		}
	}
	return pages
}

// restorePage writes page n back if it differs from the image, and tells
// whether it did. To compare first costs a page that was written almost
// nothing, since it ends at the first difference, and spares one that was not.
func (s *Space) restorePage(n uint64) bool {
	at := n * page
	now := s.reserved[at:min(at+page, s.size)]
	if n >= uint64(len(s.image.zero)) || s.image.zero[n] {
		if isZero(now) {
			return false
		}
		clear(now)
		return true
	}
	image := s.image.data[at : at+uint64(len(now))]
	if bytes.Equal(now, image) {
		return false
	}
	copy(now, image)
	return true
}
