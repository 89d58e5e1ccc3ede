package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// A part ends in endByte, endMark; a zero byte within it becomes endByte,
// zeroMark. zeroMark is above endMark, so "a" sorts before "a\x00": the order of
// the keys is the order of the parts. Length prefixes were refused for parts,
// because they sort "b" before "aa".
const (
	endByte  = 0x00
	endMark  = 0x01
	zeroMark = 0xff
)

// Key makes the key of a record: table, scope and the parts of its id. Keys of
// one table and scope sort by their parts, byte by byte. A shorter list of parts
// is a prefix of the longer ones, so Key also makes the prefixes for Scan.
func Key(t Table, scope string, parts ...string) []byte {
	n := 1 + binary.MaxVarintLen16 + len(scope)
	for _, p := range parts {
		n += len(p) + 2
	}
	key := make([]byte, 0, n)
	key = append(key, byte(t))
	// The scope needs no order, so a length prefix keeps it readable in a dump.
	key = binary.AppendUvarint(key, uint64(len(scope)))
	key = append(key, scope...)
	for _, p := range parts {
		for i := range len(p) {
			key = append(key, p[i])
			if p[i] == endByte {
				key = append(key, zeroMark)
			}
		}
		key = append(key, endByte, endMark)
	}
	return key
}

// KeyTime is Key with At(at) before the parts: the records of a table in order
// of time.
func KeyTime(t Table, scope string, at time.Time, parts ...string) []byte {
	return Key(t, scope, append([]string{At(at)}, parts...)...)
}

// At encodes a moment as a part of twelve bytes that sorts by time, to the
// nanosecond, for every year that time.Time knows. Two zones of one moment have
// one encoding.
func At(at time.Time) string {
	var b [12]byte
	// Flipping the sign bit lets moments before 1970 sort first.
	binary.BigEndian.PutUint64(b[:8], uint64(at.Unix())^(1<<63))
	binary.BigEndian.PutUint32(b[8:], uint32(at.Nanosecond()))
	return string(b[:])
}

// ParseAt is the inverse of At, in UTC.
func ParseAt(part string) (time.Time, error) {
	if len(part) != 12 {
		return time.Time{}, fmt.Errorf("a time in a key has 12 bytes, this part has %d", len(part))
	}
	nanos := binary.BigEndian.Uint32([]byte(part[8:]))
	if nanos > 999_999_999 {
		return time.Time{}, fmt.Errorf("a time in a key has at most 999999999 nanoseconds, this one has %d", nanos)
	}
	seconds := binary.BigEndian.Uint64([]byte(part[:8])) ^ (1 << 63)
	return time.Unix(int64(seconds), int64(nanos)).UTC(), nil
}

// Seq encodes a number from 0 as a part of eight bytes that sorts by number.
// A negative number sorts after all others.
func Seq(n int64) string {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(n))
	return string(b[:])
}

// ParseSeq is the inverse of Seq.
func ParseSeq(part string) (int64, error) {
	if len(part) != 8 {
		return 0, fmt.Errorf("a number in a key has 8 bytes, this part has %d", len(part))
	}
	return int64(binary.BigEndian.Uint64([]byte(part))), nil
}

var errKey = errors.New("not a key of this store")

// ParseKey is the inverse of Key. It accepts exactly the keys that Key makes.
func ParseKey(key []byte) (t Table, scope string, parts []string, err error) {
	if len(key) == 0 {
		return 0, "", nil, fmt.Errorf("%w: it is empty", errKey)
	}
	t, rest := Table(key[0]), key[1:]
	n, width := binary.Uvarint(rest)
	if width <= 0 || n > uint64(len(rest)-width) {
		return 0, "", nil, fmt.Errorf("%w: the length of its scope is wrong", errKey)
	}
	if width > 1 && rest[width-1] == 0 {
		return 0, "", nil, fmt.Errorf("%w: the length of its scope is padded", errKey)
	}
	scope, rest = string(rest[width:width+int(n)]), rest[width+int(n):]
	for len(rest) > 0 {
		var part string
		if part, rest, err = parsePart(rest); err != nil {
			return 0, "", nil, err
		}
		parts = append(parts, part)
	}
	return t, scope, parts, nil
}

func parsePart(rest []byte) (part string, after []byte, err error) {
	var out []byte
	for i := 0; i < len(rest); i++ {
		if rest[i] != endByte {
			out = append(out, rest[i])
			continue
		}
		if i+1 == len(rest) {
			break
		}
		switch i++; rest[i] {
		case endMark:
			return string(out), rest[i+1:], nil
		case zeroMark:
			out = append(out, endByte)
		default:
			return "", nil, fmt.Errorf("%w: byte %#x after a zero", errKey, rest[i])
		}
	}
	return "", nil, fmt.Errorf("%w: its last part has no end", errKey)
}

// Seal puts the schema byte of a record before its body: the value to store. The
// byte counts the shapes of that record from 1; readers switch on it.
func Seal(schema byte, body []byte) []byte {
	return append(append(make([]byte, 0, 1+len(body)), schema), body...)
}

// Unseal splits a value into its schema byte and its body, which shares memory
// with value.
func Unseal(value []byte) (schema byte, body []byte, err error) {
	if len(value) == 0 {
		return 0, nil, fmt.Errorf("%w: a value without its schema byte", ErrCorrupt)
	}
	return value[0], value[1:], nil
}
