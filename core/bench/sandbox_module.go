package main

import (
	"encoding/binary"

	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

// made is a module of plim1 by hand, with 40 MiB of memory, whose plim_call has
// this body; behind its three parameters it has a local of type i32. It imports
// host as function 0, and answers with an output when the body is done.
func made(body ...byte) ([]byte, error) {
	const (
		i32, i64 = 0x7f, 0x7e
		answer   = `{"output":1}`
		pages    = 640
	)
	cat := func(parts ...[]byte) (out []byte) {
		for _, p := range parts {
			out = append(out, p...)
		}
		return out
	}
	leb := func(n int) []byte { return binary.AppendUvarint(nil, uint64(n)) }
	sized := func(b []byte) []byte { return cat(leb(len(b)), b) }
	section := func(id byte, parts ...[]byte) []byte { return cat([]byte{id}, sized(cat(parts...))) }
	named := func(name string, rest ...byte) []byte { return cat(sized([]byte(name)), rest) }

	packed := cat([]byte{0x42}, signed(abi.Pack(4096, uint32(len(answer)), false)))
	module := cat([]byte("\x00asm\x01\x00\x00\x00"),
		section(1, []byte{3, 0x60, 0, 0, 0x60, 1, i32, 1, i32, 0x60, 3, i32, i32, i32, 1, i64}),
		section(2, []byte{1}, named("plim"), named("host", 0, 2)),
		section(3, []byte{4, 0, 1, 2, 1}),
		section(5, []byte{1, 0}, leb(pages)),
		section(7, []byte{4}, named("memory", 2, 0), named("plim_abi_1", 0, 1), named("plim_alloc", 0, 2), named("plim_call", 0, 3)),
		section(10, []byte{4},
			sized([]byte{0, 0x0b}),
			sized([]byte{0, 0x41, 0x80, 0x08, 0x0b}), // 1024
			sized(cat([]byte{1, 1, i32}, body, packed, []byte{0x0b})),
			// Function 4: when its argument is not 0, it calls itself twice with one less.
			sized([]byte{0, 0x20, 0, 0x04, 0x40, 0x20, 0, 0x41, 1, 0x6b, 0x10, 4, 0x1a, 0x20, 0, 0x41, 1, 0x6b, 0x10, 4, 0x1a, 0x0b, 0x41, 0, 0x0b})),
		section(11, []byte{1, 0, 0x41, 0x80, 0x20, 0x0b}, sized([]byte(answer))))
	return abi.WithManifest(module, abi.Manifest{ABI: 1, Ops: []string{"finish"}})
}

// signed is a number in signed LEB128.
func signed(v int64) (out []byte) {
	for {
		c := byte(v & 0x7f)
		if v >>= 7; v == 0 && c&0x40 == 0 || v == -1 && c&0x40 != 0 {
			return append(out, c)
		}
		out = append(out, c|0x80)
	}
}

// turns repeats a body so many times, counting in local 3.
func turns(n int64, body ...byte) []byte {
	b := append(append([]byte{0x41}, signed(n)...), 0x21, 3, 0x03, 0x40)
	return append(append(b, body...), 0x20, 3, 0x41, 1, 0x6b, 0x22, 3, 0x0d, 0, 0x0b)
}

// Bodies that do not end.
func forever() []byte { return []byte{0x03, 0x40, 0x0c, 0, 0x0b} }
func bomb() []byte    { return []byte{0x41, 60, 0x10, 4, 0x1a} } // 2^60 calls
func fills() []byte {
	// memory.fill(8192, 0, 40 MiB - 64 KiB), for ever
	size := signed(40<<20 - 64<<10)
	b := append([]byte{0x03, 0x40, 0x41, 0x80, 0xc0, 0x00, 0x41, 0, 0x41}, size...)
	return append(b, 0xfc, 0x0b, 0, 0x0c, 0, 0x0b)
}
