package asm_test

import (
	"bytes"
	"encoding/binary"
	"testing"

	"pgregory.net/rapid"

	"github.com/plimsoll-dev/plimsoll/conformance/asm"
	"github.com/plimsoll-dev/plimsoll/core/sandbox/wasmbin"
	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

// TestNumbers: LEB128 against the standard library's unsigned one, and signed
// ones by taking them apart again.
func TestNumbers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		u := rapid.Uint64().Draw(t, "u")
		if want := binary.AppendUvarint(nil, u); !bytes.Equal(asm.Uleb(u), want) {
			t.Fatalf("%d is %x, want %x", u, asm.Uleb(u), want)
		}
		s := rapid.Int64().Draw(t, "s")
		raw := asm.Sleb(s)
		var got int64
		var shift uint
		for _, b := range raw {
			got |= int64(b&0x7f) << shift
			shift += 7
		}
		if last := raw[len(raw)-1]; last&0x40 != 0 && shift < 64 {
			got |= -1 << shift
		}
		if got != s || len(raw) > 10 {
			t.Fatalf("%d comes back as %d from %x", s, got, raw)
		}
	})
	for v, want := range map[int64]string{0: "\x00", -1: "\x7f", 63: "\x3f", 64: "\xc0\x00", -64: "\x40", -65: "\xbf\x7f"} {
		if got := asm.Sleb(v); string(got) != want {
			t.Errorf("%d is %x, want %x", v, got, want)
		}
	}
}

// TestGuest reads a guest back with the sandbox's own decoder.
func TestGuest(t *testing.T) {
	g := asm.Guest{
		Imports:  []asm.Import{asm.ImportHost(), asm.ImportWASI("proc_exit", asm.TypeOne)},
		Tables:   [][]byte{asm.Cat(asm.TFunc, 0, 2)},
		Funcs:    []asm.Func{{Type: asm.TypeNone, Code: []byte{asm.Nop}}},
		Init:     []byte{asm.Nop},
		Answer:   `{"output":1}`,
		Manifest: `{"abi":1,"ops":["finish"]}`,
	}
	g.Elements = [][]byte{asm.Cat(0, asm.Const32(0), asm.End, asm.List(asm.Uleb(uint64(g.Index(0)))))}
	m, err := wasmbin.Decode(g.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Imports) != 2 || len(m.Funcs) != 5 || len(m.Exports) != 5 || len(m.Tables) != 1 || len(m.Data) != 1 || m.HasStart {
		t.Errorf("read back as %+v", m)
	}
	if g.Index(0) != 6 {
		t.Errorf("Funcs[0] has index %d, want 6: two imports and four functions come first", g.Index(0))
	}
	if got, ok, err := abi.ReadManifest(g.Bytes()); err != nil || !ok || got.Ops[0] != "finish" {
		t.Errorf("the manifest reads %+v %v %v", got, ok, err)
	}
	if ptr, n, failed := abi.Unpack(asm.Pack(7, 9, true)); ptr != 7 || n != 9 || !failed {
		t.Errorf("Pack reads as %d %d %v", ptr, n, failed)
	}
}

func TestCatRefusesWhatItDoesNotKnow(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a float went in as if it were code")
		}
	}()
	asm.Cat(1.5)
}
