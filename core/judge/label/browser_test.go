//go:build unix

package label

import (
	"bufio"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// patience is how long anything of a browser may take: machines that build many
// things at once are slow, and a page that is broken fails all the same.
const patience = time.Minute

// browser is a Chromium without a window, driven over two pipes. Windows has no
// pipes for a process beyond the first three.
type browser struct {
	t       *testing.T
	cmd     *exec.Cmd
	profile string
	to      *os.File
	pipe    *os.File
	from    *bufio.Reader // of pipe
	session string
	n       atomic.Int64
}

func openBrowser(t *testing.T) *browser {
	t.Helper()
	var path string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if p, err := exec.LookPath(name); err == nil {
			path = p
			break
		}
	}
	if path == "" {
		t.Skip("there is no Chromium on this machine: the page was not driven in a browser")
	}
	in, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	from, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	// Not t.TempDir: what a browser leaves behind is no fault of the page.
	profile, err := os.MkdirTemp("", "plimsoll-browser-") //nolint:usetesting // see above
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage", "--disable-extensions",
		"--remote-debugging-pipe", "--user-data-dir="+profile, "about:blank")
	cmd.ExtraFiles = []*os.File{in, out}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // its helpers end with it
	if err := cmd.Start(); err != nil {
		_ = os.RemoveAll(profile)
		t.Skipf("Chromium does not start: %v", err)
	}
	b := &browser{t: t, cmd: cmd, profile: profile, to: to, pipe: from, from: bufio.NewReaderSize(from, 1<<20)}
	t.Cleanup(b.close)
	for _, f := range []*os.File{in, out} {
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	var target struct{ TargetID string }
	b.call("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct{ SessionID string }
	b.call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	b.session = attached.SessionID
	b.call("Page.enable", nil, nil)
	return b
}

// close asks the browser to end, ends what is left of it, and takes its profile
// away. Nothing here fails a test.
func (b *browser) close() {
	_, _ = b.to.WriteString("{\"id\": 0, \"method\": \"Browser.close\"}\x00")
	_ = b.pipe.SetReadDeadline(time.Now().Add(10 * time.Second))
	_, _ = io.Copy(io.Discard, b.from)
	_ = syscall.Kill(-b.cmd.Process.Pid, syscall.SIGKILL) // before Wait: until then the number is nobody else's
	_ = errors.Join(b.cmd.Wait(), b.to.Close(), b.pipe.Close())
	for range 50 {
		if os.RemoveAll(b.profile) == nil {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	b.t.Logf("%s stays behind", b.profile)
}

func (b *browser) call(method string, params map[string]any, into any) {
	b.t.Helper()
	if refused := b.try(method, params, into); refused != "" {
		b.t.Fatalf("%s: %s", method, refused)
	}
}

// try makes one call and reads until its answer, which may be that the browser
// refuses: a page that is being left has no scripts any more.
func (b *browser) try(method string, params map[string]any, into any) (refused string) {
	b.t.Helper()
	id := b.n.Add(1)
	msg := map[string]any{"id": id, "method": method}
	if params != nil {
		msg["params"] = params
	}
	if b.session != "" {
		msg["sessionId"] = b.session
	}
	raw, err := json.Marshal(msg)
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := b.to.Write(append(raw, 0)); err != nil {
		b.t.Fatal(err)
	}
	if err := b.pipe.SetReadDeadline(time.Now().Add(patience)); err != nil {
		b.t.Fatal(err)
	}
	for {
		raw, err := b.from.ReadBytes(0)
		if err != nil {
			b.t.Fatalf("%s: the browser went away: %v", method, err)
		}
		var got struct {
			ID     int64
			Result json.RawMessage
			Error  json.RawMessage
		}
		if err := json.Unmarshal(raw[:len(raw)-1], &got); err != nil {
			b.t.Fatal(err)
		}
		if got.ID != id {
			continue
		}
		if len(got.Error) > 0 {
			return string(got.Error)
		}
		if into != nil {
			if err := json.Unmarshal(got.Result, into); err != nil {
				b.t.Fatal(err)
			}
		}
		return ""
	}
}

// eval runs a script and gives its value as text.
func (b *browser) eval(script string) string {
	b.t.Helper()
	value, refused := b.ask(script)
	if refused != "" {
		b.t.Fatalf("%s: %s", script, refused)
	}
	return value
}

// await asks until the answer is right. While a page is being loaded there may be
// nothing to ask.
func (b *browser) await(script, want string) {
	b.t.Helper()
	var got, refused string
	for until := time.Now().Add(patience); time.Now().Before(until); time.Sleep(50 * time.Millisecond) {
		if got, refused = b.ask(script); refused == "" && got == want {
			return
		}
	}
	where, _ := b.ask(`location.href + " " + document.readyState + " " + (typeof state === "undefined" ? "" : JSON.stringify(state))`)
	b.t.Fatalf("%s stays %q, want %q, on %s", script, cmp.Or(refused, got), want, where)
}

func (b *browser) ask(script string) (value, refused string) {
	b.t.Helper()
	var got struct {
		Result           struct{ Value any }
		ExceptionDetails json.RawMessage
	}
	refused = b.try("Runtime.evaluate", map[string]any{"expression": script, "returnByValue": true, "awaitPromise": true}, &got)
	return fmt.Sprint(got.Result.Value), cmp.Or(refused, string(got.ExceptionDetails))
}

// open goes to a page. That a machine's network changes just then, as containers
// make it do, is no fault of the page.
func (b *browser) open(url string) {
	b.t.Helper()
	var went struct{ ErrorText string }
	for range 5 {
		went.ErrorText = ""
		if b.call("Page.navigate", map[string]any{"url": url}, &went); went.ErrorText == "" {
			return
		}
		time.Sleep(200 * time.Millisecond)
	}
	b.t.Fatalf("%s: %s", url, went.ErrorText)
}

func (b *browser) press(key string) {
	b.t.Helper()
	text := key
	if key == "Enter" {
		text = "\r"
	}
	b.call("Input.dispatchKeyEvent", map[string]any{"type": "keyDown", "key": key, "text": text}, nil)
	b.call("Input.dispatchKeyEvent", map[string]any{"type": "keyUp", "key": key}, nil)
}

func (b *browser) look(width int, dark bool) {
	b.t.Helper()
	b.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}, nil)
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	b.call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}}}, nil)
}

// shoot keeps a picture where PLIMSOLL_SHOTS names a folder.
func (b *browser) shoot(name string) {
	b.t.Helper()
	dir := os.Getenv("PLIMSOLL_SHOTS")
	if dir == "" {
		return
	}
	var got struct{ Data string }
	b.call("Page.captureScreenshot", map[string]any{"format": "png"}, &got)
	raw, err := base64.StdEncoding.DecodeString(got.Data)
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), raw, 0o644); err != nil {
		b.t.Fatal(err)
	}
}

const hostile = "# Digest\n\n<script>window.owned = 1</script><img src=x onerror=\"window.owned = 1\">\n\n- **Ada** asked for the *invoice* of `2026-07`\n- [a link](javascript:window.owned=1)\n\n> quoted\n\n```\n</pre><script>window.owned = 1</script>\n```\n"

// The page, as a person uses it: keys alone, nothing of an output runs, both
// themes, a telephone's width, what is answered is in the file.
func TestBrowser(t *testing.T) {
	b := openBrowser(t)
	file := filepath.Join(t.TempDir(), "l.jsonl")
	s := sitting(t, file, 5, func(c *Config) {
		c.Dimensions["greet"][0].Rubric = "Every message that asks for something is in the digest, with who asked. <b>Length does not count.</b>"
		for i := range c.Pairs {
			c.Pairs[i].Input = json.RawMessage(`{"from": "2026-07-01", "messages": ["Can somebody send me the invoice of July? — Ada", "<script>window.owned = 1</script>"], "max": 3}`)
			c.Pairs[i].Works[0].Output = quoted(hostile)
			c.Pairs[i].Works[1].Output = json.RawMessage(`{"summary": "Ada asked for an invoice.\nNobody answered.", "decisions": [], "<img src=x onerror=window.owned=1>": {"a": 1, "b": null}}`)
		}
	})
	url, ended := opened(t, s)
	b.look(1280, false)
	b.open(url)
	b.await(`document.querySelector("#count")?.textContent`, "0 of 7")
	b.shoot("light")
	b.look(1280, true)
	b.shoot("dark")
	b.look(390, false)
	b.await(`document.documentElement.scrollWidth <= 390 ? "fits" : "has " + document.documentElement.scrollWidth`, "fits")
	b.shoot("phone")
	b.look(1280, false)
	if n := b.eval(`document.querySelectorAll("#main script, #main img, #main a").length`); n != "0" {
		t.Errorf("%s elements of an output are in the page", n)
	}
	for _, word := range []string{"<script>window.owned = 1</script>", "javascript:window.owned=1", "<b>Length"} {
		if b.eval(`String(document.querySelector("#main").textContent.includes(`+string(quoted(word))+`))`) != "true" {
			t.Errorf("%s is not shown as it stands", word)
		}
	}
	b.press("r")
	b.await(`String(document.querySelectorAll(".work pre").length)`, "2")
	b.press("r")

	b.press("1")
	b.await(`document.querySelector("#count").textContent`, "1 of 7")
	b.press("s")
	b.await(`String(state.skipped)`, "1")
	b.press("u")
	b.await(`String(state.skipped)`, "0")
	b.press("u")
	b.await(`document.querySelector("#count").textContent`, "0 of 7")
	// A connection that was closed meanwhile: the page asks where it stands.
	b.eval(`window.whole = window.fetch; window.fetch = (...all) => { window.fetch = window.whole; return Promise.reject(new TypeError("closed")) }; "cut"`)
	b.press("1")
	b.await(`busy ? "" : $("error").textContent`, "That did not arrive. Press it again.")
	if done := b.eval(`document.querySelector("#count").textContent`); done != "0 of 7" || s.Summary().Done != 0 {
		t.Errorf("an answer that never arrived counts: %s, %+v", done, s.Summary())
	}
	// One that arrived, and whose reply is lost.
	b.eval(`window.fetch = async (...all) => { window.fetch = window.whole; await window.fetch(...all); throw new TypeError("closed") }; "cut"`)
	b.press("1")
	b.await(`document.querySelector("#count").textContent`, "1 of 7")
	b.await(`String(!busy && $("error").hidden)`, "true")
	if s.Summary().Done != 1 {
		t.Errorf("an answer whose reply is lost: %+v", s.Summary())
	}
	b.press("u")
	b.await(`document.querySelector("#count").textContent`, "0 of 7")
	// The session is gone for good.
	b.eval(`window.fetch = () => Promise.reject(new TypeError("closed")); "cut"`)
	b.press("1")
	b.await(`String($("error").hidden)`, "false")
	b.eval(`window.fetch = window.whole; "mended"`)
	b.press("x") // no key of the page
	for i, key := range []string{"1", "2", "=", "0", "1", "2"} {
		b.press(key)
		b.await(`document.querySelector("#count").textContent`, fmt.Sprintf("%d of 7", i+1))
	}
	b.eval(`document.querySelector("#keys button:nth-child(2)").click()`)
	b.await(`String(document.querySelector("#done").hidden)`, "false")
	b.shoot("done")
	if got := b.eval(`document.querySelector("#command").textContent`); !strings.HasPrefix(got, "plimsoll judge calibrate house --labels") {
		t.Errorf("the page ends with %q", got)
	}
	if owned := b.eval(`String(window.owned)`); owned != "undefined" {
		t.Error("a script of an output ran")
	}
	if b.eval(`(async () => { try { await fetch("https://example.com/"); return "out" } catch { return "kept in" } })()`) != "kept in" {
		t.Error("the page may ask the world outside")
	}
	b.press("Enter")
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(patience):
		t.Error("the session does not end")
	}
	b.shoot("gone")
	if got := rows(t, file); len(got) != 14 {
		t.Errorf("%d rows for 7 answers", len(got))
	}
}

// What drives the page leaves nothing behind: no process, no folder.
func TestBrowserEnds(t *testing.T) {
	var b *browser
	t.Run("open", func(t *testing.T) { b = openBrowser(t) })
	if b == nil {
		t.Skip("there is no Chromium on this machine")
	}
	if _, err := os.Stat(b.profile); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the profile stays behind: %v", err)
	}
	for until := time.Now().Add(patience); time.Now().Before(until); time.Sleep(50 * time.Millisecond) {
		if len(b.alive(t)) == 0 {
			return
		}
	}
	t.Errorf("processes of the browser live on: %q", b.alive(t))
}

// alive are its processes, where the system lists them; those that ended and that
// nobody asked about yet are not alive.
func (b *browser) alive(t *testing.T) []string {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, path := range all {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue // it ended meanwhile
		}
		f := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		if len(f) > 2 && f[0] != "Z" && f[2] == strconv.Itoa(b.cmd.Process.Pid) {
			out = append(out, string(stat))
		}
	}
	return out
}
