package supervise

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/sdk/backend"
)

// Spawn is how a supervisor is started: this program again, with Args, and the
// order on its standard input. Everything it prints goes to a log in Dir.
type Spawn struct {
	Self  string
	Args  []string
	Dir   string
	Order Order
}

// spawnTime is how long a supervisor may take to be there. It loads nothing: the
// engines come later.
const spawnTime = 30 * time.Second

// maxLog is how long a supervisor's log may be before the next one begins anew.
const maxLog = 4 << 20

// Start starts a supervisor that outlives this process, and returns as soon as it
// answers, or has written down why it could not launch. Where somebody else started
// one in the same moment, theirs is returned: look at its digest.
func Start(ctx context.Context, s Spawn) (Instance, error) {
	var none Instance
	order, err := json.Marshal(s.Order)
	if err != nil {
		return none, fmt.Errorf("handing over the plan: %w", err)
	}
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return none, fmt.Errorf("making the topology's folder: %w", err)
	}
	path := filepath.Join(s.Dir, logName)
	how := os.O_APPEND // why the one before it ended may be looked at still
	if info, err := os.Stat(path); err == nil && info.Size() > maxLog {
		how = os.O_TRUNC
	}
	log, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|how, 0o600)
	if err != nil {
		return none, fmt.Errorf("opening the supervisor's log: %w", err)
	}
	defer log.Close()
	cmd := exec.Command(s.Self, s.Args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(order), log, log
	detach(cmd)
	if err := cmd.Start(); err != nil {
		return none, fmt.Errorf("starting the supervisor: %w", err)
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	late := time.NewTimer(spawnTime)
	defer late.Stop()
	for {
		select {
		case err := <-exited:
			i, bad := Read(s.Dir)
			if bad == nil && i.PID == cmd.Process.Pid && i.Phase == backend.Failed {
				return i, nil // refused, and it says why
			}
			if bad == nil && i.PID != cmd.Process.Pid && i.Alive() {
				return i, nil // somebody else was a moment earlier
			}
			return none, fmt.Errorf("the supervisor ended at once (%w)%s", cmp.Or(err, errors.New("exit status 0")), lastOf(path))
		case <-late.C:
			_ = cmd.Process.Kill()
			return none, fmt.Errorf("the supervisor did not answer within %s%s", spawnTime, lastOf(path))
		case <-ctx.Done():
			return none, ctx.Err() // it goes on
		case <-time.After(20 * time.Millisecond):
		}
		i, err := Read(s.Dir)
		if err != nil || i.PID != cmd.Process.Pid {
			continue
		}
		if _, err := Status(ctx, i); err == nil {
			return i, nil
		}
	}
}

// ReadOrder reads what Start wrote to the standard input of a supervisor.
func ReadOrder(r io.Reader) (Order, error) {
	var o Order
	raw, err := io.ReadAll(io.LimitReader(r, 16<<20))
	if err == nil {
		err = json.Unmarshal(raw, &o)
	}
	switch {
	case err != nil:
		return o, fmt.Errorf("reading what is to be supervised: %w", err)
	case o.Name == "" || filepath.Base(o.Name) != o.Name || o.Name == "." || o.Name == "..":
		return o, errors.New("reading what is to be supervised: it has no name that can be a folder's")
	}
	return o, nil
}

// lastOf are the last lines of a log, as the end of an error.
func lastOf(path string) string {
	raw, err := os.ReadFile(path)
	text := strings.TrimSpace(string(raw))
	if err != nil || text == "" {
		return "; it said nothing"
	}
	lines := strings.Split(text, "\n")
	return "; it said last:\n  " + strings.Join(lines[max(0, len(lines)-10):], "\n  ")
}
