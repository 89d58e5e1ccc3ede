package cassette

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/plimsoll-dev/plimsoll/sdk/backend"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
	"pgregory.net/rapid"
)

// recordOne records one answer with the secret as a variable and gives what the
// folder holds.
func recordOne(t *testing.T, dir string, answer func(out backend.Sink) error, secrets map[string]string) string {
	t.Helper()
	recorded, err := Record(&talker{script: []func(backend.Sink) error{answer}}, dir, writeFile, secrets)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = generate(recorded, request("hello"))
	return readAll(t, dir)
}

// Whatever dress the value of a variable wears, no file holds it.
func TestSecretsInDisguiseReachNoFile(t *testing.T) {
	const value = `p/a+ss"wörd\<9>`
	once, _ := json.Marshal(value)
	twice, _ := json.Marshal(string(once))
	byRune := ""
	for _, r := range value {
		byRune += fmt.Sprintf(`\u%04x`, r)
	}
	for name, form := range map[string]string{
		"JSON": string(once), "JSON in JSON": string(twice), "escaped slashes": strings.ReplaceAll(quoted(value, false), "/", `\/`),
		"every character escaped": byRune, "query": url.QueryEscape(value), "path": url.PathEscape(value),
		"base64": base64.StdEncoding.EncodeToString([]byte(value)), "base64 for URLs": base64.RawURLEncoding.EncodeToString([]byte(value)),
	} {
		t.Run(name, func(t *testing.T) {
			whole := recordOne(t, t.TempDir(), func(out backend.Sink) error { return errors.Join(out.Text("it is "+form), done(out)) }, map[string]string{"PASS": value})
			split := recordOne(t, t.TempDir(), func(out backend.Sink) error {
				for _, c := range form {
					_ = out.Text(string(c))
				}
				return done(out)
			}, map[string]string{"PASS": value})
			args, _ := json.Marshal(map[string]any{"a": []any{form, 1}})
			called := recordOne(t, t.TempDir(), func(out backend.Sink) error {
				return errors.Join(out.ToolCall(message.ToolCall{ID: "1", Name: "f", Arguments: args}), done(out))
			}, map[string]string{"PASS": value})
			for how, all := range map[string]string{"whole": whole, "split": split, "argument": called} {
				if strings.Contains(all, quoted(form, false)) || !strings.Contains(all, "PASS") {
					t.Errorf("%s: %s", how, all)
				}
			}
		})
	}
}

func TestWhatLooksLikeACredentialReachesNoFile(t *testing.T) {
	for _, c := range []struct{ text, hide string }{
		{"Authorization: Bearer abc.DEF-123", "abc.DEF-123"},
		{`{"authorization": "Basic dXNlcjpwYXNz1"}`, "dXNlcjpwYXNz1"},
		{`curl -H 'x-api-key: 0123456789abcdef0'`, "0123456789abcdef0"},
		{"use sk-" + strings.Repeat("a1", 15) + " now", strings.Repeat("a1", 15)},
		{"a bearer eyJhbGciOiJIUzI1NiJ9.e30.c2ln", "eyJhbGciOiJIUzI1NiJ9"},
	} {
		dir := t.TempDir()
		half := len(c.text) - 5
		all := recordOne(t, dir, func(out backend.Sink) error {
			return errors.Join(out.Text(c.text[:half]), out.Text(c.text[half:]), done(out))
		}, nil)
		if strings.Contains(all, c.hide) || !strings.Contains(all, "[credential]") {
			t.Errorf("an answer holds %s: %s", c.hide, all)
		}
		// In a request it is taken out when recording and when playing: the call is
		// made, and found again.
		dir = t.TempDir()
		m := &talker{script: []func(backend.Sink) error{done}}
		recorded, err := Record(m, dir, writeFile, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := generate(recorded, request(c.text)); err != nil {
			t.Fatal(err)
		}
		if all := readAll(t, dir); strings.Contains(all, c.hide) {
			t.Errorf("a request holds %s: %s", c.hide, all)
		}
		played, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := generate(played, request(c.text)); err != nil {
			t.Errorf("recorded and not found: %v", err)
		}
	}
	for _, text := range []string{
		"a bearer of-misunderstandings-and-more", "basic understanding is enough", "the api_key: rotate-it-every-quarter", "task-force-of-the-year-2026-in-bremen",
	} {
		if got := scrub(text); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
}

// Redaction changes what holds a secret and nothing else, whatever the text is
// and wherever a delta ends.
func TestOnlySecretsAreTakenOut(t *testing.T) {
	r := newRedactor(map[string]string{"LONG": "hunter2-hunter2", "PART": "hunter2"})
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOf(rapid.SampledFrom([]rune(`abc 1"\/{}<ü`))).Draw(t, "text")
		if got := r.text(text); got != text {
			t.Fatalf("%q became %q", text, got)
		}
		at := rapid.IntRange(0, len([]rune(text))).Draw(t, "at")
		with := string([]rune(text)[:at]) + "hunter2-hunter2" + string([]rune(text)[at:])
		if got := r.text(with); strings.Contains(got, "hunter2") || !strings.Contains(got, "LONG") {
			t.Fatalf("%q became %q", with, got)
		}
		args, _ := json.Marshal(map[string]string{text: text})
		if got := r.arguments(string(args)); got != string(args) {
			t.Fatalf("%s became %s", args, got)
		}
	})
}

// What the caller gave up is no answer of the backend.
func TestACancelledCallIsNotRecorded(t *testing.T) {
	for name, end := range map[string]error{"cancelled": context.Canceled, "out of time": context.DeadlineExceeded} {
		dir := t.TempDir()
		ctx, cancel := context.WithCancel(t.Context())
		m := &talker{script: []func(backend.Sink) error{func(out backend.Sink) error {
			if errors.Is(end, context.Canceled) {
				cancel()
			}
			return backend.Errorf(backend.Cancelled, "%v", end)
		}}}
		recorded, err := Record(m, dir, writeFile, nil)
		if err != nil {
			t.Fatal(err)
		}
		_ = recorded.Generate(ctx, request("x"), &stream{})
		cancel()
		if kept := readAll(t, dir) != ""; kept == errors.Is(end, context.Canceled) {
			t.Errorf("%s: kept is %v", name, kept)
		}
	}
}

// A delta that ends inside a character cannot be kept in JSON.
func TestADeltaThatIsNotUTF8IsLoud(t *testing.T) {
	recorded, err := Record(&talker{script: []func(backend.Sink) error{
		func(out backend.Sink) error { return errors.Join(out.Text("h\xc3"), out.Text("\xa9"), done(out)) },
	}}, t.TempDir(), writeFile, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := generate(recorded, request("x")); err == nil || !strings.Contains(err.Error(), "not UTF-8") {
		t.Errorf("%v", err)
	}
}
