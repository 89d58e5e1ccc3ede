package backend

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"pgregory.net/rapid"

	pb "github.com/plimsoll-dev/plimsoll/sdk/backend/proto/v1"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// agent is a Runner that does what its function says.
type agent func(ctx context.Context, task Task) (Result, error)

func (a agent) Execute(ctx context.Context, task Task) (Result, error) { return a(ctx, task) }

type running struct {
	scripted
	agent
}

func runs(t *testing.T, a agent) *Harness {
	t.Helper()
	return NewHarness(t, func(map[string]any) (Model, error) { return running{agent: a}, nil }, nil)
}

func aTask() Task { return Task{Input: json.RawMessage(`"fix it"`)} }

func TestRunnerLosesNothing(t *testing.T) {
	var asked Task
	var answer Result
	h := runs(t, func(_ context.Context, task Task) (Result, error) { asked = task; return answer, nil })
	folder := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		var task Task
		fill(rt, reflect.ValueOf(&task).Elem(), "task")
		task.Fixture = filepath.Join(folder, "fixture")
		task.Timeout = max(task.Timeout, time.Hour)
		answer = Result{}
		fill(rt, reflect.ValueOf(&answer).Elem(), "result")
		answer.UsageKnown = rapid.Bool().Draw(rt, "usage known")
		if !answer.UsageKnown {
			answer.Usage = message.Usage{}
		}
		if answer.CostKnown = rapid.Bool().Draw(rt, "cost known"); !answer.CostKnown {
			answer.Cost = 0
		}
		for i := range answer.Files {
			f := &answer.Files[i]
			f.Path = fmt.Sprintf("%d/%s", i, rapid.StringMatching(`[a-z]{3}/\.?[a-z ü]{3}`).Draw(rt, "path"))
			f.Kind = rapid.SampledFrom([]Change{Added, Changed, Removed}).Draw(rt, "kind")
			if f.Size = int64(len(f.Data)); f.Kind == Removed {
				f.Size, f.Data = 0, nil
			}
		}
		for i := range answer.Log {
			answer.Log[i] = rapid.StringMatching(`[^\r\n]{1,9}`).Draw(rt, "line")
		}
		got, err := h.Execute(t.Context(), task)
		if err != nil || !reflect.DeepEqual(got, answer) {
			rt.Fatalf("%+v\nbecame\n%+v, %v", answer, got, err)
		}
		if !reflect.DeepEqual(asked, task) {
			rt.Fatalf("%+v\nbecame\n%+v", task, asked)
		}
	})
}

func TestLargeResults(t *testing.T) {
	text := strings.Repeat("ü€😀x", 2<<20) // 20 MiB, more than any one message
	full := bytes.Repeat([]byte{1}, MaxFile)
	var files []ChangedFile
	for i := range 10 { // 80 MiB, of which 64 are sent
		files = append(files, ChangedFile{Path: fmt.Sprint("full", i), Kind: Added, Data: full})
	}
	files = append(files, ChangedFile{Path: "large", Kind: Changed, Data: append([]byte{0}, full...)}, ChangedFile{Path: "empty", Kind: Added})
	h := runs(t, func(context.Context, Task) (Result, error) { return Result{Text: text, Files: files}, nil })
	got, err := h.Execute(t.Context(), aTask())
	if err != nil || got.Text != text || len(got.Files) != len(files) {
		t.Fatalf("%d bytes of text, %d files, %v", len(got.Text), len(got.Files), err)
	}
	for i, f := range got.Files[:10] {
		if f.Size != MaxFile || (i < 8) != bytes.Equal(f.Data, full) || (i >= 8) != (f.Data == nil) {
			t.Errorf("file %d is said to have %d bytes and comes with %d", i, f.Size, len(f.Data))
		}
	}
	if large, empty := got.Files[10], got.Files[11]; large.Size != MaxFile+1 || large.Data != nil || empty.Size != 0 {
		t.Errorf("%d bytes, %d with it; %d bytes", large.Size, len(large.Data), empty.Size)
	}
}

func TestTaskTimesOut(t *testing.T) {
	h := runs(t, func(ctx context.Context, _ Task) (Result, error) {
		<-ctx.Done()
		return Result{Text: "half", Log: []string{"thinking"}}, ctx.Err()
	})
	task := aTask()
	task.Timeout = 10 * time.Millisecond
	got, err := h.Execute(t.Context(), task)
	want := Result{Text: "half", Log: []string{"thinking"}, TimedOut: true, ExitCode: -1}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestTasksThatAreRefused(t *testing.T) {
	asked := false
	h := runs(t, func(context.Context, Task) (Result, error) { asked = true; return Result{}, nil })
	for name, task := range map[string]Task{
		"no input":          {},
		"input is not JSON": {Input: json.RawMessage(`{`)},
		"relative fixture":  {Input: json.RawMessage(`1`), Fixture: "testdata"},
		"negative time":     {Input: json.RawMessage(`1`), Timeout: -1},
		"no name":           {Input: json.RawMessage(`1`), Env: map[string]string{"": "x"}},
		"name with =":       {Input: json.RawMessage(`1`), Env: map[string]string{"A=B": "x"}},
		"value with NUL":    {Input: json.RawMessage(`1`), Env: map[string]string{"A": "\x00"}},
		"not UTF-8":         {Input: json.RawMessage(`1`), Model: "\xff"},
		"too large":         {Input: json.RawMessage(`"` + strings.Repeat("x", MaxMessage) + `"`)},
	} {
		if _, err := h.Execute(t.Context(), task); AsError(err).Code != InvalidRequest {
			t.Errorf("%s: %v", name, err)
		}
	}
	stream, err := h.runner.Execute(t.Context(), &pb.Task{Input: []byte(`1`), Fixture: "testdata"})
	if err != nil {
		t.Fatal(err)
	}
	if e, err := stream.Recv(); err != nil || e.GetError().GetCode() != "invalid_request" {
		t.Errorf("the other side said %v, %v", e, err)
	}
	if asked {
		t.Error("the agent was asked")
	}
}

func TestPathsOfFiles(t *testing.T) {
	for _, name := range []string{"a", "a/b.txt", ".git/config", "ü/€", "..a", "a..b/c"} {
		if err := checkPath(name); err != nil {
			t.Error(err)
		}
	}
	for _, name := range []string{"", ".", "..", "/", "/etc/passwd", "../a", "a/../../b", "a/..", "./a", "a//b", "a/", `a\b`, `..\a`, `C:\a`, "a\x00b", "\xff"} {
		if err := checkPath(name); err == nil {
			t.Errorf("%q is let through", name)
		}
	}
}

func FuzzCheckPath(f *testing.F) {
	f.Add("a/b")
	f.Add("a/../../b")
	f.Fuzz(func(t *testing.T, name string) {
		if checkPath(name) != nil {
			return
		}
		folder := filepath.FromSlash("/work/folder")
		if back, err := filepath.Rel(folder, filepath.Join(folder, filepath.FromSlash(name))); err != nil || back != filepath.FromSlash(name) {
			t.Errorf("%q leads to %q, %v", name, back, err)
		}
	})
}

// events is a backend without the SDK, which sends whatever it likes.
type events struct {
	pb.UnimplementedRunnerServer
	send []*pb.TaskEvent
}

func (e events) Execute(_ *pb.Task, stream grpc.ServerStreamingServer[pb.TaskEvent]) error {
	for _, event := range e.send {
		if err := stream.Send(event); err != nil {
			return err
		}
	}
	return nil
}

func fileEvent(path string, kind Change, data string) *pb.TaskEvent {
	f := ChangedFile{Path: path, Kind: kind, Size: int64(len(data)), Data: []byte(data)}
	return &pb.TaskEvent{Event: &pb.TaskEvent_File{File: fileToWire(f)}}
}

func doneEvent(r Result) *pb.TaskEvent {
	return &pb.TaskEvent{Event: &pb.TaskEvent_Done{Done: taskDoneToWire(r)}}
}

func TestRunnerIsHeldToItsContract(t *testing.T) {
	text := func(n int) *pb.TaskEvent {
		return &pb.TaskEvent{Event: &pb.TaskEvent_Text{Text: strings.Repeat("x", n)}}
	}
	done := doneEvent(Result{Model: "m"})
	wrong := func(f *pb.ChangedFile) *pb.TaskEvent { return &pb.TaskEvent{Event: &pb.TaskEvent_File{File: f}} }
	flood := func(event *pb.TaskEvent, times int) (all []*pb.TaskEvent) {
		for range times {
			all = append(all, event)
		}
		return append(all, done)
	}
	var many []*pb.TaskEvent
	for i := range maxChanges + 1 {
		many = append(many, fileEvent(fmt.Sprint(i), Removed, ""))
	}
	var large []*pb.TaskEvent
	for i := range 9 {
		large = append(large, fileEvent(fmt.Sprint(i), Added, strings.Repeat("x", MaxFile)))
	}
	for name, c := range map[string]struct {
		want string
		lost bool
		send []*pb.TaskEvent
	}{
		"no end":             {want: "without Done", lost: true, send: []*pb.TaskEvent{text(1)}},
		"nothing":            {want: "without Done", lost: true},
		"an empty event":     {want: "empty event", send: []*pb.TaskEvent{{}, done}},
		"above the folder":   {want: "no file below", send: []*pb.TaskEvent{fileEvent("../x", Added, "x"), done}},
		"absolute":           {want: "no file below", send: []*pb.TaskEvent{fileEvent("/etc/passwd", Changed, "x"), done}},
		"above, removed":     {want: "no file below", send: []*pb.TaskEvent{fileEvent("a/../../x", Removed, ""), done}},
		"the folder itself":  {want: "no file below", send: []*pb.TaskEvent{fileEvent(".", Removed, ""), done}},
		"twice":              {want: "twice", send: []*pb.TaskEvent{fileEvent("x", Removed, ""), fileEvent("x", Added, "x"), done}},
		"below a file":       {want: "below it", send: []*pb.TaskEvent{fileEvent("a/b/c", Added, "x"), fileEvent("a", Added, "x"), done}},
		"unknown change":     {want: `change "linked"`, send: []*pb.TaskEvent{fileEvent("x", "linked", "x"), done}},
		"removed, with data": {want: "sent its data", send: []*pb.TaskEvent{fileEvent("x", Removed, "x"), done}},
		"another size":       {want: "which has 2", send: []*pb.TaskEvent{wrong(&pb.ChangedFile{Path: "x", Kind: "added", Size: 2, Data: []byte("x")}), done}},
		"negative size":      {want: "which has -1", send: []*pb.TaskEvent{wrong(&pb.ChangedFile{Path: "x", Kind: "added", Size: -1}), done}},
		"file too large":     {want: "reported 8388609 bytes", send: []*pb.TaskEvent{fileEvent("x", Added, strings.Repeat("x", MaxFile+1)), done}},
		"files too large":    {want: "64 MiB of them", send: append(large, done)},
		"too many files":     {want: "more than 10000 files", send: append(many, done)},
		"too much text":      {want: "floods", send: flood(text(10<<20), 7)},
		"message too large":  {want: "larger than 16 MiB", lost: true, send: []*pb.TaskEvent{text(MaxMessage), done}},
		"negative usage":     {want: "negative usage", send: []*pb.TaskEvent{doneEvent(Result{UsageKnown: true, Usage: message.Usage{Output: -1}})}},
	} {
		t.Run(name, func(t *testing.T) {
			// The liar may send what it likes; only the host's limit counts.
			srv := grpc.NewServer(grpc.MaxSendMsgSize(2 * MaxMessage))
			pb.RegisterRunnerServer(srv, events{send: c.send})
			got, err := NewRemote(connect(t, srv)).Execute(t.Context(), aTask())
			var lost *LostError
			if err == nil || !strings.Contains(err.Error(), c.want) || AsError(err).Code != Unavailable || errors.As(err, &lost) != c.lost {
				t.Errorf("got %v", err)
			}
			if !reflect.DeepEqual(got, Result{}) {
				t.Errorf("and a result: %d bytes of text, %d files", len(got.Text), len(got.Files))
			}
		})
	}
}

func TestNothingAfterTheEndOfAResult(t *testing.T) {
	srv := grpc.NewServer(ServerOptions()...)
	pb.RegisterRunnerServer(srv, events{send: []*pb.TaskEvent{
		fileEvent("a", Added, "x"), doneEvent(Result{Model: "first"}),
		fileEvent("b", Added, "x"), fileEvent("../c", Added, "x"), doneEvent(Result{Model: "second"}),
	}})
	got, err := NewRemote(connect(t, srv)).Execute(t.Context(), aTask())
	if err != nil || got.Model != "first" || len(got.Files) != 1 || got.Files[0].Path != "a" {
		t.Errorf("%+v, %v", got, err)
	}
}

// The SDK holds its author to the same rules.
func TestAuthorsOfRunners(t *testing.T) {
	for want, r := range map[string]Result{
		"no file below":  {Files: []ChangedFile{{Path: `a\b`, Kind: Added}}},
		"below it":       {Files: []ChangedFile{{Path: "a", Kind: Added}, {Path: "a/b", Kind: Changed}}},
		"does not know":  {Usage: message.Usage{Input: 1}},
		"floods":         {Text: strings.Repeat("x", MaxAnswer+1)},
		`change ""`:      {Files: []ChangedFile{{Path: "a"}}},
		"negative usage": {UsageKnown: true, Usage: message.Usage{Input: -1}},
	} {
		_, err := runs(t, func(context.Context, Task) (Result, error) { return r, nil }).Execute(t.Context(), aTask())
		if err == nil || !strings.Contains(err.Error(), want) || AsError(err).Code != Unavailable {
			t.Errorf("%s: %v", want, err)
		}
	}
	h := runs(t, func(context.Context, Task) (Result, error) {
		return Result{Text: "a\xffb", Files: []ChangedFile{{Path: "a", Kind: Removed}, {Path: "a/b", Kind: Added}}}, nil
	})
	if r, err := h.Execute(t.Context(), aTask()); err != nil || r.Text != "a\uFFFDb" || r.UsageKnown || len(r.Files) != 2 {
		t.Errorf("%+v, %v", r, err)
	}
}
