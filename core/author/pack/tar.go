package pack

import (
	"bytes"
	"fmt"
	"strconv"
)

// A pack is POSIX ustar (IEEE Std 1003.1-1988), of which it uses one form of
// header only. archive/tar was the alternative: its writer's bytes are not
// promised to stay, and its reader takes a dozen dialects, each of which would
// have to be refused again.

const (
	block    = 512
	noteName = "plimsoll.pack"
)

// header is the one header of a file of this name and size: mode 0644, owner 0,
// time 0.
func header(name string, size int64) []byte {
	h := make([]byte, block)
	copy(h, name)
	copy(h[100:], "0000644\x00")
	copy(h[108:], "0000000\x00")
	copy(h[116:], "0000000\x00")
	copy(h[124:], fmt.Sprintf("%011o\x00", size))
	copy(h[136:], "00000000000\x00")
	copy(h[148:], "        ") // the sum counts its own field as spaces
	h[156] = '0'
	copy(h[257:], "ustar\x0000")
	sum := 0
	for _, c := range h {
		sum += int(c)
	}
	copy(h[148:], fmt.Sprintf("%06o\x00 ", sum))
	return h
}

// sizeOf reads the size out of a header; -1 where there is none. The header is
// then compared whole with the one that has this size.
func sizeOf(h []byte) int64 {
	n, err := strconv.ParseInt(string(bytes.TrimRight(h[124:136], "\x00")), 8, 64)
	if err != nil {
		return -1
	}
	return n
}

func padding(size int64) int64 { return (block - size%block) % block }
