package wasmbin_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/tetratelabs/wazero"
)

// frames gives the bytes of stack that each function of a module takes in the
// machine code that wazero makes of it: what its prologue subtracts from the
// stack pointer, and 16 for the return address and the frame pointer. It reads
// them from the file of the compilation cache, of which it knows the layout.
func frames(t testing.TB, module []byte) []int64 {
	t.Helper()
	if runtime.GOARCH != "amd64" {
		t.Skip("prologues are read for amd64 only")
	}
	ctx := context.Background()
	dir := t.TempDir()
	cache, err := wazero.NewCompilationCacheWithDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	rt := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigCompiler().WithCompilationCache(cache))
	if _, err := rt.CompileModule(ctx, module); err != nil {
		t.Fatal(err)
	}
	if err := rt.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if err := cache.Close(ctx); err != nil {
		t.Fatal(err)
	}
	var out []int64
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		p := 6 + 1 + int(b[6])
		n := int(binary.LittleEndian.Uint32(b[p:]))
		p += 4
		offsets := make([]int, n)
		for i := range offsets {
			offsets[i] = int(binary.LittleEndian.Uint64(b[p:]))
			p += 8
		}
		size := int(binary.LittleEndian.Uint64(b[p:]))
		code := b[p+8 : p+8+size]
		for _, at := range offsets {
			head := code[at:min(len(code)-8, at+200)]
			body := code[at:]
			frame := int64(16)
			if i := bytes.Index(head, []byte{0x48, 0x81, 0xec}); i >= 0 {
				frame += int64(binary.LittleEndian.Uint32(body[i+3:]))
			} else if i := bytes.Index(head, []byte{0x48, 0x83, 0xec}); i >= 0 {
				frame += int64(body[i+3])
			}
			out = append(out, frame)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
