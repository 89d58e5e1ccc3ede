// Package transcript reads what agents and clients of models left behind, and
// makes one sort of record of it: a Call. It knows the JSONL of Claude Code
// (sub-agents' files too), the rollouts of Codex, OpenTelemetry spans of
// generative AI (OTLP JSON and flattened), logs of requests and answers in the
// form of OpenAI and Anthropic, and plain JSONL by a Mapping.
//
// It opens no file, reads no clock and computes no price. It keeps names, counts
// and digests; text only where Options.Content asks for it, and then without what
// looks like a secret. Memory is bounded by the longest line, a window of open
// answers, and some 40 bytes for each call, which tell a repeated one.
//
// Nothing is skipped in silence: Lines counts every record as exactly one thing.
//
//	r := transcript.New(transcript.Options{Skills: index})
//	err := r.Read(file, "session.jsonl", func(c transcript.Call) error {
//		fmt.Println(c.At, c.Skill, c.Model, c.Usage.Output)
//		return nil
//	})
//	fmt.Println(r.Lines().Used, r.Lines().Broken)
package transcript

import (
	"time"

	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// Call is one model call as a log tells it.
type Call struct {
	Key      string        // 32 hexadecimal digits: what makes it this call and no other, in whichever file it stands
	Shape    string        // one of the shapes
	At       time.Time     // UTC; zero where the log does not say
	Session  string        // conversation, as the log names it
	Agent    string        // sub-agent in it; "" is the agent itself
	Turn     string        // what a person asked for once, by session, agent and number; calls of one turn belong together
	Skill    string        // "" where none or several may be meant: see Why
	By       By            // how the skill was found
	Why      Why           // why there is no skill
	Model    string        // as the log names it; "" where it does not
	Provider string        // as the log names it; "" where it does not
	Usage    message.Usage // tokens
	Counted  bool          // the log says tokens; false leaves the cost unknown
	Micro    int64         // micro-dollars that the log itself states
	Stated   bool          // it states them
	Tools    []string      // names of the tools that the answer called, in order
	Opened   []string      // skills that the answer opened
	Input    string        // with Options.Content: what was asked in this turn, or the last message of a request
	Amid     bool          // what was asked belongs to a conversation before it, and is no whole task: Input is left out
	Output   string        // with Options.Content: the text of the answer
	Cut      bool          // text was longer than maxContent and was left out
}

// By is how a call's skill was found.
type By string

// The ways, the surest first.
const (
	ByAttribute By = "attribute" // the record names it
	ByTool      By = "tool"      // the agent opened it in this turn
	ByCommand   By = "command"   // a person typed it
	ByFile      By = "file"      // its SKILL.md was read in this turn
	ByPrompt    By = "prompt"    // the system prompt holds its text
)

// Why is the reason for which a call has no skill.
type Why string

// The reasons.
const (
	WhyNone    Why = "no skill was open"
	WhySeveral Why = "several skills were open"
)

// The shapes.
const (
	Claude   = "claude-code"
	Codex    = "codex"
	Span     = "otel-span"
	Exchange = "request-log"
	Mapped   = "mapped"
)

// Options of a Reader.
type Options struct {
	Skills  *Index    // skills whose text is looked for in prompts; nil knows none
	Mapping *Mapping  // for files of no known shape; nil has none
	Content bool      // keep text, redacted
	Now     time.Time // calls a day after it are counted in Lines.Future; zero counts none
}

// Lines counts what was read. Read is the sum of Used, Repeated, NoCall, Own,
// Undated, Broken, Torn, TooLong and all of Unknown.
type Lines struct {
	Read     int64            `json:"read"`                // lines; of spans that share a line, each
	Used     int64            `json:"used"`                // gave a call with a time
	Undated  int64            `json:"undated"`             // gave a call whose time the log does not say; it is counted in money, and cannot become a run
	Repeated int64            `json:"repeated"`            // say again what was counted
	NoCall   int64            `json:"no_call"`             // known, and no model call
	Own      int64            `json:"own_tasks,omitempty"` // a call in a task that a runner of Plimsoll gave the agent: a run of it is kept already, or it was a trial
	Unknown  map[string]int64 `json:"unknown,omitempty"`   // of a kind that this version does not know, by kind
	Broken   int64            `json:"broken"`              // no JSON object
	Torn     int64            `json:"torn"`                // half a last line: it is still being written, or its writer died
	TooLong  int64            `json:"too_long"`

	// Notes beside the count.
	Backward int64 `json:"backward,omitempty"` // calls more than a minute before one that stands above them: clocks disagree, or files were joined
	Future   int64 `json:"future,omitempty"`   // calls dated after Options.Now
	Redacted int64 `json:"redacted,omitempty"` // what looked like a secret and was not kept
	Files    int64 `json:"files"`
	Strange  int64 `json:"strange_files,omitempty"` // files of which no line was known
}

// Accounted tells whether every record has been counted as exactly one thing.
func (l Lines) Accounted() bool {
	sum := l.Used + l.Undated + l.Repeated + l.NoCall + l.Own + l.Broken + l.Torn + l.TooLong
	for _, n := range l.Unknown {
		sum += n
	}
	return sum == l.Read
}

// Bounds. Tool results with images in them reach some megabytes.
const (
	maxLine    = 32 << 20
	maxContent = 1 << 20
	maxTokens  = int64(1e12) // more is nobody's measurement
	maxName    = 200
	openCalls  = 512   // answers that further lines may still complete
	openSpans  = 20000 // spans that wait for the parent that names their skill
	maxKinds   = 200   // kinds of unknown records that are told apart
)
