package command

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// taskFolder begins the names of tasks' folders in the folder for temporary files.
const taskFolder = "plimsoll-task-"

// stale is the age from which the folder of a task that nobody holds is one of a
// host that was killed. Younger ones may be between their making and their hold.
const stale = time.Hour

// sweep removes folders that killed hosts left behind: what is asked and answered
// there is nothing that should stay. A folder that a living host works in is held
// by it, so that neither the age of a task nor the number of a process has to say
// whether it is over: numbers are given anew, and other ones count in containers.
func sweep(now time.Time) error {
	tmp := os.TempDir()
	entries, err := os.ReadDir(tmp)
	if err != nil {
		return fmt.Errorf("looking for folders of tasks that are over: %w", err)
	}
	var failed []error
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !strings.HasPrefix(e.Name(), taskFolder) || !ours(info) || now.Sub(info.ModTime()) < stale {
			continue
		}
		dir := filepath.Join(tmp, e.Name())
		if held, err := hold(dir); err == nil {
			failed = append(failed, remove(dir), held.Close())
		}
	}
	return errors.Join(failed...)
}
