package engine

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// Script says how the engine behaves. The zero value, which Parse completes, is
// an engine that answers after 50 ms and gives a token every 10 ms.
type Script struct {
	Seed    uint64 `json:"seed,omitempty"`
	Version string `json:"version,omitempty"` // what --version and /version say; "": 0.24.0
	Model   string `json:"model,omitempty"`   // the name it answers under, when that is not the one it was launched with
	Start   Start  `json:"start,omitzero"`

	TTFT          Delay    `json:"ttft,omitzero"`             // from the request's arrival to its first chunk
	PerInput      Duration `json:"per_input,omitempty"`       // more TTFT for each input token
	TPOT          Delay    `json:"tpot,omitzero"`             // between tokens
	PerChunk      bool     `json:"per_chunk,omitempty"`       // draw TPOT anew for every chunk, not once a request
	ChunkTokens   int      `json:"chunk_tokens,omitempty"`    // tokens in a chunk; 0: 1
	OutputTokens  int      `json:"output_tokens,omitempty"`   // tokens of an answer, whatever was asked; 0: as asked
	TokensPerWord float64  `json:"tokens_per_word,omitempty"` // of its tokenizer; 0: 1
	Template      int      `json:"template,omitempty"`        // tokens that its chat template adds
	Usage         Usage    `json:"usage,omitempty"`
	RefuseIDs     bool     `json:"refuse_ids,omitempty"`    // token ids as a prompt give 400
	RefuseExtras  bool     `json:"refuse_extras,omitempty"` // fields that are vLLM's own give 400, as OpenAI does
	Batch         Batch    `json:"batch,omitzero"`
	Faults        []Fault  `json:"faults,omitempty"`
	ClockJump     Duration `json:"clock_jump,omitempty"`   // by which every second answer's `created` and Date are wrong
	RecordTimes   bool     `json:"record_times,omitempty"` // keep the time of every chunk for /fake/truth
}

// Start is how the process comes up.
type Start struct {
	After Duration `json:"after,omitempty"` // before it listens
	Fail  string   `json:"fail,omitempty"`  // an id of Known: it writes that log and exits, or hangs
	Warn  []string `json:"warn,omitempty"`  // ids of Known whose log it writes and then starts all the same
	Deaf  bool     `json:"deaf,omitempty"`  // it takes no notice of being told to stop
	Die   Duration `json:"die,omitempty"`   // after so long it ends with an engine that died; 0: never
}

// Batch is how requests slow each other down. The zero value: not at all.
type Batch struct {
	Slowdown   float64 `json:"slowdown,omitempty"`    // share by which every further running request stretches TPOT
	MaxRunning int     `json:"max_running,omitempty"` // more wait; 0: no limit
}

// Usage is when the engine says how many tokens there were.
type Usage string

// The ways of Usage.
const (
	UsageAsked      Usage = "asked"      // when stream_options.include_usage asks for it, as OpenAI does; also ""
	UsageAlways     Usage = "always"     // at the end of every answer
	UsageNever      Usage = "never"      // not even when asked, nor without a stream
	UsageContinuous Usage = "continuous" // in every chunk
)

// Fault is one way to fail, and the requests that it is for: those numbered
// From..To (To 0: no end), every Every-th of them, and of those a Share.
type Fault struct {
	Kind  string   `json:"kind"`
	After int      `json:"after,omitempty"` // tokens that are sent before
	For   Duration `json:"for,omitempty"`   // of a stall or hang; 0: until the client leaves
	From  int      `json:"from,omitempty"`  // first request, from 0
	To    int      `json:"to,omitempty"`    // after the last request
	Every int      `json:"every,omitempty"` // 0: 1
	Share float64  `json:"share,omitempty"` // 0: all
}

// Kinds of Fault, in the order of an answer's life.
var faultKinds = []string{
	"hang",        // takes the request and never answers
	"429",         // too many requests
	"500",         // internal error
	"503",         // unavailable
	"404",         // the model does not exist
	"not-stream",  // one JSON answer though a stream was asked for
	"empty",       // a stream without a chunk
	"stall",       // silence in the middle
	"cut",         // the connection breaks in the middle
	"end",         // a clean end in the middle, without finish_reason or [DONE]
	"garbage",     // a chunk that is no JSON
	"long-line",   // a line of 4 MiB
	"error",       // an error event in the middle, as vLLM sends it
	"burst",       // every chunk at the end, as a proxy that buffers
	"flood",       // more tokens than asked, and no end
	"no-usage",    // no usage though asked
	"no-done",     // finish_reason, and no [DONE]
	"wrong-model", // another model's name in the answer
	"die",         // the process ends with an engine that died
}

// Kinds lists what a Fault may be.
func Kinds() []string { return slices.Clone(faultKinds) }

// Parse reads a script: JSON of at most 1 MiB, unknown members refused.
func Parse(src []byte) (Script, error) {
	var s Script
	if len(src) > 1<<20 {
		return s, errors.New("the script is longer than 1 MiB")
	}
	if len(bytes.TrimSpace(src)) > 0 {
		d := json.NewDecoder(bytes.NewReader(src))
		d.DisallowUnknownFields()
		if err := d.Decode(&s); err != nil {
			return s, fmt.Errorf("reading the script: %w", err)
		}
		if d.More() {
			return s, errors.New("reading the script: something follows after its object")
		}
	}
	return s.complete()
}

// complete fills in what is not said, and refuses what cannot be.
func (s Script) complete() (Script, error) {
	if s.Version == "" {
		s.Version = "0.24.0"
	}
	if s.TTFT == (Delay{}) {
		s.TTFT = Delay{Mean: Duration(50 * time.Millisecond)}
	}
	if s.TPOT == (Delay{}) {
		s.TPOT = Delay{Mean: Duration(10 * time.Millisecond)}
	}
	s.ChunkTokens = max(s.ChunkTokens, 1)
	if s.TokensPerWord == 0 {
		s.TokensPerWord = 1
	}
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	for name, d := range map[string]Delay{"ttft": s.TTFT, "tpot": s.TPOT} {
		if err := d.check(); err != nil {
			bad("%s: %w", name, err)
		}
	}
	if s.ChunkTokens > 1<<20 || s.OutputTokens < 0 || s.OutputTokens > 1<<20 || s.Template < 0 || s.Template > 1<<20 {
		bad("chunk_tokens, output_tokens and template must lie in 0..1048576")
	}
	if !(s.TokensPerWord > 0 && s.TokensPerWord <= 100) || !(s.Batch.Slowdown >= 0 && s.Batch.Slowdown <= 100) || s.Batch.MaxRunning < 0 {
		bad("tokens_per_word must lie in 0..100, batch.slowdown in 0..100, and batch.max_running not be negative")
	}
	switch s.Usage {
	case "":
		s.Usage = UsageAsked
	case UsageAsked, UsageAlways, UsageNever, UsageContinuous:
	default:
		bad("usage %q is none of asked, always, never, continuous", s.Usage)
	}
	if s.Start.Fail != "" && known(s.Start.Fail) == nil {
		bad("start.fail %q is not known: %v", s.Start.Fail, ids())
	}
	for _, w := range s.Start.Warn {
		if known(w) == nil {
			bad("start.warn %q is not known: %v", w, ids())
		}
	}
	for i, f := range s.Faults {
		if !slices.Contains(faultKinds, f.Kind) {
			bad("faults[%d]: kind %q is none of %v", i, f.Kind, faultKinds)
		}
		if f.After < 0 || f.From < 0 || f.To < 0 || f.Every < 0 || !(f.Share >= 0 && f.Share <= 1) {
			bad("faults[%d]: after, from, to and every must not be negative, share lie in 0..1", i)
		}
	}
	return s, errors.Join(errs...)
}

// fault of request n, or nil. Which requests a Share takes is fixed by the seed.
func (s Script) fault(n int) *Fault {
	for i := range s.Faults {
		f := &s.Faults[i]
		if n < f.From || f.To > 0 && n >= f.To || (n-f.From)%max(f.Every, 1) != 0 {
			continue
		}
		if f.Share > 0 && s.chance(n, uint64(i)+100).Float64() >= f.Share {
			continue
		}
		return f
	}
	return nil
}

// chance of request n for one purpose: the same whatever other requests do.
func (s Script) chance(n int, purpose uint64) *rand.Rand {
	return rand.New(rand.NewPCG(s.Seed^purpose<<48, uint64(n)))
}

// Delay is a distribution of times.
type Delay struct {
	Kind   string   `json:"kind,omitempty"` // fixed (also ""), uniform, normal, lognormal, exponential
	Mean   Duration `json:"mean,omitempty"`
	Spread Duration `json:"spread,omitempty"` // uniform: half the width; normal, lognormal: standard deviation
	Min    Duration `json:"min,omitempty"`
	Max    Duration `json:"max,omitempty"` // 0: none
}

func (d Delay) check() error {
	if !slices.Contains([]string{"", "fixed", "uniform", "normal", "lognormal", "exponential"}, d.Kind) {
		return fmt.Errorf("kind %q is none of fixed, uniform, normal, lognormal, exponential", d.Kind)
	}
	if d.Mean < 0 || d.Spread < 0 || d.Min < 0 || d.Max < 0 || d.Max > 0 && d.Max < d.Min || time.Duration(d.Mean) > time.Hour {
		return errors.New("times must lie in 0s..1h, and max not below min")
	}
	return nil
}

// draw is one time of the distribution, cut to Min..Max.
func (d Delay) draw(r *rand.Rand) time.Duration {
	mean, spread := float64(d.Mean), float64(d.Spread)
	v := mean
	switch d.Kind {
	case "uniform":
		v = mean + spread*(2*r.Float64()-1)
	case "normal":
		v = mean + spread*r.NormFloat64()
	case "lognormal":
		if mean > 0 {
			s2 := math.Log1p(spread * spread / (mean * mean))
			v = math.Exp(math.Log(mean) - s2/2 + math.Sqrt(s2)*r.NormFloat64())
		}
	case "exponential":
		v = mean * r.ExpFloat64()
	}
	v = max(v, float64(d.Min), 0)
	if d.Max > 0 {
		v = min(v, float64(d.Max))
	}
	return time.Duration(v)
}

// Duration is a time.Duration that JSON writes as "20ms".
type Duration time.Duration

// UnmarshalText takes what time.ParseDuration takes.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	*d = Duration(v)
	return err
}

// MarshalText is what UnmarshalText takes.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }
