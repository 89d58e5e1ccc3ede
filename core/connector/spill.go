package connector

import (
	"fmt"
	"io"
	"os"
)

// Spiller keeps results that are too large for a caller.
type Spiller interface {
	Create() (Blob, error)
}

// Blob is one such result while it is being received. Exactly one of Commit and
// Abort is called, once.
type Blob interface {
	io.Writer
	Commit() (digest string, err error) // "sha256:" and 64 hexadecimal digits
	Abort()
}

// NewSpiller keeps results in files of dir while they arrive, and hands each one
// whole to put (a store's PutBlob) when it is complete. One at a time is read
// back, so that many large answers at once need the memory of one.
func NewSpiller(dir string, put func([]byte) (digest string, err error)) Spiller {
	return &files{dir: dir, put: put, one: make(chan struct{}, 1)}
}

type files struct {
	dir string
	put func([]byte) (string, error)
	one chan struct{}
}

func (s *files) Create() (Blob, error) {
	f, err := os.CreateTemp(s.dir, "result-*")
	if err != nil {
		return nil, fmt.Errorf("making a file for a large result: %w", err)
	}
	return &file{f: f, s: s}, nil
}

type file struct {
	f *os.File
	s *files
}

func (b *file) Write(p []byte) (int, error) { return b.f.Write(p) }

func (b *file) Commit() (string, error) {
	b.s.one <- struct{}{}
	defer func() { <-b.s.one }()
	defer b.Abort()
	if _, err := b.f.Seek(0, io.SeekStart); err != nil {
		return "", fmt.Errorf("reading a large result back: %w", err)
	}
	data, err := io.ReadAll(b.f)
	if err != nil {
		return "", fmt.Errorf("reading a large result back: %w", err)
	}
	return b.s.put(data)
}

func (b *file) Abort() {
	_ = b.f.Close()
	_ = os.Remove(b.f.Name())
}
