package supervise

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"
)

// Times of an end.
const (
	// stopTime is what an end may take beyond its grace: calls to the backend, and
	// the killing of what is deaf.
	stopTime = time.Minute
	// Patience is how long a supervisor that does not answer may take to end by
	// itself once it is told to by a signal.
	Patience = lastGrace + 10*time.Second
	// killTime is how long a process may take to be gone once it is killed.
	killTime = 10 * time.Second
)

// End stops i, also when its supervisor has stopped answering: forced tells that it
// took Force to do so.
func End(ctx context.Context, dir string, i Instance, grace time.Duration) (forced bool, err error) {
	bound, cancel := context.WithTimeout(ctx, grace+stopTime)
	defer cancel()
	err = Stop(bound, i, grace)
	mute := errors.Is(err, ErrGone) || errors.Is(err, context.DeadlineExceeded)
	if ctx.Err() != nil || !mute || !i.Alive() {
		return false, err
	}
	return true, Force(ctx, dir, i, Patience)
}

// Force ends an instance whose supervisor is there and does not answer: its socket
// was deleted, or somebody stopped it. It is told to end by a signal and killed
// after patience, and its servers with it; what it left is cleared away.
func Force(ctx context.Context, dir string, i Instance, patience time.Duration) error {
	if !i.Alive() { // the id may be another's by now
		return errors.New("its supervisor has ended already")
	}
	terminate(i.PID)
	if !ends(ctx, i, patience) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if i.Alive() {
			kill(i.PID)
		}
		if !ends(ctx, i, killTime) {
			return fmt.Errorf("its supervisor (process %d) does not end, not even when it is killed", i.PID)
		}
	}
	now, err := Read(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil // it has cleared up itself
	case err != nil:
		return err
	case now.PID != i.PID || now.Born != i.Born:
		return nil // somebody started another one
	}
	return Clear(dir, now)
}

// ends waits for the end of a supervisor.
func ends(ctx context.Context, i Instance, patience time.Duration) bool {
	for end := time.After(patience); i.Alive(); {
		select {
		case <-ctx.Done():
			return false
		case <-end:
			return !i.Alive()
		case <-time.After(10 * time.Millisecond):
		}
	}
	return true
}
