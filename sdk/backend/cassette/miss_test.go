package cassette

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/plimsoll-dev/plimsoll/sdk/backend"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

var update = flag.Bool("update", false, "write the golden files anew")

// What a person reads when a call was not recorded.
func TestMissGolden(t *testing.T) {
	long := "You sort the tickets of a shop.\n\nRules:\n- One word for each ticket.\n- Never guess a number.\n- Answer in the customer's language.\n"
	base := func() message.Request {
		zero := 0.0
		return message.Request{
			Model:    "small-1",
			Messages: []message.Message{message.Text(message.System, long), message.Text(message.User, "Where is my parcel?\nIt was due on Friday.")},
			Tools:    []message.ToolDef{{Name: "order", Description: "An order by its number.", Schema: json.RawMessage(`{"type":"object","properties":{"number":{"type":"string"}}}`)}},
			Sampling: message.Sampling{Temperature: &zero, MaxOutput: 200},
		}
	}
	dir := t.TempDir()
	recorded, err := Record(&talker{script: []func(backend.Sink) error{done, done}}, dir, writeFile, nil)
	if err != nil {
		t.Fatal(err)
	}
	other := base()
	other.Messages[1] = message.Text(message.User, "I want my money back.")
	for _, req := range []message.Request{base(), other} {
		if _, err := generate(recorded, req); err != nil {
			t.Fatal(err)
		}
	}
	played, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*message.Request){
		"prompt": func(r *message.Request) {
			r.Messages[0] = message.Text(message.System, strings.Replace(long, "Never guess", "Do not guess", 1))
		},
		"input": func(r *message.Request) {
			r.Messages[1] = message.Text(message.User, "Where is my parcel?\nIt was due on Monday.")
		},
		"model":    func(r *message.Request) { r.Model = "small-2" },
		"sampling": func(r *message.Request) { r.Sampling.MaxOutput = 400 },
		"tool": func(r *message.Request) {
			r.Tools[0].Description = "An order by its number or name."
			r.ToolChoice.Mode = "required"
		},
		"turn": func(r *message.Request) {
			r.Messages = append(r.Messages, message.Text(message.Assistant, "late"), message.Text(message.User, "One word only."))
		},
	} {
		t.Run(name, func(t *testing.T) {
			req := base()
			change(&req)
			_, err := generate(played, req)
			if err == nil {
				t.Fatal("it was found")
			}
			got := strings.ReplaceAll(backend.AsError(err).Message, dir, "DIR") + "\n"
			path := filepath.Join("testdata", "miss", name+".golden")
			if *update {
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func TestATakeOutOfTurnIsFound(t *testing.T) {
	dir := t.TempDir()
	recorded, err := Record(&talker{script: []func(backend.Sink) error{done, done, done}}, dir, writeFile, nil)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := generate(recorded, request("x")); err != nil {
			t.Fatal(err)
		}
	}
	middle, err := filepath.Glob(filepath.Join(dir, "*.1.json"))
	if err != nil || len(middle) != 1 {
		t.Fatal(middle, err)
	}
	if err := os.Remove(middle[0]); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), ".1.json is missing") {
		t.Errorf("%v", err)
	}
}
