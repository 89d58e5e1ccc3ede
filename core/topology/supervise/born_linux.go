package supervise

import (
	"bytes"
	"fmt"
	"os"
)

// born says which process has an id, as no other one before or after it: when it
// started, in ticks since which boot. "" when there is none.
func born(pid int) string {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	// The second field is the program's name in brackets, which may hold anything.
	end := bytes.LastIndexByte(stat, ')')
	if end < 0 {
		return ""
	}
	fields := bytes.Fields(stat[end+1:]) // from the third field of proc(5) on
	if len(fields) < 20 || fields[0][0] == 'Z' || fields[0][0] == 'X' {
		return "" // one that has ended and was not waited for runs no more
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		boot = []byte("?")
	}
	return fmt.Sprintf("%s@%s", fields[19], bytes.TrimSpace(boot))
}
