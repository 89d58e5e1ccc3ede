package serve_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/serve"
)

// folder is a state folder with a path short enough for a socket.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "s")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func start(t *testing.T, dir string, run func(context.Context, serve.Command) int) *serve.Server {
	t.Helper()
	s, err := serve.Listen(serve.Config{Dir: dir, Version: "v1", Now: time.Now, Run: run})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve() }()
	t.Cleanup(func() {
		ctx, over := context.WithTimeout(context.Background(), time.Second)
		defer over()
		if err := s.Stop(ctx); err != nil {
			t.Error(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return s
}

func find(t *testing.T, dir string) *serve.Client {
	t.Helper()
	c, err := serve.Find(dir, "v1", time.Now())
	if err != nil || c == nil {
		t.Fatalf("no engine is found: %v", err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestCommand(t *testing.T) {
	dir := folder(t)
	s := start(t, dir, func(_ context.Context, c serve.Command) int {
		name, set := c.Lookup("NAME")
		_, unset := c.Lookup("OTHER")
		in, err := io.ReadAll(c.In)
		fmt.Fprintf(c.Out, "%v %s %v %d %s %v %v|", c.Args, c.Dir, c.Color, c.Width, name, set, unset)
		fmt.Fprintf(c.Err, "%d bytes %v", len(in), err)
		if _, err := c.Out.Write(in); err != nil {
			return 9
		}
		return 7
	})
	in := bytes.Repeat([]byte("0123456789"), 20_000)
	var out, problems bytes.Buffer
	code, err := find(t, dir).Run(t.Context(), serve.Request{Args: []string{"a", "b c"}, Dir: "/x", Color: true, Width: 80},
		serve.Streams{In: bytes.NewReader(in), Out: &out, Err: &problems, Lookup: func(n string) (string, bool) { return "v", n == "NAME" }})
	head, rest, _ := strings.Cut(out.String(), "|")
	if err != nil || code != 7 || head != "[a b c] /x true 80 v true false" || rest != string(in) || problems.String() != "200000 bytes <nil>" {
		t.Errorf("%d %v %q, %d bytes, %q", code, err, head, len(rest), problems.String())
	}
	info, err := os.Stat(s.Announcement().Socket)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
}

// counted counts what was read of it.
type counted struct {
	r io.Reader
	n int
}

func (c *counted) Read(p []byte) (int, error) { n, err := c.r.Read(p); c.n += n; return n, err }

// A command that reads no input leaves it to the script around it.
func TestInputIsLeftAlone(t *testing.T) {
	dir := folder(t)
	start(t, dir, func(context.Context, serve.Command) int { return 0 })
	in := &counted{r: strings.NewReader("line\n")}
	if code, err := find(t, dir).Run(t.Context(), serve.Request{}, serve.Streams{In: in, Out: io.Discard, Err: io.Discard}); code != 0 || err != nil || in.n != 0 {
		t.Errorf("%d %v, %d bytes were read", code, err, in.n)
	}
}

func TestInterrupt(t *testing.T) {
	dir := folder(t)
	began := make(chan struct{})
	start(t, dir, func(ctx context.Context, c serve.Command) int {
		close(began)
		<-ctx.Done()
		fmt.Fprint(c.Out, "last words")
		return 1
	})
	ctx, stop := context.WithCancel(t.Context())
	go func() { <-began; stop() }()
	var out bytes.Buffer
	if code, err := find(t, dir).Run(ctx, serve.Request{}, serve.Streams{Out: &out, Err: io.Discard}); code != 1 || err != nil || out.String() != "last words" {
		t.Errorf("%d %v %q", code, err, out.String())
	}
}

// A client that goes away ends its command, and no other.
func TestClientGone(t *testing.T) {
	dir := folder(t)
	began, ended := make(chan string, 2), make(chan string, 2)
	start(t, dir, func(ctx context.Context, c serve.Command) int {
		began <- c.Args[0]
		<-ctx.Done()
		ended <- c.Args[0]
		return 0
	})
	for _, name := range []string{"a", "b"} {
		c := find(t, dir)
		go func() {
			_, _ = c.Run(t.Context(), serve.Request{Args: []string{name}}, serve.Streams{Out: io.Discard, Err: io.Discard})
		}()
		<-began
		if name == "a" {
			_ = c.Close()
			if got := <-ended; got != "a" {
				t.Error(got)
			}
		}
	}
	select {
	case name := <-ended:
		t.Errorf("%s ended, too", name)
	case <-time.After(50 * time.Millisecond):
	}
}

// Many at once, each with its own streams.
func TestManyCommands(t *testing.T) {
	dir := folder(t)
	start(t, dir, func(_ context.Context, c serve.Command) int {
		in, _ := io.ReadAll(c.In)
		for range 20 {
			fmt.Fprintf(c.Out, "%s%s\n", c.Args[0], in)
		}
		return len(c.Args[0])
	})
	var wg sync.WaitGroup
	for i := range 200 {
		name := strings.Repeat("x", i%7) + fmt.Sprint(i)
		wg.Go(func() {
			c, err := serve.Find(dir, "v1", time.Now())
			if err != nil || c == nil {
				t.Errorf("%v", err)
				return
			}
			defer c.Close()
			var out bytes.Buffer
			code, err := c.Run(t.Context(), serve.Request{Args: []string{name}}, serve.Streams{In: strings.NewReader("-in-" + name), Out: &out, Err: io.Discard})
			if err != nil || code != len(name) || out.String() != strings.Repeat(name+"-in-"+name+"\n", 20) {
				t.Errorf("%s: %d %v %q", name, code, err, out.String())
			}
		})
	}
	wg.Wait()
}

func TestVersions(t *testing.T) {
	dir := folder(t)
	start(t, dir, func(context.Context, serve.Command) int { return 0 })
	c, err := serve.Find(dir, "v2", time.Now())
	var other *serve.VersionError
	if c != nil || !errors.As(err, &other) || !strings.Contains(err.Error(), "is plimsoll v1, and this is plimsoll v2") {
		t.Errorf("%v", err)
	}
}

// What dead engines leave: a socket nobody listens on, a file that says nothing.
func TestStale(t *testing.T) {
	dir := folder(t)
	socket := filepath.Join(dir, "engine.sock")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	_ = l.Close()
	for _, left := range []string{fmt.Sprintf(`{"pid": 1, "socket": %q}`, socket), fmt.Sprintf(`{"pid": 1, "socket": %q}`, filepath.Join(dir, "gone.sock"))} {
		if err := os.WriteFile(filepath.Join(dir, "engine.json"), []byte(left), 0o600); err != nil {
			t.Fatal(err)
		}
		if c, err := serve.Find(dir, "v1", time.Now()); c != nil || err != nil {
			t.Errorf("%s: %v %v", left, c, err)
		}
	}
	for _, left := range []string{"", "{", `{"pid": 1}`} {
		if err := os.WriteFile(filepath.Join(dir, "engine.json"), []byte(left), 0o600); err != nil {
			t.Fatal(err)
		}
		if c, err := serve.Find(dir, "v1", time.Now()); c != nil || err == nil || !strings.Contains(err.Error(), "remove it") {
			t.Errorf("%q: %v %v", left, c, err)
		}
	}
	if c, err := serve.Find(filepath.Join(dir, "none"), "v1", time.Now()); c != nil || err != nil {
		t.Errorf("%v %v", c, err)
	}
	// A new engine takes all of it over.
	start(t, dir, func(context.Context, serve.Command) int { return 3 })
	if code, err := find(t, dir).Run(t.Context(), serve.Request{}, serve.Streams{Out: io.Discard, Err: io.Discard}); code != 3 || err != nil {
		t.Errorf("%d %v", code, err)
	}
}

// A listener that never answers is named, not waited for.
func TestSilent(t *testing.T) {
	dir := folder(t)
	socket := filepath.Join(dir, "engine.sock")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := os.WriteFile(filepath.Join(dir, "engine.json"), []byte(fmt.Sprintf(`{"pid": 77, "socket": %q}`, socket)), 0o600); err != nil {
		t.Fatal(err)
	}
	if c, err := serve.Find(dir, "v1", time.Now().Add(-4900*time.Millisecond)); c != nil || !errors.Is(err, serve.ErrSilent) || !strings.Contains(err.Error(), "pid 77") {
		t.Errorf("%v %v", c, err)
	}
}

// A path that is too long for a socket: it stands in a private folder, and that
// is gone afterwards.
func TestLongPath(t *testing.T) {
	dir := filepath.Join(folder(t), strings.Repeat("long/", 30))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	s, err := serve.Listen(serve.Config{Dir: dir, Version: "v1", Now: time.Now, Run: func(context.Context, serve.Command) int { return 4 }})
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = s.Serve() }()
	socket := s.Announcement().Socket
	if code, err := find(t, dir).Run(t.Context(), serve.Request{}, serve.Streams{Out: io.Discard, Err: io.Discard}); code != 4 || err != nil || strings.HasPrefix(socket, dir) {
		t.Errorf("%d %v %s", code, err, socket)
	}
	if info, err := os.Stat(filepath.Dir(socket)); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v %v", info, err)
	}
	if err := s.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Dir(socket)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is left: %v", filepath.Dir(socket), err)
	}
}

// Stop takes no new command, lets those that run end, and ends them when it can
// wait no longer.
func TestStop(t *testing.T) {
	dir := folder(t)
	began, open := make(chan struct{}, 2), make(chan struct{})
	s, err := serve.Listen(serve.Config{Dir: dir, Version: "v1", Now: time.Now, Run: func(ctx context.Context, c serve.Command) int {
		began <- struct{}{}
		select {
		case <-open:
			return 5
		case <-ctx.Done():
			return 6
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve() }()
	codes := make(chan int, 1)
	c := find(t, dir)
	late := find(t, dir)
	go func() {
		code, _ := c.Run(t.Context(), serve.Request{}, serve.Streams{Out: io.Discard, Err: io.Discard})
		codes <- code
	}()
	<-began
	ctx, over := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer over()
	stopped := make(chan error, 1)
	go func() { stopped <- s.Stop(ctx) }()
	if err := <-served; err != nil {
		t.Error(err)
	}
	if c, err := serve.Find(dir, "v1", time.Now()); c != nil || err != nil {
		t.Errorf("an engine that stops is still found: %v %v", c, err)
	}
	if _, err := late.Run(t.Context(), serve.Request{}, serve.Streams{Out: io.Discard, Err: io.Discard}); err == nil || !strings.Contains(err.Error(), "being stopped") {
		t.Errorf("a command began while it stops: %v", err)
	}
	if code := <-codes; code != 6 {
		t.Errorf("the command that would not end has code %d", code)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	for _, name := range []string{"engine.json", "engine.sock"} {
		if _, err := os.Stat(filepath.Join(dir, name)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is left: %v", name, err)
		}
	}
}

// Clients that speak nonsense, or nothing, disturb nobody.
func TestNonsense(t *testing.T) {
	dir := folder(t)
	s := start(t, dir, func(_ context.Context, c serve.Command) int { fmt.Fprint(c.Out, "well"); return 0 })
	frame := func(k byte, text string) []byte {
		b := binary.BigEndian.AppendUint32([]byte{k}, uint32(len(text)))
		return append(b, text...)
	}
	hello := frame('H', `{"protocol":1,"version":"v1"}`)
	for _, bytes := range [][]byte{
		nil, []byte("GET / HTTP/1.1\r\n\r\n"), {'H', 255, 255, 255, 255}, frame('H', "{"), frame('x', "{}"),
		append(hello, frame('R', "[]")...), append(hello, frame('H', "{}")...), append(hello, 'R', 0, 127, 255, 255, '{'),
		append(append(hello, frame('R', "{}")...), frame('I', "unasked")...), append(append(hello, frame('R', "{}")...), frame('V', "{}")...),
	} {
		raw, err := net.Dial("unix", s.Announcement().Socket)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = raw.Write(bytes)
		defer raw.Close()
	}
	var out strings.Builder
	if _, err := find(t, dir).Run(t.Context(), serve.Request{}, serve.Streams{Out: &out, Err: io.Discard}); err != nil || out.String() != "well" {
		t.Errorf("%q %v", out.String(), err)
	}
}

func TestReady(t *testing.T) {
	path := filepath.Join(folder(t), "n")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Skip(err) // windows has no such sockets
	}
	defer l.Close()
	if err := serve.Ready(func(string) (string, bool) { return path, true }); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 64)
	if n, err := l.Read(b); err != nil || string(b[:n]) != "READY=1" {
		t.Errorf("%q %v", b[:n], err)
	}
	if err := serve.Ready(func(string) (string, bool) { return "", false }); err != nil {
		t.Error(err)
	}
}
