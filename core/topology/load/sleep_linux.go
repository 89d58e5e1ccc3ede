package load

import (
	"runtime"
	"syscall"
	"time"
)

// punctual runs f on a thread of its own with a sleep that is good to some 60 us:
// the runtime's own timers are rounded up to whole milliseconds on Linux, which
// would count as lag of every send.
func punctual(f func(sleep func(time.Duration))) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	f(func(d time.Duration) {
		if d > 20*time.Millisecond {
			time.Sleep(d - 10*time.Millisecond)
			return // the caller asks again
		}
		t := syscall.NsecToTimespec(int64(d))
		syscall.Nanosleep(&t, nil) //nolint:errcheck // woken early, the caller asks again
	})
}
