package engine

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// alarm sleeps to some 50 us. The runtime's own timers are rounded up to whole
// milliseconds on Linux, which would stand in every TTFT; a timer that is a file
// is waited for as a connection is. core/topology/load has the
// same: the two may not import one another, and what measures should not share its
// clock with what is measured.
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
