package memory

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"
)

// finders are those of this machine; a machine without one skips their tests.
func finders(t testing.TB) map[string]finder {
	t.Helper()
	fd, err := unix.Open("/proc/self/pagemap", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Skipf("no pagemap here: %v", err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	all := map[string]finder{}
	for name, f := range map[string]finder{"scan": newScan(fd), "table": newTable(fd)} {
		if err := prove(f); err != nil {
			t.Logf("%s is not for this machine: %v", name, err)
			continue
		}
		all[name] = f
	}
	return all
}

func TestFindersOfThisMachine(t *testing.T) {
	got := finders(t)
	if _, ok := got["table"]; !ok {
		t.Error("pagemap is there and cannot be used")
	}
	if machine() == nil {
		t.Error("no finder was chosen")
	}
}

// TestOnlyWrittenPagesAreFound: pages that were read cost a restore nothing.
func TestOnlyWrittenPagesAreFound(t *testing.T) {
	for name, f := range finders(t) {
		s, _, _ := large(t)
		mem := s.Reallocate(0)
		_ = bytes.Count(mem[:3<<20], []byte{1})
		mem[1<<20], mem[1<<20+page], mem[7<<20] = 1, 1, 1
		runs, err := f.find(mem, nil)
		first := uint64(1<<20) / page
		want := []run{{first, first + 2}, {7 * first, 7*first + 1}}
		if err != nil || !slices.Equal(runs, want) {
			t.Errorf("%s: %v, %v; want %v", name, runs, err, want)
		}
		if img, err := s.Snapshot(); err != nil {
			t.Error(err)
		} else {
			img.Release()
		}
		if runs, err := f.find(mem, nil); err != nil || len(runs) != 0 {
			t.Errorf("%s: after its image was taken the memory keeps %v for itself, %v", name, runs, err)
		}
	}
}

func TestNobodyChangesAnImage(t *testing.T) {
	_, img, _ := large(t)
	if img.source.fd < 0 {
		t.Skip("images are copies here")
	}
	_, write := unix.Pwrite(img.source.fd, []byte("x"), 0)
	cut, grow := unix.Ftruncate(img.source.fd, 0), unix.Ftruncate(img.source.fd, 1<<30)
	_, seal := unix.FcntlInt(uintptr(img.source.fd), unix.F_ADD_SEALS, 0)
	if write == nil || cut == nil || grow == nil || seal == nil {
		t.Errorf("writing: %v, cutting short: %v, growing: %v, seals: %v", write, cut, grow, seal)
	}
}

// liar spoils what a good finder says.
type liar struct {
	finder
	spoil func([]run) ([]run, error)
}

func (l liar) find(part []byte, runs []run) ([]run, error) {
	runs, err := l.finder.find(part, runs)
	if err != nil {
		return runs, err
	}
	return l.spoil(runs)
}

func TestProveCatchesLiars(t *testing.T) {
	for name, spoil := range map[string]func([]run) ([]run, error){
		"nothing":       func([]run) ([]run, error) { return nil, nil },
		"without first": func(r []run) ([]run, error) { return r[1:], nil },
		"without last":  func(r []run) ([]run, error) { return r[:len(r)-1], nil },
		"one page less": func(r []run) ([]run, error) { r[0].end--; return r, nil },
		"shifted": func(r []run) ([]run, error) {
			for i := range r {
				r[i].first++
			}
			return r, nil
		},
		"refused": func(r []run) ([]run, error) { return r, unix.EPERM },
	} {
		for of, f := range finders(t) {
			if err := prove(liar{f, spoil}); err == nil {
				t.Errorf("%s, %s: was believed", of, name)
			}
		}
	}
}

// failing finds nothing any more, as if /proc went away.
type failing struct{}

func (failing) find([]byte, []run) ([]run, error) { return nil, unix.EBADF }

func TestFailingFinder(t *testing.T) {
	s, _, want := large(t)
	mem := s.Reallocate(0)
	mem[100], mem[7<<20] = 200, 200
	if pages := s.restoreWith(failing{}); pages != 2 || !bytes.Equal(mem, want) {
		t.Fatalf("%d pages; every page must be compared when the kernel says nothing", pages)
	}
}

// TestRandomWrites compares every byte after every Restore.
func TestRandomWrites(t *testing.T) {
	all := finders(t)
	names := slices.Sorted(func(yield func(string) bool) {
		for name := range all {
			if !yield(name) {
				return
			}
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		const most = 200
		total := rapid.Uint64Range(1, most).Draw(t, "pages")
		first, err := New(most * page)
		if err != nil {
			t.Fatal(err)
		}
		defer first.Free()
		mem := first.Reallocate(total * page)
		place := rapid.IntRange(0, len(mem)-1)
		for _, at := range rapid.SliceOfN(place, 0, 50).Draw(t, "image") {
			mem[at] = byte(at) | 1
		}
		want := bytes.Clone(mem)
		img, err := first.Snapshot()
		if err != nil {
			t.Fatal(err)
		}
		defer img.Release()
		second, err := NewFrom(img, most*page)
		if err != nil {
			t.Fatal(err)
		}
		defer second.Free()
		for range rapid.IntRange(1, 6).Draw(t, "calls") {
			s := rapid.SampledFrom([]*Space{first, second}).Draw(t, "memory")
			mem := s.Reallocate(0)
			for range rapid.IntRange(0, 20).Draw(t, "steps") {
				from := place.Draw(t, "from")
				to := min(len(mem), from+rapid.SampledFrom([]int{1, 8, int(page), 20 * int(page)}).Draw(t, "length"))
				switch rapid.IntRange(0, 4).Draw(t, "step") {
				case 0:
					clear(mem[from:to])
				case 1:
					copy(mem[from:to], mem) // often what is there
				case 2:
					_ = bytes.Count(mem[from:to], []byte{1})
				default:
					for i := from; i < to; i += 64 {
						mem[i]++
					}
				}
			}
			if rapid.IntRange(0, 3).Draw(t, "spring") == 0 {
				s.restored = spring - 1
			}
			s.restored++
			switch way := rapid.SampledFrom(append(names, "compare")).Draw(t, "way"); way {
			case "compare":
				s.compare()
			default:
				if _, err := s.restoreFound(all[way]); err != nil {
					t.Fatal(err)
				}
			}
			if !bytes.Equal(mem, want) {
				t.Fatal("a byte of the last call is still there")
			}
		}
	})
}

// large is a memory of the kind of a Go guest: 3 MiB of data, and zeros.
func large(t testing.TB) (s *Space, img *Image, want []byte) {
	t.Helper()
	first, err := New(64 << 20)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Free()
	mem := first.Reallocate(8 << 20)
	for i := 0; i < 3<<20; i += 40 {
		mem[i] = byte(i>>3) | 1
	}
	want = bytes.Clone(mem)
	img, err = first.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(img.Release)
	s, err = NewFrom(img, 64<<20)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Free)
	return s, img, want
}

func TestUnusualPages(t *testing.T) {
	const collapse = 25 // MADV_COLLAPSE, since 6.1
	for name, f := range finders(t) {
		for what, unusual := range map[string]func(mem []byte) error{
			"huge pages": func(mem []byte) error {
				return errors.Join(unix.Madvise(mem, unix.MADV_HUGEPAGE), unix.Madvise(mem, collapse))
			},
			"pages that were sent to swap": func(mem []byte) error { return unix.Madvise(mem, unix.MADV_PAGEOUT) },
			"locked pages":                 func(mem []byte) error { return unix.Mlock(mem[:1<<20]) },
			"a program that was started": func(mem []byte) error {
				return exec.Command(os.Args[0], "-test.run=^$").Run()
			},
			"pages written by the kernel": func(mem []byte) error {
				f, err := os.Open(os.Args[0])
				if err != nil {
					return err
				}
				_, err = f.Read(mem[1<<20 : 1<<20+5000])
				return errors.Join(err, f.Close())
			},
		} {
			t.Run(name+"/"+what, func(t *testing.T) {
				s, _, want := large(t)
				mem := s.Reallocate(0)
				for round := range 3 {
					for at := round; at < len(mem); at += 100_003 {
						mem[at]++
					}
					if err := unusual(mem); err != nil {
						t.Logf("not on this machine: %v", err)
					}
					for at := 50_000 + round; at < len(mem); at += 200_003 {
						mem[at]++
					}
					if _, err := s.restoreFound(f); err != nil {
						t.Fatal(err)
					}
					if !bytes.Equal(mem, want) {
						t.Fatalf("round %d: what was written is still there", round)
					}
				}
			})
		}
	}
}

func TestColdPagesAreGivenUp(t *testing.T) {
	s, _, want := large(t)
	if machine() == nil {
		t.Skip("no finder on this machine")
	}
	mem := s.Reallocate(0)
	clear(mem[1<<20 : 2<<20])
	for n := range 2 * spring {
		mem[5000]++
		if _, err := s.Restore(); err != nil {
			t.Fatal(err)
		}
		if n == 0 && s.Resident() < 1<<20 {
			t.Fatalf("a MiB was written, and %d bytes are resident", s.Resident())
		}
	}
	if s.Resident() > 4*page {
		t.Errorf("one page is written at a time, and %d bytes are resident", s.Resident())
	}
	if !bytes.Equal(mem, want) {
		t.Error("giving pages up changed the memory")
	}
}

func TestOneAddressSpaceIsEnough(t *testing.T) {
	const skills, each = 16, 4
	before := maps(t)
	var spaces []*Space
	for range skills {
		_, img, _ := large(t)
		for range each {
			s, err := NewFrom(img, 64<<20)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Free()
			s.Reallocate(0)[100]++
			spaces = append(spaces, s)
		}
	}
	after := maps(t)
	t.Logf("%d mappings for %d memories of %d images", after-before, len(spaces), skills)
	if per := float64(after-before) / float64(len(spaces)); per > 5 {
		t.Errorf("%.1f mappings for a memory, its share of the image and its growth: 960 skills of four would need %.0f, and a kernel has 65,530", per, 960*4*per)
	}
}

func TestNothingLeaks(t *testing.T) {
	machine()
	cycle := func() {
		first, err := New(1 << 30)
		if err != nil {
			t.Fatal(err)
		}
		mem := first.Reallocate(1 << 20)
		mem[5]++
		img, err := first.Snapshot()
		if err != nil {
			t.Fatal(err)
		}
		again, err := NewFrom(img, 1<<30)
		if err != nil {
			t.Fatal(err)
		}
		again.Reallocate(2 << 20)[1<<20]++
		if _, err := again.Restore(); !errors.Is(err, ErrGrown) {
			t.Fatal(err)
		}
		if _, err := NewFrom(img, 1); err == nil {
			t.Fatal("too small a limit was accepted")
		}
		other, err := first.Snapshot() // a second image of the same memory
		if err != nil {
			t.Fatal(err)
		}
		img.Release()
		other.Release()
		first.Free()
		again.Free()
	}
	cycle()
	mappings, files := maps(t), open(t)
	for range 500 {
		cycle()
	}
	if m, f := maps(t), open(t); m > mappings+8 || f > files+2 {
		t.Errorf("500 memories and images: from %d to %d mappings, from %d to %d open files", mappings, m, files, f)
	}
	images, err := os.ReadFile("/proc/self/maps")
	if err != nil || bytes.Contains(images, []byte("plimsoll-image")) {
		t.Errorf("an image is still mapped: %v", err)
	}
}

// TestWithoutFilesInMemory is a process that may not open another file.
func TestWithoutFilesInMemory(t *testing.T) {
	var old unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	first, err := New(1 << 20)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Free()
	mem := first.Reallocate(1 << 20)
	mem[3*page] = 3
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 3, Max: old.Max}); err != nil {
		t.Fatal(err)
	}
	img, err := first.Snapshot()
	if again := unix.Setrlimit(unix.RLIMIT_NOFILE, &old); again != nil || err != nil {
		t.Fatal(again, err)
	}
	defer img.Release()
	if img.source.fd >= 0 {
		t.Fatal("there was room for a file after all")
	}
	s, err := NewFrom(img, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Free()
	for _, s := range []*Space{first, s} {
		mem := s.Reallocate(0)
		mem[3*page], mem[9*page] = 9, 9
		if n, err := s.Restore(); n != 2 || err != nil || mem[3*page] != 3 || mem[9*page] != 0 {
			t.Fatalf("%d pages, %v, %d, %d", n, err, mem[3*page], mem[9*page])
		}
	}
}

func maps(t testing.TB) int {
	t.Helper()
	b, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Skipf("no list of mappings here: %v", err)
	}
	return bytes.Count(b, []byte("\n"))
}

func open(t testing.TB) int {
	t.Helper()
	d, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skipf("no list of files here: %v", err)
	}
	return len(d)
}

// BenchmarkWays is what restore chooses from, on the sizes of C guests, Go
// guests and interpreters. What Restore does is measured by BenchmarkRestore.
func BenchmarkWays(b *testing.B) {
	ways := map[string]func(*Space) error{
		"compare": func(s *Space) error { s.compare(); return nil },
		"drop":    func(s *Space) error { return unix.Madvise(s.reserved[:s.size], unix.MADV_DONTNEED) },
	}
	for name, f := range finders(b) {
		ways[name] = func(s *Space) error { _, err := s.restoreFound(f); return err }
	}
	for _, c := range cases {
		for _, name := range []string{"scan", "table", "compare", "drop"} {
			way, ok := ways[name]
			if !ok {
				continue
			}
			b.Run(fmt.Sprintf("%dKiB,%dpages/%s", c.kib, c.pages, name), func(b *testing.B) {
				s, touch := guestLike(b, c)
				for range 2 { // the faults of the first call are not the way's
					touch()
					if err := way(s); err != nil {
						b.Fatal(err)
					}
				}
				for b.Loop() {
					touch()
					if err := way(s); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
