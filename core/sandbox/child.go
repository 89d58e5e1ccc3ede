package sandbox

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/plimsoll-dev/plimsoll/core/sandbox/wasmbin"
	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

// A module from a stranger is decoded, validated, rewritten and compiled in a
// process of its own, which the parent can kill: none of these can be stopped
// from within, and modules of a few kilobytes exist that compile for a minute or
// take gigabytes. The child is the same program, told by childEnv. It is given
// the module on stdin and answers on stdout; it reads no files but its own
// folder for the engine's output, and no environment.

// childEnv names the variable that makes a process a compile child; its value is
// the folder that it may write into.
const childEnv = "PLIMSOLL_COMPILE_CHILD"

// childMemory bounds the memory of a compile child, in bytes.
const childMemory = 1 << 30

// exitMemory is how a child ends that found itself above childMemory.
const exitMemory = 77

// order is what the parent asks; the module follows it.
type order struct {
	Key     string `json:"key"`     // of the record
	Profile string `json:"profile"` // "" finds it
	Workers int    `json:"workers"`
	Seconds int    `json:"seconds"` // of processor time
}

// result is what the child answers: an error, or nothing, and then a record and
// the machine code follow.
type result struct {
	Failure *childError `json:"failure,omitempty"`
}

type childError struct {
	Code, Message string
}

// Child tells whether this process was a compile child and has done its work: a
// program that uses this package must call it before anything else and end when
// it gives true.
//
//	func main() {
//		if sandbox.Child() {
//			return
//		}
func Child() bool {
	dir := os.Getenv(childEnv)
	if dir == "" {
		return false
	}
	restrain(slowed * childMemory)
	debug.SetMemoryLimit(childMemory * 3 / 4)
	go watchMemory(childMemory)
	if err := serveChild(dir, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return true
}

// watchMemory ends the process when it holds more than limit: not every system
// has a limit that it keeps to by itself.
func watchMemory(limit uint64) {
	sample := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	for {
		metrics.Read(sample)
		if sample[0].Value.Uint64()-sample[1].Value.Uint64() > limit {
			os.Exit(exitMemory)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func serveChild(dir string, in io.Reader, out io.Writer) error {
	var o order
	if err := readFrame(in, &o); err != nil {
		return fmt.Errorf("reading what to compile: %w", err)
	}
	restrainTime(uint64(o.Seconds))
	module, err := readBlob(in, maxModule)
	if err != nil {
		return fmt.Errorf("reading the module: %w", err)
	}
	// The parent holds stdin open for as long as it waits: when it ends without
	// killing this process, reading ends, and so does the work for nobody.
	go func() {
		_, _ = io.Copy(io.Discard, in)
		os.Exit(1)
	}()
	r, artifact, err := compile(dir, o, module)
	w := bufio.NewWriter(out)
	var e *Error
	switch {
	case errors.As(err, &e):
		err = writeFrame(w, result{Failure: &childError{e.Code, e.Message}})
	case err == nil:
		raw, encodeErr := r.encode()
		err = errors.Join(encodeErr, writeFrame(w, result{}), writeBlob(w, raw), writeBlob(w, artifact))
	}
	return errors.Join(err, w.Flush())
}

// compile makes a record and its machine code out of a module. Errors of the
// module are *Error.
func compile(dir string, o order, module []byte) (*record, []byte, error) {
	ctx := experimental.WithCompilationWorkers(context.Background(), o.Workers)
	// The rewriter goes first, because it names what it refuses (threads, a second
	// memory); what it makes of an invalid module is thrown away unseen.
	metered, err := wasmbin.Meter(module, wasmbin.Options{})
	if err != nil {
		return nil, nil, refusedShape(err)
	}
	bare, err := wasmbin.Strip(module)
	if err != nil {
		return nil, nil, refusedShape(err)
	}
	if err := validate(ctx, bare); err != nil {
		return nil, nil, err
	}
	r := &record{Key: o.Key, Facts: metered.Facts}
	var p profile
	if o.Profile == "" {
		p, err = profileOf(&metered.Facts)
	} else {
		var ok bool
		if p, ok = profileNamed(o.Profile); !ok {
			return nil, nil, fmt.Errorf("there is no profile %q", o.Profile)
		}
		err = checkImports(&metered.Facts, p)
	}
	if err != nil {
		return nil, nil, err
	}
	r.Profile = p.name()
	if r.code, r.segments, err = splitData(metered.Code); err != nil {
		return nil, nil, fmt.Errorf("taking the data out of the rewritten module: %w", err)
	}
	cache, err := wazero.NewCompilationCacheWithDir(dir)
	if err != nil {
		return nil, nil, fmt.Errorf("opening the folder for compiled code: %w", err)
	}
	rt := wazero.NewRuntimeWithConfig(ctx, engineConfig().WithCompilationCache(cache))
	if _, err := rt.CompileModule(ctx, r.code); err != nil {
		return nil, nil, fail(abi.Protocol, "the module cannot be compiled: "+firstLine(err.Error()))
	}
	artifact, err := r.findArtifact(dir)
	return r, artifact, err
}

// engineConfig is how modules are compiled and run. The engine's own way to stop
// code (WithCloseOnContextDone) is off: it costs 6 to 14 times, and does not stop
// everything. Memory is bounded by the allocator: the engine's limit refuses
// modules that declare a maximum above it, as toolchains do out of habit.
func engineConfig() wazero.RuntimeConfig {
	return wazero.NewRuntimeConfigCompiler().WithCoreFeatures(api.CoreFeaturesV2).WithDebugInfoEnabled(false)
}

// validate lets the engine look at the module as it came. The interpreter does
// it, because it makes no machine code of what it has not rewritten yet.
func validate(ctx context.Context, module []byte) error {
	rt := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter().WithCoreFeatures(api.CoreFeaturesV2).WithDebugInfoEnabled(false))
	compiled, err := rt.CompileModule(ctx, module)
	if err != nil {
		return fail(abi.Protocol, "the module is not valid: "+firstLine(err.Error()))
	}
	return errors.Join(compiled.Close(ctx), rt.Close(ctx))
}

func refusedShape(err error) error {
	var e *wasmbin.Error
	if errors.As(err, &e) {
		return fail(abi.Protocol, e.Message)
	}
	return err
}

// findArtifact reads the one file that the engine wrote.
func (r *record) findArtifact(dir string) ([]byte, error) {
	var found []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			found = append(found, path)
		}
		return err
	})
	if err != nil || len(found) != 1 {
		return nil, errors.Join(err, fmt.Errorf("the engine wrote %d files, not one", len(found)))
	}
	raw, err := os.ReadFile(found[0])
	if err != nil {
		return nil, err
	}
	r.Artifact, err = filepath.Rel(dir, found[0])
	r.Sum, r.Machine = sumOf(raw), len(raw)
	return raw, err
}

func engineVersion() string {
	info, ok := debug.ReadBuildInfo()
	if ok {
		for _, d := range info.Deps {
			if d.Path == "github.com/tetratelabs/wazero" {
				return d.Version + " " + runtime.Version()
			}
		}
	}
	return runtime.Version()
}

// Frames are a length of 32 bits and JSON, blobs a length of 64 bits and bytes.
func writeFrame(w io.Writer, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return writeBlob(w, raw)
}

func writeBlob(w io.Writer, b []byte) error {
	_, err := w.Write(append(binary.BigEndian.AppendUint64(nil, uint64(len(b))), b...))
	return err
}

const maxFrame = 16 << 20 // facts of a module with many exports

func readFrame(r io.Reader, v any) error {
	raw, err := readBlob(r, maxFrame)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, v)
}

func readBlob(r io.Reader, most int64) ([]byte, error) {
	var head [8]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint64(head[:])
	if n > uint64(most) {
		return nil, fmt.Errorf("%d bytes are announced, more than %d", n, most)
	}
	raw := make([]byte, n)
	_, err := io.ReadFull(r, raw)
	return raw, err
}
