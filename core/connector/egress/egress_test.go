package egress

import (
	"bytes"
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func rule(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Rule
	}
	return ""
}

// TestAddresses is the table of what must not be reached.
func TestAddresses(t *testing.T) {
	ten, _ := ranges([]string{"10.0.0.0/8", "127.0.0.0/8", "fd00::/8", "169.254.0.0/16"})
	exact, _ := ranges([]string{"169.254.169.254", "::1"})
	for addr, want := range map[string][3]bool{ // nothing declared, ranges declared, single addresses declared
		"1.1.1.1":                {true, true, true},
		"8.8.8.8":                {true, true, true},
		"172.15.255.255":         {true, true, true},
		"172.32.0.1":             {true, true, true},
		"2606:4700::1111":        {true, true, true},
		"10.1.2.3":               {false, true, false},
		"127.0.0.1":              {false, true, false},
		"127.255.255.254":        {false, true, false},
		"0.0.0.0":                {},
		"0.1.2.3":                {},
		"100.64.0.1":             {},
		"100.127.255.255":        {},
		"100.100.100.200":        {},
		"169.254.1.1":            {false, true, false},
		"169.254.169.254":        {false, false, true}, // a range does not open it
		"169.254.170.2":          {},
		"168.63.129.16":          {},
		"172.16.0.1":             {},
		"172.31.255.255":         {},
		"192.0.0.8":              {},
		"192.0.2.1":              {},
		"192.168.1.1":            {},
		"198.18.0.1":             {},
		"198.51.100.1":           {},
		"203.0.113.1":            {},
		"224.0.0.1":              {},
		"240.0.0.1":              {},
		"255.255.255.255":        {},
		"::":                     {},
		"::1":                    {false, false, true},
		"::ffff:127.0.0.1":       {false, true, false},
		"::ffff:169.254.169.254": {false, false, true},
		"::ffff:8.8.8.8":         {true, true, true},
		"::127.0.0.1":            {false, true, false},
		"64:ff9b::7f00:1":        {false, true, false},
		"64:ff9b::a9fe:a9fe":     {false, false, true},
		"64:ff9b::808:808":       {true, true, true},
		"64:ff9b:1::7f00:1":      {},
		"2002:7f00:1::":          {false, true, false},
		"2002:a9fe:a9fe::":       {false, false, true},
		"2001:0:53aa:64c::1":     {},
		"2001:db8::1":            {},
		"3fff::1":                {},
		"100::1":                 {},
		"5f00::1":                {},
		"fc00::1":                {},
		"fd12:3456::1":           {false, true, false},
		"fd00:ec2::254":          {},
		"fe80::1":                {},
		"fec0::1":                {},
		"ff02::1":                {},
		"4000::1":                {},
	} {
		a := netip.MustParseAddr(addr)
		for i, allowed := range [][]netip.Prefix{nil, ten, exact} {
			if err := checkAddr("host", a, allowed); (err == nil) != want[i] {
				t.Errorf("%s with %v: %v", addr, allowed, err)
			}
		}
	}
	if err := checkAddr("host", netip.MustParseAddr("fe80::1%eth0"), ten); err == nil {
		t.Error("an address with a zone")
	}
}

// FuzzAddr: whatever stands for a closed address of IPv4 is closed too.
func FuzzAddr(f *testing.F) {
	f.Add([]byte{127, 0, 0, 1})
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		a, ok := netip.AddrFromSlice(b)
		if !ok {
			return
		}
		open := checkAddr("h", a, nil) == nil
		u := a.Unmap()
		if open && (u.IsPrivate() || u.IsLoopback() || u.IsLinkLocalUnicast() || u.IsMulticast() || u.IsUnspecified() || u.IsInterfaceLocalMulticast()) {
			t.Errorf("%s is open", a)
		}
		if u.Is4() {
			b4 := u.As4()
			nat := netip.AddrFrom16([16]byte{0, 0x64, 0xff, 0x9b, 12: b4[0], 13: b4[1], 14: b4[2], 15: b4[3]})
			if (checkAddr("h", nat, nil) == nil) != open {
				t.Errorf("%s and %s differ", u, nat)
			}
		}
	})
}

func TestDeclarations(t *testing.T) {
	for address, want := range map[string]string{
		"https://example.com/mcp":          "",
		"http://example.com":               "scheme",
		"file:///etc/passwd":               "url",
		"gopher://example.com":             "scheme",
		"https://user:pw@example.com":      "url",
		"https://":                         "url",
		"https:example.com":                "url",
		"":                                 "url",
		"https://exa mple.com":             "url",
		"https://example.com:99999999/%zz": "url",
	} {
		if _, err := New(Config{URL: address}); rule(err) != want || want == "" && err != nil {
			t.Errorf("%q: %v", address, err)
		}
		if _, err := New(Config{URL: address}); err != nil && strings.Contains(err.Error(), "pw") {
			t.Errorf("a password is in %v", err)
		}
	}
	for _, h := range []Header{{Name: "A"}, {Name: "A", Env: "X", File: "Y"}, {Name: "", Env: "X"}, {Name: "A b", Env: "X"}, {Name: "Host", Value: "x"}} {
		if _, err := New(Config{URL: "https://x", Headers: []Header{h}}); rule(err) != "secret" {
			t.Errorf("%+v: %v", h, err)
		}
	}
}

// server is an upstream on loopback with what it was sent.
type server struct {
	*httptest.Server
	last atomic.Pointer[http.Request]
}

func serve(t *testing.T, h http.HandlerFunc) *server {
	s := &server{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.last.Store(r)
		h(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func local(u string) Config {
	return Config{URL: u, Plaintext: true, Private: []string{"127.0.0.0/8", "::1/128"}}
}

func client(t *testing.T, c Config) *http.Client {
	t.Helper()
	h, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.CloseIdleConnections)
	return h
}

// send is for tests of whether there is an answer, not of what it says.
func send(h *http.Client, req *http.Request) error {
	resp, err := h.Do(req)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

func get(h *http.Client, at string) error {
	req, err := http.NewRequest("GET", at, nil)
	if err != nil {
		return err
	}
	return send(h, req)
}

func TestLoopbackNeedsDeclaring(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {})
	c := client(t, Config{URL: s.URL, Plaintext: true})
	if err := get(c, s.URL); rule(err) != "private" || s.last.Load() != nil {
		t.Error(err)
	}
	if resp, err := client(t, local(s.URL)).Get(s.URL); err != nil {
		t.Error(err)
	} else {
		_ = resp.Body.Close()
	}
}

func TestHeadersAndPassthrough(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {})
	env := map[string]string{"TOKEN": "first"}
	c := local(s.URL)
	c.Lookup = func(n string) (string, bool) { v, ok := env[n]; return v, ok }
	file := t.TempDir() + "/key"
	if err := os.WriteFile(file, []byte("from-file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c.Headers = []Header{{Name: "Authorization", Prefix: "Bearer ", Env: "TOKEN"}, {Name: "X-Key", File: file}, {Name: "X-Plain", Value: "v"}}
	h := client(t, c)
	send := func() (*http.Request, error) {
		req, _ := http.NewRequest("GET", s.URL, nil)
		req.Header.Set("Authorization", "Bearer the callers")
		req.Header.Set("Cookie", "a=b")
		resp, err := h.Do(req)
		if err == nil {
			_ = resp.Body.Close()
		}
		return s.last.Load(), err
	}
	got, err := send()
	if err != nil || got.Header.Get("Authorization") != "Bearer first" || got.Header.Get("X-Key") != "from-file" || got.Header.Get("X-Plain") != "v" || got.Header.Get("Cookie") != "" {
		t.Fatal(err, got.Header)
	}
	env["TOKEN"] = "renewed"
	if got, _ := send(); got.Header.Get("Authorization") != "Bearer renewed" {
		t.Error("the secret was not read at use")
	}
	if got := Mask(c.Headers, c.Lookup, "it said renewed and from-file"); got != "it said [Authorization] and [X-Key]" {
		t.Error(got)
	}
	env["TOKEN"] = "two\nlines-of-it"
	if _, err := send(); rule(err) != "secret" || strings.Contains(err.Error(), "lines-of-it") {
		t.Error(err)
	}
	delete(env, "TOKEN")
	if _, err := send(); rule(err) != "secret" || !strings.Contains(err.Error(), "TOKEN") {
		t.Error(err)
	}
}

func TestRedirects(t *testing.T) {
	secret := []Header{{Name: "X-Api-Key", Value: "k"}}
	other := serve(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "other") })
	var s *server
	s = serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/same":
			http.Redirect(w, r, "/end", http.StatusTemporaryRedirect)
		case "/other":
			http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
		case "/metadata":
			http.Redirect(w, r, "http://169.254.169.254/latest/meta-data", http.StatusFound)
		case "/private":
			http.Redirect(w, r, "http://10.0.0.1/", http.StatusFound)
		case "/file":
			http.Redirect(w, r, "file:///etc/passwd", http.StatusFound)
		case "/loop":
			http.Redirect(w, r, "/loop", http.StatusFound)
		case "/user":
			http.Redirect(w, r, strings.Replace(s.URL, "//", "//a:b@", 1), http.StatusFound)
		}
	})
	c := local(s.URL)
	c.Headers = secret
	h := client(t, c)
	do := func(method, path, body string) error {
		req, _ := http.NewRequest(method, s.URL+path, strings.NewReader(body))
		if body == "" {
			req, _ = http.NewRequest(method, s.URL+path, nil)
		}
		req.Header.Set("Mcp-Session-Id", "session")
		req.Header.Set("X-Api-Key", "from the request")
		return send(h, req)
	}
	if err := do("POST", "/same", "args"); err != nil || s.last.Load().Header.Get("X-Api-Key") != "k" {
		t.Error(err)
	}
	if err := do("GET", "/other", ""); err != nil || other.last.Load().Header.Get("X-Api-Key") != "" || other.last.Load().Header.Get("Mcp-Session-Id") != "" {
		t.Errorf("%v: credentials went along: %v", err, other.last.Load().Header)
	}
	other.last.Store(nil)
	if err := do("POST", "/other", "args"); rule(err) != "redirect" || other.last.Load() != nil {
		t.Errorf("arguments went to another server: %v", err)
	}
	for path, want := range map[string]string{"/metadata": "private", "/private": "private", "/file": "url", "/loop": "redirect", "/user": "url"} {
		if err := do("GET", path, ""); rule(err) != want {
			t.Errorf("%s: %v", path, err)
		}
	}
	c.Redirects = -1
	h = client(t, c)
	if err := do("GET", "/same", ""); rule(err) != "redirect" {
		t.Error(err)
	}
}

func TestNoDowngrade(t *testing.T) {
	plain := serve(t, func(http.ResponseWriter, *http.Request) {})
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, plain.URL, http.StatusFound)
	}))
	defer s.Close()
	c := local(s.URL)
	c.CA = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	if err := get(client(t, c), s.URL); rule(err) != "redirect" || plain.last.Load() != nil {
		t.Error(err)
	}
	c.CA = nil
	if err := get(client(t, c), s.URL); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("an unknown authority: %v", err)
	}
}

// A name that answers differently each time gains nothing: the address that was
// checked is the one that is dialled, and a mixed answer is refused.
func TestRebinding(t *testing.T) {
	s := serve(t, func(http.ResponseWriter, *http.Request) {})
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(s.URL, "http://"))
	at := "http://rebind.example:" + port
	var asked atomic.Int32
	var dialled atomic.Pointer[string]
	c := Config{URL: at, Plaintext: true, Dialling: time.Second,
		Look: func(context.Context, string) ([]netip.Addr, error) {
			if asked.Add(1) == 1 {
				return []netip.Addr{netip.MustParseAddr("93.184.216.34")}, nil
			}
			return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
		},
		Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			dialled.Store(&address)
			return nil, errors.New("no route")
		}}
	h := client(t, c)
	if err := get(h, at); err == nil || *dialled.Load() != "93.184.216.34:"+port || asked.Load() != 1 {
		t.Errorf("%v, dialled %v, asked %d times", err, *dialled.Load(), asked.Load())
	}
	dialled.Store(nil)
	if err := get(h, at); rule(err) != "private" || dialled.Load() != nil || s.last.Load() != nil {
		t.Errorf("the second answer: %v", err)
	}
	c.Look = func(context.Context, string) ([]netip.Addr, error) {
		return []netip.Addr{netip.MustParseAddr("93.184.216.34"), netip.MustParseAddr("10.0.0.1")}, nil
	}
	if err := get(client(t, c), at); rule(err) != "private" || dialled.Load() != nil {
		t.Errorf("a mixed answer: %v", err)
	}
	c.Look = func(context.Context, string) ([]netip.Addr, error) { return nil, nil }
	if err := get(client(t, c), at); rule(err) != "dns" {
		t.Error(err)
	}
	// The real dialer checks once more what the kernel is given.
	d := &dialer{timeout: time.Second}
	if _, err := d.one(t.Context(), "h", "127.0.0.1:"+port); rule(err) != "private" {
		t.Errorf("the dialled address: %v", err)
	}
}

func TestProxyIsIgnored(t *testing.T) {
	proxy := serve(t, func(http.ResponseWriter, *http.Request) {})
	t.Setenv("HTTP_PROXY", proxy.URL)
	t.Setenv("http_proxy", proxy.URL)
	s := serve(t, func(http.ResponseWriter, *http.Request) {})
	resp, err := client(t, local(s.URL)).Get(s.URL)
	if err != nil || proxy.last.Load() != nil || s.last.Load() == nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
}

func TestBodies(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/big":
			_, _ = w.Write(bytes.Repeat([]byte("x"), 2000))
		case "/exact":
			_, _ = w.Write(bytes.Repeat([]byte("x"), 1000))
		case "/stalls":
			_, _ = w.Write([]byte("x"))
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		case "/silent":
			<-r.Context().Done()
		}
	})
	c := local(s.URL)
	c.BodyLimit, c.Quiet, c.Answer = 1000, 100*time.Millisecond, 100*time.Millisecond
	h := client(t, c)
	for path, want := range map[string]string{"/big": "size", "/exact": "", "/stalls": "quiet"} {
		resp, err := h.Get(s.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if rule(err) != want || len(b) > 1000 || want == "" && err != nil {
			t.Errorf("%s: %d bytes, %v", path, len(b), err)
		}
	}
	if err := get(h, s.URL+"/silent"); err == nil || !strings.Contains(err.Error(), "timeout") {
		t.Error(err)
	}
}

// A server that takes nothing of what is written does not hold a writer for ever.
func TestSlowReader(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			defer func() { _ = conn.Close() }()
		}
	}()
	u := "http://" + l.Addr().String()
	c := local(u)
	c.Quiet = 200 * time.Millisecond
	req, err := http.NewRequest("POST", u, bytes.NewReader(make([]byte, 64<<20)))
	if err != nil {
		t.Fatal(err)
	}
	if send(client(t, c), req) == nil {
		t.Error("it went through")
	}
}

func TestOrigin(t *testing.T) {
	for a, b := range map[string]string{"https://X.com": "https://x.com:443/y", "http://x": "http://x:80"} {
		ua, _ := url.Parse(a)
		ub, _ := url.Parse(b)
		if origin(ua) != origin(ub) {
			t.Errorf("%s %s", origin(ua), origin(ub))
		}
	}
}
