package connector

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// memory keeps what a Keeper and a Spiller are given.
type memory struct {
	mu   sync.Mutex
	kept map[string][]byte
	size int64
}

func (m *memory) Save(name string, b []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.kept == nil {
		m.kept = map[string][]byte{}
	}
	m.kept[name] = bytes.Clone(b)
	return nil
}

func (m *memory) Load(name string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.kept[name], nil
}

func (m *memory) Create() (Blob, error) { return m, nil }
func (m *memory) Write(p []byte) (int, error) {
	atomic.AddInt64(&m.size, int64(len(p)))
	return len(p), nil
}
func (m *memory) Commit() (string, error) { return "sha256:" + strings.Repeat("0", 64), nil }
func (m *memory) Abort()                  {}

func TestLargeResults(t *testing.T) {
	m := &memory{}
	config := fake("100mb")
	config.Timeout, config.HardLimit = 60*time.Second, 64<<20
	s := open(t, Host{Spill: m}, config)
	c, _ := s.Get("fake")
	if _, err := c.Catalogue(t.Context()); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	res, err := c.Call(t.Context(), "go", nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 32<<20 {
		t.Errorf("100 MB cost %d MiB of allocations", got>>20)
	}
	if !res.Truncated || !res.Cut || res.Bytes < 100<<20 || res.Blob == "" || !res.IsError || m.size != 64<<20 {
		t.Errorf("truncated %v cut %v bytes %d blob %q error %v kept %d", res.Truncated, res.Cut, res.Bytes, res.Blob, res.IsError, m.size)
	}
	v, err := res.Typed()
	if err != nil || len(res.Raw) > 2<<20 || len(v.Content) != 2 || !strings.HasPrefix(textOf(t, res), "head é\nyyy") {
		t.Errorf("%d bytes, %v", len(res.Raw), err)
	}
}

func TestSpill(t *testing.T) {
	upstreams(t, func(t *testing.T, c *Connector) {
		for _, n := range []int{10, 1<<20 - 200, 1<<20 + 1, 3 << 20} {
			args, _ := json.Marshal(echoArgs{N: n})
			res, err := c.Call(t.Context(), "big", args, Options{Principal: "a", Session: "b"})
			if err != nil {
				t.Fatal(n, err)
			}
			if want := n > 1<<20; res.Truncated != want || res.Bytes < int64(n) || !want && len(textOf(t, res)) != n {
				t.Errorf("%d: truncated %v, %d bytes", n, res.Truncated, res.Bytes)
			}
			if res.Truncated && (res.Blob != "" || !strings.Contains(string(res.Raw), "the rest was not kept")) {
				t.Errorf("nobody keeps it, and yet: %s", res.Blob)
			}
		}
	})
}

func TestLastGoodCatalogue(t *testing.T) {
	m := &memory{}
	now := time.Now()
	var skew atomic.Int64
	h := Host{Keep: m, Now: func() time.Time { return now.Add(time.Duration(skew.Load())) }}
	s := open(t, h, fake("list-breaks"))
	c, _ := s.Get("fake")
	good, err := c.Catalogue(t.Context())
	if err != nil || good.Stale || len(good.Tools) != 1 {
		t.Fatal(good, err)
	}
	skew.Store(int64(time.Hour))
	stale, err := c.Catalogue(t.Context())
	if err != nil || !stale.Stale || len(stale.Tools) != 1 || !strings.Contains(stale.Reason, "index is down") {
		t.Errorf("%+v %v", stale, err)
	}
	if _, err := c.Refresh(t.Context()); kind(err) != Upstream {
		t.Error(err)
	}
	if h := c.Health(); h.State != Degraded || !h.Stale || !strings.Contains(h.Reason, "index is down") {
		t.Errorf("%+v", h)
	}
	_ = s.Close()
	// A new start answers before any server runs, and says how old that is.
	s = open(t, h, fake("list-breaks"))
	c, _ = s.Get("fake")
	kept := c.Last()
	if kept == nil || !kept.Stale || len(kept.Tools) != 1 || string(kept.Tools[0].Raw) != string(good.Tools[0].Raw) || c.Health().State != Cold {
		t.Fatalf("%+v %+v", kept, c.Health())
	}
	if found, d, err := s.Find("fake_go"); err != nil || found != c || d.Name != "go" {
		t.Error(d, err)
	}
	// Another server under the same name has no list.
	other := fake("plain")
	other.Command = []string{"/bin/false"}
	other.Dir = ""
	s = open(t, h, other)
	c, _ = s.Get("fake")
	if c.Last() != nil {
		t.Error("it took another server's list")
	}
	if _, err := c.Catalogue(t.Context()); kind(err) != NoStart {
		t.Error(err)
	}
	m.kept["fake"] = []byte("{torn")
	s = open(t, h, fake("plain"))
	c, _ = s.Get("fake")
	if c.Last() != nil {
		t.Error("it took a torn list")
	}
}

func TestCatalogueBounds(t *testing.T) {
	c := one(t, "many")
	cat, err := c.Catalogue(t.Context())
	if err != nil || len(cat.Tools) != MaxTools || len(cat.Offered()) != MaxTools {
		t.Fatal(err)
	}
	for mode, says := range map[string]string{"too-many": "more than 10000 entries", "circle": "circle"} {
		cat, err := one(t, mode).Catalogue(t.Context())
		if kind(err) != Flood || !strings.Contains(err.Error(), says) || cat != nil {
			t.Errorf("%s: %v", mode, err)
		}
	}
	cat, err = one(t, "odd-names").Catalogue(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, d := range cat.Offered() {
		names = append(names, d.Public)
		if d.Name == "é" && string(d.Raw) != `{"name":"é","unknown":{"z" : 1,"<":2}}` {
			t.Errorf("bytes were changed: %s", d.Raw)
		}
	}
	if got, want := fmt.Sprint(names), fmt.Sprint([]string{PublicName("fake", "a b"), "fake_a_b", PublicName("fake", "é")}); got != want {
		t.Error(got)
	}
	if len(cat.Refused) != 5 {
		t.Errorf("%d refused: %+v", len(cat.Refused), cat.Refused)
	}
	if _, ok := cat.Own("twice"); ok {
		t.Error("a name that is listed twice can be called")
	}
}

func TestRenamedTool(t *testing.T) {
	changes := make(chan *Catalogue, 10)
	s := open(t, Host{Change: func(_ string, c *Catalogue) { changes <- c }}, fake("renames"))
	c, _ := s.Get("fake")
	if _, err := c.Catalogue(t.Context()); err != nil {
		t.Fatal(err)
	}
	if first := <-changes; first.Tools[0].Name != "t1" {
		t.Error(first.Tools)
	}
	select {
	case second := <-changes:
		if second.Tools[0].Name != "t2" {
			t.Error(second.Tools)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("the announced change was not looked at")
	}
	if _, err := c.Call(t.Context(), "t1", nil, Options{}); kind(err) != Unknown {
		t.Error(err)
	}
}

func TestOfferedTools(t *testing.T) {
	a, b := fake("sdk"), fake("sdk")
	a.Name, b.Name = "a", "b"
	a.Prefix, b.Prefix = "x", "x"
	a.Tools = []string{"e*"}
	s := open(t, Host{}, a, b)
	for _, c := range s.All() {
		if _, err := c.Catalogue(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	c, _ := s.Get("a")
	if _, err := c.Call(t.Context(), "big", nil, Options{}); kind(err) != Unknown {
		t.Errorf("a tool that is not offered: %v", err)
	}
	if _, _, err := s.Find("x_echo"); kind(err) != Unknown || !strings.Contains(err.Error(), "another prefix") {
		t.Error(err)
	}
	offers, refused := s.Offered()
	for _, o := range offers {
		if o.Tool.Name == "echo" || o.Tool.Name == "env" {
			t.Errorf("%s is offered by two", o.Tool.Public)
		}
	}
	if len(refused) != 2 {
		t.Errorf("%+v", refused)
	}
}

// Servers show some tools only to clients that can be asked: they are listed.
func TestToolsThatNeedAskableClients(t *testing.T) {
	cat, err := one(t, "gates").Catalogue(t.Context())
	if err != nil || len(cat.Tools) != 2 {
		t.Errorf("%+v %v", cat, err)
	}
}

func TestEnvironment(t *testing.T) {
	t.Setenv("NOT_NAMED", "x")
	c := one(t, "sdk")
	res, err := c.Call(t.Context(), "env", nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := textOf(t, res); strings.Contains(got, "NOT_NAMED") || !strings.Contains(got, "FAKE_SECRET=") {
		t.Error(got)
	}
}

func TestQuarantine(t *testing.T) {
	c := one(t, "plain")
	c.Quarantine("tool go has changed")
	if _, err := c.Call(t.Context(), "go", nil, Options{}); kind(err) != Quarantine || c.Health().Running != 0 {
		t.Error(err)
	}
	if _, err := c.Catalogue(t.Context()); err != nil {
		t.Error(err)
	}
	if c.Health().State != Quarantined {
		t.Error(c.Health())
	}
	c.Release()
	if _, err := c.Call(t.Context(), "go", nil, Options{}); err != nil {
		t.Error(err)
	}
}

func TestIdleStopAndRestart(t *testing.T) {
	c := one(t, "sdk", func(c *Config) { c.Idle = 100 * time.Millisecond })
	call := func() string {
		res, err := c.Call(t.Context(), "pid", nil, Options{})
		if err != nil {
			t.Fatal(err)
		}
		return textOf(t, res)
	}
	first := call()
	eventually(t, "it is stopped", func() bool { return c.Health().Running == 0 && c.Health().State == Cold })
	if second := call(); second == first {
		t.Error("it was not started again")
	}
}

func TestCircuit(t *testing.T) {
	c := circuit{min: time.Second, max: 10 * time.Second, trips: 4}
	at := time.Unix(0, 0)
	for i, want := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 10 * time.Second, 10 * time.Second} {
		c.fail(at, "x")
		if d, open := c.wait(at); d != want || open != (i >= 3) {
			t.Errorf("%d: %v %v", i, d, open)
		}
	}
	if d, _ := c.wait(at.Add(10 * time.Second)); d != 0 {
		t.Error(d)
	}
	c.ok()
	if d, _ := c.wait(at); d != 0 {
		t.Error(d)
	}
}

func TestBrokenConnectorStaysShut(t *testing.T) {
	now := time.Unix(1, 0)
	var skew atomic.Int64
	config := fake("dies-at-once")
	s := open(t, Host{Now: func() time.Time { return now.Add(time.Duration(skew.Load())) }}, config)
	c, _ := s.Get("fake")
	for range 5 {
		if _, err := c.Call(t.Context(), "go", nil, Options{}); kind(err) != NoStart {
			t.Fatal(err)
		}
		skew.Add(int64(time.Minute))
	}
	skew.Add(-int64(time.Minute) + 1)
	_, err := c.Call(t.Context(), "go", nil, Options{})
	if h := c.Health(); kind(err) != Circuit || h.State != Broken || !strings.Contains(h.Reason, "no licence") || strings.Contains(err.Error(), "s3cret-value") {
		t.Errorf("%v %+v", err, h)
	}
}

func TestConcurrencyLimit(t *testing.T) {
	c := one(t, "sdk", func(c *Config) { c.Concurrency, c.Timeout = 1, 300*time.Millisecond })
	if _, err := c.Catalogue(t.Context()); err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = c.Call(t.Context(), "slow", json.RawMessage(`{"n":5000}`), Options{}) }()
	eventually(t, "the first call runs", func() bool { return c.Health().Calls == 1 })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := c.Call(ctx, "echo", nil, Options{}); kind(err) != Busy {
		t.Error(err)
	}
}

// Close ends servers that ignore everything, and their children; nothing of ours
// is left either.
func TestCloseLeavesNothing(t *testing.T) {
	before := runtime.NumGoroutine()
	file := t.TempDir() + "/pids"
	t.Setenv("FAKE_FILE", file)
	deaf, hangs, good := fake("deaf"), fake("hangs"), fake("sdk-2025")
	deaf.Name, hangs.Name, good.Name = "deaf", "hangs", "good"
	s := open(t, Host{}, deaf, hangs, good)
	for _, c := range s.All() {
		if _, err := c.Catalogue(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	c, _ := s.Get("hangs")
	ended := make(chan error, 2)
	go func() { _, err := c.Call(context.Background(), "go", nil, Options{}); ended <- err }()
	g, _ := s.Get("good")
	if res, err := g.Call(t.Context(), "ask", nil, Options{Capabilities: canElicit}); err != nil || !res.NeedsInput {
		t.Fatal(err)
	}
	eventually(t, "the call runs", func() bool { return c.Health().Calls == 1 })
	pids := strings.Fields(string(appears(t, file)))
	_ = s.Close()
	if err := <-ended; kind(err) != Closed {
		t.Errorf("a call under way: %v", err)
	}
	if _, err := c.Call(t.Context(), "go", nil, Options{}); kind(err) != Closed {
		t.Errorf("a call after the end: %v", err)
	}
	for _, pid := range pids {
		eventually(t, "process "+pid+" ends", func() bool { return !alive(pid) })
	}
	eventually(t, fmt.Sprintf("goroutines end (%d before)", before), func() bool { return runtime.NumGoroutine() <= before+1 })
}

// A host that is killed takes its servers along, those too that do not notice.
func TestKilledHost(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("job objects do it there")
	}
	file := t.TempDir() + "/pids"
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "PLIMSOLL_FAKE=host", "FAKE_FILE="+file)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	pids := strings.Fields(string(appears(t, file)))
	time.Sleep(100 * time.Millisecond)
	if len(pids) != 2 || !alive(pids[0]) || !alive(pids[1]) {
		t.Fatalf("%v", pids)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	for _, pid := range pids {
		eventually(t, "process "+pid+" ends with its host", func() bool { return !alive(pid) })
	}
}

// alive: there is a process of this id that is no zombie.
func alive(pid string) bool {
	b, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		if _, bad := os.Stat("/proc/self"); bad == nil {
			return false
		}
		return exec.Command("kill", "-0", pid).Run() == nil
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	return !strings.HasPrefix(rest, "Z")
}

func TestBadConfigs(t *testing.T) {
	good := Config{Name: "a", Command: []string{"x"}}
	for says, c := range map[string]Config{
		"needs a name":         {Command: []string{"x"}},
		"either a command":     {Name: "a"},
		"or a url":             {Name: "a", Command: []string{"x"}, URL: "https://x"},
		"is none":              {Name: "a", Command: []string{"x"}, Revision: "2020-01-01"},
		"https":                {Name: "a", URL: "http://example.com"},
		"no address range":     {Name: "a", URL: "https://example.com", Private: []string{"ten"}},
		"longer than 64":       {Name: "a", Command: []string{"x"}, Prefix: strings.Repeat("p", 65)},
		"holds no certificate": {Name: "a", URL: "https://example.com", CA: []byte("x")},
	} {
		if _, err := New(Host{Now: time.Now}, c); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", says, err)
		}
	}
	if _, err := New(Host{Now: time.Now}, good, good); err == nil || !strings.Contains(err.Error(), "two connectors") {
		t.Error(err)
	}
	if _, err := New(Host{}, good); err == nil {
		t.Error("without a clock")
	}
}
