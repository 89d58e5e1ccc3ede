package sandbox_test

import (
	"fmt"
	"os"
	"testing"
)

// residentBytes is what the process holds of the machine's memory.
func residentBytes(tb testing.TB) int64 {
	raw, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		tb.Skip("there is no /proc here")
	}
	var size, resident int64
	if _, err := fmt.Sscan(string(raw), &size, &resident); err != nil {
		tb.Fatal(err)
	}
	return resident * int64(os.Getpagesize())
}
