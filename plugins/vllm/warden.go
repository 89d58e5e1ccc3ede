package vllm

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
)

// warden is one small process beside this backend that knows the groups of all
// engines. When the backend is gone, however it went, the warden's input ends, and
// it kills what is left. It is a shell, which is there on every system with groups:
// starting the host's own binary again was refused, since tests have another one.
//
// An engine is started by way of the same shell, which first tells the warden of
// itself and then becomes the engine. Telling it afterwards was refused: a backend
// that is killed in between would leave an engine that nobody knows, with a GPU.
type warden struct {
	mu  sync.Mutex
	env []string
	cmd *exec.Cmd
	in  *os.File // referenced here, so that it is not collected and closed
	// groups that are there, with the command that ends their container or "": what
	// the next warden is told when somebody kills this one.
	groups map[int]string
}

// wardenScript keeps groups, and commands that end containers, by process id.
const wardenScript = `l=""
c=""
while read -r o p r; do
  case $o in
    +) l="$l $p" ;;
    s) c="$c
$p $r" ;;
    -) n=""; for q in $l; do [ "$q" = "$p" ] || n="$n $q"; done; l=$n
       c=$(printf '%s\n' "$c" | while read -r a b; do [ "$a" = "$p" ] || printf '%s %s\n' "$a" "$b"; done) ;;
  esac
done
for q in $l; do kill -KILL -"$q" 2>/dev/null; done
printf '%s\n' "$c" | { while read -r a b; do [ -z "$b" ] || eval "$b" </dev/null >/dev/null 2>&1 & done; wait; }`

// firstWords is what an engine is before it is one. The first argument is the
// command that ends its container, or nothing. The rest is not looked at by the
// shell: "$@" hands it on word by word.
const firstWords = `echo "+ $$" >&3; [ -z "$1" ] || printf 's %s %s\n' "$$" "$1" >&3; shift; exec 3>&-; exec "$@"`

const shell = "/bin/sh"

// start makes sure that it runs.
func (w *warden) start() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.cmd != nil {
		return nil
	}
	out, in, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("making the pipe of the warden of engines: %w", err)
	}
	cmd := exec.Command(shell, "-c", wardenScript)
	cmd.Env, cmd.Stdin = w.env, out
	ownGroup(cmd)
	err = cmd.Start()
	_ = out.Close()
	if err != nil {
		_ = in.Close()
		return fmt.Errorf("starting the warden, without which engines could be left over: %w", err)
	}
	w.cmd, w.in = cmd, in
	for pid, stop := range w.groups {
		_, _ = fmt.Fprintf(in, "+ %d\n", pid)
		if stop != "" {
			_, _ = fmt.Fprintf(in, "s %d %s\n", pid, stop)
		}
	}
	go w.watch(cmd)
	return nil
}

// watch waits for the end of a warden. One that was killed is followed by another
// at once: engines that run without one would outlive this backend.
func (w *warden) watch(cmd *exec.Cmd) {
	err := cmd.Wait()
	w.mu.Lock()
	if w.cmd == cmd {
		_ = w.in.Close()
		w.cmd, w.in = nil, nil
	}
	w.mu.Unlock()
	if err != nil {
		_ = w.start() // what is launched next tries again, and says so
	}
}

// command is x as it is started. program is where its command was found.
func (w *warden) command(x process, program string) *exec.Cmd {
	args := append([]string{"-c", firstWords, "engine", quoted(x.Stop), program}, x.Command[1:]...)
	return exec.Command(shell, args...)
}

// quoted is a command in the shell's words.
func quoted(command []string) string {
	var out []string
	for _, word := range command {
		out = append(out, "'"+strings.ReplaceAll(word, "'", `'\''`)+"'")
	}
	return strings.Join(out, " ")
}

// run starts what command made, under a warden that is there.
func (w *warden) run(cmd *exec.Cmd, x process) error {
	if err := w.start(); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.in == nil {
		return errors.New("the warden, without which engines could be left over, was killed in this moment")
	}
	cmd.ExtraFiles = []*os.File{w.in}
	if err := cmd.Start(); err != nil {
		return err
	}
	if w.groups == nil {
		w.groups = map[int]string{}
	}
	w.groups[cmd.Process.Pid] = quoted(x.Stop)
	return nil
}

// forget drops a group of which nothing runs any more.
func (w *warden) forget(pid int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.groups, pid)
	if w.in != nil {
		// A warden that has gone cannot be told, and has nothing to be told.
		_, _ = fmt.Fprintf(w.in, "- %d\n", pid)
	}
}
