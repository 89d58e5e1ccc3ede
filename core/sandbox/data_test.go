package sandbox

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"
)

// dataModule is a module with segments, some of them passive, and with a data
// count or without.
func dataModule(segments []segment, passive []bool, counted bool) []byte {
	body := appendUint(nil, uint64(len(segments)))
	for i, s := range segments {
		switch {
		case passive[i]:
			body = append(body, 1)
		case i%3 == 2: // the form that names the memory
			body = append(body, 2, 0, 0x41)
			body = append(appendInt(body, int32(s.at)), 0x0b)
		default:
			body = append(appendInt(append(body, 0, 0x41), int32(s.at)), 0x0b)
		}
		body = append(appendUint(body, uint64(len(s.data))), s.data...)
	}
	m := []byte("\x00asm\x01\x00\x00\x00\x00\x02\x01a")
	if counted {
		count := appendUint(nil, uint64(len(segments)))
		m = append(appendUint(append(m, sectionDataCount), uint64(len(count))), count...)
	}
	m = append(appendUint(append(m, sectionData), uint64(len(body))), body...)
	return append(m, "\x00\x02\x01z"...)
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

// TestSplitData: what is taken out is every active segment in its order; what
// stays has the same number of segments where code may count on it, the passive
// ones as they were.
func TestSplitData(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		segments := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) segment {
			return segment{rapid.Uint32().Draw(t, "at"), rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "data")}
		}), 0, 30).Draw(t, "segments")
		counted := rapid.Bool().Draw(t, "counted")
		passive := make([]bool, len(segments))
		var active []segment
		for i, s := range segments {
			if passive[i] = counted && rapid.Bool().Draw(t, "passive"); !passive[i] {
				active = append(active, s)
			}
		}
		rest, got, err := splitData(dataModule(segments, passive, counted))
		if err != nil || len(got) != len(active) {
			t.Fatalf("%d segments were taken out (%v), want %d", len(got), err, len(active))
		}
		for i := range got {
			if got[i].at != active[i].at || !bytes.Equal(got[i].data, active[i].data) {
				t.Fatalf("segment %d is %v, want %v", i, got[i], active[i])
			}
		}
		for i := range segments {
			if !passive[i] {
				segments[i] = segment{}
			}
		}
		want := []byte("\x00asm\x01\x00\x00\x00\x00\x02\x01a\x00\x02\x01z")
		if counted {
			for i := range segments { // all that stay are of the short form
				if !passive[i] && i%3 == 2 {
					want = nil
				}
			}
			if want != nil {
				want = dataModule(segments, passive, true)
			}
		}
		if want != nil && !bytes.Equal(rest, want) {
			t.Fatalf("what stays is %x, want %x", rest, want)
		}
		left := 0
		if counted {
			left = len(active) // emptied
		}
		if _, again, err := splitData(rest); err != nil || len(again) != left {
			t.Fatalf("a second time gives %d segments, want %d (%v)", len(again), left, err)
		}
	})
}

func TestSplitDataLeavesOthersAlone(t *testing.T) {
	global := []byte("\x00asm\x01\x00\x00\x00\x0b\x07\x01\x00\x23\x00\x0b\x01x") // offset from a global
	rest, segments, err := splitData(global)
	if err != nil || segments != nil || !bytes.Equal(rest, global) {
		t.Errorf("an offset from a global gives %x %v %v", rest, segments, err)
	}
	if _, _, err := splitData([]byte("\x00asm\x01\x00\x00\x00\x0b\x09\x01")); err == nil {
		t.Error("a section that ends too early is taken")
	}
}
