package host

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"time"
)

const (
	maxLine   = 16 << 20
	maxTail   = 300 // bytes of stderr that are quoted, from its beginning and from its end
	startTime = 30 * time.Second
	lastWords = 500 * time.Millisecond
)

// client is one running adapter.
type client struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	hello Hello
	tail  *tail
	done  chan struct{} // the reader has ended
	quiet chan struct{} // it has said everything on standard error

	mu      sync.Mutex
	next    int64
	waiting map[int64]chan reply
	broken  error // why there will be no more answers
}

// reply is an answer and when it came.
type reply struct {
	Response
	at time.Time
}

// start runs the command and greets it.
func start(ctx context.Context, command []string) (*client, error) {
	c := &client{waiting: map[int64]chan reply{}, tail: &tail{}, done: make(chan struct{}), quiet: make(chan struct{})}
	c.cmd = exec.CommandContext(ctx, command[0], command[1:]...)
	alone(c.cmd)
	var err error
	if c.stdin, err = c.cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("starting the host under test: %w", err)
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("starting the host under test: %w", err)
	}
	words, err := c.cmd.StderrPipe()
	if err != nil {
		return nil, fmt.Errorf("starting the host under test: %w", err)
	}
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the host under test: %w", err)
	}
	go c.read(out)
	go func() {
		defer close(c.quiet)
		_, _ = io.Copy(c.tail, words) // ends with the host, or when it is killed
	}()
	r, _, err := c.ask(Request{Hello: &Hello{Protocol: Protocol}}, startTime)
	switch {
	case err != nil:
		err = fmt.Errorf("greeting the host under test: %w", err)
	case r.Hello == nil:
		err = errors.New("greeting the host under test: its first answer has no hello (see PROTOCOL.md)")
	case r.Hello.Protocol != Protocol:
		err = fmt.Errorf("greeting the host under test: it speaks protocol %d; this kit speaks %d", r.Hello.Protocol, Protocol)
	}
	if err != nil {
		c.kill()
		return nil, err
	}
	c.hello = *r.Hello
	return c, nil
}

// read hands every line to whoever waits for it.
func (c *client) read(out io.Reader) {
	defer close(c.done)
	lines := bufio.NewScanner(out)
	lines.Buffer(make([]byte, 64<<10), maxLine)
	var why error
	for why == nil && lines.Scan() {
		at := time.Now()
		var r Response
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			why = fmt.Errorf("the host wrote a line that is no answer: %.80q", lines.Text())
			break
		}
		c.mu.Lock()
		to, ok := c.waiting[r.ID]
		delete(c.waiting, r.ID)
		c.mu.Unlock()
		if !ok {
			why = fmt.Errorf("the host answered request %d, which nobody is waiting for", r.ID)
			break
		}
		to <- reply{r, at}
	}
	if why == nil {
		why = lines.Err()
		if errors.Is(why, bufio.ErrTooLong) {
			why = fmt.Errorf("the host wrote a line longer than %d MiB", maxLine>>20)
		} else {
			why = errors.New("the host under test ended")
		}
	}
	c.mu.Lock()
	c.broken = why
	for id, to := range c.waiting {
		close(to)
		delete(c.waiting, id)
	}
	c.mu.Unlock()
}

// pending is a request that was sent.
type pending struct {
	id   int64
	sent time.Time
	got  chan reply
}

// send writes a request.
func (c *client) send(r Request) (pending, error) {
	c.mu.Lock()
	if c.broken != nil {
		defer c.mu.Unlock()
		return pending{}, c.explain(c.broken)
	}
	c.next++
	r.ID = c.next
	p := pending{id: r.ID, got: make(chan reply, 1)}
	c.waiting[r.ID] = p.got
	c.mu.Unlock()
	var line bytes.Buffer
	enc := json.NewEncoder(&line)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(r); err != nil {
		return p, fmt.Errorf("writing a request: %w", err)
	}
	p.sent = time.Now()
	if _, err := c.stdin.Write(line.Bytes()); err != nil {
		return p, c.explain(fmt.Errorf("the host under test does not read: %w", err))
	}
	return p, nil
}

// wait takes the answer. The error says that there is none, and will be none.
func (c *client) wait(p pending, within time.Duration) (Response, time.Duration, error) {
	timer := time.NewTimer(within)
	defer timer.Stop()
	select {
	case r, ok := <-p.got:
		if !ok {
			c.mu.Lock()
			defer c.mu.Unlock()
			return Response{}, 0, c.explain(c.broken)
		}
		return r.Response, r.at.Sub(p.sent), nil
	case <-timer.C:
		return Response{}, within, fmt.Errorf("there was no answer within %s", within.Round(time.Millisecond))
	}
}

func (c *client) ask(r Request, within time.Duration) (Response, time.Duration, error) {
	p, err := c.send(r)
	if err != nil {
		return Response{}, 0, err
	}
	return c.wait(p, within)
}

// explain adds the adapter's last words, which may still be on their way when its
// answers have ended.
func (c *client) explain(err error) error {
	select {
	case <-c.quiet:
	case <-time.After(lastWords):
	}
	if said := c.tail.String(); said != "" {
		return fmt.Errorf("%w; it said: %s", err, said)
	}
	return err
}

// kill ends the adapter and what it started.
func (c *client) kill() {
	_ = c.stdin.Close()
	end(c.cmd)
	<-c.done
	_ = c.cmd.Wait()
}

// close lets the adapter end by itself, for a while.
func (c *client) close() {
	_ = c.stdin.Close()
	select {
	case <-c.done:
	case <-time.After(5 * time.Second):
	}
	c.kill()
}

// tail keeps the beginning and the end of what is written into it: a crash says
// why first, and where last.
type tail struct {
	mu         sync.Mutex
	head, last []byte
}

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := min(len(b), maxTail-len(t.head))
	t.head = append(t.head, b[:n]...)
	t.last = append(t.last, b[n:]...)
	if extra := len(t.last) - maxTail; extra > 0 {
		t.last = append([]byte(nil), t.last[extra:]...)
	}
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	said := string(t.head)
	if len(t.last) > 0 {
		said += " ... " + string(t.last)
	}
	return strings.TrimSpace(strings.ToValidUTF8(said, "\uFFFD"))
}
