package abi

import (
	"errors"
	"fmt"
)

const (
	headerLen  = 8
	coreHeader = "\x00asm\x01\x00\x00\x00"
	magic      = "\x00asm"
)

// section is one section of a module: bytes start..end including its header;
// name and body only for a custom one (id 0).
type section struct {
	id         byte
	start, end int
	name       string
	body       []byte
}

// CheckHeader tells whether the bytes begin as a core WASM module does, and
// what they seem to be instead.
func CheckHeader(module []byte) error {
	switch {
	case len(module) == 0:
		return errors.New("the file is empty, not a WASM module")
	case len(module) < headerLen || string(module[:len(magic)]) != magic:
		return fmt.Errorf("the file does not begin with %q: it is not a WASM module", magic)
	case string(module[:headerLen]) == coreHeader:
		return nil
	case module[6] == 1:
		return errors.New("the file is a WASM component; build it as a core module (for Go: GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared)")
	}
	return fmt.Errorf("the file is a WASM module of version %d; only version 1 is known", module[4])
}

// sections walks over the sections of a module, checking their lengths only.
func sections(module []byte, visit func(section) error) error {
	if err := CheckHeader(module); err != nil {
		return err
	}
	for at := headerLen; at < len(module); {
		s := section{id: module[at], start: at}
		size, next, err := varint(module, at+1)
		if err != nil {
			return err
		}
		if uint64(next)+uint64(size) > uint64(len(module)) {
			return fmt.Errorf("section %d at byte %d has %d bytes, but only %d are left", s.id, at, size, len(module)-next)
		}
		s.end = next + int(size)
		if s.id == 0 {
			n, begin, err := varint(module[:s.end], next)
			if err != nil {
				return err
			}
			if uint64(begin)+uint64(n) > uint64(s.end) {
				return fmt.Errorf("the name of the custom section at byte %d is longer than the section", at)
			}
			s.name, s.body = string(module[begin:begin+int(n)]), module[begin+int(n):s.end]
		}
		if err := visit(s); err != nil {
			return err
		}
		at = s.end
	}
	return nil
}

// varint reads an unsigned LEB128 number of at most 32 bits.
func varint(b []byte, at int) (value uint32, next int, err error) {
	for shift := 0; shift < 35; shift += 7 {
		if at >= len(b) {
			return 0, 0, errors.New("the module ends inside a number")
		}
		c := b[at]
		at++
		if shift == 28 && c > 0x0f {
			break
		}
		value |= uint32(c&0x7f) << shift
		if c < 0x80 {
			return value, at, nil
		}
	}
	return 0, 0, fmt.Errorf("the number at byte %d does not fit in 32 bits", at)
}

func appendVarint(b []byte, v uint32) []byte {
	for v >= 0x80 {
		b = append(b, byte(v)|0x80)
		v >>= 7
	}
	return append(b, byte(v))
}
