package cassette

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/sdk/backend"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// talker plays a script, one entry per call, and remembers that it was asked.
type talker struct {
	script []func(out backend.Sink) error
	asked  int
}

func (*talker) Describe(context.Context) (backend.Description, error) {
	return backend.Description{Name: "talker", Version: "1.0.0", Simulated: true}, nil
}

func (m *talker) Generate(_ context.Context, _ message.Request, out backend.Sink) error {
	m.asked++
	return m.script[m.asked-1](out)
}

func writeFile(path string, data []byte) error { return os.WriteFile(path, data, 0o600) }

func request(text string) message.Request {
	return message.Request{
		Model: "m", Messages: []message.Message{message.Text(message.System, "Be brief.\nBe kind."), message.Text(message.User, text)},
		Session: "s1", Idempotency: "run-1/c1", Metadata: map[string]string{"plimsoll.truth": "the reference"},
	}
}

// stream is an answer as its parts.
type stream struct{ parts []string }

func (s *stream) Text(d string) error { s.parts = append(s.parts, "text "+d); return nil }
func (s *stream) ToolCall(c message.ToolCall) error {
	s.parts = append(s.parts, fmt.Sprintf("call %s %s %s", c.ID, c.Name, c.Arguments))
	return nil
}

func (s *stream) Done(u message.Usage, f message.Finish, m string) error {
	s.parts = append(s.parts, fmt.Sprintf("done %+v %s %s", u, f, m))
	return nil
}

func generate(m backend.Model, req message.Request) ([]string, error) {
	var s stream
	err := m.Generate(context.Background(), req, &s)
	return s.parts, err
}

func done(out backend.Sink) error {
	return out.Done(message.Usage{Input: 10, CachedInput: 5, Output: 3, Reasoning: 1}, message.FinishStop, "m-2026")
}

func TestReplayIsTheRecording(t *testing.T) {
	dir := t.TempDir()
	m := &talker{script: []func(backend.Sink) error{
		func(out backend.Sink) error {
			return errors.Join(out.Text("Hé"), out.Text(""), out.Text("llo <b>&\u2028"), out.ToolCall(message.ToolCall{ID: "1", Name: "f", Arguments: []byte(`{"a": 1.0}`)}), done(out))
		},
		func(out backend.Sink) error {
			_ = out.Text("half")
			return &backend.Error{Code: backend.RateLimited, Message: "slow", RetryAfter: 1500 * time.Millisecond, Retryable: true}
		},
		func(out backend.Sink) error {
			_ = out.Text("cut")
			return &backend.LostError{Err: backend.Errorf(backend.Unavailable, "it died")}
		},
		func(out backend.Sink) error { return errors.Join(out.Text("second"), done(out)) },
	}}
	recorded, err := Record(m, dir, writeFile, nil)
	if err != nil {
		t.Fatal(err)
	}
	texts := []string{"one", "two", "three", "one"}
	var wantParts [][]string
	var wantErrs []error
	for _, text := range texts {
		parts, err := generate(recorded, request(text))
		wantParts, wantErrs = append(wantParts, parts), append(wantErrs, err)
	}
	played, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if played.Len() != 4 {
		t.Errorf("%d recordings", played.Len())
	}
	for i, text := range texts {
		req := request(text)
		req.Session, req.Idempotency, req.Metadata = "s2", "run-2/c7", nil // decide nothing
		parts, err := generate(played, req)
		if !reflect.DeepEqual(parts, wantParts[i]) {
			t.Errorf("call %d: %q, was %q", i, parts, wantParts[i])
		}
		if !sameError(err, wantErrs[i]) {
			t.Errorf("call %d: error %#v, was %#v", i, err, wantErrs[i])
		}
	}
	if parts, _ := generate(played, request("one")); !strings.Contains(strings.Join(parts, ""), "second") {
		t.Errorf("after the last take it is not the last take that is played: %q", parts)
	}
	if d, _ := played.Describe(context.Background()); !d.Simulated || len(d.Models) != 1 || d.Models[0].ID != "m" {
		t.Errorf("%+v", d)
	}
}

func sameError(a, b error) bool {
	var lostA, lostB *backend.LostError
	if errors.As(a, &lostA) != errors.As(b, &lostB) || (a == nil) != (b == nil) {
		return false
	}
	return a == nil || *backend.AsError(a) == *backend.AsError(b)
}

func TestMetadataIsNotKept(t *testing.T) {
	dir := t.TempDir()
	m := &talker{script: []func(backend.Sink) error{done}}
	recorded, err := Record(m, dir, writeFile, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := generate(recorded, request("x")); err != nil {
		t.Fatal(err)
	}
	if all := readAll(t, dir); strings.Contains(all, "the reference") || strings.Contains(all, "run-1") {
		t.Errorf("kept: %s", all)
	}
}

const secret = `sk-"quoted"\123`

func TestSecretsReachNoFile(t *testing.T) {
	for name, answer := range map[string]func(out backend.Sink) error{
		"in text": func(out backend.Sink) error { return errors.Join(out.Text("your key is "+secret+"!"), done(out)) },
		"split in text": func(out backend.Sink) error {
			return errors.Join(out.Text("key "+secret[:5]), out.Text(secret[5:]+"!"), done(out))
		},
		"around a call": func(out backend.Sink) error {
			return errors.Join(out.Text(secret[:5]), out.ToolCall(message.ToolCall{Name: "f", Arguments: []byte(`{}`)}), out.Text(secret[5:]), done(out))
		},
		"in an error":    func(backend.Sink) error { return backend.Errorf(backend.Auth, "bad key %s", secret) },
		"in a lost call": func(backend.Sink) error { return &backend.LostError{Err: errors.New("panic: " + secret)} },
		"in arguments": func(out backend.Sink) error {
			raw, _ := json.Marshal(map[string]string{"k": secret})
			return errors.Join(out.ToolCall(message.ToolCall{Name: "f", Arguments: raw}), done(out))
		},
		"in the model id": func(out backend.Sink) error { return out.Done(message.Usage{}, message.FinishStop, secret) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			recorded, err := Record(&talker{script: []func(backend.Sink) error{answer}}, dir, writeFile, map[string]string{"API_KEY": secret, "EMPTY": "", "ONE": "1"})
			if err != nil {
				t.Fatal(err)
			}
			_, _ = generate(recorded, request("1 hello"))
			all := readAll(t, dir)
			if strings.Contains(all, "sk-") || strings.Contains(all, "quoted") || !strings.Contains(all, "API_KEY") {
				t.Errorf("the recording holds: %s", all)
			}
			played, err := Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			parts, err := generate(played, request("1 hello"))
			if whole := fmt.Sprint(parts, err); strings.Contains(whole, "quoted") || !strings.Contains(whole, "[API_KEY]") {
				t.Errorf("played: %s", whole)
			}
		})
	}
}

func TestSecretInARequestIsRefused(t *testing.T) {
	dir := t.TempDir()
	m := &talker{}
	recorded, err := Record(m, dir, writeFile, map[string]string{"API_KEY": secret})
	if err != nil {
		t.Fatal(err)
	}
	_, err = generate(recorded, request("use "+secret))
	if err == nil || !strings.Contains(err.Error(), "API_KEY") || strings.Contains(err.Error(), "quoted") || m.asked != 0 {
		t.Errorf("%v; asked %d times", err, m.asked)
	}
	if all := readAll(t, dir); all != "" {
		t.Errorf("kept: %s", all)
	}
}

func TestUnwritableRecordingIsLoud(t *testing.T) {
	m := &talker{script: []func(backend.Sink) error{done}}
	recorded, err := Record(m, t.TempDir(), func(string, []byte) error { return errors.New("disk full") }, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := generate(recorded, request("x")); err == nil || !strings.Contains(err.Error(), "disk full") {
		t.Errorf("%v", err)
	}
}

func TestMissShowsTheNearest(t *testing.T) {
	dir := t.TempDir()
	m := &talker{script: []func(backend.Sink) error{done, done, done}}
	recorded, err := Record(m, dir, writeFile, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"Something else entirely\nwith\nmany\nlines", "Write to Mara\nabout Friday", "7"} {
		if _, err := generate(recorded, request(text)); err != nil {
			t.Fatal(err)
		}
	}
	played, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	_, err = generate(played, request("Write to Mara\nabout Monday"))
	if e := backend.AsError(err); e.Code != backend.InvalidRequest || e.Retryable {
		t.Errorf("a miss is %+v", e)
	}
	for _, want := range []string{"not among the 3 recorded", "-     about Friday", "+     about Monday"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the miss lacks %q:\n%v", want, err)
		}
	}
	if strings.Contains(err.Error(), "Something else") || strings.Contains(err.Error(), "Be kind") {
		t.Errorf("the miss shows more than the difference:\n%v", err)
	}
	_, err = generate(played, request(strings.Repeat("line\n", 5000)))
	if n := strings.Count(err.Error(), "\n"); n > diffLines+5 {
		t.Errorf("a large difference is shown in %d lines", n)
	}
	empty, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if _, err = generate(empty, request("x")); !strings.Contains(err.Error(), "nothing is recorded") {
		t.Errorf("an empty cassette: %v", err)
	}
}

func TestDamagedRecordingsAreFoundAtOnce(t *testing.T) {
	good := func(t *testing.T) (string, string) {
		dir := t.TempDir()
		recorded, err := Record(&talker{script: []func(backend.Sink) error{done}}, dir, writeFile, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := generate(recorded, request("hello")); err != nil {
			t.Fatal(err)
		}
		names, err := filepath.Glob(filepath.Join(dir, "*.json"))
		if err != nil || len(names) != 1 {
			t.Fatal(names, err)
		}
		return dir, names[0]
	}
	for name, c := range map[string]struct{ old, new, want string }{
		"request edited": {"hello", "hullo", "changed by hand"},
		"answer edited":  {`"output": 3`, `"output": 2`, "changed by hand"},
		"model edited":   {"m-2026", "m-2027", "changed by hand"},
		"label edited":   {`"simulated": true`, `"simulated": false`, "changed by hand"},
		"digest edited":  {`"digest": "`, `"digest": "0`, "changed by hand"},
		"other version":  {`"version": 2`, `"version": 1`, "format version 1"},
		"unknown key":    {`"version": 2`, `"version": 2, "x": 1`, "unknown field"},
		"no end":         {`"done"`, `"dome"`, "unknown field"},
		"cut off":        {"\n}\n", "", "reading"},
	} {
		t.Run(name, func(t *testing.T) {
			dir, file := good(t)
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			changed := strings.Replace(string(raw), c.old, c.new, 1)
			if changed == string(raw) {
				t.Fatal("nothing to change")
			}
			if err := writeFile(file, []byte(changed)); err != nil {
				t.Fatal(err)
			}
			if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v", err)
			}
		})
	}
	for _, raw := range []string{
		`{"version":2,"request":{"model":"m","messages":[]},"events":[]}`,
		`{"version":2,"request":{"model":"m","messages":[]},"events":[{"text":"a"}]}`,
		`{"version":2,"request":{"model":"m","messages":[]},"events":[{"error":{"code":"auth","message":""}},{"text":"a"}]}`,
		`{"version":2,"request":{"model":"m","messages":[]},"events":[{}]}`,
		`{"version":2,"request":3,"events":[{"error":{"code":"auth","message":""}}]}`,
	} {
		if _, err := Decode([]byte(raw)); err == nil {
			t.Errorf("accepted: %s", raw)
		}
	}
}

func readAll(t *testing.T, dir string) string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, n := range names {
		raw, err := os.ReadFile(n)
		if err != nil {
			t.Fatal(err)
		}
		b.Write(raw)
	}
	return b.String()
}
