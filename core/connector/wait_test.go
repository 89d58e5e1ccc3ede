package connector

import (
	"context"
	"os"
	"testing"
	"time"
)

// appears waits for a file.
func appears(t *testing.T, file string) []byte {
	t.Helper()
	for range 500 {
		if b, err := os.ReadFile(file); err == nil && len(b) > 0 {
			return b
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("%s does not appear", file)
	return nil
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for range 500 {
		if ok() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("never: %s", what)
}

// host is a Plimsoll that is killed: it starts a server that ignores the end of
// its input and has a child.
func host() {
	s, err := New(Host{Now: time.Now}, Config{Name: "deaf", Command: []string{"/usr/bin/env", "PLIMSOLL_FAKE=deaf", os.Args[0]}, Env: []string{"FAKE_FILE"}})
	if err != nil {
		os.Exit(1)
	}
	c, _ := s.Get("deaf")
	_, _ = c.Catalogue(context.Background())
	select {}
}
