package sandbox

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"
)

// TestArena plays random plugins: blocks never overlap, keep what was written,
// and the arena stays within what it may have.
func TestArena(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const most = 1 << 14
		var a arena
		type held struct {
			at       uint64
			contents []byte
		}
		var blocks []held
		for range rapid.IntRange(0, 80).Draw(t, "steps") {
			switch rapid.IntRange(0, 9).Draw(t, "what") {
			default:
				n := rapid.Uint64Range(0, 700).Draw(t, "n")
				at := a.alloc(n, most)
				if at == 0 {
					continue
				}
				b, ok := a.block(at)
				if !ok || uint64(len(b)) != n || a.length(at) != n {
					t.Fatalf("block of %d at %d has %d bytes (%v)", n, at, len(b), ok)
				}
				contents := bytes.Repeat([]byte{byte(len(blocks)*7 + 1)}, int(n))
				copy(b, contents)
				blocks = append(blocks, held{at, contents})
			case 1, 2, 3:
				if len(blocks) == 0 {
					continue
				}
				i := rapid.IntRange(0, len(blocks)-1).Draw(t, "which")
				a.release(blocks[i].at)
				a.release(blocks[i].at)
				if _, ok := a.block(blocks[i].at); ok {
					t.Fatal("a freed block is still there")
				}
				blocks = append(blocks[:i], blocks[i+1:]...)
			case 4:
				a.release(rapid.Uint64().Filter(func(at uint64) bool { _, ok := a.blocks[at]; return !ok }).Draw(t, "nowhere"))
				at, n := rapid.Uint64().Draw(t, "at"), rapid.Uint64().Draw(t, "length")
				if b, ok := a.view(at, n); ok && (at < arenaBase || uint64(len(b)) != n || at-arenaBase+n > uint64(len(a.buf))) {
					t.Fatalf("a view of %d at %d lies outside", n, at)
				}
			case 5:
				a.reset()
				blocks = nil
				if at := a.alloc(64, most); at != arenaBase {
					t.Fatalf("an empty arena begins at %d", at)
				} else if b, _ := a.block(at); !bytes.Equal(b, make([]byte, 64)) {
					t.Fatal("an empty arena shows what was there before")
				}
				a.reset()
			}
			for _, h := range blocks {
				if b, _ := a.block(h.at); !bytes.Equal(b, h.contents) {
					t.Fatalf("the block at %d changed", h.at)
				}
			}
			if len(a.buf) > most {
				t.Fatalf("the arena has %d bytes of %d", len(a.buf), most)
			}
		}
	})
}

func TestArenaRefuses(t *testing.T) {
	for _, n := range []uint64{0, 1025, 1 << 32, 1<<32 + 1, 1 << 63, 1<<64 - 1} {
		var a arena
		if at := a.alloc(n, 1024); at != 0 {
			t.Errorf("%d bytes of 1024 are at %d", n, at)
		}
	}
	var a arena
	if at := a.alloc(1000, 1008); at == 0 {
		t.Error("there is no room for 1000 bytes of 1008")
	}
	if at := a.alloc(1, 1008); at != 0 {
		t.Error("there is room for more than there is")
	}
}
