package wire

import (
	"fmt"
	"io"
	"os/exec"
	"sync"
)

// Warden is one small process beside the host that knows the groups of all
// servers and kills them when the host is gone, however it went. A server that
// reads its input notices by itself; this is for the ones that do not, and for
// what they started. The process is a shell: it is there on every system with
// groups, and starting the host's own binary again was refused, since tests and
// embedders have another one. On Windows job objects do the same and this does
// nothing.
type Warden struct {
	mu     sync.Mutex
	cmd    *exec.Cmd
	in     io.WriteCloser
	failed bool
	closed bool
}

// wardenScript keeps a list of groups: "+ N" adds, "- N" drops, and the end of
// its input kills those that are left.
const wardenScript = `l=""
while read -r o p; do
  case $o in
    +) l="$l $p" ;;
    -) n=""; for q in $l; do [ "$q" = "$p" ] || n="$n $q"; done; l=$n ;;
  esac
done
for q in $l; do kill -KILL -"$q" 2>/dev/null; done`

func (w *Warden) watch(pid int) {
	if w == nil || !wardenWorks {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failed || w.closed {
		return
	}
	if w.cmd == nil {
		cmd := exec.Command("/bin/sh", "-c", wardenScript)
		cmd.Env = []string{}
		in, err := cmd.StdinPipe()
		if err == nil {
			_, err = startGroup(cmd)
		}
		if err != nil { // a system without a shell: servers end with their input
			w.failed = true
			return
		}
		w.cmd, w.in = cmd, in
	}
	w.say("+", pid)
}

func (w *Warden) forget(pid int) {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.cmd != nil {
		w.say("-", pid)
	}
}

func (w *Warden) say(op string, pid int) {
	if _, err := fmt.Fprintf(w.in, "%s %d\n", op, pid); err != nil {
		w.failed = true
	}
}

// Close ends it; call it after all servers have ended.
func (w *Warden) Close() {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	if w.cmd != nil {
		_ = w.in.Close()
		_ = w.cmd.Wait()
		w.cmd = nil
	}
}
