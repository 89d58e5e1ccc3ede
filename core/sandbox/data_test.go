package sandbox

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"
)

// memory is what a module's data section makes of 4 KiB of zeros.
func memory(t *rapid.T, module []byte) (image []byte, segments int) {
	image = make([]byte, 4096)
	c := &cursor{b: module[8:]}
	for len(c.b) > 0 && c.err == nil {
		id := c.u8()
		body := c.take(c.u32())
		if id != sectionData {
			continue
		}
		list, ok := readSegments(body)
		if !ok {
			t.Fatal("the data section cannot be read")
		}
		for _, s := range list {
			copy(image[s.at:], s.data)
		}
		segments = len(list)
	}
	if c.err != nil {
		t.Fatal(c.err)
	}
	return image, segments
}

func module(segments []segment) []byte {
	data := writeSegments(segments)
	m := []byte("\x00asm\x01\x00\x00\x00\x00\x02\x01a")
	m = append(appendUint(append(m, sectionData), uint64(len(data))), data...)
	return append(m, "\x00\x02\x01z"...)
}

// TestJoinData: any data section leaves the same memory, in any order, with
// overlaps and without.
func TestJoinData(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		segments := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) segment {
			return segment{rapid.Uint32Range(0, 3000).Draw(t, "at"), rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "data")}
		}), 0, 30).Draw(t, "segments")
		before := module(segments)
		after := joinData(before)
		want, n := memory(t, before)
		got, m := memory(t, after)
		if !bytes.Equal(want, got) || m > n {
			t.Fatalf("the memory is another, or there are more segments (%d, %d)", n, m)
		}
		if !bytes.HasSuffix(after, []byte("\x00\x02\x01z")) || !bytes.HasPrefix(after, before[:12]) {
			t.Fatal("other sections changed")
		}
	})
}

func TestJoinDataLeavesAlone(t *testing.T) {
	near := []segment{{8, []byte("ab")}, {12, []byte("cd")}}
	if _, n := join(near); !n || len(joinData(module(near))) >= len(module(near)) {
		t.Error("neighbours were not joined")
	}
	plain := module(near)
	counted := append(append([]byte{}, plain[:12]...), append([]byte{sectionDataCount, 1, 2}, plain[12:]...)...)
	passive := bytes.Replace(plain, []byte{0, 0x41, 8}, []byte{1, 0x41, 8}, 1)
	global := bytes.Replace(plain, []byte{0x41, 8}, []byte{0x23, 8}, 1)
	for name, m := range map[string][]byte{
		"overlap": module([]segment{{8, []byte("abcd")}, {10, []byte("x")}}), "data count": counted, "passive": passive, "global": global,
		"cut": plain[:20], "empty": nil, "high addresses": module([]segment{{0xfffffff0, []byte("ab")}}),
	} {
		if !bytes.Equal(joinData(m), m) {
			t.Errorf("%s: the module was changed", name)
		}
	}
}

func FuzzBinary(f *testing.F) {
	f.Add(module([]segment{{8, []byte("ab")}, {12, []byte("cd")}}))
	f.Add([]byte("\x00asm\x01\x00\x00\x00\x02\x0b\x01\x04plim\x03log\x00\x03"))
	f.Add([]byte("\x00asm\x01\x00\x00\x00\x02\x07\x01\x01a\x01b\x01\x70\x00\x01"))
	f.Fuzz(func(t *testing.T, m []byte) {
		_ = joinData(m)
		if _, err := readImports(m); err == nil {
			_ = checkImports(m)
		}
	})
}
