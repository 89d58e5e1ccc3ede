package watch

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestWait(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "a.json")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Error(err)
		}
	}
	write("one")
	w := New(5*time.Millisecond, dir)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	go func() {
		time.Sleep(20 * time.Millisecond)
		write("another")
	}()
	if !w.Wait(ctx) {
		t.Fatal("a change was not seen")
	}
	write("while nobody waited")
	if !w.Wait(ctx) {
		t.Fatal("a change between two waits was not seen")
	}
	// What a build leaves behind is no change.
	if err := os.MkdirAll(filepath.Join(dir, "node_modules", "x"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "node_modules", "x", "y"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	short, stop := context.WithTimeout(ctx, 60*time.Millisecond)
	defer stop()
	if w.Wait(short) {
		t.Fatal("something was seen, and nothing changed")
	}
}
