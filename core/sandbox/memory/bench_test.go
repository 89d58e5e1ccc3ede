package memory

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// shape is a guest: the size of its image in KiB, and how many pages a call of
// it writes, in how many places.
type shape struct{ kib, pages, places int }

// cases: three C guests, a Go guest with a small and with a large call, and an
// interpreter with a heap.
var cases = []shape{{64, 3, 2}, {128, 4, 2}, {256, 6, 3}, {1024, 10, 5}, {4096, 60, 20}, {5120, 150, 30}, {20480, 100, 30}}

// guestLike makes a memory and what a call does to it.
func guestLike(b *testing.B, c shape) (*Space, func()) {
	b.Helper()
	img := imageLike(b, c)
	s, err := NewFrom(img, 64<<20)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(s.Free)
	mem := s.Reallocate(0)
	return s, func() { call(mem, c) }
}

func imageLike(b *testing.B, c shape) *Image {
	b.Helper()
	first, err := New(64 << 20)
	if err != nil {
		b.Fatal(err)
	}
	defer first.Free()
	mem := first.Reallocate(uint64(c.kib) << 10)
	random := rand.New(rand.NewPCG(1, 2))
	for i := 0; i < len(mem)*9/10; i += 16 {
		mem[i] = byte(random.Uint32()) | 1
	}
	img, err := first.Snapshot()
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(img.Release)
	return img
}

func call(mem []byte, c shape) {
	for place := range c.places {
		from := place * (len(mem) / c.places)
		for n := range c.pages / c.places {
			mem[from+n*4096+8]++
			mem[from+n*4096+2000]++
		}
	}
}

// BenchmarkRestore prints the time of a Restore over the time of copying the
// whole image, which is what it would cost without the kernel's help.
func BenchmarkRestore(b *testing.B) {
	for _, c := range cases {
		b.Run(fmt.Sprintf("%dKiB,%dpages", c.kib, c.pages), func(b *testing.B) {
			s, touch := guestLike(b, c)
			touch()
			if _, err := s.Restore(); err != nil {
				b.Fatal(err)
			}
			var restoring time.Duration
			for b.Loop() {
				touch()
				start := time.Now()
				if _, err := s.Restore(); err != nil {
					b.Fatal(err)
				}
				restoring += time.Since(start)
			}
			// Apart from the restores, whose caches it would empty.
			from, to := make([]byte, s.Size()), make([]byte, s.Size())
			copy(to, from)
			rounds := b.N/4 + 1
			start := time.Now()
			for range rounds {
				copy(to, from)
			}
			copying := time.Since(start) * time.Duration(b.N) / time.Duration(rounds)
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(restoring.Nanoseconds())/float64(b.N), "ns/restore")
			b.ReportMetric(float64(copying.Nanoseconds())/float64(b.N), "ns/memcpy")
			b.ReportMetric(float64(restoring)/float64(copying), "x-memcpy")
		})
	}
}

// BenchmarkFresh is a new memory of the same image for each call, and its end.
func BenchmarkFresh(b *testing.B) {
	for _, c := range cases {
		b.Run(fmt.Sprintf("%dKiB,%dpages", c.kib, c.pages), func(b *testing.B) {
			img := imageLike(b, c)
			for b.Loop() {
				s, err := NewFrom(img, 64<<20)
				if err != nil {
					b.Fatal(err)
				}
				call(s.Reallocate(0), c)
				s.Free()
			}
		})
	}
}

// BenchmarkSnapshot is what an image costs, once for each skill.
func BenchmarkSnapshot(b *testing.B) {
	for _, c := range cases {
		b.Run(fmt.Sprintf("%dKiB", c.kib), func(b *testing.B) {
			s, _ := guestLike(b, c)
			for b.Loop() {
				img, err := s.Snapshot()
				if err != nil {
					b.Fatal(err)
				}
				img.Release()
			}
		})
	}
}

// BenchmarkGrow is a memory that grows by one page of WebAssembly to 16 MiB.
func BenchmarkGrow(b *testing.B) {
	for b.Loop() {
		s, err := New(64 << 20)
		if err != nil {
			b.Fatal(err)
		}
		for size := uint64(64 << 10); size <= 16<<20; size += 64 << 10 {
			if s.Reallocate(size) == nil {
				b.Fatal("refused")
			}
		}
		s.Free()
	}
}
