// Package load sends requests to a server that speaks OpenAI's HTTP, at the times
// that a workload says and not when the server is ready for more (open loop), and
// keeps when every chunk of every answer came. It also measures itself: a run
// whose own generator was late is marked invalid, with the reason.
//
// It must not compute what the times mean: core/topology/metric does, and
// core/topology/load/result writes it down. It starts no servers.
//
//	c := load.Config{Endpoint: load.Endpoint{URL: "http://127.0.0.1:8000", Model: "m"}}
//	c.Workload = load.Workload{Name: "chat", Input: 512, Output: 128, Prompts: 200, Seed: 1}
//	c.Pace, c.Warmup = load.Pace{Rate: 8}, 8 // Poisson, 8 requests a second
//	run, err := load.Drive(ctx, c)
//	fmt.Println(run.Invalid, run.Warnings, run.Requests[0].Chunks)
//
// Times are offsets of the monotonic clock from Run.Started: a wall clock that is
// set during a run changes nothing but a warning.
package load

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// API is the way a prompt is sent.
type API string

// The ways. Chat is the default.
const (
	Chat       API = "chat"        // text to /v1/chat/completions
	Completion API = "completions" // text to /v1/completions
	TokenIDs   API = "token_ids"   // token ids as `prompt` to /v1/completions: exact, where the server takes them
)

// Endpoint is the server under load.
type Endpoint struct {
	URL     string            `json:"url"`   // http://host:port, with or without /v1
	Model   string            `json:"model"` // "": the first that /v1/models lists
	API     API               `json:"api"`
	Key     string            `json:"-"` // bearer token; never written down
	Headers map[string]string `json:"-"` // further ones; never written down
	// Plain leaves out what OpenAI's API does not know (ignore_eos, min_tokens):
	// then answers may end before the asked length.
	Plain bool `json:"plain,omitempty"`
}

// Workload is what is sent. Lengths are tokens.
type Workload struct {
	Name         string    `json:"name"`
	Input        int       `json:"input_tokens"`
	Output       int       `json:"output_tokens"`
	Spread       float64   `json:"spread,omitempty"` // lengths are uniform in (1-Spread..1+Spread) of Input and Output
	Prompts      int       `json:"prompts"`
	SharedPrefix int       `json:"shared_prefix,omitempty"` // tokens at the start of every prompt that are the same
	Seed         uint64    `json:"seed"`
	Trace        []Arrival `json:"-"` // recorded arrivals in the place of lengths, Prompts and Pace.Rate
	TraceName    string    `json:"trace,omitempty"`
}

// Arrival is one line of a trace.
type Arrival struct {
	At     time.Duration // from the trace's start
	Input  int
	Output int
}

// Pace is when requests are sent.
type Pace struct {
	Rate        Rate    `json:"rate"`                  // requests a second; 0 and +Inf: all at once
	Burstiness  float64 `json:"burstiness,omitempty"`  // shape of gamma arrivals; 0 and 1: Poisson; smaller: burstier
	Concurrency int     `json:"concurrency,omitempty"` // at most so many in flight; 0: no cap, which alone is open loop
	Speed       float64 `json:"speed,omitempty"`       // of a trace: 2 replays it in half the time; 0: 1
}

// String is a short name such as "burst", "rate 4", "16 at once" or
// "rate 4, 16 at once".
func (p Pace) String() string {
	cap := ""
	if p.Concurrency > 0 {
		cap = strconv.Itoa(p.Concurrency) + " at once"
	}
	switch rate := strconv.FormatFloat(float64(p.Rate), 'g', 6, 64); {
	case !p.burst() && cap != "":
		return "rate " + rate + ", " + cap
	case !p.burst():
		return "rate " + rate
	case cap != "":
		return cap
	}
	return "burst"
}

func (p Pace) burst() bool { return p.Rate == 0 || math.IsInf(float64(p.Rate), 1) }

// Rate is a number that JSON writes as "inf" when it is infinite or 0.
type Rate float64

// MarshalJSON writes a number or "inf".
func (r Rate) MarshalJSON() ([]byte, error) {
	if r == 0 || math.IsInf(float64(r), 1) {
		return []byte(`"inf"`), nil
	}
	return json.Marshal(float64(r))
}

// UnmarshalJSON reads a number or "inf".
func (r *Rate) UnmarshalJSON(src []byte) error {
	if string(src) == `"inf"` {
		*r = Rate(math.Inf(1))
		return nil
	}
	var f float64
	if err := json.Unmarshal(src, &f); err != nil {
		return fmt.Errorf("a rate is a number or \"inf\": %w", err)
	}
	*r = Rate(f)
	return nil
}

// Limits bound time and memory. The zero value of each takes its default.
type Limits struct {
	First    time.Duration // from send to the first chunk; 10 min
	Stall    time.Duration // between chunks; 1 min
	Request  time.Duration // a whole request; 1 h
	InFlight int           // requests at a time; 8,192. Beyond, requests are not sent and the run is invalid
	Chunks   int           // that may be kept, 8 bytes each; 32 Mi
	Event    int           // bytes of one event; 1 MiB
}

// Config is one run: one workload at one pace.
type Config struct {
	Endpoint Endpoint
	Workload Workload
	Pace     Pace
	Warmup   int // requests before the run that are not counted; 0: none, and a warning says so
	Limits   Limits
	Progress func(Progress) // called about 5 times a second and at the end, from one goroutine
}

// Progress is how far a run is.
type Progress struct {
	Stage              string        `json:"stage"` // probe, warm-up, run
	Sent, Done, Failed int           // requests
	Of                 int           // requests
	Chunks             int           // of answers
	Elapsed            time.Duration // of this stage
}

// most is the largest length or count that is believed.
const (
	mostTokens  = 1 << 21
	mostPrompts = 1 << 18
)

// Check refuses what cannot be run; all faults at once.
func (c Config) Check() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	u, err := url.Parse(c.Endpoint.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		bad("endpoint %q is no http or https URL with a host", c.Endpoint.URL)
	}
	switch c.Endpoint.API {
	case "", Chat, Completion, TokenIDs:
	default:
		bad("api %q is none of chat, completions, token_ids", c.Endpoint.API)
	}
	w, p := c.Workload, c.Pace
	if len(w.Trace) == 0 {
		if w.Input < 1 || w.Input > mostTokens || w.Output < 1 || w.Output > mostTokens {
			bad("workload %q: %d input and %d output tokens; both must lie in 1..%d", w.Name, w.Input, w.Output, mostTokens)
		}
		if w.Prompts < 1 || w.Prompts > mostPrompts {
			bad("workload %q: %d prompts; they must lie in 1..%d", w.Name, w.Prompts, mostPrompts)
		}
		if w.SharedPrefix < 0 || w.SharedPrefix > w.Input {
			bad("workload %q: a shared prefix of %d tokens does not fit into %d", w.Name, w.SharedPrefix, w.Input)
		}
	}
	if !(w.Spread >= 0 && w.Spread < 1) {
		bad("workload %q: a spread of %g; it must lie in 0..1 and not be 1", w.Name, w.Spread)
	}
	if len(w.Trace) > mostPrompts {
		bad("the trace has %d arrivals; at most %d are replayed", len(w.Trace), mostPrompts)
	}
	for i, a := range w.Trace {
		if a.At < 0 || i > 0 && a.At < w.Trace[i-1].At || a.Input < 1 || a.Input > mostTokens || a.Output < 1 || a.Output > mostTokens {
			bad("arrival %d of the trace is not possible: at %s, %d input and %d output tokens", i, a.At, a.Input, a.Output)
			break
		}
	}
	if r := float64(p.Rate); math.IsNaN(r) || r < 0 || r > 1e6 && !math.IsInf(r, 1) {
		bad("a rate of %g; it is requests a second, at most 1,000,000, or inf", r)
	}
	if !(p.Burstiness >= 0 && p.Burstiness <= 1e6) || !(p.Speed >= 0 && p.Speed <= 1e6) {
		bad("burstiness %g and speed %g must lie in 0..1,000,000", p.Burstiness, p.Speed)
	}
	if p.Concurrency < 0 || c.Warmup < 0 || c.Warmup > mostPrompts {
		bad("concurrency %d and warm-up %d must not be negative", p.Concurrency, c.Warmup)
	}
	l := c.Limits.filled()
	if p.Concurrency > l.InFlight {
		bad("%d requests at once are more than the limit of %d in flight", p.Concurrency, l.InFlight)
	}
	if n := c.count(); c.burst() && p.Concurrency == 0 && n > l.InFlight {
		bad("a burst of %d requests is more than the limit of %d in flight: set a concurrency or a rate", n, l.InFlight)
	}
	if total := c.chunks(); total > l.Chunks {
		bad("the workload may give %d chunks and %d can be kept: send fewer prompts or ask for shorter answers", total, l.Chunks)
	}
	return errors.Join(errs...)
}

func (l Limits) filled() Limits {
	fill := func(d *time.Duration, otherwise time.Duration) {
		if *d <= 0 {
			*d = otherwise
		}
	}
	fill(&l.First, 10*time.Minute)
	fill(&l.Stall, time.Minute)
	fill(&l.Request, time.Hour)
	for into, otherwise := range map[*int]int{&l.InFlight: 8192, &l.Chunks: 32 << 20, &l.Event: 1 << 20} {
		if *into <= 0 {
			*into = otherwise
		}
	}
	return l
}

func (c Config) burst() bool {
	return len(c.Workload.Trace) == 0 && c.Pace.burst()
}

func (c Config) count() int {
	if n := len(c.Workload.Trace); n > 0 {
		return n
	}
	return c.Workload.Prompts
}

// allowed is how many chunks an answer may have before it is cut: one a token,
// and some for roles and ends.
func allowed(output int) int { return output + output/4 + 16 }

func (c Config) chunks() int {
	if len(c.Workload.Trace) == 0 {
		return c.Workload.Prompts * allowed(int(float64(c.Workload.Output)*(1+c.Workload.Spread)))
	}
	n := 0
	for _, a := range c.Workload.Trace {
		n += allowed(a.Output)
	}
	return n
}

// base is the endpoint's address without a trailing /v1.
func (e Endpoint) base() string {
	return strings.TrimSuffix(strings.TrimRight(e.URL, "/"), "/v1")
}
