package sandbox_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/sandbox"
	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

// TestHelloSkill builds examples/hello-skill as its README says and plays its
// items: the reference, written as the lines that the model is asked for, must
// come out as the reference again, pass its gate and render.
func TestHelloSkill(t *testing.T) {
	dir := filepath.Join("..", "..", "examples", "hello-skill")
	a := admit(t, newHost(t, sandbox.Config{Timeout: 30 * time.Second}), build(t, dir+"/code"))
	files, err := filepath.Glob(filepath.Join(dir, "items", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no items: %v", err)
	}
	call := func(op abi.Op, in any) []byte {
		raw, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		out, err := a.Call(context.Background(), op, raw, sandbox.CallOptions{})
		if err != nil {
			t.Fatalf("%s: %v", op, err)
		}
		return out
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var item struct {
			Input     json.RawMessage `json:"input"`
			Reference struct {
				Greetings []struct {
					Name string `json:"name"`
					Text string `json:"text"`
				} `json:"greetings"`
			} `json:"reference"`
		}
		if err := json.Unmarshal(raw, &item); err != nil {
			t.Fatal(err)
		}
		var lines strings.Builder
		for i, g := range item.Reference.Greetings {
			fmt.Fprintf(&lines, "%d: %s\n", i+1, g.Text)
		}
		prompt, err := abi.ReadPrepare(call(abi.OpPrepare, abi.PrepareInput{Input: item.Input, Step: "main"}))
		if err != nil || !strings.Contains(prompt.Messages[0].Content, "You write greetings.") {
			t.Errorf("%s: prompt %+v %v", file, prompt, err)
		}
		out, err := abi.ReadFinish(call(abi.OpFinish, abi.FinishInput{Input: item.Input, Completion: lines.String()}))
		if err != nil {
			t.Fatal(err)
		}
		want, err := json.Marshal(item.Reference)
		if err != nil {
			t.Fatal(err)
		}
		if string(out.Output) != string(want) {
			t.Errorf("%s: got %s, want %s", file, out.Output, want)
		}
		verdict, err := abi.ReadCheck(call(abi.OpCheck, abi.CheckInput{Gate: "everybody", Input: item.Input, Output: out.Output}))
		if err != nil || !verdict.Passed {
			t.Errorf("%s: %+v %v", file, verdict, err)
		}
		card, err := abi.ReadRender(call(abi.OpRender, abi.RenderInput{Format: "card", Input: item.Input, Output: out.Output}))
		if err != nil || !strings.Contains(card.Text, item.Reference.Greetings[0].Text) {
			t.Errorf("%s: %+v %v", file, card, err)
		}
	}
}
