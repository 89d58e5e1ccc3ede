package skill_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/plimsoll-dev/plimsoll/sdk/skill"
	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

// driver does what its input says.
var driver = skill.Register(skill.Skill[string, any]{
	Run: func(in string, h skill.Host) (any, error) {
		switch what, arg, _ := strings.Cut(in, " "); what {
		case "generate":
			return h.Generate(arg, skill.System("<s>"), skill.User("u"))
		case "get":
			var v int
			found, err := h.Get(arg, &v)
			return []any{found, v}, err
		case "put":
			return "put", h.Put(arg, map[string]int{"n": 1})
		case "delete":
			return "deleted", h.Put(arg, nil)
		case "channel":
			return nil, h.Put(arg, make(chan int))
		case "tool":
			var out any
			err := h.Tool(arg, map[string]string{"q": "<>"}, &out)
			return out, err
		case "failed":
			return h.Failed.Gates, nil
		case "wrong":
			return nil, h.Tool("count", nil, new([]string))
		case "big":
			return nil, h.Put("k", strings.Repeat("x", abi.MaxPayload))
		}
		return nil, errors.New("what?")
	},
	Capabilities: []string{"model.generate", "kv.get"},
})

func TestHost(t *testing.T) {
	fake := &skill.Fake{
		Model: func(step string, m []skill.Message) (string, error) {
			if step == "down" {
				return "", skill.Retry(abi.CodeUnavailable, "later")
			}
			return fmt.Sprint(step, len(m), m[0].Content), nil
		},
		Keys: map[string]json.RawMessage{"seven": json.RawMessage("7"), "text": json.RawMessage(`"x"`)},
		Tools: map[string]func(json.RawMessage) (any, error){
			"echo":  func(args json.RawMessage) (any, error) { return args, nil },
			"count": func(json.RawMessage) (any, error) { return 5, nil },
			"break": func(json.RawMessage) (any, error) { return nil, errors.New("broken") },
		},
	}
	for _, c := range []struct{ in, want string }{
		{"generate draft", `{"output":"draft2<s>"}`},
		{"generate down", `!unavailable: later`},
		{"get seven", `{"output":[true,7]}`},
		{"get eight", `{"output":[false,0]}`},
		{"get text", `!failed: the value of key "text" does not fit`},
		{"get ", `!bad_input: key is missing`},
		{"put k", `{"output":"put"}`},
		{"delete k", `{"output":"deleted"}`},
		{"channel k", `!bad_input: the value of key "k" cannot be kept`},
		{"tool echo", `{"output":{"q":"<>"}}`},
		{"tool break", `!failed: broken`},
		{"tool none", `!capability: the fake host has no tool "none"`},
		{"wrong", `!failed: the result of tool count does not fit`},
		{"big", `!bad_input: the payload of kv.put has`},
		{"failed", `{"output":["g"]}`},
	} {
		payload, err := json.Marshal(abi.RunInput{Input: json.RawMessage(fmt.Sprintf("%q", c.in)), Failure: &abi.RunFailure{Message: "m", Gates: []string{"g"}}})
		if err != nil {
			t.Fatal(err)
		}
		raw, err := driver.With(fake.Call).Call(abi.OpRun, payload)
		got := string(raw)
		if err != nil {
			got = "!" + err.Error()
		}
		if got != c.want && !(strings.HasPrefix(c.want, "!") && strings.HasPrefix(got, c.want)) {
			t.Errorf("%s: %s, want %s", c.in, got, c.want)
		}
	}
	if !slices.Contains(fake.Asked, "model.generate draft") || !slices.Contains(fake.Asked, "tool.call echo") || len(fake.Keys) != 2 {
		t.Errorf("asked %q, keys %s", fake.Asked, fake.Keys)
	}
	m := driver.Manifest()
	if m.Validate() != nil || !m.Has(abi.OpRun) || !m.Asks(abi.HostGenerate) || m.Asks(abi.HostTool) {
		t.Errorf("manifest %+v", m)
	}
}

// Nothing is granted by default, and without a host the code is told how a test
// gives it one.
func TestHostRefuses(t *testing.T) {
	for _, in := range []string{"generate a", "get a", "put a", "tool a"} {
		payload := []byte(fmt.Sprintf(`{"input":%q}`, in))
		for name, p := range map[string]*skill.Program{"no host": driver, "an empty fake": driver.With(new(skill.Fake).Call)} {
			var e *skill.Error
			if _, err := p.Call(abi.OpRun, payload); !errors.As(err, &e) || e.Code != abi.CodeCapability {
				t.Errorf("%s, %s: %v", in, name, err)
			}
		}
	}
	nonsense := driver.With(func(abi.HostOp, []byte) ([]byte, error) { return []byte("{"), nil })
	if _, err := nonsense.Call(abi.OpRun, []byte(`{"input":"get a"}`)); err == nil || !strings.Contains(err.Error(), "not its answer") {
		t.Errorf("got %v", err)
	}
}
