package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/sdk/backend"
	"github.com/plimsoll-dev/plimsoll/sdk/backend/authority"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// desk is a remote backend. It sends half an answer, calls half when that is set,
// and then the rest.
type desk struct {
	half  atomic.Pointer[func(ctx context.Context)]
	calls atomic.Int32
}

func (*desk) Describe(context.Context) (backend.Description, error) {
	return backend.Description{Name: "desk", Version: "1.0.0", Simulated: true}, nil
}

func (d *desk) Generate(ctx context.Context, req message.Request, out backend.Sink) error {
	d.calls.Add(1)
	if err := out.Text(`{"language": "de", "gree`); err != nil {
		return err
	}
	if half := d.half.Load(); half != nil {
		(*half)(ctx)
	}
	if err := out.Text(`ting": "Moin!"}`); err != nil {
		return err
	}
	return out.Done(message.Usage{Input: 100, Output: 10}, message.FinishStop, req.Model)
}

// wire is the network between a host and desk, which can be cut.
type wire struct {
	to   string
	cuts atomic.Int32 // connections still to be cut by cut
	last atomic.Pointer[net.TCPConn]
}

func (w *wire) serve(l net.Listener) {
	for {
		in, err := l.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("tcp", w.to)
		if err != nil {
			_ = in.Close()
			continue
		}
		w.last.Store(in.(*net.TCPConn))
		go func() { _, _ = io.Copy(out, in); _ = out.Close() }()
		go func() { _, _ = io.Copy(in, out); _ = in.Close() }()
	}
}

func (w *wire) cut() {
	if w.cuts.Add(-1) < 0 {
		return
	}
	time.Sleep(50 * time.Millisecond) // the first half is on its way
	_ = w.last.Load().Close()
}

// remoteProject is a project whose one backend is d, behind a wire.
func remoteProject(t *testing.T, d *desk) (dir string, w *wire) {
	t.Helper()
	ca, err := authority.New()
	if err != nil {
		t.Fatal(err)
	}
	own, err := ca.Issue("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	host, err := ca.Issue("host")
	if err != nil {
		t.Fatal(err)
	}
	listen := func() net.Listener {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		return l
	}
	site, between := listen(), listen()
	ctx, stop := context.WithCancel(context.Background())
	t.Cleanup(stop)
	go func() {
		_ = backend.ServeTLSOn(ctx, site, own, "desk", func(map[string]any) (backend.Model, error) { return d, nil })
	}()
	w = &wire{to: site.Addr().String()}
	go w.serve(between)

	dir = tempProject(t, usual, "greet")
	for name, pem := range map[string][]byte{"ca.pem": host.CA, "host.pem": host.Cert} {
		if err := os.WriteFile(filepath.Join(dir, name), pem, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("DESK_KEY", string(host.Key))
	before, _, _ := strings.Cut(projectConfig, "ladder")
	before = strings.NewReplacer("SLOW", "120", "QUICK", "15").Replace(before)
	edit(t, filepath.Join(dir, "plimsoll.hcl"), before, `backend "lab" {
  plugin  = "desk"
  address = "`+between.Addr().String()+`"
  tls {
    ca   = file("ca.pem")
    cert = file("host.pem")
    key  = env("DESK_KEY", "")
  }
}

`)
	if err := os.WriteFile(filepath.Join(dir, "in.json"), []byte(`{"name": "Ada", "place": "Bremen"}`), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir, w
}

type ranOnce struct {
	ID     string `json:"id"`
	Status string `json:"status"`
	Cost   int64  `json:"cost"`
}

func runGreet(t *testing.T, dir string) (out ranOnce, code int, errs string) {
	t.Helper()
	cmd := command(t, dir, "run", "greet", "-i", filepath.Join(dir, "in.json"), "-json")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	_ = cmd.Run()
	if stdout.Len() > 0 {
		var doc struct {
			Run ranOnce `json:"run"`
		}
		if err := json.Unmarshal(stdout.Bytes(), &doc); err != nil {
			t.Fatalf("%v\n%s\n%s", err, stdout.String(), stderr.String())
		}
		out = doc.Run
	}
	return out, cmd.ProcessState.ExitCode(), stdout.String() + stderr.String()
}

// A stream that is cut in the middle is asked for again, once, and its cost is
// the bound of the first call and that of the second. A calm run is the measure.
func TestRemoteStreamIsCut(t *testing.T) {
	d := &desk{}
	dir, w := remoteProject(t, d)
	calm, code, text := runGreet(t, dir)
	if code != 0 || calm.Status != "ok" {
		t.Fatalf("a calm run: %d\n%s", code, text)
	}
	half := func(context.Context) { w.cut() }
	d.half.Store(&half)
	d.calls.Store(0)
	w.cuts.Store(1)
	once, code, text := runGreet(t, dir)
	if code != 0 || once.Status != "ok" || d.calls.Load() != 2 {
		t.Fatalf("cut once: %d, %d calls\n%s", code, d.calls.Load(), text)
	}
	if explained := night(t, dir, "explain", once.ID); !strings.Contains(explained, once.ID) {
		t.Errorf("the run is not on record:\n%s", explained)
	}
	if calm.Cost == 0 || once.Cost <= calm.Cost {
		t.Errorf("a lost call costs nothing: %d, and %d without one", once.Cost, calm.Cost)
	}
	// Cut each time: the run fails, is on record, and says what happened.
	w.cuts.Store(1000)
	failed, code, text := runGreet(t, dir)
	if code == 0 || !strings.Contains(text, "desk") || failed.ID == "" {
		t.Fatalf("cut each time: %d\n%s", code, text)
	}
	if explained := night(t, dir, "explain", failed.ID); !strings.Contains(explained, failed.Status) {
		t.Errorf("the failed run is not on record:\n%s", explained)
	}
	night(t, dir, "audit", "verify")
}

// A host that is killed in the middle of a stream: the remote side hears of it,
// the log verifies, and the project goes on.
func TestHostKilledInARemoteStream(t *testing.T) {
	began, heard := make(chan struct{}), make(chan struct{})
	half := func(ctx context.Context) {
		close(began)
		<-ctx.Done()
		close(heard)
	}
	d := &desk{}
	d.half.Store(&half)
	dir, _ := remoteProject(t, d)
	cmd := command(t, dir, "run", "greet", "-i", filepath.Join(dir, "in.json"))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	wait := func(what string, c chan struct{}) {
		select {
		case <-c:
		case <-time.After(30 * time.Second):
			_ = cmd.Process.Kill()
			t.Fatal(what)
		}
	}
	wait("no call came", began)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	wait("the remote side goes on for a host that is dead", heard)
	d.half.Store(nil)
	night(t, dir, "audit", "verify")
	if again, code, text := runGreet(t, dir); code != 0 || again.Status != "ok" {
		t.Errorf("the next run: %d\n%s", code, text)
	}
}
