package wasmbin

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"
)

// image is what segments make of 4 KiB of zeros.
func image(segments []Segment) []byte {
	out := make([]byte, 4096)
	for i := range segments {
		at := uint32((&reader{b: segments[i].Offset, p: 1}).signed(32))
		copy(out[at:], segments[i].Data)
	}
	return out
}

func at(place uint32, data []byte) Segment {
	return Segment{Offset: append(appendSigned([]byte{opI32Const}, int64(int32(place))), opEnd), Data: data}
}

// TestJoinData: any data section leaves the same memory, in any order, with
// overlaps and without.
func TestJoinData(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		segments := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Segment {
			return at(rapid.Uint32Range(0, 3000).Draw(t, "at"), rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "data"))
		}), 0, 30).Draw(t, "segments")
		want := image(segments)
		joined, ok := joinData(segments, 1)
		if !ok {
			return
		}
		if !bytes.Equal(want, image(joined)) || len(joined) > len(segments) || !bytes.Equal(want, image(segments)) {
			t.Fatalf("the memory is another, or there are more segments (%d, %d)", len(segments), len(joined))
		}
	})
}

func TestJoinDataLeavesAlone(t *testing.T) {
	if joined, ok := joinData([]Segment{at(12, []byte("cd")), at(8, []byte("ab"))}, 1); !ok || len(joined) != 1 || string(joined[0].Data) != "ab\x00\x00cd" {
		t.Errorf("neighbours were not joined: %v, %v", joined, ok)
	}
	for name, segments := range map[string][]Segment{
		"overlap":         {at(8, []byte("abcd")), at(10, []byte("x"))},
		"passive":         {{Mode: 1, Data: []byte("x")}},
		"global":          {{Offset: []byte{opGlobalGet, 0, opEnd}, Data: []byte("x")}},
		"past the memory": {at(65530, []byte("0123456789"))},
		"high addresses":  {at(0xfffffff0, []byte("ab"))},
		"empty and past":  {at(65537, nil)},
	} {
		if _, ok := joinData(segments, 1); ok {
			t.Errorf("%s: it was joined", name)
		}
	}
}
