package skill

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

// touchy fails when it is used without having been filled in.
type touchy struct{}

func (touchy) MarshalJSON() ([]byte, error) { panic("nobody filled me in") }

func (*touchy) UnmarshalJSON([]byte) error { return errors.New("nor read me") }

// Warming uses every type and runs the self-tests, and nothing that goes wrong
// in it keeps a module from starting.
func TestWarm(t *testing.T) {
	var seen []string
	p := Register(Skill[map[string]string, map[string]string]{
		Finish: func(in map[string]string, a Answer) (map[string]string, error) {
			seen = append(seen, a.Completion)
			if a.Completion == "panic" {
				panic("as told")
			}
			return in, nil
		},
		SelfTests: []SelfTest{
			{Op: "finish", Input: json.RawMessage(`{"input":{"a":"b"},"completion":"x"}`), Output: json.RawMessage(`{"output":{"a":"b"}}`)},
			{Op: "finish", Input: json.RawMessage(`{"input":{},"completion":"panic"}`)},
			{Op: "run", Input: json.RawMessage(`{}`)},
			{Op: "no such op"},
		},
	})
	p.warm(new(touchy), new(map[string]string), new(chan int))
	if len(seen) != 2 || seen[0] != "x" {
		t.Errorf("the self-tests ran as %q", seen)
	}
	raw, err := p.Call(abi.OpDescribe, []byte("{}"))
	var m abi.Manifest
	if err != nil || json.Unmarshal(raw, &m) != nil || len(m.SelfTests) != 4 {
		t.Errorf("the manifest does not carry them: %s %v", raw, err)
	}
}
