package serve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"syscall"
	"time"
)

// Client is a connection to a running engine.
type Client struct {
	conn *net.UnixConn
	w    *wire
	// Engine is who answered.
	Engine Announcement
}

// Streams of the process that asks, and its environment.
type Streams struct {
	In     io.Reader
	Out    io.Writer
	Err    io.Writer
	Lookup func(name string) (string, bool)
}

// ErrSilent is an engine that is there and does not answer.
var ErrSilent = errors.New("it does not answer")

// VersionError is an engine of another version than the command.
type VersionError struct {
	Engine Announcement
	Own    string
}

// Error says what to do.
func (e *VersionError) Error() string {
	return fmt.Sprintf("the engine that runs here (pid %d, since %s) is plimsoll %s, and this is plimsoll %s.\nStop it and start it again with this version, or use the program that it was started with",
		e.Engine.PID, e.Engine.Since.Format(time.RFC3339), e.Engine.Version, e.Own)
}

// patience bounds the greeting: an engine answers it whatever it is busy with.
const patience = 5 * time.Second

// Find connects to the engine that serves a state folder, for a program of a
// version. nil without an error: nobody serves, and what a dead engine left
// counts as nobody. An error says why an engine that is there cannot be used.
func Find(dir, version string, now time.Time) (*Client, error) {
	a, err := read(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	raw, err := net.DialTimeout("unix", a.Socket, patience)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED), refused(err):
		return nil, nil
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("an engine of another user runs here (pid %d, since %s): its socket %s cannot be used", a.PID, a.Since.Format(time.RFC3339), a.Socket)
	case err != nil:
		return nil, fmt.Errorf("reaching the engine that runs here (pid %d): %w", a.PID, err)
	}
	conn, ok := raw.(*net.UnixConn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("%s is no unix socket", a.Socket), raw.Close())
	}
	c := &Client{conn: conn, w: &wire{rw: conn}}
	if err := c.greet(a, version, now); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return c, nil
}

func (c *Client) greet(a Announcement, version string, now time.Time) error {
	if err := checkPeer(c.conn); err != nil {
		return err
	}
	_ = c.conn.SetDeadline(now.Add(patience))
	silent := func(err error) error {
		return fmt.Errorf("the engine that runs here (pid %d, since %s): %w (%w). Look at what it printed, or stop it", a.PID, a.Since.Format(time.RFC3339), ErrSilent, err)
	}
	if err := c.w.sendJSON(kindHello, hello{Protocol: Protocol, Version: version}); err != nil {
		return silent(err)
	}
	k, payload, err := c.w.receive()
	if err != nil {
		return silent(err)
	}
	if k == kindRefuse {
		return refusalOf(payload)
	}
	if k != kindWelcome || json.Unmarshal(payload, &c.Engine) != nil {
		return silent(fmt.Errorf("it sent a frame %q", k))
	}
	if c.Engine.Protocol != Protocol || c.Engine.Version != version {
		return &VersionError{c.Engine, version}
	}
	_ = c.conn.SetDeadline(time.Time{})
	return nil
}

func refusalOf(payload []byte) error {
	var r refusal
	if err := json.Unmarshal(payload, &r); err != nil || r.Why == "" {
		return errors.New("the engine refused, and did not say why")
	}
	return errors.New(r.Why)
}

// Close ends the connection, and with it a command that runs over it.
func (c *Client) Close() error { return c.conn.Close() }

// Run has the engine run a command and gives its exit code. When ctx ends the
// command is interrupted, and its own last words still arrive. An error means
// that the engine went away: what the command did until then is written down.
func (c *Client) Run(ctx context.Context, r Request, s Streams) (int, error) {
	if err := c.w.sendJSON(kindRun, r); err != nil {
		return 0, c.lost(err)
	}
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		select {
		case <-ctx.Done():
			_ = c.w.send(kindCancel, nil) // an engine that is gone shows below
		case <-ended:
		}
	}()
	wants := make(chan struct{}, 1)
	defer close(wants)
	go c.feed(s.In, wants)
	var broken error
	for {
		k, payload, err := c.w.receive()
		if err != nil {
			return 0, c.lost(err)
		}
		switch k {
		case kindOut:
			err = pass(s.Out, payload)
		case kindErr:
			err = pass(s.Err, payload)
		case kindWant:
			select {
			case wants <- struct{}{}:
			default: // it asks again before it was answered; once is enough
			}
		case kindAsk:
			var a ask
			if err = json.Unmarshal(payload, &a); err == nil {
				v, set := s.Lookup(a.Name)
				_ = c.w.sendJSON(kindValue, value{v, set})
			}
		case kindRefuse:
			return 0, refusalOf(payload)
		case kindExit:
			var x exit
			if err := json.Unmarshal(payload, &x); err != nil {
				return 0, c.lost(err)
			}
			return x.Code, broken
		default:
			err = fmt.Errorf("a frame %q", k)
		}
		if err != nil && broken == nil {
			// Nobody reads any more, as in `plimsoll ... | head`: the command ends
			// as it would have without an engine.
			broken = err
			_ = c.w.send(kindCancel, nil)
		}
	}
}

func pass(w io.Writer, p []byte) error {
	_, err := w.Write(p)
	return err
}

// feed sends input, a chunk for each time that it is wanted.
func (c *Client) feed(in io.Reader, wants <-chan struct{}) {
	buf := make([]byte, chunk)
	for range wants {
		n, err := 0, io.EOF
		for in != nil {
			if n, err = in.Read(buf); n > 0 || err != nil {
				break
			}
		}
		if n > 0 {
			if c.w.send(kindInput, buf[:n]) != nil {
				return
			}
			continue
		}
		if c.w.send(kindInput, nil) != nil || err != nil && !errors.Is(err, io.EOF) {
			return
		}
	}
}

func (c *Client) lost(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, os.ErrClosed) {
		err = errors.New("the connection ended")
	}
	return fmt.Errorf("the engine (pid %d) went away before the command ended (%w).\nWhat it had written down is kept; run the command again", c.Engine.PID, err)
}
