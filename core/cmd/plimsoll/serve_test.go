//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/notify"
)

// engineProcess is a plimsoll serve in a project.
type engineProcess struct {
	cmd *exec.Cmd
	out string // file that it prints into
}

func serveIn(t *testing.T, dir string, env ...string) *engineProcess {
	t.Helper()
	p := &engineProcess{cmd: exec.Command(plimsoll(t), "-C", dir, "serve"), out: filepath.Join(t.TempDir(), "out")}
	f, err := os.Create(p.out)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p.cmd.Stdout, p.cmd.Stderr, p.cmd.Env = f, f, append(os.Environ(), env...)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
	})
	p.await(t, "serving ")
	return p
}

func (p *engineProcess) printed() string {
	raw, _ := os.ReadFile(p.out)
	return string(raw)
}

func (p *engineProcess) await(t *testing.T, text string) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if strings.Contains(p.printed(), text) {
			return
		}
	}
	t.Fatalf("the engine does not say %q:\n%s", text, p.printed())
}

// stop sends a signal and waits for the end.
func (p *engineProcess) stop(t *testing.T, signal syscall.Signal) error {
	t.Helper()
	if err := p.cmd.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- p.cmd.Wait() }()
	select {
	case err := <-done:
		return err
	case <-time.After(30 * time.Second):
		t.Fatalf("it does not end:\n%s", p.printed())
		return nil
	}
}

// asked runs a command in a project and gives what it printed and its code.
func asked(t *testing.T, dir, input string, args ...string) (string, int) {
	t.Helper()
	cmd := exec.Command(plimsoll(t), append([]string{"-C", dir}, args...)...)
	cmd.Stdin = strings.NewReader(input)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return out.String(), cmd.ProcessState.ExitCode()
}

const guestOne = `{"name": "Guest 1 of salute", "place": "Bremen"}`

// Fifty commands at once through one engine, during a night: none waits for the
// night, every run is recorded once, the log verifies.
func TestManyCommandsDuringANight(t *testing.T) {
	dir := tempProject(t, usual, "greet", "salute")
	p := serveIn(t, dir)
	night := command(t, dir, "nightly")
	var nightOut bytes.Buffer
	night.Stdout, night.Stderr = &nightOut, &nightOut
	if err := night.Start(); err != nil {
		t.Fatal(err)
	}
	waitForFile(t, filepath.Join(dir, "evidence", "greet.jsonl"))
	var wg sync.WaitGroup
	var mu sync.Mutex
	ids := map[string]bool{}
	for i := range 50 {
		wg.Go(func() {
			switch i % 5 {
			case 0:
				if out, code := asked(t, dir, "", "tier", "greet"); code != 0 || !strings.Contains(out, "sim-") {
					t.Errorf("tier: %d %s", code, out)
				}
			case 1:
				if out, code := asked(t, dir, ""); code != 0 || !strings.Contains(out, "a night runs since") && !strings.Contains(out, "no night is planned") {
					t.Errorf("status: %d %s", code, out)
				}
			case 2:
				if out, code := asked(t, dir, "", "audit", "verify"); code != 0 {
					t.Errorf("audit: %d %s", code, out)
				}
			default:
				out, code := asked(t, dir, guestOne, "run", "salute", "-json")
				var doc struct{ Run struct{ ID string } }
				if err := json.NewDecoder(strings.NewReader(out)).Decode(&doc); err != nil || code > 1 {
					t.Errorf("run: %d %v %s", code, err, out)
				}
				mu.Lock()
				ids[doc.Run.ID] = true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if len(ids) != 20 {
		t.Errorf("20 runs have %d ids", len(ids))
	}
	if err := night.Wait(); err != nil {
		t.Errorf("the night: %v\n%s", err, nightOut.String())
	}
	if err := p.stop(t, syscall.SIGTERM); err != nil {
		t.Errorf("%v\n%s", err, p.printed())
	}
	runs := map[string]int{}
	for _, e := range auditEntries(t, dir) {
		if e.Kind == "run" {
			runs[e.Run]++
		}
	}
	for id := range ids {
		if runs[id] != 1 {
			t.Errorf("run %s is in the log %d times", id, runs[id])
		}
	}
	asking(t, dir, 0, "audit", "verify")
	asking(t, dir, 0, "evidence", "verify")
}

func asking(t *testing.T, dir string, want int, args ...string) string {
	t.Helper()
	out, code := asked(t, dir, "", args...)
	if code != want {
		t.Errorf("plimsoll %s ends with %d, not %d:\n%s", strings.Join(args, " "), code, want, out)
	}
	return out
}

func waitForFile(t *testing.T, path string) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if _, err := os.Stat(path); err == nil {
			return
		}
	}
	t.Fatalf("%s did not come", path)
}

// nightUnderWay is an engine in whose project a client's night has measured
// something, and a project of the same kind whose night nobody disturbed. Calls
// are so long that a signal comes before the night is over.
func nightUnderWay(t *testing.T) (calm, dir string, p *engineProcess, client *exec.Cmd, said *bytes.Buffer) {
	t.Helper()
	calm, dir = tempProject(t, 4*usual, "greet"), tempProject(t, 4*usual, "greet")
	night(t, calm, "nightly")
	p = serveIn(t, dir)
	client, said = command(t, dir, "nightly"), &bytes.Buffer{}
	client.Stdout, client.Stderr = said, said
	if err := client.Start(); err != nil {
		t.Fatal(err)
	}
	waitForFile(t, filepath.Join(dir, "evidence", "greet.jsonl"))
	return calm, dir, p, client, said
}

// A night is stopped by SIGTERM: the batch that is measured is written down,
// nothing is bought twice, and the night that goes on comes to what an
// undisturbed one comes to.
func TestStoppedNight(t *testing.T) {
	calm, dir, p, client, said := nightUnderWay(t)
	if err := p.stop(t, syscall.SIGTERM); err != nil {
		t.Errorf("%v\n%s", err, p.printed())
	}
	if err := client.Wait(); err == nil || !strings.Contains(said.String(), "the engine is being stopped") {
		t.Errorf("the client ends with %v:\n%s", err, said.String())
	}
	if strings.Contains(p.printed(), "was cut off") {
		t.Errorf("the batch did not end in order:\n%s", p.printed())
	}
	asking(t, dir, 0, "audit", "verify")
	night(t, dir, "nightly")
	sameFiles(t, calm, dir)
	boughtOnce(t, calm, dir)
}

// The engine is killed in the middle of a night: its client says so, the next
// engine takes over what is left, and goes on.
func TestKilledEngine(t *testing.T) {
	calm, dir, p, client, said := nightUnderWay(t)
	if err := p.stop(t, syscall.SIGKILL); err == nil {
		t.Error("a killed engine ends in order")
	}
	if err := client.Wait(); err == nil || !strings.Contains(said.String(), "went away before the command ended") {
		t.Errorf("the client ends with %v:\n%s", err, said.String())
	}
	asking(t, dir, 0, "audit", "verify") // without an engine, past the socket that is left
	q := serveIn(t, dir)
	night(t, dir, "nightly")
	if err := q.stop(t, syscall.SIGINT); err != nil {
		t.Errorf("%v\n%s", err, q.printed())
	}
	sameFiles(t, calm, dir)
	boughtOnce(t, calm, dir)
}

// A client that is killed takes its night along and nothing else; one that waits
// for its turn then gets it.
func TestKilledClient(t *testing.T) {
	dir := tempProject(t, usual, "greet", "salute")
	p := serveIn(t, dir)
	client := command(t, dir, "nightly")
	if err := client.Start(); err != nil {
		t.Fatal(err)
	}
	waitForFile(t, filepath.Join(dir, "evidence", "greet.jsonl"))
	second := command(t, dir, "nightly")
	var waited syncBuffer
	second.Stdout, second.Stderr = &waited, &waited
	if err := second.Start(); err != nil {
		t.Fatal(err)
	}
	waitFor2(t, "the second night waits", func() bool { return strings.Contains(waited.String(), "waits for it to end") })
	if err := client.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = client.Wait()
	if err := second.Wait(); err != nil {
		t.Errorf("the second night: %v\n%s", err, waited.String())
	}
	asking(t, dir, 0, "tier", "greet")
	if err := p.stop(t, syscall.SIGTERM); err != nil {
		t.Errorf("%v\n%s", err, p.printed())
	}
	asking(t, dir, 0, "evidence", "verify")
}

func waitFor2(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("%s: it did not come", what)
}

// syncBuffer is a buffer that a test reads while a process writes.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}
func (s *syncBuffer) String() string { s.mu.Lock(); defer s.mu.Unlock(); return s.b.String() }

// A second signal ends the engine at once, whatever runs.
func TestSecondSignal(t *testing.T) {
	dir := tempProject(t, 20_000, "greet")
	p := serveIn(t, dir)
	client := command(t, dir, "nightly")
	if err := client.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Wait() }()
	defer func() { _ = client.Process.Kill() }()
	waitFor2(t, "the night begins", func() bool { return strings.Contains(asking(t, dir, 0), "a night runs") })
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	p.await(t, "stopping; what runs has")
	if err := p.stop(t, syscall.SIGTERM); err == nil {
		t.Errorf("it ended in order:\n%s", p.printed())
	}
	asking(t, dir, 0, "audit", "verify")
}

// A night that was due while no engine ran is made up for at the start, once, and
// told to a receiver that first fails. What was posted survives a kill.
func TestMissedNightIsTold(t *testing.T) {
	const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	var mu sync.Mutex
	var bodies []string
	ids := map[string]int{}
	down := true
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		if down {
			w.WriteHeader(503)
			return
		}
		var seconds int64
		_, _ = fmt.Sscan(r.Header.Get("webhook-timestamp"), &seconds)
		want, err := notify.Sign(secret, r.Header.Get("webhook-id"), time.Unix(seconds, 0), raw)
		if err != nil || r.Header.Get("webhook-signature") != want {
			t.Errorf("signature %q, want %q (%v)", r.Header.Get("webhook-signature"), want, err)
		}
		ids[r.Header.Get("webhook-id")]++
		bodies = append(bodies, string(raw))
	}))
	defer receiver.Close()
	dir := tempProject(t, 8, "greet")
	config := filepath.Join(dir, "plimsoll.hcl")
	plain, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	write := func(nightly string) {
		t.Helper()
		extra := fmt.Sprintf("\nserve {\n  nightly = %q\n}\n\nnotify \"team\" {\n  url    = \"%s/hook\"\n  secret = \"HOOK_SECRET\"\n  on     = [\"moved\", \"night\"]\n}\n", nightly, receiver.URL)
		if err := os.WriteFile(config, append(bytes.Clone(plain), extra...), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("0 2 1 1 *")
	p := serveIn(t, dir, "HOOK_SECRET="+secret) // planning begins
	if err := p.stop(t, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	// Every minute: by the next full one at the latest a night is due.
	write("* * * * *")
	p = serveIn(t, dir, "HOOK_SECRET="+secret)
	waitLong(t, p, "the night ended: 1 moved")
	p.await(t, "could not be sent: it answered with 503")
	if err := p.stop(t, syscall.SIGKILL); err == nil {
		t.Error("a killed engine ends in order")
	}
	if raw, _ := os.ReadFile(p.out); bytes.Contains(raw, []byte(secret)) || bytes.Contains(raw, []byte("/hook")) {
		t.Errorf("it prints what is secret:\n%s", raw)
	}
	mu.Lock()
	down = false
	mu.Unlock()
	write("0 2 1 1 *")
	p = serveIn(t, dir, "HOOK_SECRET="+secret)
	waitFor2(t, "both messages", func() bool { mu.Lock(); defer mu.Unlock(); return len(ids) >= 2 })
	if err := p.stop(t, syscall.SIGTERM); err != nil {
		t.Errorf("%v\n%s", err, p.printed())
	}
	mu.Lock()
	defer mu.Unlock()
	all := strings.Join(bodies, "\n")
	if !strings.Contains(all, "plimsoll.moved") || !strings.Contains(all, "plimsoll.night") || !strings.Contains(all, `"simulated":true`) {
		t.Errorf("%s", all)
	}
	sent := 0
	for _, e := range auditEntries(t, dir) {
		if e.Kind == "notify.sent" {
			sent++
		}
	}
	if sent != len(ids) {
		t.Errorf("%d messages are in the log as sent, and %d arrived", sent, len(ids))
	}
}

// A night by hand tells, too, and a test message goes out at once.
func TestToldByHand(t *testing.T) {
	var mu sync.Mutex
	var bodies []string
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		bodies = append(bodies, string(raw))
		if r.Header.Get("webhook-signature") != "" || r.Header.Get("webhook-id") == "" {
			t.Errorf("headers %v", r.Header)
		}
	}))
	defer receiver.Close()
	dir := tempProject(t, 8, "greet")
	edit(t, filepath.Join(dir, "plimsoll.hcl"), "\nskills \"team\"", fmt.Sprintf("\nnotify \"chat\" {\n  url    = %q\n  format = \"text\"\n}\n\nskills \"team\"", receiver.URL))
	asking(t, dir, 0, "notify", "test", "chat")
	night(t, dir, "nightly")
	night(t, dir, "nightly") // has nothing to tell
	mu.Lock()
	defer mu.Unlock()
	if len(bodies) != 2 || !strings.Contains(bodies[0], "this is a test of notify chat") || !strings.Contains(bodies[1], "greet moves from large to medium: ") || !strings.Contains(bodies[1], "(simulated models)") {
		t.Errorf("%q", bodies)
	}
}

// waitLong waits past a full minute.
func waitLong(t *testing.T, p *engineProcess, text string) {
	t.Helper()
	for end := time.Now().Add(100 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if strings.Contains(p.printed(), text) {
			return
		}
	}
	t.Fatalf("the engine does not say %q:\n%s", text, p.printed())
}
