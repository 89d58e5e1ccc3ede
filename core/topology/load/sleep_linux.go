package load

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// alarm sleeps to some 50 us. The runtime's own timers are rounded up to whole
// milliseconds on Linux, which would count as lag of every send; a timer that is
// a file is waited for as a connection is. A thread of its own that sleeps was
// tried: the goroutine that it then starts waits longer for a processor
// (p50 0.25 ms, 2026-11-21).
type alarm struct {
	file *os.File
	fd   int
}

// newAlarm falls back to the runtime's timers where there is no such file.
func newAlarm() *alarm {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return &alarm{}
	}
	return &alarm{file: os.NewFile(uintptr(fd), "timer"), fd: fd}
}

func (a *alarm) sleep(d time.Duration) {
	if a.file == nil || d <= 0 {
		time.Sleep(d)
		return
	}
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(d))}
	var expirations [8]byte
	if unix.TimerfdSettime(a.fd, 0, &spec, nil) != nil {
		time.Sleep(d)
		return
	}
	a.file.Read(expirations[:]) //nolint:errcheck // however it ends, the caller looks at the clock again
}

func (a *alarm) close() {
	if a.file != nil {
		a.file.Close()
	}
}
