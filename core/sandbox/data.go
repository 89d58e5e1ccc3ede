package sandbox

import (
	"cmp"
	"slices"
)

// Go's linker cuts a module's initial memory into a segment for every few bytes
// (43,942 of them in examples/hello-skill), and the engine evaluates each
// segment's offset anew for every instance: two thirds of what a fresh instance
// cost (2026-11). So segments that lie close together are joined at admission,
// with the zeros between them, which memory holds there anyway.

// maxGap is how many bytes of zeros are worth a segment less.
const maxGap = 64

// Section ids of the binary format.
const (
	sectionData      = 11
	sectionDataCount = 12
)

// segment is bytes that an instance's memory begins with.
type segment struct {
	at   uint32
	data []byte
}

// joinData returns the module with fewer data segments and the same initial
// memory, or the module itself where that cannot be said for certain: passive
// segments or code that may name segments by number (there is a data count),
// offsets that are not constants, segments that overlap.
func joinData(module []byte) []byte {
	c := &cursor{b: module}
	c.take(uint32(min(len(module), 8)))
	for c.err == nil && len(c.b) > 0 {
		start := len(module) - len(c.b)
		id := c.u8()
		body := c.take(c.u32())
		end := len(module) - len(c.b)
		if id == sectionDataCount {
			return module
		}
		if id != sectionData || c.err != nil {
			continue
		}
		segments, ok := readSegments(body)
		if !ok {
			return module
		}
		joined, ok := join(segments)
		if !ok {
			return module
		}
		section := writeSegments(joined)
		out := make([]byte, 0, len(module)-(end-start)+len(section)+6)
		out = append(append(out, module[:start]...), sectionData)
		out = append(appendUint(out, uint64(len(section))), section...)
		return append(out, module[end:]...)
	}
	return module
}

func readSegments(body []byte) ([]segment, bool) {
	c := &cursor{b: body}
	var out []segment
	for n := c.u32(); n > 0 && c.err == nil; n-- {
		if mode, constant := c.u32(), c.u8(); mode != 0 || constant != 0x41 {
			return nil, false
		}
		at := c.i32()
		if c.u8() != 0x0b {
			return nil, false
		}
		out = append(out, segment{at, c.take(c.u32())})
	}
	return out, c.err == nil && len(c.b) == 0
}

// join puts segments in order of their places and joins neighbours. Since none
// overlap, the order in which they are written does not matter.
func join(segments []segment) ([]segment, bool) {
	segments = slices.DeleteFunc(slices.Clone(segments), func(s segment) bool { return len(s.data) == 0 })
	slices.SortStableFunc(segments, func(a, b segment) int { return cmp.Compare(a.at, b.at) })
	var out []segment
	for _, s := range segments {
		if len(out) == 0 {
			out = append(out, segment{s.at, slices.Clone(s.data)})
			continue
		}
		last := &out[len(out)-1]
		end := uint64(last.at) + uint64(len(last.data))
		switch {
		case uint64(s.at) < end:
			return nil, false
		case uint64(s.at)-end > maxGap:
			out = append(out, segment{s.at, slices.Clone(s.data)})
		default:
			last.data = append(last.data, make([]byte, uint64(s.at)-end)...)
			last.data = append(last.data, s.data...)
		}
	}
	return out, true
}

func writeSegments(segments []segment) []byte {
	out := appendUint(nil, uint64(len(segments)))
	for _, s := range segments {
		out = append(appendInt(append(out, 0, 0x41), int32(s.at)), 0x0b)
		out = append(appendUint(out, uint64(len(s.data))), s.data...)
	}
	return out
}

// i32 reads a signed LEB128 number as the address that it means.
func (c *cursor) i32() uint32 {
	var v uint32
	for shift := 0; shift < 35 && c.err == nil; shift += 7 {
		d := c.u8()
		v |= uint32(d&0x7f) << shift
		if d < 0x80 {
			if shift < 28 && d&0x40 != 0 {
				v |= ^uint32(0) << (shift + 7)
			}
			return v
		}
	}
	c.fail()
	return 0
}

func appendUint(b []byte, v uint64) []byte {
	for v >= 0x80 {
		b = append(b, byte(v)|0x80)
		v >>= 7
	}
	return append(b, byte(v))
}

func appendInt(b []byte, v int32) []byte {
	for {
		d := byte(v & 0x7f)
		v >>= 7
		if (v == 0 && d&0x40 == 0) || (v == -1 && d&0x40 != 0) {
			return append(b, d)
		}
		b = append(b, d|0x80)
	}
}
