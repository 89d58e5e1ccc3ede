// Package skill is for writing a skill's code in Go: what a prompt, a schema
// and gates cannot say. The code is built as a WASM module that has no files,
// no network, no environment, and a clock that stands still; it is data in, data
// out. The package needs the standard library only, and must not do anything
// that works on the author's machine but not in the sandbox.
//
//	var Program = skill.Register(skill.Skill[Input, Output]{
//		Finish: func(in Input, a skill.Answer) (Output, error) { return parse(a.Completion) },
//		Check:  map[string]skill.CheckFunc[Input, Output]{"known_ids": knownIDs},
//	})
//
//	func main() {}
//
// Build it with GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared. Tests need
// no WASM: they call the functions, or Program, as any Go code.
package skill

import "github.com/plimsoll-dev/plimsoll/sdk/skill/abi"

// Skill is what an author writes; every member may be left out. In is the type
// of the skill's input, Out that of its output; both travel as JSON. A call
// starts with fresh memory: nothing that one function stores is there in the
// next one, except State.
type Skill[In, Out any] struct {
	Name    string // as in SKILL.md; for the manifest only
	Version string // free text; for the manifest only

	// Prepare makes the prompt of a step. Without it the prompt is the step's
	// text (SKILL.md's body) as system message and the input as user message.
	Prepare func(in In, t Turn) (Prompt, error)

	// Finish makes the output from what the model said. Without it the
	// completion is the output: as JSON where there is an output schema, else as
	// text.
	Finish func(in In, a Answer) (Out, error)

	// Check has the gates that skill.hcl names with code = "NAME".
	Check map[string]CheckFunc[In, Out]

	// Render has the formats that skill.hcl declares without a template.
	Render map[string]RenderFunc[In, Out]

	// Run drives the whole flow itself, through the host; Prepare and Finish are
	// then not called. It is called once for each attempt. Gates, fixes and
	// formats apply to what it returns as to any output.
	Run func(in In, h Host) (Out, error)

	// Capabilities are what Run needs of the host: of "model.generate", "kv.get",
	// "kv.put", "tool.call". The project grants them, or does not.
	Capabilities []string

	// SelfTests are calls whose answers are known. They are made when the module is
	// admitted, and make its calls faster.
	SelfTests []SelfTest
}

// CheckFunc is a gate. An error means that it could not be checked, which is
// never a pass.
type CheckFunc[In, Out any] func(in In, out Out) (Verdict, error)

// RenderFunc writes an output as text.
type RenderFunc[In, Out any] func(in In, out Out) (string, error)

// Turn says for which step Prepare is called. Done has the completions of the
// steps before it.
type Turn struct {
	Step string
	Done map[string]string
}

// Prompt is what goes to the model. State is anything that JSON can carry;
// Finish gets back what Prepare gave for the last step.
type Prompt struct {
	Messages []Message
	State    any
}

// Message is one turn. Role is system, user or assistant.
type Message = abi.Message

// System makes a system message.
func System(content string) Message { return Message{Role: "system", Content: content} }

// User makes a user message.
func User(content string) Message { return Message{Role: "user", Content: content} }

// Assistant makes an assistant message, for examples in a prompt.
func Assistant(content string) Message { return Message{Role: "assistant", Content: content} }

// Answer is what the model said. Completion is that of the last step,
// Completions has all of them by step.
type Answer struct {
	Completion  string
	Completions map[string]string
	state       []byte
}

// Verdict is a gate's answer. Reason is shown to people, and to the model when
// it may try again; FailedIDs names the elements that failed.
type Verdict struct {
	Passed    bool
	Reason    string
	FailedIDs []string
}

// Pass is the verdict of a gate that holds.
func Pass() Verdict { return Verdict{Passed: true} }

// Fail is the verdict of a gate that does not, with the reason in words that
// help to do better, and the ids of the elements that failed.
func Fail(reason string, ids ...string) Verdict { return Verdict{Reason: reason, FailedIDs: ids} }
