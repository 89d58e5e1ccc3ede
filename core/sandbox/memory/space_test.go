package memory_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/tetratelabs/wazero/experimental"

	"github.com/plimsoll-dev/plimsoll/core/sandbox/memory"
)

var _ experimental.LinearMemory = (*memory.Space)(nil)

const wasmPage = 64 << 10

func space(t testing.TB, limit uint64) *memory.Space {
	t.Helper()
	s, err := memory.New(limit)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Free)
	return s
}

func snapshot(t testing.TB, s *memory.Space) *memory.Image {
	t.Helper()
	img, err := s.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(img.Release)
	return img
}

func from(t testing.TB, img *memory.Image, limit uint64) *memory.Space {
	t.Helper()
	s, err := memory.NewFrom(img, limit)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Free)
	return s
}

func TestGrowth(t *testing.T) {
	s := space(t, 3*wasmPage)
	if mem := s.Reallocate(0); mem == nil || len(mem) != 0 {
		t.Fatalf("an empty memory is a memory: %v", mem)
	}
	mem := s.Reallocate(wasmPage)
	if len(mem) != wasmPage || cap(mem) != wasmPage || bytes.ContainsFunc(mem, func(r rune) bool { return r != 0 }) {
		t.Fatalf("len %d, cap %d, or not zero", len(mem), cap(mem))
	}
	mem[wasmPage-1] = 7
	more := s.Reallocate(3 * wasmPage)
	if &more[0] != &mem[0] || more[wasmPage-1] != 7 || more[wasmPage] != 0 {
		t.Fatal("growing moved the memory or changed it")
	}
	more[3*wasmPage-1] = 9
	if s.Refused() {
		t.Fatal("nothing was refused yet")
	}
	if s.Reallocate(3*wasmPage+1) != nil || !s.Refused() {
		t.Fatal("above the limit it must say no and remember it")
	}
	if mem := s.Reallocate(wasmPage); len(mem) != 3*wasmPage || s.Size() != 3*wasmPage {
		t.Fatalf("a memory never shrinks: %d", len(mem))
	}
	s.Free()
	s.Free()
	if s.Reallocate(wasmPage) != nil || s.Size() != 0 {
		t.Fatal("a freed memory gives nothing")
	}
	if _, err := s.Snapshot(); err == nil {
		t.Fatal("a freed memory has no image")
	}
	if _, err := s.Restore(); err == nil {
		t.Fatal("a freed memory cannot be restored")
	}
}

func TestRestore(t *testing.T) {
	first := space(t, 8*wasmPage)
	mem := first.Reallocate(4 * wasmPage)
	if _, err := first.Restore(); !errors.Is(err, memory.ErrNoImage) {
		t.Fatalf("without an image: %v", err)
	}
	for i := range mem[:wasmPage] {
		mem[i] = byte(i * 31)
	}
	mem[2*wasmPage] = 1
	want := bytes.Clone(mem)
	img := snapshot(t, first)
	if img.Size() != 4*wasmPage || img.Bytes() < wasmPage || img.Bytes() > 2*wasmPage {
		t.Fatalf("the image has %d bytes and keeps %d", img.Size(), img.Bytes())
	}
	second := from(t, img, 8*wasmPage)
	third := from(t, img, 4*wasmPage)
	for name, s := range map[string]*memory.Space{"first": first, "second": second} {
		mem := s.Reallocate(wasmPage) // less than the image: an engine that asks for the module's minimum
		if !bytes.Equal(mem, want) {
			t.Fatalf("%s does not begin as the image", name)
		}
		for round := range 3 {
			for _, at := range []int{0, 5000, wasmPage, 2 * wasmPage, 3*wasmPage + 17, 4*wasmPage - 1} {
				mem[at] ^= 0xff
			}
			if !bytes.Equal(third.Reallocate(0), want) {
				t.Fatal("a write in one memory is seen in another")
			}
			pages, err := s.Restore()
			if err != nil || pages == 0 || s.Grown() {
				t.Fatalf("%s, round %d: %d pages, grown %v, %v", name, round, pages, s.Grown(), err)
			}
			if !bytes.Equal(mem, want) {
				t.Fatalf("%s, round %d: what was written is still there", name, round)
			}
		}
	}
	if second.Reallocate(9*wasmPage) != nil || !second.Refused() {
		t.Fatal("the limit holds for copies too")
	}
	if _, err := second.Restore(); err != nil || second.Refused() {
		t.Fatalf("Restore forgets a refusal: %v", err)
	}
	grown := second.Reallocate(5 * wasmPage)
	if !second.Grown() || &grown[0] != &second.Reallocate(0)[0] || grown[4*wasmPage] != 0 {
		t.Fatal("growing behind the image")
	}
	if _, err := second.Restore(); !errors.Is(err, memory.ErrGrown) {
		t.Fatalf("a grown memory was restored: %v", err)
	}
}

func TestImageOutlivesItsOwner(t *testing.T) {
	first := space(t, wasmPage)
	first.Reallocate(wasmPage)[100] = 42
	img := snapshot(t, first)
	second := from(t, img, wasmPage)
	img.Release()
	first.Free()
	mem := second.Reallocate(wasmPage)
	mem[100], mem[200] = 1, 1
	if _, err := second.Restore(); err != nil || mem[100] != 42 || mem[200] != 0 {
		t.Fatalf("after the release: %d %d %v", mem[100], mem[200], err)
	}
	second.Free()
	img.Release() // a second time, which does nothing
	if _, err := memory.NewFrom(img, wasmPage); err == nil {
		t.Fatalf("an image that is gone gave a memory: %v", err)
	}
}

func TestLimits(t *testing.T) {
	if _, err := memory.New(4<<30 + 1); err == nil {
		t.Fatal("more than 4 GiB was accepted")
	}
	full := space(t, 4<<30)
	mem := full.Reallocate(4 << 30)
	if uint64(len(mem)) != 4<<30 {
		t.Skip("this machine does not promise 4 GiB")
	}
	mem[4<<30-1] = 1
	small := space(t, 2*wasmPage)
	small.Reallocate(2 * wasmPage)
	img := snapshot(t, small)
	if _, err := memory.NewFrom(img, wasmPage); err == nil {
		t.Fatal("an image above the limit was accepted")
	}
}

func TestEmptyImage(t *testing.T) {
	for _, size := range []uint64{0, wasmPage} {
		first := space(t, 2*wasmPage)
		first.Reallocate(size)
		img := snapshot(t, first)
		if img.Bytes() != 0 {
			t.Errorf("zeros cost %d bytes", img.Bytes())
		}
		s := from(t, img, 2*wasmPage)
		mem := s.Reallocate(0)
		for i := range mem {
			mem[i] = 1
		}
		if _, err := s.Restore(); err != nil || bytes.IndexByte(mem, 1) >= 0 {
			t.Errorf("size %d: not zero again: %v", size, err)
		}
	}
}
