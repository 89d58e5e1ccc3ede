package notify_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/notify"
	"github.com/plimsoll-dev/plimsoll/core/store"
	"github.com/plimsoll-dev/plimsoll/core/store/badgerstore"
)

const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

var morning = time.Date(2026, 7, 2, 2, 0, 0, 0, time.UTC)

// The example of the standard's own documentation.
func TestSign(t *testing.T) {
	got, err := notify.Sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`))
	if err != nil || got != "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=" {
		t.Errorf("%s %v", got, err)
	}
	for _, bad := range []string{"", "secret", "whsec_", "whsec_!!!", "whsec_c2hvcnQ=", "whsec_" + strings.Repeat("QUFB", 30)} {
		err := notify.CheckSecret(bad)
		if err == nil || len(bad) > 6 && strings.Contains(err.Error(), strings.TrimPrefix(bad, "whsec_")) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if err := notify.CheckSecret(strings.TrimRight(secret, "=")); err != nil {
		t.Error(err)
	}
}

func memory(t *testing.T) store.Store {
	t.Helper()
	db, err := badgerstore.Open(badgerstore.Config{InMemory: true, Sealer: plain{}, Now: func() time.Time { return morning }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// plain is a log that keeps nothing.
type plain struct{}

func (plain) Load(store.Reader) error                           { return nil }
func (plain) Encode(e store.Entry) ([]byte, error)              { return json.Marshal(e) }
func (plain) Seal(records [][]byte) (int64, []store.Put, error) { return 0, nil, nil }
func (plain) Settle(bool)                                       {}

// post puts a message into an outbox.
func post(t *testing.T, db store.Store, at time.Time, target, event, seed string) {
	t.Helper()
	m := notify.Message{Event: event, At: morning, Project: "desk", Text: "digest moves to haiku", Simulated: true, Data: map[string]any{"skill": "digest"}}
	puts, err := notify.Puts("default", map[string]string{target: "json"}, m, seed, at)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Commit(t.Context(), store.Batch{Puts: puts}); err != nil {
		t.Fatal(err)
	}
}

// receiver answers with what do says and keeps what it got.
type receiver struct {
	mu   sync.Mutex
	got  []*http.Request
	body []string
}

func listen(t *testing.T, do http.HandlerFunc) (*receiver, string) {
	r := &receiver{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		raw, _ := io.ReadAll(q.Body)
		r.mu.Lock()
		r.got, r.body = append(r.got, q), append(r.body, string(raw))
		r.mu.Unlock()
		do(w, q)
	}))
	t.Cleanup(s.Close)
	return r, s.URL
}

func (r *receiver) count() int { r.mu.Lock(); defer r.mu.Unlock(); return len(r.got) }

func TestDelivered(t *testing.T) {
	db := memory(t)
	r, url := listen(t, func(http.ResponseWriter, *http.Request) {})
	post(t, db, morning, "team", "moved", "1")
	post(t, db, morning, "team", "moved", "2")
	box := notify.Outbox{Store: db, Scope: "default", Now: func() time.Time { return morning }, Send: notify.Client(nil),
		Targets: map[string]notify.Target{"team": {Name: "team", URL: url + "/hook", Secret: secret}}}
	if w, err := box.Waiting(); err != nil || w["team"] != 2 {
		t.Fatal(w, err)
	}
	d, err := box.Deliver(t.Context())
	if err != nil || d.Sent != 2 || d.Left != 0 || !d.Next.IsZero() {
		t.Fatalf("%+v %v", d, err)
	}
	q := r.got[0]
	id := q.Header.Get("webhook-id")
	want, err := notify.Sign(secret, id, morning, []byte(r.body[0]))
	if err != nil || q.Header.Get("webhook-signature") != want || q.Header.Get("webhook-timestamp") != fmt.Sprint(morning.Unix()) {
		t.Errorf("%v, want %s", q.Header, want)
	}
	if id == r.got[1].Header.Get("webhook-id") || !strings.HasPrefix(id, "msg_") {
		t.Errorf("two messages have the id %s", id)
	}
	var doc map[string]any
	if err := json.Unmarshal([]byte(r.body[0]), &doc); err != nil || doc["type"] != "plimsoll.moved" || doc["id"] != id || doc["simulated"] != true || !strings.Contains(fmt.Sprint(doc["text"]), "simulated") {
		t.Errorf("%s %v", r.body[0], err)
	}
	if d, err := box.Deliver(t.Context()); err != nil || d != (notify.Delivery{}) || r.count() != 2 {
		t.Errorf("sent again: %+v %v", d, err)
	}
}

// Receivers that fail, each in its way: the message stays, keeps its id and its
// bytes, comes again after a pause that grows, and is given up after three days.
func TestFailures(t *testing.T) {
	asked := ""
	hang := make(chan struct{})
	defer close(hang)
	for name, c := range map[string]struct {
		do   http.HandlerFunc
		want string
	}{
		"fails": {func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "out\x1b[31m of order\nsecret", http.StatusServiceUnavailable)
		}, "503 Service Unavailable: out[31m of order"},
		"refuses": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) }, "404"},
		"redirects": {func(w http.ResponseWriter, q *http.Request) {
			asked = q.URL.Path
			http.Redirect(w, q, "/elsewhere", http.StatusTemporaryRedirect)
		}, "redirects are not followed"},
		"floods": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(500)
			for range 1000 {
				if _, err := w.Write(make([]byte, 64<<10)); err != nil {
					return
				}
			}
		}, "500"},
		"cuts": {func(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) }, "EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			db := memory(t)
			r, url := listen(t, c.do)
			post(t, db, morning, "team", "moved", "1")
			post(t, db, morning, "team", "moved", "2")
			now := morning
			var attempts []notify.Attempt
			box := notify.Outbox{Store: db, Scope: "default", Now: func() time.Time { return now }, Send: notify.Client(nil),
				Targets: map[string]notify.Target{"team": {Name: "team", URL: url + "/hook/secret-token"}},
				Tell:    func(a notify.Attempt) { attempts = append(attempts, a) }}
			waits := []time.Duration{5 * time.Second, time.Minute, 5 * time.Minute}
			for i, wait := range waits {
				d, err := box.Deliver(t.Context())
				if err != nil || d.Left != 2 || !d.Next.Equal(now.Add(wait)) || r.count() != i+1 {
					t.Fatalf("try %d: %+v %v, %d arrived", i, d, err, r.count())
				}
				if d, err := box.Deliver(t.Context()); err != nil || d.Left != 2 || r.count() != i+1 {
					t.Fatalf("tried before its time: %+v %v", d, err)
				}
				now = d.Next
			}
			if why := attempts[0].Err.Error(); !strings.Contains(why, c.want) || strings.Contains(why, "secret-token") || strings.Contains(why, "\x1b") {
				t.Errorf("it says %q, want %q", why, c.want)
			}
			for i := range r.got {
				if r.got[i].Header.Get("webhook-id") != r.got[0].Header.Get("webhook-id") || r.body[i] != r.body[0] {
					t.Error("another attempt is another message")
				}
			}
			now = morning.Add(notify.KeepFor + time.Second)
			n := r.count()
			if d, err := box.Deliver(t.Context()); err != nil || d.Dropped != 2 || d.Left != 0 || r.count() != n {
				t.Errorf("after three days: %+v %v", d, err)
			}
		})
	}
	if asked != "/hook/secret-token" {
		t.Errorf("a redirect was followed to %s", asked)
	}
}

// A receiver that hangs holds nobody else up, and ends with the caller.
func TestHangs(t *testing.T) {
	db := memory(t)
	quiet, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer quiet.Close()
	r, url := listen(t, func(http.ResponseWriter, *http.Request) {})
	post(t, db, morning, "deaf", "moved", "1")
	post(t, db, morning, "team", "moved", "1")
	box := notify.Outbox{Store: db, Scope: "default", Now: func() time.Time { return morning }, Send: notify.Client(nil), Targets: map[string]notify.Target{
		"deaf": {Name: "deaf", URL: "http://" + quiet.Addr().String()}, "team": {Name: "team", URL: url}}}
	ctx, stop := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer stop()
	d, err := box.Deliver(ctx)
	if err != nil || d.Sent != 1 || d.Left != 1 || r.count() != 1 {
		t.Errorf("%+v %v", d, err)
	}
}

func TestWhoIsGone(t *testing.T) {
	db := memory(t)
	r, url := listen(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(410) })
	post(t, db, morning, "team", "moved", "1")
	post(t, db, morning, "former", "moved", "1")
	post(t, db, morning, "broken", "moved", "1")
	box := notify.Outbox{Store: db, Scope: "default", Now: func() time.Time { return morning }, Send: notify.Client(nil), Targets: map[string]notify.Target{
		"team": {Name: "team", URL: url}, "broken": {Name: "broken", Broken: "the variable HOOK_SECRET is not set"}}}
	d, err := box.Deliver(t.Context())
	if err != nil || d.Dropped != 2 || d.Left != 1 || r.count() != 1 {
		t.Errorf("%+v %v", d, err)
	}
}

func TestRetryAfter(t *testing.T) {
	for header, want := range map[string]time.Duration{"": 5 * time.Second, "3": 5 * time.Second, "120": 2 * time.Minute, "99999999": 24 * time.Hour, "-5": 5 * time.Second, "soon": 5 * time.Second,
		morning.Add(time.Hour).Format(http.TimeFormat): time.Hour} {
		db := memory(t)
		_, url := listen(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", header)
			w.WriteHeader(429)
		})
		post(t, db, morning, "team", "moved", "1")
		box := notify.Outbox{Store: db, Scope: "default", Now: func() time.Time { return morning }, Send: notify.Client(nil), Targets: map[string]notify.Target{"team": {Name: "team", URL: url}}}
		if d, err := box.Deliver(t.Context()); err != nil || d.Next.Sub(morning) != want {
			t.Errorf("Retry-After %q: %v, want %v (%v)", header, d.Next.Sub(morning), want, err)
		}
	}
}

// What is too large is cut, and says so.
func TestLargeMessage(t *testing.T) {
	db := memory(t)
	r, url := listen(t, func(http.ResponseWriter, *http.Request) {})
	m := notify.Message{Event: "problem", At: morning, Project: "desk", Text: strings.Repeat("x", 300<<10), Data: map[string]any{"all": strings.Repeat("y", 300<<10)}}
	puts, err := notify.Puts("default", map[string]string{"chat": "text", "team": "json"}, m, "", morning)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Commit(t.Context(), store.Batch{Puts: puts}); err != nil {
		t.Fatal(err)
	}
	box := notify.Outbox{Store: db, Scope: "default", Now: func() time.Time { return morning }, Send: notify.Client(nil), Targets: map[string]notify.Target{"team": {Name: "team", URL: url}, "chat": {Name: "chat", URL: url}}}
	if d, err := box.Deliver(t.Context()); err != nil || d.Sent != 2 {
		t.Fatalf("%+v %v", d, err)
	}
	for _, b := range r.body {
		if len(b) > 8<<10 || !json.Valid([]byte(b)) {
			t.Errorf("%d bytes", len(b))
		}
	}
}
