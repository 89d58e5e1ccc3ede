package supervise

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// maxPath of a socket: darwin has 104 bytes with the zero at the end.
const maxPath = 103

// privatePrefix begins the name of the folder of a socket whose own would be too
// long a path.
const privatePrefix = "plimsoll-topology-"

// request is what a command asks a supervisor.
type request struct {
	Op    string        `json:"op"`            // status, stop, metrics
	PID   int           `json:"pid,omitempty"` // of the supervisor that is meant: another one may have its place by now
	Grace time.Duration `json:"grace,omitempty"`
}

// Report is how an instance is.
type Report struct {
	Instance
	Log []string `json:"log,omitempty"` // the last lines of all processes, oldest first
}

// answer is what a supervisor says: one of them.
type answer struct {
	Report  *Report            `json:"report,omitempty"`
	Metrics map[string]float64 `json:"metrics,omitempty"`
	Error   string             `json:"error,omitempty"`
	Gone    bool               `json:"gone,omitempty"` // the supervisor that was meant has ended: this is another
}

// listen opens the socket for this user alone: its folder is closed to others, and
// so is the socket.
func listen(dir string) (*net.UnixListener, error) {
	path := filepath.Join(dir, socketName)
	if len(path) > maxPath {
		private, err := os.MkdirTemp("", privatePrefix) // 0700
		if err != nil {
			return nil, fmt.Errorf("making a folder for the topology's socket: %w", err)
		}
		path = filepath.Join(private, socketName)
	}
	_ = os.Remove(path) // of a dead supervisor: the lock says so
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("listening on %s: %w", path, err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("closing %s to others: %w", path, err), l.Close())
	}
	return l, nil
}

// elsewhere removes a socket that stands in a folder of its own, and that folder.
func elsewhere(socket string) {
	if around := filepath.Dir(socket); strings.HasPrefix(filepath.Base(around), privatePrefix) {
		_ = os.Remove(socket)
		_ = os.Remove(around)
	}
}

// maxRequest bounds what a supervisor reads.
const maxRequest = 4 << 10

// serve answers one connection.
func serve(c net.Conn, answers func(request) answer) {
	defer c.Close()
	late := time.AfterFunc(10*time.Second, func() { _ = c.Close() }) // one that asks nothing
	line, err := bufio.NewReader(io.LimitReader(c, maxRequest)).ReadBytes('\n')
	if !late.Stop() || err != nil {
		return
	}
	var r request
	a := answer{Error: "the request cannot be read"}
	if json.Unmarshal(line, &r) == nil {
		a = answers(r)
	}
	if raw, err := json.Marshal(a); err == nil {
		_, _ = c.Write(append(raw, '\n')) // a client that has gone wants no answer
	}
}

// ErrGone is an instance whose supervisor does not answer.
var ErrGone = errors.New("its supervisor does not answer")

// ask sends one request to the supervisor of i.
func ask(ctx context.Context, i Instance, r request) (answer, error) {
	var a answer
	c, err := (&net.Dialer{}).DialContext(ctx, "unix", i.Socket)
	if err != nil {
		return a, fmt.Errorf("%w: %w", ErrGone, err)
	}
	defer c.Close()
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	defer stop()
	r.PID = i.PID
	raw, err := json.Marshal(r)
	if err != nil {
		return a, err
	}
	if _, err := c.Write(append(raw, '\n')); err != nil {
		return a, fmt.Errorf("%w: %w", ErrGone, err)
	}
	if err := json.NewDecoder(c).Decode(&a); err != nil {
		if ctx.Err() != nil {
			return a, ctx.Err()
		}
		return a, fmt.Errorf("%w: %w", ErrGone, err)
	}
	switch {
	case a.Gone:
		return a, fmt.Errorf("%w: another one has its place", ErrGone)
	case a.Error != "":
		return a, errors.New(a.Error)
	}
	return a, nil
}

// Status asks the supervisor of i how it is.
func Status(ctx context.Context, i Instance) (Report, error) {
	a, err := ask(ctx, i, request{Op: "status"})
	if err != nil || a.Report == nil {
		return Report{Instance: i}, errors.Join(err)
	}
	return *a.Report, nil
}

// Metrics asks the supervisor of i for what its engines count.
func Metrics(ctx context.Context, i Instance) (map[string]float64, error) {
	a, err := ask(ctx, i, request{Op: "metrics"})
	return a.Metrics, err
}

// endTime is how long a supervisor that answers no more may take to be gone: it
// closes its socket last.
const endTime = 2 * time.Second

// Ended waits for the end of a supervisor that answers no more, and tells whether it
// has come.
func Ended(ctx context.Context, i Instance) bool { return ends(ctx, i, endTime) }

// Stop has the supervisor of i end everything and itself, and returns when it has.
// One that ended in the same moment for another reason has done what was asked.
func Stop(ctx context.Context, i Instance, grace time.Duration) error {
	a, err := ask(ctx, i, request{Op: "stop", Grace: grace})
	if err != nil && (!errors.Is(err, ErrGone) || !Ended(ctx, i)) {
		return err
	}
	if a.Report != nil {
		i = a.Report.Instance // with the processes that ran last
	}
	for i.Alive() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
	if left := i.Left(); len(left) > 0 {
		return fmt.Errorf("process %d (%s) is left over", left[0].PID, left[0].Name)
	}
	return nil
}
