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
	order, err := json.Marshal(s.Order)
	if err != nil {
		return Instance{}, fmt.Errorf("handing over the plan: %w", err)
	}
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return Instance{}, fmt.Errorf("making the topology's folder: %w", err)
	}
	before, _ := Read(s.Dir) // what a supervisor left that has ended, if anything
	late := time.NewTimer(spawnTime)
	defer late.Stop()
	for {
		i, err := s.spawn(ctx, order, late.C)
		if !errors.Is(err, ErrTaken) {
			return i, err
		}
		// Whoever has the lock writes its instance in a moment, or is about to end:
		// then the place is free.
		if i, ok := theirs(ctx, s.Dir, before); ok {
			return i, nil
		}
		select {
		case <-late.C:
			return i, fmt.Errorf("%w, and did not answer within %s", ErrTaken, spawnTime)
		case <-ctx.Done():
			return i, ctx.Err()
		default:
		}
	}
}

// theirs waits a little for the instance of somebody who was a moment earlier.
func theirs(ctx context.Context, dir string, before Instance) (Instance, bool) {
	for end := time.After(endTime); ; {
		i, err := Read(dir)
		switch old := i.PID == before.PID && i.Born == before.Born; {
		case err != nil:
		case i.Alive():
			if _, err := Status(ctx, i); err == nil {
				return i, true
			}
		case !old && i.Phase == backend.Failed:
			return i, true // it was refused, and so would another have been
		}
		select {
		case <-ctx.Done():
			return i, false
		case <-end:
			return i, false
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// spawn starts a supervisor once; ErrTaken: another one was earlier.
func (s Spawn) spawn(ctx context.Context, order []byte, late <-chan time.Time) (Instance, error) {
	var none Instance
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
	for {
		select {
		case err := <-exited:
			if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && exit.ExitCode() == TakenCode {
				return none, ErrTaken
			}
			i, bad := Read(s.Dir)
			if bad == nil && i.PID == cmd.Process.Pid && i.Phase == backend.Failed {
				return i, nil // refused, and it says why
			}
			return none, fmt.Errorf("the supervisor ended at once (%w)%s", cmp.Or(err, errors.New("exit status 0")), lastOf(path))
		case <-late:
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
