package host

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
)

// canLook tells whether the kit can see the memory of a process itself.
func canLook() bool { return runtime.GOOS == "linux" }

// forget sets the peak of a process back to what is resident now. Where that is
// not allowed the peak of its whole life is compared, which can only look worse.
func forget(pid int) {
	_ = os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0)
}

// resident gives what is resident and the most that was, in bytes; ok is false
// when that cannot be known.
func resident(pid int) (now, peak int64, ok bool) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, 0, false
	}
	for line := range strings.Lines(string(raw)) {
		name, value, _ := strings.Cut(line, ":")
		fields := strings.Fields(value)
		if len(fields) != 2 || fields[1] != "kB" {
			continue
		}
		n, err := strconv.ParseInt(fields[0], 10, 64)
		if err != nil {
			continue
		}
		switch name {
		case "VmRSS":
			now = n << 10
		case "VmHWM":
			peak = n << 10
		}
	}
	return now, peak, now > 0 && peak > 0
}
