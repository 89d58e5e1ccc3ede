package wasmbin

import "unicode/utf8"

// reader walks over a part of the module. The first error stays; after it every
// read gives zero, so that callers look at err once for each item.
type reader struct {
	b    []byte
	p    int
	base int // of b[0] in the module
	err  *Error
}

func (r *reader) at() int { return r.base + r.p }

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = invalid(r.at(), format, args...)
	}
}

func (r *reader) done() bool { return r.err != nil || r.p >= len(r.b) }

func (r *reader) u8() byte {
	if r.err != nil {
		return 0
	}
	if r.p >= len(r.b) {
		r.fail("it ends in the middle of something")
		return 0
	}
	c := r.b[r.p]
	r.p++
	return c
}

// peek is the next byte, or 0 where there is none.
func (r *reader) peek() byte {
	if r.err != nil || r.p >= len(r.b) {
		return 0
	}
	return r.b[r.p]
}

// u32 reads an unsigned LEB128 number of at most 32 bits, padded or not.
func (r *reader) u32() uint32 {
	if r.err == nil && r.p < len(r.b) && r.b[r.p] < 0x80 {
		r.p++
		return uint32(r.b[r.p-1])
	}
	var v uint32
	for shift := 0; ; shift += 7 {
		c := r.u8()
		if r.err != nil {
			return 0
		}
		if shift == 28 && c > 0x0f {
			r.fail("a number is longer than 32 bits")
			return 0
		}
		v |= uint32(c&0x7f) << shift
		if c < 0x80 {
			return v
		}
	}
}

// signed reads a signed LEB128 number of at most bits bits (32, 33 or 64).
func (r *reader) signed(bits int) int64 {
	var v int64
	for shift := 0; ; shift += 7 {
		c := r.u8()
		if r.err != nil {
			return 0
		}
		v |= int64(c&0x7f) << shift
		if left := bits - shift; left <= 7 {
			// The bits that do not belong to the number repeat its sign.
			over := int8(c<<1) >> left
			if c >= 0x80 || over != 0 && over != -1 {
				r.fail("a number is longer than %d bits", bits)
				return 0
			}
		}
		if c < 0x80 {
			if shift+7 < 64 && c&0x40 != 0 {
				v |= -1 << (shift + 7)
			}
			return v
		}
	}
}

func (r *reader) take(n uint32) []byte {
	if r.err != nil {
		return nil
	}
	if uint64(n) > uint64(len(r.b)-r.p) {
		r.fail("it ends in the middle of something: %d bytes are announced and %d are left", n, len(r.b)-r.p)
		return nil
	}
	s := r.b[r.p : r.p+int(n) : r.p+int(n)]
	r.p += int(n)
	return s
}

func (r *reader) name() string {
	b := r.take(r.u32())
	if !utf8.Valid(b) {
		r.fail("a name is not UTF-8")
	}
	return string(b)
}

// count reads how many items follow. Each takes at least one byte, so that a
// count beyond the bytes that are left is refused before anything is allocated.
func (r *reader) count(what string, limit int) int {
	at := r.at()
	n := r.u32()
	if r.err != nil {
		return 0
	}
	if uint64(n) > uint64(limit) {
		r.err = tooMuch(at, what, uint64(n), uint64(limit), "")
		return 0
	}
	if uint64(n) > uint64(len(r.b)-r.p) {
		r.fail("%s: %d are announced and %d bytes are left", what, n, len(r.b)-r.p)
		return 0
	}
	return int(n)
}

func appendU32(b []byte, v uint32) []byte {
	for v >= 0x80 {
		b = append(b, byte(v)|0x80)
		v >>= 7
	}
	return append(b, byte(v))
}

func appendSigned(b []byte, v int64) []byte {
	for {
		c := byte(v & 0x7f)
		v >>= 7
		if v == 0 && c&0x40 == 0 || v == -1 && c&0x40 != 0 {
			return append(b, c)
		}
		b = append(b, c|0x80)
	}
}

func appendName(b []byte, s string) []byte { return append(appendU32(b, uint32(len(s))), s...) }
