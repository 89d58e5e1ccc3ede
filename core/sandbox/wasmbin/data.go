package wasmbin

import (
	"cmp"
	"slices"
)

// Go's linker cuts a module's initial memory into a segment for every few bytes
// (43,942 of them in examples/hello-skill), and the engine evaluates each
// segment's offset anew for every instance: two thirds of what a fresh instance
// cost (2026-11). So segments that lie close together are joined, with the zeros
// between them, which the module's own memory holds there anyway.

// maxGap is how many bytes of zeros are worth a segment less.
const maxGap = 64

type piecewise struct {
	at   uint32
	data []byte
}

// joinData gives fewer segments that leave the same memory of at least pages
// pages, or false where that cannot be said for certain: segments that are
// passive, overlap, lie at offsets that are not constants, or past the memory.
func joinData(segments []Segment, pages uint32) ([]Segment, bool) {
	pieces := make([]piecewise, 0, len(segments))
	for i := range segments {
		s := &segments[i]
		if s.Mode == 1 || s.Offset[0] != opI32Const {
			return nil, false
		}
		r := &reader{b: s.Offset, p: 1}
		at := uint32(r.signed(32))
		if uint64(at)+uint64(len(s.Data)) > uint64(pages)<<16 {
			return nil, false
		}
		if len(s.Data) > 0 {
			pieces = append(pieces, piecewise{at, s.Data})
		}
	}
	slices.SortStableFunc(pieces, func(a, b piecewise) int { return cmp.Compare(a.at, b.at) })
	var out []piecewise
	owned := false // the last of out is not part of the original
	for _, s := range pieces {
		if len(out) == 0 {
			out = append(out, s)
			continue
		}
		last := &out[len(out)-1]
		end := uint64(last.at) + uint64(len(last.data))
		switch {
		case uint64(s.at) < end:
			return nil, false
		case uint64(s.at)-end > maxGap:
			out, owned = append(out, s), false
		default:
			if !owned {
				last.data, owned = slices.Clone(last.data), true
			}
			last.data = append(last.data, make([]byte, uint64(s.at)-end)...)
			last.data = append(last.data, s.data...)
		}
	}
	joined := make([]Segment, len(out))
	for i, s := range out {
		offset := append(appendSigned([]byte{opI32Const}, int64(int32(s.at))), opEnd)
		joined[i] = Segment{Offset: offset, Data: s.data}
	}
	return joined, true
}
