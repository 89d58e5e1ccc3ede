package witness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/plimsoll-dev/plimsoll/core/audit"
	"github.com/plimsoll-dev/plimsoll/core/store"
	"github.com/plimsoll-dev/plimsoll/core/store/badgerstore"
)

var start = time.Date(2026, 7, 2, 12, 0, 0, 0, time.UTC)

func now() time.Time { return start }

// logged is a log in memory.
type logged struct {
	db  *badgerstore.DB
	log *audit.Log
}

func newLog(t testing.TB, key *audit.KeyFile) *logged {
	t.Helper()
	log := audit.New(audit.Config{Signer: key.Signer, Origin: key.Origin})
	db, err := badgerstore.Open(badgerstore.Config{InMemory: true, Now: now, Sealer: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return &logged{db, log}
}

func newKey(t testing.TB) *audit.KeyFile {
	t.Helper()
	key, err := audit.OpenKey(filepath.Join(t.TempDir(), "audit.key"))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (l *logged) grow(t testing.TB, kinds ...string) {
	t.Helper()
	for _, kind := range kinds {
		if _, err := l.db.Commit(context.Background(), store.Batch{Entries: []store.Entry{{Time: start, Kind: kind}}}); err != nil {
			t.Fatal(err)
		}
	}
}

func (l *logged) request(t testing.TB, old int64) Request {
	t.Helper()
	r, err := l.prove(old)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (l *logged) prove(old int64) (Request, error) {
	proof, checkpoint, err := audit.Consistency(l.db, old)
	return Request{Old: old, Proof: proof, Checkpoint: checkpoint}, err
}

func numbered(n int, prefix string) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("%s.%d", prefix, i)
	}
	return out
}

func newWitness(t testing.TB, logs ...string) (*Witness, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "witness.key")
	if _, err := Init(path, "w.example/audit", logs); err != nil {
		t.Fatal(err)
	}
	w, err := Open(path, now)
	if err != nil {
		t.Fatal(err)
	}
	return w, path
}

func accept(t testing.TB, w *Witness, r Request) []byte {
	t.Helper()
	line, refusal, err := w.Add(r)
	if err != nil || refusal != nil {
		t.Fatalf("%v %v", refusal, err)
	}
	signed, err := Join(r.Checkpoint, line, w.Key())
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func refusedFor(t testing.TB, w *Witness, r Request, why Reason) *Refusal {
	t.Helper()
	line, refusal, err := w.Add(r)
	if err != nil || refusal == nil || line != "" || refusal.Reason != why {
		t.Fatalf("%q %v %v, want %s", line, refusal, err, why)
	}
	return refusal
}

func TestAWitnessFollowsALogThatGrows(t *testing.T) {
	key := newKey(t)
	l := newLog(t, key)
	l.grow(t, "a")
	w, path := newWitness(t, l.log.Key())
	size := int64(0)
	for i := range 20 {
		signed := accept(t, w, l.request(t, size))
		seen, ok, err := Cosigned(signed, w.Key())
		if err != nil || !ok || seen.Size != l.log.Size() || !seen.Time.Equal(start) || seen.Name() != "w.example/audit" {
			t.Fatalf("%+v %v %v", seen, ok, err)
		}
		// The log's own signature holds beside it, by the official package.
		if _, _, err := audit.OpenCheckpoint(signed, l.log.Key()); err != nil {
			t.Fatal(err)
		}
		if _, err := audit.Contains(l.db, signed); err != nil {
			t.Fatal(err)
		}
		size = seen.Size
		if i%3 == 0 { // the same again is cosigned again
			accept(t, w, l.request(t, size))
		}
		l.grow(t, numbered(i+1, "b")...)
		if i == 10 { // another process
			if w, err = Open(path, now); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestForksAndRollbacksAreRefused(t *testing.T) {
	key := newKey(t)
	l, fork := newLog(t, key), newLog(t, key)
	l.grow(t, numbered(5, "same")...)
	fork.grow(t, numbered(5, "same")...)
	l.grow(t, "mine", "more")
	old := l.request(t, 0)
	w, path := newWitness(t, l.log.Key())
	accept(t, w, old)
	before, err := os.ReadFile(statePath(path))
	if err != nil {
		t.Fatal(err)
	}

	fork.grow(t, "other", "more")
	refusal := refusedFor(t, w, fork.request(t, 7), Fork)
	evidence, err := os.ReadFile(refusal.Evidence)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(evidence, old.Checkpoint) || !bytes.Contains(evidence, fork.request(t, 7).Checkpoint) {
		t.Error("the evidence must hold both checkpoints")
	}
	fork.grow(t, "longer")
	refusedFor(t, w, fork.request(t, 7), NoProof)
	refusedFor(t, w, Request{Old: 7, Proof: l.request(t, 3).Proof, Checkpoint: fork.request(t, 0).Checkpoint}, NoProof)

	// The fork as a whole export is known for what it is.
	dir := filepath.Join(t.TempDir(), "x")
	if _, err := audit.Export(fork.db, dir); err != nil {
		t.Fatal(err)
	}
	if _, _, refusal, err := w.AddExport(dir); err != nil || refusal == nil || refusal.Reason != Fork || refusal.Evidence == "" {
		t.Fatalf("%v %v", refusal, err)
	}

	short := newLog(t, key)
	short.grow(t, numbered(5, "same")...)
	if r := refusedFor(t, w, short.request(t, 5), Rollback); r.Size != 7 || r.Evidence == "" {
		t.Errorf("%+v", r)
	}
	// A replay of an old checkpoint with the size that is known.
	refusedFor(t, w, Request{Old: 7, Checkpoint: short.request(t, 0).Checkpoint}, Malformed)
	dir = filepath.Join(t.TempDir(), "x")
	if _, err := audit.Export(short.db, dir); err != nil {
		t.Fatal(err)
	}
	if _, _, refusal, err := w.AddExport(dir); err != nil || refusal == nil || refusal.Reason != Rollback {
		t.Fatalf("%v %v", refusal, err)
	}
	after, err := os.ReadFile(statePath(path))
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("a refusal changed the state: %v", err)
	}
	// The honest log goes on.
	l.grow(t, "next")
	accept(t, w, l.request(t, 7))
}

func TestWhatIsRefusedByForm(t *testing.T) {
	key, stranger := newKey(t), newKey(t)
	l, other := newLog(t, key), newLog(t, stranger)
	l.grow(t, numbered(9, "a")...)
	other.grow(t, "a")
	w, _ := newWitness(t, l.log.Key())
	good := l.request(t, 0)
	change := func(f func(*Request)) Request {
		r := Request{Old: good.Old, Proof: good.Proof, Checkpoint: bytes.Clone(good.Checkpoint)}
		f(&r)
		return r
	}
	refusedFor(t, w, other.request(t, 0), UnknownLog)
	refusedFor(t, w, change(func(r *Request) { r.Checkpoint = []byte("x") }), Malformed)
	refusedFor(t, w, change(func(r *Request) { r.Checkpoint[len(r.Checkpoint)-6] ^= 1 }), Unsigned)
	refusedFor(t, w, change(func(r *Request) { r.Checkpoint = bytes.Replace(r.Checkpoint, []byte("\n9\n"), []byte("\n8\n"), 1) }), Unsigned)
	refusedFor(t, w, change(func(r *Request) { r.Old = 10 }), Malformed)
	refusedFor(t, w, change(func(r *Request) { r.Old = 3 }), OldSize)
	refusedFor(t, w, change(func(r *Request) { r.Proof = l.request(t, 4).Proof }), NoProof)
	// Another key in the name of the log.
	forged := &audit.KeyFile{Origin: key.Origin, Signer: stranger.Signer}
	f := newLog(t, forged)
	f.grow(t, "a")
	refusedFor(t, w, f.request(t, 0), Unsigned)
	accept(t, w, good)
	// Every hash of a proof counts.
	l.grow(t, "b", "c")
	r := l.request(t, 9)
	for i := range r.Proof {
		bad := Request{Old: r.Old, Checkpoint: r.Checkpoint, Proof: append(r.Proof[:0:0], r.Proof...)}
		bad.Proof[i][5] ^= 1
		refusedFor(t, w, bad, NoProof)
		refusedFor(t, w, Request{Old: r.Old, Checkpoint: r.Checkpoint, Proof: append(append(r.Proof[:0:0], r.Proof[:i]...), r.Proof[i+1:]...)}, NoProof)
	}
	refusedFor(t, w, Request{Old: r.Old, Checkpoint: r.Checkpoint, Proof: append(append(r.Proof[:0:0], r.Proof...), emptyRoot)}, NoProof)
	accept(t, w, r)
}

func TestTheStateIsGuarded(t *testing.T) {
	key := newKey(t)
	l := newLog(t, key)
	l.grow(t, "a", "b")
	w, path := newWitness(t, l.log.Key())
	accept(t, w, l.request(t, 0))
	good, err := os.ReadFile(statePath(path))
	if err != nil {
		t.Fatal(err)
	}
	for name, damage := range map[string]func([]byte) []byte{
		"forgets the size":       func(b []byte) []byte { return bytes.Replace(b, []byte(`"size": 2`), []byte(`"size": 0`), 1) },
		"another root":           func(b []byte) []byte { return bytes.Replace(b, []byte(`"root": "`), []byte(`"root": "A`), 1) },
		"forgets the checkpoint": func(b []byte) []byte { return bytes.Replace(b, []byte(`"checkpoint"`), []byte(`"checkpointx"`), 1) },
		"cut off":                func(b []byte) []byte { return b[:len(b)/2] },
		"empty":                  func([]byte) []byte { return nil },
		"null":                   func([]byte) []byte { return []byte("null") },
		"newer":                  func(b []byte) []byte { return bytes.Replace(b, []byte(`"v": 1`), []byte(`"v": 2`), 1) },
		"of another witness": func(b []byte) []byte {
			return bytes.Replace(b, []byte("w.example/audit+"), []byte("x.example/audit+"), 1)
		},
	} {
		bad := damage(bytes.Clone(good))
		if bytes.Equal(bad, good) {
			t.Fatalf("%s: nothing was changed", name)
		}
		if err := os.WriteFile(statePath(path), bad, 0o600); err != nil {
			t.Fatal(err)
		}
		l.grow(t, "c")
		line, refusal, err := w.Add(l.request(t, 2))
		if line != "" || refusal == nil || refusal.Reason != Unsafe || err == nil {
			t.Errorf("%s: %q %v %v", name, line, refusal, err)
		}
	}
	if err := os.Remove(statePath(path)); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, now); err == nil || !strings.Contains(err.Error(), "must not cosign") {
		t.Errorf("%v", err)
	}
	// A new key beside an old state is refused as well.
	if err := os.WriteFile(statePath(path), good, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := Init(path, "w.example/audit", nil); err == nil {
		t.Error("a new key was made beside the state of another")
	}
}

// The race of C2SP tlog-witness: requests that are checked together must not
// roll the witness back.
func TestManyAtOnceNeverRollBack(t *testing.T) {
	key := newKey(t)
	l := newLog(t, key)
	l.grow(t, "a")
	w, path := newWitness(t, l.log.Key())
	accept(t, w, l.request(t, 0))
	var requests []Request
	for range 30 {
		l.grow(t, "b")
		requests = append(requests, l.request(t, 1))
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	good := 0
	for i := range 30 {
		wg.Go(func() {
			mine, err := Open(path, now) // each as a process of its own
			if err != nil {
				t.Error(err)
				return
			}
			line, _, err := mine.Add(requests[i])
			if err != nil {
				t.Error(err)
			}
			if line != "" {
				mu.Lock()
				good++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if good != 1 {
		t.Errorf("%d requests from 1 were cosigned, only the first may be", good)
	}
}

func TestQuorum(t *testing.T) {
	key := newKey(t)
	l := newLog(t, key)
	l.grow(t, "a")
	var keys []string
	var notes [][]byte
	for range 3 {
		w, _ := newWitness(t, l.log.Key())
		keys = append(keys, w.Key())
		notes = append(notes, accept(t, w, l.request(t, 0)))
	}
	if seen, err := Quorum(notes[:2], keys, 2); err != nil || len(seen) != 2 {
		t.Errorf("%v %v", seen, err)
	}
	if _, err := Quorum(notes[:2], keys, 0); err == nil {
		t.Error("two of three are all")
	}
	if _, err := Quorum(notes, []string{keys[0], keys[0]}, 2); err == nil {
		t.Error("one witness counted twice")
	}
	if _, err := Quorum(notes, keys, 4); err == nil {
		t.Error("four of three")
	}
	if _, err := Quorum(notes, []string{l.log.Key()}, 1); err == nil {
		t.Error("the log is no witness of its own")
	}
	// The cosignature of one checkpoint does not count under another.
	l.grow(t, "b")
	_, sigs := splitNote(notes[0])
	text, _ := splitNote(l.request(t, 0).Checkpoint)
	moved := append(append(bytes.Clone(text), '\n'), sigs...)
	if _, ok, _ := Cosigned(moved, keys[0]); ok {
		t.Error("a moved cosignature holds")
	}
	// The same key under another name is another signer, and has cosigned nothing.
	v, err := parsePublic(keys[0])
	if err != nil {
		t.Fatal(err)
	}
	if _, ok, _ := Cosigned(notes[0], formatKey("other.example", v.public)); ok {
		t.Error("another name holds")
	}
}

// The example of C2SP tlog-cosignature has no public key; the message and the key
// id are checked by the note package with a verifier of ours.
func TestTheNotePackageTakesTheCosignature(t *testing.T) {
	key := newKey(t)
	l := newLog(t, key)
	l.grow(t, "a")
	w, _ := newWitness(t, l.log.Key())
	signed := accept(t, w, l.request(t, 0))
	v, err := parsePublic(w.Key())
	if err != nil {
		t.Fatal(err)
	}
	n, err := note.Open(signed, note.VerifierList(v))
	if err != nil || len(n.Sigs) != 1 || n.Sigs[0].Name != "w.example/audit" {
		t.Fatalf("%+v %v", n, err)
	}
	if got := string(cosignedText(1679315147, []byte("example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"))); got !=
		"cosignature/v1\ntime 1679315147\nexample.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n" {
		t.Errorf("%q", got)
	}
}

func serve(t testing.TB, w *Witness) *httptest.Server {
	mux := http.NewServeMux()
	mux.Handle("/w/add-checkpoint", w.Handler(func(err error) { t.Log(err) }))
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

func TestOverHTTP(t *testing.T) {
	key := newKey(t)
	l, fork := newLog(t, key), newLog(t, key)
	l.grow(t, numbered(6, "a")...)
	fork.grow(t, numbered(6, "b")...)
	w, _ := newWitness(t, l.log.Key())
	s := serve(t, w)
	ctx, url := context.Background(), s.URL+"/w/"
	submit := func(l *logged, old int64) (Seen, error) {
		signed, err := Client{}.Submit(ctx, url, w.Key(), old, l.prove)
		if err != nil {
			return Seen{}, err
		}
		seen, ok, err := Cosigned(signed, w.Key())
		if !ok {
			t.Fatalf("not cosigned: %s", signed)
		}
		return seen, err
	}
	if seen, err := submit(l, 0); err != nil || seen.Size != 6 {
		t.Fatalf("%+v %v", seen, err)
	}
	l.grow(t, numbered(6, "c")...)
	if seen, err := submit(l, 0); err != nil || seen.Size != 12 {
		t.Fatalf("a client that forgot what the witness saw: %+v %v", seen, err)
	}
	short := newLog(t, key)
	short.grow(t, numbered(6, "a")...)
	if _, err := submit(short, 0); !errors.Is(err, errShrunk) {
		t.Errorf("a log that shrank: %v", err)
	}
	fork.grow(t, numbered(6, "c")...)
	if _, err := submit(fork, 0); err == nil || !strings.Contains(err.Error(), "another history") {
		t.Errorf("a fork of the same length: %v", err)
	}
	fork.grow(t, "d")
	if _, err := submit(fork, 0); err == nil || !strings.Contains(err.Error(), "(422)") {
		t.Errorf("a longer fork: %v", err)
	}
	stranger := newLog(t, newKey(t))
	stranger.grow(t, "a")
	if _, err := submit(stranger, 0); err == nil || !strings.Contains(err.Error(), "(404)") {
		t.Errorf("an unknown log: %v", err)
	}

	post := func(body string) (int, string) {
		t.Helper()
		resp, err := http.Post(s.URL+"/w/add-checkpoint", "text/plain", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var b bytes.Buffer
		if _, err := b.ReadFrom(resp.Body); err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, resp.Header.Get("Content-Type") + " " + b.String()
	}
	good := string(l.request(t, 12).Bytes())
	for body, want := range map[string]int{
		good: 200, "": 400, "old 12\n": 400, strings.Replace(good, "old 12", "old 012", 1): 400, strings.Replace(good, "old 12", "old 13", 1): 400,
		strings.Replace(good, "old 12", "old 3", 1): 409, strings.Repeat("a", maxRequest+1): 400, strings.Replace(good, "\n\n", "\nx\n\n", 1): 400,
		strings.Replace(good, "\n\n", "\n"+emptyRoot.String()+"\n\n", 1): 422, string(fork.request(t, 0).Bytes()): 409,
	} {
		status, answer := post(body)
		if status != want {
			t.Errorf("%.40q: %d %q, want %d", body, status, answer, want)
		}
		if want == 409 && answer != "text/x.tlog.size 12\n" {
			t.Errorf("a conflict says %q", answer)
		}
	}
	resp, err := http.Get(s.URL + "/w/add-checkpoint")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 405 {
		t.Errorf("GET: %d", resp.StatusCode)
	}
}

// A witness that lies must not get anything kept.
func TestAWitnessThatLies(t *testing.T) {
	key := newKey(t)
	l := newLog(t, key)
	l.grow(t, "a", "b")
	w, _ := newWitness(t, l.log.Key())
	other, _ := newWitness(t, l.log.Key())
	signed := accept(t, other, l.request(t, 0))
	_, theirs := splitNote(signed)
	for name, answer := range map[string]func(http.ResponseWriter){
		"nothing":        func(http.ResponseWriter) {},
		"garbage":        func(w http.ResponseWriter) { fmt.Fprint(w, "— w.example/audit AAAA\n") },
		"another's":      func(w http.ResponseWriter) { _, _ = w.Write(theirs) },
		"huge":           func(w http.ResponseWriter) { _, _ = w.Write(bytes.Repeat([]byte("a"), 1<<20)) },
		"always behind":  func(w http.ResponseWriter) { w.WriteHeader(409); fmt.Fprint(w, "1\n") },
		"ahead":          func(w http.ResponseWriter) { w.WriteHeader(409); fmt.Fprint(w, "99\n") },
		"negative":       func(w http.ResponseWriter) { w.WriteHeader(409); fmt.Fprint(w, "-1\n") },
		"moves the eyes": func(w http.ResponseWriter) { w.WriteHeader(500); fmt.Fprint(w, "\x1b[2J") },
		"redirect":       func(w http.ResponseWriter) { w.Header().Set("Location", "http://127.0.0.1:1/"); w.WriteHeader(307) },
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { answer(w) }))
		_, err := Client{}.Submit(context.Background(), s.URL, w.Key(), 0, l.prove)
		s.Close()
		if err == nil || strings.Contains(err.Error(), "\x1b") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhereWitnessesAre(t *testing.T) {
	for prefix, want := range map[string]string{
		"https://w.example": "https://w.example/add-checkpoint", "https://w.example/a/": "https://w.example/a/add-checkpoint", "http://127.0.0.1:1": "http://127.0.0.1:1/add-checkpoint",
		"http://w.example": "", "ftp://w.example": "", "w.example": "", "https://a:b@w.example": "", "https://w.example?a": "",
	} {
		if got, err := submitURL(prefix); got != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q %v", prefix, got, err)
		}
	}
}

func TestKeys(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	k, err := NewKey("w.example/audit")
	if err != nil {
		t.Fatal(err)
	}
	if err := WriteKey(path, k); err != nil {
		t.Fatal(err)
	}
	if err := WriteKey(path, k); err == nil {
		t.Error("a key was written over")
	}
	again, err := ReadKey(path)
	if err != nil || again.Public() != k.Public() {
		t.Fatalf("%v", err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range raw[:len(raw)-2] {
		bad := bytes.Clone(raw)
		bad[i] ^= 2
		if k, err := parsePrivate(strings.TrimSpace(string(bad))); err == nil {
			t.Errorf("byte %d changed, and it is the key of %s", i, k.Public())
		} else if strings.Contains(err.Error(), string(raw[len(raw)-20:len(raw)-1])) {
			t.Error("the error shows the key")
		}
	}
	for _, name := range []string{"", "a b", "a+b", "a\nb", "\x1b[2J", strings.Repeat("a", 256), "\xff"} {
		if _, err := NewKey(name); err == nil {
			t.Errorf("%q is a name", name)
		}
	}
}

func TestEvidenceIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	for i := range 3 * maxEvidence {
		keepEvidence(path, &Refusal{Reason: Rollback}, "", fmt.Append(nil, i), start)
	}
	if keepEvidence(path, &Refusal{Reason: Fork}, "", []byte("x"), start) == "" {
		t.Error("replays of old checkpoints crowd out the evidence of a fork")
	}
	names, err := os.ReadDir(evidencePath(path))
	if err != nil || len(names) != maxEvidence+1 {
		t.Errorf("%d files, %v", len(names), err)
	}
}

func FuzzRequest(f *testing.F) {
	f.Add([]byte("old 0\n\nplimsoll/0123456789abcdef\n5\n1EtzkpzmOSNLvEFTitOxg+2MsBq9Fbo3NeFmQFZmgd0=\n\n— plimsoll/0123456789abcdef P/Y01E1Fqq2NYQBJLpg30V45nD5FlGa8WL/+T19aO9+E2VBAWlZ48TQPDhVFtiZ6DwQDWZ2r/7JwEbXovKbeayXVbgI=\n"))
	f.Add([]byte("old 5\n1EtzkpzmOSNLvEFTitOxg+2MsBq9Fbo3NeFmQFZmgd0=\n\na\n6\n1EtzkpzmOSNLvEFTitOxg+2MsBq9Fbo3NeFmQFZmgd0=\n\n— a AAAA\n"))
	f.Add([]byte("old -1\n\n\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := ParseRequest(raw)
		if err != nil {
			return
		}
		if !bytes.Equal(r.Bytes(), raw) {
			t.Fatalf("%q is read and written as %q", raw, r.Bytes())
		}
	})
}

func FuzzCosigned(f *testing.F) {
	key := newKey(f)
	l := newLog(f, key)
	l.grow(f, "a")
	w, _ := newWitness(f, l.log.Key())
	signed := accept(f, w, l.request(f, 0))
	text, _ := splitNote(signed)
	f.Add(signed)
	f.Add([]byte("a\n1\n1EtzkpzmOSNLvEFTitOxg+2MsBq9Fbo3NeFmQFZmgd0=\n\n— w.example/audit AAAAAAAA\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if _, ok, err := Cosigned(raw, w.Key()); err != nil || ok && !bytes.HasPrefix(raw, text) {
			t.Fatalf("%q holds, %v", raw, err)
		}
	})
}

func FuzzKeys(f *testing.F) {
	k, err := NewKey("w.example")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(k.Public())
	f.Add("a+00000000+")
	f.Fuzz(func(t *testing.T, line string) {
		if v, err := parsePublic(line); err == nil && formatKey(v.name, v.public) != line {
			// base64 has spellings that mean the same
			if again, err := parsePublic(formatKey(v.name, v.public)); err != nil || again.id != v.id {
				t.Fatalf("%q", line)
			}
		}
		_, _ = parsePrivate(line)
	})
}
