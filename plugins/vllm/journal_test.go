package vllm

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/plimsoll-dev/plimsoll/sdk/backend"
)

// A log without end costs two files, and the newest lines are among what is kept.
func TestJournalIsBounded(t *testing.T) {
	dir := t.TempDir()
	j, err := newJournal(dir, process{Name: "x"})
	if err != nil {
		t.Fatal(err)
	}
	j.limit = 1 << 20
	long := strings.Repeat("y", maxLine-1)
	lines := 2*j.limit/maxLine + 100
	for n := range lines {
		j.add(fmt.Sprintf("%08d %s", n, long))
	}
	j.close()
	j.add("after the end")
	var total int64
	newest := false
	for _, name := range []string{"x.log", "x.1.log"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		total += info.Size()
		raw, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		newest = newest || strings.Contains(string(raw), fmt.Sprintf("%08d ", lines-1))
	}
	if total > int64(2*(j.limit+2*maxLine)) || !newest {
		t.Errorf("the files have %d bytes, the newest line is there: %v", total, newest)
	}
	if last := j.last(1000); len(last) != backend.MaxLog || last[len(last)-1] != "after the end" {
		t.Errorf("%d lines are kept, the last is %.20q", len(last), last[len(last)-1])
	}
}

// Lines come whole, long ones and ones that are no UTF-8 in pieces that are.
func TestJournalFollows(t *testing.T) {
	j, err := newJournal(t.TempDir(), process{Name: "x"})
	if err != nil {
		t.Fatal(err)
	}
	defer j.close()
	j.follow(strings.NewReader("one\r\n" + strings.Repeat("z", maxLine+10) + "\nbad \xff\nlast without end"))
	got := j.last(10)
	if len(got) != 5 || got[0] != "one" || len(got[1]) != maxLine || len(got[2]) != 10 || got[3] != "bad \uFFFD" || got[4] != "last without end" {
		t.Errorf("it read %d lines: %.30q", len(got), got)
	}
}

// Of several known lines the cause explains, not what followed from it.
func TestCauseBeforeConsequence(t *testing.T) {
	j, err := newJournal(t.TempDir(), process{Name: "x"})
	if err != nil {
		t.Fatal(err)
	}
	defer j.close()
	j.add("WARNING Unknown vLLM environment variable detected: VLLM_ATTENTION_BACKEND")
	j.add("EngineCore encountered a fatal error.")
	j.add("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.50 GiB.")
	if f, ok := j.found(); !ok || f.id != "oom" || !strings.Contains(f.line, "2.50 GiB") {
		t.Errorf("the cause is %+v", f)
	}
	j.begin()
	if _, ok := j.found(); ok {
		t.Error("a new start is explained by what was before it")
	}
}

// Every known failure can be acted on: it says what it means, and what to do.
func TestFailuresAreExplained(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range failures() {
		if seen[f.id] || len(f.means) < 15 || len(f.do) < 15 || strings.HasSuffix(f.means, ".") || strings.HasSuffix(f.do, ".") {
			t.Errorf("%s: %q, %q", f.id, f.means, f.do)
		}
		seen[f.id] = true
	}
}

func BenchmarkLine(b *testing.B) {
	line := strings.Repeat("INFO 11-22 00:00:00 [loggers.py:127] Engine 000: Avg prompt throughput ", 56)
	b.SetBytes(int64(len(line)))
	for b.Loop() {
		if recognise(line) != nil {
			b.Fatal("it is known")
		}
	}
}
