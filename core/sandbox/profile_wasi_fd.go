package sandbox

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/tetratelabs/wazero/api"

	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

// What WASI is to a command beyond what it is to every guest: two arguments, the
// input on fd 0, the answer on fd 1. The three standard descriptors are pipes
// (file type unknown), not terminals, so that libraries write whole buffers.

const errnoSpipe = 70 // a pipe cannot be seeked

// commandArg is the first argument: the name of the program.
const commandArg = "skill"

func commandFuncs() map[string]hostFunc {
	return map[string]hostFunc{
		"args_sizes_get":  wasi("ii", argsSizes),
		"args_get":        wasi("ii", argsGet),
		"fd_read":         wasi("iiii", commandRead),
		"fd_write":        wasi("iiii", commandWrite),
		"fd_fdstat_get":   wasi("ii", pipeStat),
		"fd_filestat_get": wasi("ii", pipeFileStat),
		"fd_seek":         wasi("iIii", notSeekable),
		"fd_tell":         wasi("ii", notSeekable),
	}
}

// running is the command that an instance runs, nil while it is started.
func running(in *instance) *command {
	c, _ := in.own.(*command)
	return c
}

func (c *command) args() []string {
	if c == nil {
		return nil
	}
	return []string{commandArg, c.op}
}

// argsSizes takes (count, bytes).
func argsSizes(in *instance, _ context.Context, mod api.Module, stack []uint64) uint32 {
	args, size := running(in).args(), 0
	for _, a := range args {
		size += len(a) + 1
	}
	return fault(put32(mod, stack[0], uint32(len(args))) && put32(mod, stack[1], uint32(size)))
}

// argsGet takes (pointers, bytes).
func argsGet(in *instance, _ context.Context, mod api.Module, stack []uint64) uint32 {
	pointers, at := stack[0], uint32(stack[1])
	for _, a := range running(in).args() {
		if !put32(mod, pointers, at) || !mod.Memory().Write(at, append([]byte(a), 0)) {
			return errnoFault
		}
		pointers, at = pointers+4, at+uint32(len(a))+1
	}
	return success
}

// commandRead takes (fd, iovs, count, read).
func commandRead(in *instance, _ context.Context, mod api.Module, stack []uint64) uint32 {
	c, count := running(in), uint32(stack[2])
	if c == nil || uint32(stack[0]) != 0 {
		return errnoBadf
	}
	var read uint32
	errno := vector(mod, uint32(stack[1]), count, func(b []byte) {
		for len(b) > 0 && len(c.stdin) > 0 {
			n := copy(b[:min(len(b), chunk)], c.stdin)
			in.charge(n)
			b, c.stdin, read = b[n:], c.stdin[n:], read+uint32(n)
		}
	})
	if errno != success {
		return errno
	}
	return fault(put32(mod, stack[3], read))
}

// commandWrite takes (fd, iovs, count, written). The answer is bounded while it
// is written: a program that writes for ever is stopped at the limit.
func commandWrite(in *instance, ctx context.Context, mod api.Module, stack []uint64) uint32 {
	c, fd := running(in), uint32(stack[0])
	if c == nil || fd != 1 && fd != 2 {
		return fdWrite(in, ctx, mod, stack)
	}
	var written uint32
	errno := vector(mod, uint32(stack[1]), uint32(stack[2]), func(b []byte) {
		written += uint32(len(b))
		if fd == 2 {
			in.log.write(2, b)
			for len(b) > 0 {
				n := min(len(b), chunk)
				in.charge(n)
				c.stderr.write(b[:n])
				b = b[n:]
			}
			return
		}
		if len(c.stdout)+len(b) > in.limits.output {
			in.spent = true
			panic(fail(abi.OutputLimit, fmt.Sprintf("the program wrote more than %d bytes to stdout in %s", in.limits.output, c.op)))
		}
		for len(b) > 0 {
			n := min(len(b), chunk)
			in.charge(n)
			c.stdout, b = append(c.stdout, b[:n]...), b[n:]
		}
	})
	if errno != success {
		return errno
	}
	return fault(put32(mod, stack[3], written))
}

// vector calls each with the buffers of a list of (pointer, length).
func vector(mod api.Module, at, count uint32, each func([]byte)) uint32 {
	if count > maxVector {
		return errnoInval
	}
	list, ok := mod.Memory().Read(at, 8*count)
	if !ok {
		return errnoFault
	}
	// A read may write over its own list of buffers, so the list is a copy.
	list = append([]byte(nil), list...)
	for ; len(list) >= 8; list = list[8:] {
		b, ok := mod.Memory().Read(binary.LittleEndian.Uint32(list), binary.LittleEndian.Uint32(list[4:]))
		if !ok {
			return errnoFault
		}
		each(b)
	}
	return success
}

func pipeStat(_ *instance, _ context.Context, mod api.Module, stack []uint64) uint32 {
	if uint32(stack[0]) > 2 {
		return errnoBadf
	}
	stat := make([]byte, 24)
	const read, write = 1 << 1, 1 << 6
	rights := uint64(write)
	if uint32(stack[0]) == 0 {
		rights = read
	}
	binary.LittleEndian.PutUint64(stat[8:], rights)
	return fault(mod.Memory().Write(uint32(stack[1]), stat))
}

func pipeFileStat(_ *instance, _ context.Context, mod api.Module, stack []uint64) uint32 {
	if uint32(stack[0]) > 2 {
		return errnoBadf
	}
	stat := make([]byte, 64)
	binary.LittleEndian.PutUint64(stat[8:], 1+stack[0]&3) // inode
	stat[24] = 1                                          // link
	return fault(mod.Memory().Write(uint32(stack[1]), stat))
}

func notSeekable(_ *instance, _ context.Context, _ api.Module, stack []uint64) uint32 {
	if uint32(stack[0]) > 2 {
		return errnoBadf
	}
	return errnoSpipe
}

// lastLine remembers the last line that is not empty, and of a long one the
// beginning.
type lastLine struct{ done, now []byte }

// maxLine bounds a line that is remembered, in bytes.
const maxLine = 1 << 10

func (l *lastLine) write(b []byte) {
	for {
		line, rest, ended := bytes.Cut(b, []byte("\n"))
		l.now = append(l.now, line[:min(len(line), maxLine-len(l.now))]...)
		if !ended {
			return
		}
		if len(bytes.TrimSpace(l.now)) > 0 {
			l.done = append(l.done[:0], l.now...)
		}
		l.now, b = l.now[:0], rest
	}
}

func (l *lastLine) text() string {
	line := l.now
	if len(bytes.TrimSpace(line)) == 0 {
		line = l.done
	}
	return strings.TrimSpace(strings.Map(printable, strings.ToValidUTF8(string(line), "\uFFFD")))
}

// isOwn tells whether an error is the package's, not the engine's.
func isOwn(err error) bool {
	var e *Error
	return errors.As(err, &e)
}
