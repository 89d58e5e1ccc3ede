package sandbox

import "errors"

// A module's initial data is taken out of it at admission and kept beside it.
// Only the first instance needs it; all later ones are mapped from the image,
// and would otherwise write megabytes again that are there already. Of a Go
// guest this was two thirds of what a fresh instance cost.

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

// splitData returns the module without its active data segments, and these. Where
// code may name segments by number (there is a data count) they stay, emptied:
// an active segment counts as dropped once the module runs, so nobody can tell.
// Where an offset is not a constant, everything stays as it is.
func splitData(module []byte) (rest []byte, segments []segment, err error) {
	c := &cursor{b: module}
	c.take(uint32(min(len(module), 8)))
	counted := false
	for c.err == nil && len(c.b) > 0 {
		start := len(module) - len(c.b)
		id := c.u8()
		body := c.take(c.u32())
		counted = counted || id == sectionDataCount
		if id != sectionData || c.err != nil {
			continue
		}
		kept, segments, ok, err := readSegments(body)
		if err != nil || !ok {
			return module, nil, err
		}
		end := len(module) - len(c.b)
		rest = append(make([]byte, 0, len(module)), module[:start]...)
		if counted {
			rest = appendUint(append(rest, sectionData), uint64(len(kept)))
			rest = append(rest, kept...)
		}
		return append(rest, module[end:]...), segments, nil
	}
	return module, nil, c.err
}

// readSegments takes a data section apart: the active segments, and the section
// as it is without them. ok is false when an offset is not a constant.
func readSegments(body []byte) (kept []byte, segments []segment, ok bool, err error) {
	c := &cursor{b: body}
	n := c.u32()
	kept = appendUint(nil, uint64(n))
	for ; n > 0 && c.err == nil; n-- {
		mode := c.u32()
		if mode == 1 {
			data := c.take(c.u32())
			kept = append(appendUint(append(kept, 1), uint64(len(data))), data...)
			continue
		}
		if mode == 2 {
			c.u32() // the memory, of which there is one
		}
		if c.u8() != 0x41 {
			return nil, nil, false, c.err
		}
		at := c.i32()
		if c.u8() != 0x0b {
			return nil, nil, false, c.err
		}
		segments = append(segments, segment{at, c.take(c.u32())})
		kept = append(kept, 0, 0x41, 0, 0x0b, 0)
	}
	return kept, segments, c.err == nil && len(c.b) == 0, c.err
}

var errShort = errors.New("the section ends too early")

// cursor reads a section; after the first error it stays where it is.
type cursor struct {
	b   []byte
	err error
}

func (c *cursor) u8() byte {
	if c.err != nil || len(c.b) == 0 {
		c.err = errors.Join(c.err, errShort)
		return 0
	}
	v := c.b[0]
	c.b = c.b[1:]
	return v
}

func (c *cursor) u32() uint32 {
	var v uint32
	for shift := 0; shift < 35 && c.err == nil; shift += 7 {
		d := c.u8()
		v |= uint32(d&0x7f) << shift
		if d < 0x80 {
			return v
		}
	}
	c.fail()
	return 0
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

func (c *cursor) fail() {
	c.err = errors.Join(c.err, errors.New("a number does not fit in 32 bits"))
}

func (c *cursor) take(n uint32) []byte {
	if c.err != nil || uint64(n) > uint64(len(c.b)) {
		c.err = errors.Join(c.err, errShort)
		return nil
	}
	v := c.b[:n]
	c.b = c.b[n:]
	return v
}

func appendUint(b []byte, v uint64) []byte {
	for v >= 0x80 {
		b = append(b, byte(v)|0x80)
		v >>= 7
	}
	return append(b, byte(v))
}
