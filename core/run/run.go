// Package run carries out one request for a skill: prepare, model, fix, gates,
// retry with the failure kept in context, escalate, and a record of all of it.
//
// A run has attempts, each on one set of tiers; an attempt has calls, one for
// each step, or more where a call had to be repeated. A trial is a run that
// stays on its tiers and never acts on the world: the same prompts, fixes and
// retries as in production, no escalation.
//
// A skill whose code has op run drives its own flow instead: an attempt is one
// call of it, and model calls happen when the code asks the host for them, on the
// tier of the step that it names. What else it reaches (keys of its own, tools)
// is granted by the project, recorded call by call, and bounded; what it writes
// is kept only when the attempt passes. In a trial its keys begin empty and are
// dropped, and no tool acts.
//
// The package reads no files and no clock and knows no store: models, code,
// the clock and a place for blobs are handed to it, the record is handed back.
//
//	x := run.Executor{Models: models, Blobs: blobs, Now: clock}
//	rec, err := x.Do(ctx, plan, run.Request{ID: id, Input: input, Tiers: tiers})
//	if err == nil && rec.Status == run.OK {
//		fmt.Println(string(rec.Output))
//	}
package run

import (
	"context"
	"encoding/json"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/gate"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

// Models generates. Implementations return a *CallError for everything that
// went wrong between asking and answering. lost is true when an earlier attempt
// of the same call was cut off: what it cost nobody knows, even if a later one
// brought the answer.
type Models interface {
	Generate(ctx context.Context, backend string, req message.Request) (resp message.Response, lost bool, err error)
}

// Code is a skill's own code.
type Code interface {
	Has(op abi.Op) bool
	Call(ctx context.Context, op abi.Op, input []byte) ([]byte, error)
}

// Blobs keeps bytes by their digest.
type Blobs interface {
	PutBlob(data []byte) (digest string, err error)
}

// CallError is a call that brought no answer. Lost means that nobody knows what
// it cost: the backend died or the line was cut.
type CallError struct {
	Code       string // a code of sdk/backend, "timeout", or "lost"
	Message    string
	Retryable  bool
	RetryAfter time.Duration
	Lost       bool
}

func (e *CallError) Error() string { return e.Code + ": " + e.Message }

// Plan is a skill made ready to run: everything compiled, nothing left to find.
type Plan struct {
	Skill    string
	Hash     string
	Scope    string
	Steps    []Step
	Code     Code // nil without code
	Gates    *gate.Set
	JSON     bool // the output is JSON (there is an output schema or code)
	Retries  int  // further tries on the same tiers after gates failed; 1 unless said otherwise
	Timeout  time.Duration
	Allow    map[string]bool // backends that may see inputs; nil allows all
	Dir      string          // where command gates run: the project's folder
	Sampling message.Sampling
	Grant    *config.Grant // what code that drives its own flow may reach; nil is nothing
	Uncached bool          // no cache breakpoints, whatever the tier's prices
	Runner   *Runner       // who does the whole task; nil: the engine, by calling models
}

// Step is a model call with a tier of its own.
type Step struct {
	Name   string
	Prompt string // system prompt
	Output string // member of the output; "" makes the completion the output
	JSON   bool   // the member is JSON, not text
}

// Request is one run. Tiers has an entry for every step.
type Request struct {
	ID      string
	Input   json.RawMessage
	Tiers   map[string]*config.Tier
	Ladders map[string]*config.Ladder // by step, for escalation; a step without one stays
	Trial   bool
	Truth   *Truth // what simulated models are told; never sent to another backend
	Repeat  int    // which repeat of a trial this is; part of its idempotency key
	Fixture string // folder of this input alone, where the plan has a runner; "" is the runner's
}

// Truth is the answer that a simulated model degrades.
type Truth struct {
	Item       string          `json:"item"`
	Skill      string          `json:"skill"`
	Step       string          `json:"step"`
	Reference  json.RawMessage `json:"reference"`
	Dimensions []TruthDim      `json:"dimensions,omitempty"`
	Repeat     int             `json:"repeat"`
}

// TruthDim names a dimension that the simulated model may be weak in.
type TruthDim struct {
	Name string `json:"name"`
	Kind string `json:"kind"`
}

// Status is how a run ended.
type Status string

// The ends. Failed: gates still failed. Refused: the model declined. Timeout:
// the deadline passed. Missing: no answer could be had, which says nothing
// about quality and is never counted as a pass.
const (
	OK      Status = "ok"
	Failed  Status = "failed"
	Refused Status = "refused"
	Timeout Status = "timeout"
	Missing Status = "missing"
	// Imported: an agent ran it on its own, and its log says so (plimsoll runs
	// import). No gate looked at it: it counts as traffic and as money, and says
	// nothing of quality.
	Imported Status = "imported"
)

// Record is what happened, without content: prompts and outputs stand in the
// blobs that digests name.
type Record struct {
	ID        string            `json:"id"`
	Parent    string            `json:"parent,omitempty"`
	Scope     string            `json:"scope"`
	Skill     string            `json:"skill"`
	Hash      string            `json:"hash"`
	Arm       string            `json:"arm,omitempty"` // digest of all that makes the run but its input, where evidence may be sampled from it
	Trial     bool              `json:"trial,omitempty"`
	Item      string            `json:"item,omitempty"`
	Started   time.Time         `json:"started"`
	MS        int64             `json:"ms"`
	Status    Status            `json:"status"`
	Why       string            `json:"why,omitempty"`
	Start     map[string]string `json:"start"` // tier by step at the beginning
	End       map[string]string `json:"end"`   // and at the end: another one after an escalation
	Attempts  []Attempt         `json:"attempts"`
	Input     string            `json:"input"`  // digest
	Result    string            `json:"output"` // digest
	Micro     int64             `json:"cost"`
	Unsure    int64             `json:"unsure,omitempty"` // the part of the cost that may not have been charged: bounds of lost calls
	GPU       int64             `json:"gpu_ms,omitempty"` // hardware time of tiers that are priced by it
	Priced    bool              `json:"priced"`           // false: some cost is not known, and the cost is only the known part
	Simulated bool              `json:"simulated,omitempty"`
	// Unmeasurable: a trial needed what a trial may not do, or what is not granted.
	// The run is missing, and will be whenever it is tried again.
	Unmeasurable bool `json:"unmeasurable,omitempty"`
	// Runner names who did it, where that was not the engine. Nothing of it was
	// sandboxed.
	Runner string `json:"runner,omitempty"`
	// Given is the digest of a folder that came with this input alone.
	Given string `json:"given,omitempty"`
	// Recorded: somebody else ran it and said so (plimsoll record). Gates looked at
	// its output here; tier, cost and time are as they were told.
	Recorded bool `json:"recorded,omitempty"`
	// Imported is the shape of the log that the run was read from, where it was.
	Imported string `json:"imported,omitempty"`

	Output  json.RawMessage            `json:"-"` // the output itself, after fixes
	Writes  map[string]json.RawMessage `json:"-"` // to the skill's keys, by a run that is OK; nil deletes. To be committed with the record
	Checked gate.Result                `json:"-"` // the last attempt's gates

	keeper *keeper
	acted  bool
	waited time.Duration
}

// decodeKind is the kind of the one check that says that there is no output.
const decodeKind = "decode"

// Unreadable tells whether the last attempt's answers made no output at all, so
// that no gate looked at anything.
func (r *Record) Unreadable() bool {
	c := r.Checked.Checks
	return len(c) == 1 && c[0].Kind == decodeKind
}

// Attempt is one try on one set of tiers.
type Attempt struct {
	ID     string            `json:"id"`
	Tiers  map[string]string `json:"tiers"`
	Calls  []Call            `json:"calls"`
	Asked  string            `json:"asked,omitempty"`  // digest of what op run was given, where the code drives
	Clock  time.Time         `json:"clock,omitzero"`   // what its clocks said
	Answer string            `json:"answer,omitempty"` // digest of what it answered
	Host   []HostCall        `json:"host,omitempty"`   // in order
	Fuel   int64             `json:"fuel,omitempty"`   // that the code used in op run
	Fixes  []gate.Fix        `json:"fixes,omitempty"`
	Checks []gate.Check      `json:"checks,omitempty"`
	Status Status            `json:"status"`
	Why    string            `json:"why,omitempty"`
}

// Call is one model call.
type Call struct {
	ID         string         `json:"id"`
	Step       string         `json:"step"`
	Tier       string         `json:"tier"`
	Model      string         `json:"model"`
	Reported   string         `json:"reported,omitempty"`
	Prompt     string         `json:"prompt"` // digest of the request's messages
	Completion string         `json:"completion,omitempty"`
	Usage      message.Usage  `json:"usage"`
	Finish     message.Finish `json:"finish,omitempty"`
	MS         int64          `json:"ms"`
	Micro      int64          `json:"cost"`
	Priced     bool           `json:"priced"`
	Upper      bool           `json:"upper,omitempty"`  // cost is an upper bound: nobody knows it
	Unsure     int64          `json:"unsure,omitempty"` // the part of the cost that may not have been charged
	GPU        int64          `json:"gpu_ms,omitempty"` // hardware time, where the tier is priced by it
	Error      string         `json:"error,omitempty"`
	Simulated  bool           `json:"simulated,omitempty"`
	Task       *Tasked        `json:"task,omitempty"` // of an agent, where one was asked

	waited time.Duration // for a place: it says nothing about the model, and is no part of any MS
}
