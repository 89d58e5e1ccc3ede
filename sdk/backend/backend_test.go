package backend

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// scripted does what its function says.
type scripted func(ctx context.Context, req message.Request, out Sink) error

func (scripted) Describe(context.Context) (Description, error) {
	return Description{Version: "0.1.0", Simulated: true, ConfigSchema: []ConfigField{
		{Name: "m", Type: TypeMap, Elem: &ConfigField{Type: TypeObject, Fields: []ConfigField{{Name: "x", Type: TypeNumber, Required: true, Doc: "d"}}}},
	}}, nil
}

func (s scripted) Generate(ctx context.Context, req message.Request, out Sink) error {
	return s(ctx, req, out)
}

func serve(t *testing.T, f scripted) *Harness {
	t.Helper()
	return NewHarness(t, func(map[string]any) (Model, error) { return f, nil }, nil)
}

func finish(out Sink) error {
	return out.Done(message.Usage{Input: 3, Output: 2}, message.FinishStop, "m-real")
}

func TestAnswerArrivesWhole(t *testing.T) {
	h := serve(t, func(_ context.Context, req message.Request, out Sink) error {
		return errors.Join(
			out.Text("The mark "), out.Text("on the hull: "+req.Messages[0].String()),
			out.ToolCall(message.ToolCall{ID: "1", Name: "f", Arguments: []byte(`{"a":1}`)}),
			finish(out))
	})
	r, err := h.Ask(t.Context(), message.Request{Model: "m", Messages: []message.Message{message.Text(message.User, "süß")}})
	if err != nil {
		t.Fatal(err)
	}
	if r.Message.String() != "The mark on the hull: süß" || len(r.Message.ToolCalls) != 1 || r.Usage.Input != 3 || r.Finish != message.FinishStop || r.Model != "m-real" {
		t.Errorf("%+v", r)
	}
}

// What an implementation may do wrong, and what the host sees of it.
func TestContractIsHeld(t *testing.T) {
	for _, c := range []struct {
		name string
		code ErrorCode // empty: it works
		want string
		f    scripted
	}{
		{"typed error", RateLimited, "slow", func(context.Context, message.Request, Sink) error {
			return &Error{Code: RateLimited, Message: "slow", RetryAfter: time.Second}
		}},
		{"wrapped error", Auth, "key", func(context.Context, message.Request, Sink) error {
			return fmt.Errorf("asking: %w", Errorf(Auth, "no key"))
		}},
		{"plain error", Unavailable, "refused", func(context.Context, message.Request, Sink) error { return errors.New("connection refused") }},
		{"no done", Unavailable, "without Done", func(_ context.Context, _ message.Request, out Sink) error { return out.Text("x") }},
		{"two dones", "", "", func(_ context.Context, _ message.Request, out Sink) error {
			return errors.Join(finish(out), mustFail(finish(out)))
		}},
		{"text after done", "", "", func(_ context.Context, _ message.Request, out Sink) error {
			return errors.Join(finish(out), mustFail(out.Text("late")), mustFail(out.ToolCall(message.ToolCall{Arguments: []byte("{}")})))
		}},
		{"error after done", "", "", func(_ context.Context, _ message.Request, out Sink) error {
			return errors.Join(finish(out), errors.New("closing the connection"))
		}},
		{"no model id", Unavailable, "id of the model", func(_ context.Context, _ message.Request, out Sink) error {
			return out.Done(message.Usage{}, message.FinishStop, "")
		}},
		{"arguments are no object", Unavailable, "not a JSON object", func(_ context.Context, _ message.Request, out Sink) error {
			return out.ToolCall(message.ToolCall{Name: "f", Arguments: []byte(`[1]`)})
		}},
		{"error is not UTF-8", Unavailable, "\uFFFD", func(context.Context, message.Request, Sink) error { return errors.New("\xff") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := serve(t, c.f).Ask(t.Context(), message.Request{Model: "m"})
			var lost *LostError
			switch {
			case c.code == "" && err != nil:
				t.Error(err)
			case c.code == "":
			case err == nil || AsError(err).Code != c.code || !strings.Contains(err.Error(), c.want) || errors.As(err, &lost):
				t.Errorf("got %v", err)
			}
		})
	}
}

// mustFail turns an error that has to come into nil, and its absence into one.
func mustFail(err error) error {
	if errors.Is(err, ErrFinished) {
		return nil
	}
	return Errorf(InvalidRequest, "something was let through after Done: %v", err)
}

func TestDeltasMaySplitCharacters(t *testing.T) {
	whole := "süß €uro 😀 end"
	for size := 1; size <= 5; size++ {
		h := serve(t, func(_ context.Context, _ message.Request, out Sink) error {
			for i := 0; i < len(whole); i += size {
				if err := out.Text(whole[i:min(i+size, len(whole))]); err != nil {
					return err
				}
			}
			return finish(out)
		})
		if r, err := h.Ask(t.Context(), message.Request{Model: "m"}); err != nil || r.Message.String() != whole {
			t.Errorf("in parts of %d: %q, %v", size, r.Message.String(), err)
		}
	}
}

func FuzzSink(f *testing.F) {
	f.Add("a\xffb", "\xe2\x82", 1)
	f.Add("😀", "", 3)
	f.Fuzz(func(t *testing.T, a, b string, cut int) {
		whole := a + b
		cut = min(max(cut, 0), len(whole))
		h := &recordingSink{}
		s := h.sink()
		if err := errors.Join(s.Text(whole[:cut]), s.Text(whole[cut:]), finish(s)); err != nil {
			t.Fatal(err)
		}
		if !utf8.ValidString(h.text) {
			t.Errorf("%q is not UTF-8", h.text)
		}
		if utf8.ValidString(whole) && h.text != whole {
			t.Errorf("%q became %q", whole, h.text)
		}
	})
}

func TestCancelReachesTheBackend(t *testing.T) {
	heard := make(chan struct{})
	h := serve(t, func(ctx context.Context, _ message.Request, out Sink) error {
		_ = out.Text("x")
		<-ctx.Done()
		close(heard)
		return ctx.Err()
	})
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	_, err := h.Ask(ctx, message.Request{Model: "m"})
	var lost *LostError
	if !errors.As(err, &lost) || AsError(err).Code != Cancelled {
		t.Errorf("a cancelled call is %v", err)
	}
	select {
	case <-heard:
	case <-time.After(2 * time.Second):
		t.Error("the backend never heard of it")
	}
}

func TestFloodEndsTheStream(t *testing.T) {
	ended := make(chan error, 1)
	h := serve(t, func(_ context.Context, _ message.Request, out Sink) error {
		for {
			if err := out.Text(strings.Repeat("x", 3<<20)); err != nil {
				ended <- err
				return err
			}
		}
	})
	r, err := h.Ask(t.Context(), message.Request{Model: "m"})
	if err == nil || !strings.Contains(err.Error(), "floods") || len(r.Message.String()) > MaxAnswer {
		t.Errorf("%v, %d bytes", err, len(r.Message.String()))
	}
	select {
	case <-ended:
	case <-time.After(5 * time.Second):
		t.Error("the backend goes on")
	}
}

func TestTooLargeIsRefusedBeforeItIsSent(t *testing.T) {
	h := serve(t, func(_ context.Context, _ message.Request, out Sink) error { return finish(out) })
	for name, text := range map[string]string{"size": strings.Repeat("x", MaxMessage), "not UTF-8": "\xff"} {
		_, err := h.Ask(t.Context(), message.Request{Model: "m", Messages: []message.Message{message.Text(message.User, text)}})
		var lost *LostError
		if err == nil || AsError(err).Code != InvalidRequest || errors.As(err, &lost) {
			t.Errorf("%s: %.200v", name, err)
		}
	}
}

func TestConfigure(t *testing.T) {
	var got map[string]any
	f := func(config map[string]any) (Model, error) {
		if config == nil {
			return scripted(nil), nil
		}
		if config["bad"] != nil {
			return nil, errors.New("bad is bad")
		}
		got = config
		return scripted(func(_ context.Context, _ message.Request, out Sink) error { return finish(out) }), nil
	}
	h := Unconfigured(t, f)
	if d, err := h.Describe(t.Context()); err != nil || d.Name != "harness" || d.Version != "0.1.0" || d.ConfigSchema[0].Elem.Fields[0].Name != "x" || !d.Simulated {
		t.Errorf("described before it is configured: %+v %v", d, err)
	}
	if _, err := h.Ask(t.Context(), message.Request{Model: "m"}); AsError(err).Code != InvalidRequest {
		t.Errorf("a call before Configure: %v", err)
	}
	if err := h.Configure(t.Context(), map[string]any{"bad": true}); AsError(err).Code != InvalidRequest || AsError(err).Retryable {
		t.Errorf("a refused config: %v", err)
	}
	if err := h.Configure(t.Context(), map[string]any{"seed": int64(1)<<60 + 1, "rate": 0.5, "list": []any{1}, "m": map[string]any{"n": nil}}); err != nil {
		t.Fatal(err)
	}
	if got["seed"] != int64(1)<<60+1 || got["rate"] != 0.5 || got["list"].([]any)[0] != int64(1) {
		t.Errorf("values arrive as %#v", got)
	}
	if err := h.Configure(t.Context(), nil); err == nil {
		t.Error("a second Configure with other values is accepted")
	}
	if err := h.Configure(t.Context(), map[string]any{"m": map[string]any{"n": nil}, "seed": int64(1)<<60 + 1, "rate": 0.5, "list": []any{1}}); err != nil {
		t.Errorf("the same values again: %v", err)
	}
}

func TestDecodeConfig(t *testing.T) {
	var cfg struct {
		URL string `json:"url"`
	}
	if err := DecodeConfig(map[string]any{"url": "x"}, &cfg); err != nil || cfg.URL != "x" {
		t.Error(cfg, err)
	}
	for _, bad := range []map[string]any{{"ulr": "x"}, {"url": 3}, {"url": func() {}}} {
		if err := DecodeConfig(bad, &cfg); AsError(err).Code != InvalidRequest {
			t.Errorf("%v: %v", bad, err)
		}
	}
}

func FuzzDecodeConfigJSON(f *testing.F) {
	f.Add([]byte(`{"a":[1,2.5,{"b":null}],"c":1e400}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if config, err := decodeConfigJSON(raw); err == nil && config == nil {
			t.Errorf("%q gives a nil config, which means describe only", raw)
		}
	})
}

func TestDieWithEndsOnlyWhenTheHostIsGone(t *testing.T) {
	read, write := io.Pipe()
	exited := make(chan bool, 1)
	go dieWith(read, func() { exited <- true })
	if _, err := write.Write([]byte("a host that writes is still there")); err != nil {
		t.Fatal(err)
	}
	select {
	case <-exited:
		t.Fatal("it died of a byte")
	case <-time.After(20 * time.Millisecond):
	}
	if err := write.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-exited:
	case <-time.After(time.Second):
		t.Error("it outlives its host")
	}
}

func TestStatusesBecomeTypedErrors(t *testing.T) {
	for code, want := range map[codes.Code]ErrorCode{
		codes.Canceled: Cancelled, codes.DeadlineExceeded: Cancelled, codes.Unauthenticated: Auth, codes.PermissionDenied: Auth,
		codes.InvalidArgument: InvalidRequest, codes.Unimplemented: InvalidRequest, codes.Unavailable: Unavailable, codes.Internal: Unavailable, codes.ResourceExhausted: Unavailable,
	} {
		if got := AsError(fromStatus(status.Error(code, "x"))).Code; got != want {
			t.Errorf("%s becomes %s, want %s", code, got, want)
		}
	}
	if AsError(nil) != nil || AsError(context.Canceled).Code != Cancelled {
		t.Error("AsError of nil or a context error")
	}
}

func TestOnlyTheHostsSocketFolderIsRemoved(t *testing.T) {
	for _, c := range []struct {
		path string
		gone bool
	}{
		{"plimsoll-1/plugin-dir2", true},
		{"home/plugin-dir2", false},
		{"plimsoll-1/precious", false},
	} {
		dir := filepath.Join(t.TempDir(), filepath.FromSlash(c.path))
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		leaveNoSocket(dir)
		if _, err := os.Stat(filepath.Dir(dir)); errors.Is(err, os.ErrNotExist) != c.gone {
			t.Errorf("%s: %v", c.path, err)
		}
	}
	leaveNoSocket("") // a plugin without a folder of its own, on Windows
}
