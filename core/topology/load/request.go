package load

import "time"

// Run is the raw data of one run.
type Run struct {
	Started  time.Time     `json:"started"` // wall clock, UTC
	Endpoint Endpoint      `json:"endpoint"`
	Server   string        `json:"server,omitempty"` // what it says of its version
	Workload Workload      `json:"workload"`
	Pace     Pace          `json:"pace"`
	Warmup   int           `json:"warmup"`
	Prompt   Prompt        `json:"prompt"`
	Duration time.Duration `json:"duration_ns"` // from the first scheduled send to the end of the last request
	Lag      Lag           `json:"lag"`
	Requests []Request     `json:"-"` // by N
	Invalid  []string      `json:"invalid,omitempty"`
	Warnings []string      `json:"warnings,omitempty"`
}

// Valid tells whether nothing speaks against the figures.
func (r *Run) Valid() bool { return len(r.Invalid) == 0 }

// Request is one of them. Times are offsets from Run.Started.
type Request struct {
	N         int             `json:"n"`
	Scheduled time.Duration   `json:"scheduled_ns"`
	Free      time.Duration   `json:"free_ns,omitempty"` // when a place was free, with a cap of concurrency
	Sent      time.Duration   `json:"sent_ns"`           // just before it was handed to the connection
	Wrote     time.Duration   `json:"wrote_ns"`          // its last byte was with the kernel
	Reused    bool            `json:"reused"`            // the connection was there already
	Chunks    []time.Duration `json:"chunks_ns"`         // of every chunk with choices
	End       time.Duration   `json:"end_ns"`
	Asked     int             `json:"asked_tokens"` // of output
	Input     int             `json:"input_tokens"`
	Output    int             `json:"output_tokens"`
	Counted   Counted         `json:"counted,omitempty"` // how Output is known
	Status    int             `json:"status,omitempty"`  // of HTTP; 0: there was no answer
	Finish    string          `json:"finish,omitempty"`  // finish_reason
	Model     string          `json:"model,omitempty"`   // that the answer names, when it is not the one asked
	Kind      Kind            `json:"kind"`
	Error     string          `json:"error,omitempty"` // a sentence, at most 300 bytes
}

// OK tells a request that counts.
func (r *Request) OK() bool { return r.Kind == Fine }

// Latency is from send to the last chunk with choices; 0 without one.
func (r *Request) Latency() time.Duration {
	if len(r.Chunks) == 0 {
		return 0
	}
	return r.Chunks[len(r.Chunks)-1] - r.Sent
}

// TTFT is from send to the first chunk with choices; 0 without one.
func (r *Request) TTFT() time.Duration {
	if len(r.Chunks) == 0 {
		return 0
	}
	return r.Chunks[0] - r.Sent
}

// Counted is how the number of output tokens is known.
type Counted string

// The ways, the surest first.
const (
	ByUsage  Counted = "usage"  // the server says
	ByLength Counted = "length" // it does not say, and the answer ended because the asked length was reached
	ByChunks Counted = "chunks" // one token for each chunk with text: too few where chunks hold several
)

// Kind is how a request ended.
type Kind string

// The kinds.
const (
	Fine      Kind = "ok"
	Unsent    Kind = "not_sent"   // the limit of requests in flight was reached, or the run was stopped before
	Connect   Kind = "connect"    // no connection, or it broke before the answer
	Throttled Kind = "throttled"  // 429
	Refused   Kind = "refused"    // another 4xx
	Server    Kind = "server"     // 5xx
	Late      Kind = "timeout"    // no first chunk within Limits.First, or no end within Limits.Request
	Stalled   Kind = "stalled"    // nothing for Limits.Stall in mid stream
	Cut       Kind = "cut"        // the stream ended before its end
	Garbled   Kind = "garbled"    // no events, or no JSON in them
	Broken    Kind = "error"      // an error event in the stream
	Empty     Kind = "empty"      // a stream without a chunk
	Whole     Kind = "not_stream" // an answer in one piece though a stream was asked for
	Flooded   Kind = "flooded"    // many more chunks than were asked for
	Cancelled Kind = "cancelled"  // the run was stopped
)

// Prompt is how prompts were made.
type Prompt struct {
	API      API     `json:"api"`
	PerWord  float64 `json:"tokens_per_word,omitempty"` // of the text; 0 with token ids
	Template float64 `json:"template_tokens,omitempty"` // that the server adds to each prompt
	Measured bool    `json:"measured"`                  // by two probes whose usage told; else assumed
}

// Lag is by how much the generator itself was late, in seconds.
type Lag struct {
	Send50 float64 `json:"send_p50_s"` // from the scheduled to the actual send
	Send99 float64 `json:"send_p99_s"`
	SendMx float64 `json:"send_max_s"`
	Read50 float64 `json:"read_p50_s"` // of bytes to a connection of its own
	Read99 float64 `json:"read_p99_s"`
	ReadMx float64 `json:"read_max_s"`
	Probes int     `json:"read_probes"`
	// Allowed is 10 % of the median gap between chunks (of the median TTFT when
	// there are no gaps): a p99 above it makes the run invalid.
	Allowed float64 `json:"allowed_p99_s"`
}
