package sandbox

import (
	"context"
	"encoding/binary"
	"math"

	"github.com/tetratelabs/wazero/api"

	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

// WASI preview 1 is tolerated, because toolchains link it in: as functions that
// always do the same. There are no files, arguments or environment; clocks say
// what the caller of the sandbox says, and go on only when the guest sleeps;
// random numbers come from the seed; fd 1 and 2 go to the log. What is not here
// answers ENOSYS. The engine's own WASI was refused: it serves files, sockets
// and real clocks, and a sandbox should not have to switch them off.
const (
	success    = 0
	errnoBadf  = 8
	errnoFault = 21
	errnoInval = 28
	errnoNosys = 52
	character  = 2    // filetype character_device
	maxVector  = 1024 // elements of an iovec or a list of subscriptions
)

// wasiFuncs is preview 1, whole: name, parameters (i is i32, I is i64), result.
func wasiFuncs() map[string]hostFunc {
	funcs := map[string]hostFunc{}
	for name, params := range map[string]string{
		"fd_advise": "iIIi", "fd_allocate": "iII", "fd_datasync": "i", "fd_fdstat_set_flags": "ii", "fd_fdstat_set_rights": "iII",
		"fd_filestat_get": "ii", "fd_filestat_set_size": "iI", "fd_filestat_set_times": "iIIi", "fd_pread": "iiiIi", "fd_pwrite": "iiiIi",
		"fd_read": "iiii", "fd_readdir": "iiiIi", "fd_renumber": "ii", "fd_seek": "iIii", "fd_sync": "i", "fd_tell": "ii",
		"path_create_directory": "iii", "path_filestat_get": "iiiii", "path_filestat_set_times": "iiiiIIi", "path_link": "iiiiiii",
		"path_open": "iiiiiIIii", "path_readlink": "iiiiii", "path_remove_directory": "iii", "path_rename": "iiiiii",
		"path_symlink": "iiiii", "path_unlink_file": "iii", "proc_raise": "i",
		"sock_accept": "iii", "sock_recv": "iiiiii", "sock_send": "iiiii", "sock_shutdown": "ii",
	} {
		funcs[name] = wasi(params, func(*instance, context.Context, api.Module, []uint64) uint32 { return errnoNosys })
	}
	for name, f := range map[string]hostFunc{
		"args_get":            wasi("ii", nothing),
		"args_sizes_get":      wasi("ii", noSizes),
		"environ_get":         wasi("ii", nothing),
		"environ_sizes_get":   wasi("ii", noSizes),
		"clock_res_get":       wasi("ii", clockResolution),
		"clock_time_get":      wasi("iIi", clockTime),
		"random_get":          wasi("ii", random),
		"sched_yield":         wasi("", nothing),
		"poll_oneoff":         wasi("iiii", poll),
		"fd_write":            wasi("iiii", fdWrite),
		"fd_close":            wasi("i", badUnlessStandard),
		"fd_fdstat_get":       wasi("ii", fdStat),
		"fd_prestat_get":      wasi("ii", noSuchFile), // guests list folders until this one
		"fd_prestat_dir_name": wasi("iii", noSuchFile),
	} {
		funcs[name] = f
	}
	funcs["proc_exit"] = hostFunc{[]api.ValueType{i32}, nil, func(ctx context.Context, _ api.Module, stack []uint64) {
		in := of(ctx)
		in.exit = uint32(stack[0])
		in.end(abi.Exit)
	}}
	return funcs
}

func wasi(params string, f func(in *instance, ctx context.Context, mod api.Module, stack []uint64) uint32) hostFunc {
	types := make([]api.ValueType, len(params))
	for i, p := range params {
		types[i] = i32
		if p == 'I' {
			types[i] = i64
		}
	}
	return hostFunc{types, []api.ValueType{i32}, func(ctx context.Context, mod api.Module, stack []uint64) {
		if mod.Memory() == nil {
			stack[0] = errnoFault
			return
		}
		in := of(ctx)
		in.charge(0)
		stack[0] = uint64(f(in, ctx, mod, stack))
	}}
}

func fault(ok bool) uint32 {
	if ok {
		return success
	}
	return errnoFault
}

func nothing(*instance, context.Context, api.Module, []uint64) uint32    { return success }
func noSuchFile(*instance, context.Context, api.Module, []uint64) uint32 { return errnoBadf }

func noSizes(_ *instance, _ context.Context, mod api.Module, stack []uint64) uint32 {
	return fault(put32(mod, stack[0], 0) && put32(mod, stack[1], 0))
}

func clockResolution(_ *instance, _ context.Context, mod api.Module, stack []uint64) uint32 {
	return fault(put64(mod, stack[1], 1))
}

func clockTime(in *instance, _ context.Context, mod api.Module, stack []uint64) uint32 {
	return fault(put64(mod, stack[2], uint64(in.clock(uint32(stack[0])))))
}

// random fills a range piece by piece: numbers for a whole memory take longer
// than a guest may go on without being looked at.
func random(in *instance, _ context.Context, mod api.Module, stack []uint64) uint32 {
	b, ok := mod.Memory().Read(uint32(stack[0]), uint32(stack[1]))
	for len(b) > 0 {
		n := min(len(b), chunk)
		in.charge(4 * n)
		_, _ = in.rng().Read(b[:n]) // cannot fail
		b = b[n:]
	}
	return fault(ok)
}

func badUnlessStandard(_ *instance, _ context.Context, _ api.Module, stack []uint64) uint32 {
	if uint32(stack[0]) > 2 {
		return errnoBadf
	}
	return success
}

func fdStat(_ *instance, _ context.Context, mod api.Module, stack []uint64) uint32 {
	if uint32(stack[0]) > 2 {
		return errnoBadf
	}
	stat := make([]byte, 24)
	stat[0] = character
	return fault(mod.Memory().Write(uint32(stack[1]), stat))
}

// fdWrite takes (fd, iovs, count, written).
func fdWrite(in *instance, _ context.Context, mod api.Module, stack []uint64) uint32 {
	fd, count := uint32(stack[0]), uint32(stack[2])
	if fd != 1 && fd != 2 {
		return errnoBadf
	}
	if count > maxVector {
		return errnoInval
	}
	iovs, ok := mod.Memory().Read(uint32(stack[1]), 8*count)
	if !ok {
		return errnoFault
	}
	var written uint32
	for ; len(iovs) >= 8; iovs = iovs[8:] {
		b, ok := mod.Memory().Read(binary.LittleEndian.Uint32(iovs), binary.LittleEndian.Uint32(iovs[4:]))
		if !ok {
			return errnoFault
		}
		in.charge(min(len(b), maxLog))
		in.log.write(fd, b)
		written += uint32(len(b))
	}
	return fault(put32(mod, stack[3], written))
}

// sinceStart is what the other clocks (monotonic, CPU time) begin with: a second
// in nanoseconds. Go's runtime refuses to start on a clock at zero.
const sinceStart = int64(1e9)

// clock is the time of a WASI clock; 0 is the wall. The others go on from where
// they stood when the image was taken, because a guest may have noted it.
func (in *instance) clock(id uint32) int64 {
	if id == 0 {
		return in.now + in.slept - in.awake
	}
	return sinceStart + in.slept
}

// poll takes (subscriptions, events, count, written): 48 bytes and 32 bytes
// each. It answers at once and sets the clock forward by the shortest time that
// was asked for: a guest that sleeps sleeps for nothing, and equally long on
// every machine. Subscriptions to files answer EBADF.
func poll(in *instance, _ context.Context, mod api.Module, stack []uint64) uint32 {
	count := uint32(stack[2])
	if count == 0 || count > maxVector {
		return errnoInval
	}
	subs, ok := mod.Memory().Read(uint32(stack[0]), 48*count)
	if !ok {
		return errnoFault
	}
	waits := make([]int64, count) // -1 for files, which are ready with an error
	shortest := int64(math.MaxInt64)
	for i := range waits {
		waits[i] = -1
		if sub := subs[48*i:]; sub[8] == 0 {
			waits[i] = max(int64(binary.LittleEndian.Uint64(sub[24:])), 0)
			if binary.LittleEndian.Uint16(sub[40:])&1 != 0 { // an absolute time
				waits[i] = max(waits[i]-in.clock(binary.LittleEndian.Uint32(sub[16:])), 0)
			}
		}
		shortest = min(shortest, waits[i])
	}
	in.charge(80 * int(count))
	events := make([]byte, 0, 32*count)
	for i, wait := range waits {
		if wait > shortest {
			continue
		}
		event := make([]byte, 32)
		copy(event, subs[48*i:48*i+8]) // user data
		if event[10] = subs[48*i+8]; wait < 0 {
			event[8] = errnoBadf
		}
		events = append(events, event...)
	}
	if shortest > 0 && max(in.now, sinceStart)+in.slept <= math.MaxInt64-shortest {
		in.slept += shortest
	}
	return fault(mod.Memory().Write(uint32(stack[1]), events) && put32(mod, stack[3], uint32(len(events)/32)))
}

func put32(mod api.Module, at uint64, v uint32) bool {
	return mod.Memory().WriteUint32Le(uint32(at), v)
}

func put64(mod api.Module, at uint64, v uint64) bool {
	return mod.Memory().WriteUint64Le(uint32(at), v)
}
