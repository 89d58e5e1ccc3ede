package label

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// opened serves a session until the test ends.
func opened(t *testing.T, s *Session) (url string, ended <-chan error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ready, done := make(chan string, 1), make(chan error, 1)
	go func() { done <- s.Serve(ctx, Door{Ready: func(u string) { ready <- u }}) }()
	t.Cleanup(cancel)
	select {
	case u := <-ready:
		return u, done
	case err := <-done:
		t.Fatal(err)
	case <-time.After(time.Minute):
		t.Fatal("the page does not open")
	}
	return "", nil
}

func TestDoor(t *testing.T) {
	s := sitting(t, filepath.Join(t.TempDir(), "l.jsonl"), 3, nil)
	url, ended := opened(t, s)
	root := url[:strings.LastIndex(strings.TrimSuffix(url, "/"), "/")+1]
	origin := strings.TrimSuffix(root, "/")
	host := strings.TrimPrefix(origin, "http://")
	if !strings.HasPrefix(url, "http://127.0.0.1:") {
		t.Fatalf("the page is at %s", url)
	}
	id := s.Now().Question.ID
	body := func(answer string) string { return `{"id": "` + id + `", "answer": "` + answer + `"}` }
	for _, c := range []struct {
		name, method, url, body string
		header                  map[string]string
		want                    int
	}{
		{"page", "GET", url, "", nil, 200},
		{"script", "GET", url + "page.js", "", nil, 200},
		{"style", "GET", url + "page.css", "", nil, 200},
		{"state", "GET", url + "now", "", nil, 200},
		{"localhost", "GET", url + "now", "", map[string]string{"Host": strings.Replace(host, "127.0.0.1", "localhost", 1)}, 200},
		{"no token", "GET", root, "", nil, 404},
		{"no token, state", "GET", root + "now", "", nil, 404},
		{"wrong token", "GET", root + strings.Repeat("0", 32) + "/now", "", nil, 404},
		{"half a token", "GET", url[:len(url)-5] + "/now", "", nil, 404},
		{"another name", "GET", url + "now", "", map[string]string{"Host": "evil.example:80"}, 403},
		{"another port", "GET", url + "now", "", map[string]string{"Host": "127.0.0.1:1"}, 403},
		{"nothing there", "GET", url + "nothing", "", nil, 404},
		{"up and out", "GET", url + "../../etc/passwd", "", nil, 404},
		{"answer by GET", "GET", url + "answer", "", nil, 405},
		{"no origin", "POST", url + "answer", body("first"), map[string]string{"Content-Type": "application/json"}, 403},
		{"another origin", "POST", url + "answer", body("first"), map[string]string{"Content-Type": "application/json", "Origin": "https://evil.example"}, 403},
		{"null origin", "POST", url + "answer", body("first"), map[string]string{"Content-Type": "application/json", "Origin": "null"}, 403},
		{"a form", "POST", url + "answer", "id=1", map[string]string{"Content-Type": "application/x-www-form-urlencoded", "Origin": origin}, 422},
		{"no JSON", "POST", url + "answer", "{", map[string]string{"Content-Type": "application/json", "Origin": origin}, 422},
		{"too long", "POST", url + "answer", body(strings.Repeat("x", maxAnswer)), map[string]string{"Content-Type": "application/json", "Origin": origin}, 422},
		{"no answer", "POST", url + "answer", body("best"), map[string]string{"Content-Type": "application/json", "Origin": origin}, 422},
		{"skip", "POST", url + "skip", body(""), map[string]string{"Content-Type": "application/json", "Origin": origin}, 200},
		{"stale", "POST", url + "answer", body("first"), map[string]string{"Content-Type": "application/json", "Origin": origin}, 409},
		{"undo", "POST", url + "undo", body(""), map[string]string{"Content-Type": "application/json", "Origin": origin}, 200},
		{"answer", "POST", url + "answer", body("first"), map[string]string{"Content-Type": "application/json", "Origin": origin}, 200},
	} {
		r, err := http.NewRequest(c.method, c.url, strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		for k, v := range c.header {
			r.Header.Set(k, v)
			if k == "Host" {
				r.Host = v
			}
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		if err := resp.Body.Close(); err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != c.want {
			t.Errorf("%s: %d, want %d: %s", c.name, resp.StatusCode, c.want, got)
		}
		if csp := resp.Header.Get("Content-Security-Policy"); csp != policy {
			t.Errorf("%s has the policy %q", c.name, csp)
		}
		if c.want >= 400 && c.want != 422 && c.want != 409 && strings.Contains(string(got), "Guest") {
			t.Errorf("%s is told an input: %s", c.name, got)
		}
	}
	if s.Summary().Done != 1 {
		t.Errorf("%+v", s.Summary())
	}
	r, err := http.NewRequest("POST", url+"end", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Origin", origin)
	r.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	var state State
	if err := json.NewDecoder(resp.Body).Decode(&state); err != nil || resp.Body.Close() != nil {
		t.Error(err)
	}
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Error("the page stays open")
	}
}

// A person reads for longer than a request takes: the connection that the browser
// keeps must still be there, or the next answer meets a closed one.
func TestIdle(t *testing.T) {
	server := serverOf(nil)
	if server.IdleTimeout < time.Hour {
		t.Errorf("an idle connection is closed after %s", server.IdleTimeout)
	}
	if server.ReadHeaderTimeout == 0 || server.ReadTimeout == 0 || server.WriteTimeout == 0 {
		t.Errorf("%+v: a request may take for ever", server)
	}
}

// The page asks for nothing outside: it works without a network.
func TestPageIsWhole(t *testing.T) {
	for name, src := range map[string]string{"page.html": string(pageHTML), "page.css": string(pageCSS), "page.js": string(pageJS)} {
		for _, bad := range []string{"http://", "https://", "//cdn", "@import", "url(", "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "<style", "onclick"} {
			if strings.Contains(src, bad) {
				t.Errorf("%s has %s", name, bad)
			}
		}
	}
}
