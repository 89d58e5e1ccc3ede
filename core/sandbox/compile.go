package sandbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

// compiler starts compile children, a bounded number at once.
type compiler struct {
	dir     string        // the cache folder
	command []string      // of the child; nil takes this program
	timeout time.Duration // processor time
	slots   chan struct{}
}

// patience is how many times its processor time a child may take on the clock: on
// a busy machine a module must not be refused for what others do.
const patience = 3

// maxArtifact bounds what a child may send, in bytes.
const maxArtifact = childMemory

// record finds the record of a module, or has a child make it.
func (c *compiler) record(ctx context.Context, digest, profile string, module []byte) (*record, error) {
	key := recordKey(digest, profile)
	if r, ok := readRecord(c.dir, key); ok {
		return r, nil
	}
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return nil, cancelled("the sandbox was closed before the module was compiled")
	}
	// Somebody else may have been faster while this one waited.
	if r, ok := readRecord(c.dir, key); ok {
		return r, nil
	}
	raw, artifact, err := c.child(ctx, order{Key: key, Profile: profile, Workers: max(1, runtime.NumCPU()/2), Seconds: max(1, int(c.timeout/time.Second))}, module)
	if err != nil {
		return nil, err
	}
	r, err := decodeRecord(raw)
	if err != nil || r.Key != key || !r.local() || sumOf(artifact) != r.Sum {
		return nil, errors.New("compiling a module: the compile child answered with something that is no record of it")
	}
	if err := r.keep(c.dir, raw, artifact); err != nil {
		return nil, err
	}
	return r, nil
}

// child compiles in a process of its own and ends it, whatever happens.
func (c *compiler) child(ctx context.Context, o order, module []byte) (raw, artifact []byte, err error) {
	if os.Getenv(childEnv) != "" {
		return nil, nil, errors.New("compiling a module: this process was started as a compile child of the sandbox and did not know it; its main (or TestMain) must call sandbox.Child first")
	}
	dir, err := os.MkdirTemp(c.dir, "compiling-")
	if err != nil {
		return nil, nil, fmt.Errorf("making a folder to compile in: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	argv, err := c.argv()
	if err != nil {
		return nil, nil, err
	}
	ctx, stop := context.WithTimeout(ctx, patience*c.timeout)
	defer stop()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir = dir
	cmd.Env = append(childEnviron(), childEnv+"="+dir)
	cmd.WaitDelay = time.Second
	own(cmd)
	var stderr report
	cmd.Stderr = &stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, nil, fmt.Errorf("compiling a module: %w", err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, nil, fmt.Errorf("compiling a module: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, nil, fmt.Errorf("starting a process to compile a module in: %w", err)
	}
	// Writing and reading go on at once: a child that answers before it has read
	// everything must not wait for a parent that writes before it reads.
	go func() {
		_ = writeFrame(stdin, o)
		_ = writeBlob(stdin, module)
	}()
	raw, artifact, answer := readResult(stdout)
	_ = stdin.Close()
	ended := cmd.Wait()
	var own *Error
	switch {
	case answer == nil || errors.As(answer, &own):
		return raw, artifact, answer
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return nil, nil, tooExpensive(fmt.Sprintf("compiling it took longer than %s", patience*c.timeout))
	case cmd.ProcessState != nil && cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime() >= c.timeout*9/10:
		return nil, nil, tooExpensive(fmt.Sprintf("compiling it took more than %s of processor time", c.timeout))
	case ctx.Err() != nil:
		return nil, nil, cancelled("the sandbox was closed while the module was compiled")
	case cmd.ProcessState != nil && cmd.ProcessState.ExitCode() == exitMemory || stderr.says("out of memory") || stderr.says("cannot allocate memory"):
		return nil, nil, tooExpensive(fmt.Sprintf("compiling it took more than %d MiB of memory", childMemory>>20))
	case cmd.ProcessState != nil && cmd.ProcessState.ExitCode() < 0:
		return nil, nil, tooExpensive("the process that compiled it was killed")
	case stderr.says("goroutine stack exceeds"):
		return nil, nil, tooExpensive("its blocks are nested too deep")
	}
	return nil, nil, fmt.Errorf("compiling a module: the compile child %q ended without an answer (%w): %s", strings.Join(argv, " "), errors.Join(ended, answer), stderr.text())
}

func tooExpensive(why string) *Error {
	return fail(abi.Protocol, "the module is too expensive to compile: "+why+". Build it with optimisation for size, split very large functions, or leave out what is not needed")
}

func cancelled(message string) *Error {
	e := fail(abi.Cancelled, message)
	e.cause = context.Canceled
	return e
}

// argv is the command of a child: this program, which must call Child.
func (c *compiler) argv() ([]string, error) {
	if len(c.command) > 0 {
		return c.command, nil
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding this program, to compile a module in a process of its own: %w", err)
	}
	if base := strings.TrimSuffix(filepath.Base(self), ".exe"); strings.HasSuffix(base, ".test") {
		// A test binary whose TestMain does not call Child would run all its tests
		// again, and each of them this.
		return []string{self, "-test.run=^$"}, nil
	}
	return []string{self, "compile-child"}, nil
}

// childEnviron is what the system needs to start a process at all.
func childEnviron() []string {
	if root, ok := os.LookupEnv("SYSTEMROOT"); ok && runtime.GOOS == "windows" {
		return []string{"SYSTEMROOT=" + root}
	}
	return nil
}

func readResult(r io.Reader) (raw, artifact []byte, err error) {
	var res result
	if err := readFrame(r, &res); err != nil {
		return nil, nil, err
	}
	if f := res.Failure; f != nil {
		return nil, nil, &Error{Code: f.Code, Message: f.Message}
	}
	if raw, err = readBlob(r, maxArtifact); err != nil {
		return nil, nil, err
	}
	artifact, err = readBlob(r, maxArtifact)
	return raw, artifact, err
}

// report keeps the beginning of what a child says on stderr: Go's runtime gives the
// reason in the first lines and goroutines after.
type report struct{ b []byte }

// Write implements io.Writer.
func (t *report) Write(b []byte) (int, error) {
	t.b = append(t.b, b[:min(len(b), maxTail-len(t.b))]...)
	return len(b), nil
}

func (t *report) says(s string) bool { return bytes.Contains(t.b, []byte(s)) }
func (t *report) text() string       { return strings.ToValidUTF8(string(bytes.TrimSpace(t.b)), "\uFFFD") }
