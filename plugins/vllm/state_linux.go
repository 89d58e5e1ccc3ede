package vllm

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// state of a process and its group, from proc(5). The second field is the program's
// name in brackets, which may hold anything.
func state(stat []byte) (letter byte, group int) {
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 3 {
		return 0, 0
	}
	group, err := strconv.Atoi(string(fields[2]))
	if err != nil {
		return 0, 0
	}
	return fields[0][0], group
}

// dead tells whether a process has ended and was not waited for.
func dead(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	letter, _ := state(stat)
	return letter == 'Z' || letter == 'X'
}

// onlyDead tells whether all of a group have ended. Where that cannot be seen it
// says no.
func onlyDead(group int) bool {
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil || len(files) == 0 {
		return false
	}
	for _, f := range files {
		stat, err := os.ReadFile(f)
		if err != nil {
			continue // it has gone meanwhile
		}
		if letter, of := state(stat); of == group && letter != 'Z' && letter != 'X' {
			return false
		}
	}
	return true
}
