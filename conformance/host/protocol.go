// Package host is the conformance kit for hosts of the ABI: hostile and odd
// guests as tiny modules, and what a host must do with each. The host under test
// is a command that speaks the line protocol of PROTOCOL.md, so it can be written
// in any language and must not be linked with this one.
//
// The kit trusts nothing that the host says about itself where it can look
// itself: wall time is the kit's, memory comes from /proc on Linux. It must not
// import a sandbox.
//
//	r, err := host.Run(ctx, host.Options{Command: []string{"plimsoll-conformance", "serve-host"}})
//	if err == nil {
//		err = r.WriteText(os.Stdout, report.TextOptions{})
//	}
//	err = host.Write(dir) // the modules and cases.json, for a runner of your own
package host

import "encoding/json"

// Protocol is the version of the line protocol.
const Protocol = 1

// Features that an adapter may list.
const (
	FeatureFuel     = "fuel"
	FeatureLog      = "log"
	FeatureOffers   = "offers"
	FeaturePause    = "gc_pause"
	FeatureRSS      = "rss"
	FeatureParallel = "parallel"
)

// Request is one line to the adapter. Exactly one of Hello, Admit, Call and Drop
// is set.
type Request struct {
	ID     int64            `json:"id"`
	Hello  *Hello           `json:"hello,omitempty"`
	Admit  string           `json:"admit,omitempty"`
	Limits *Limits          `json:"limits,omitempty"`
	Call   string           `json:"call,omitempty"`
	Op     int32            `json:"op,omitempty"`
	Input  json.RawMessage  `json:"input,omitempty"`
	Time   string           `json:"time,omitempty"` // RFC 3339
	Seed   []byte           `json:"seed,omitempty"`
	Offers map[string]Offer `json:"offers,omitempty"` // by the number of the host op
	Drop   string           `json:"drop,omitempty"`
}

// Hello is the greeting of both sides; the kit sends Protocol only.
type Hello struct {
	Protocol int      `json:"protocol"`
	Name     string   `json:"name,omitempty"`
	Version  string   `json:"version,omitempty"`
	Features []string `json:"features,omitempty"`
}

// Limits of a module's calls; 0 takes the host's own.
type Limits struct {
	MemoryMiB   int `json:"memory_mib,omitempty"`
	TimeoutMS   int `json:"timeout_ms,omitempty"`
	OutputBytes int `json:"output_bytes,omitempty"`
	Fuel        int `json:"fuel,omitempty"`
}

// Offer is the one answer of a host op.
type Offer struct {
	Answer json.RawMessage `json:"answer,omitempty"`
	Error  *Failure        `json:"error,omitempty"`
}

// Failure is why there is no answer.
type Failure struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Guest   bool   `json:"guest,omitempty"` // the guest said so
}

// Response is one line from the adapter.
type Response struct {
	ID       int64           `json:"id"`
	Hello    *Hello          `json:"hello,omitempty"`
	Module   string          `json:"module,omitempty"`
	Answer   json.RawMessage `json:"answer,omitempty"`
	Error    *Failure        `json:"error,omitempty"`
	Fuel     int64           `json:"fuel,omitempty"`
	Millis   float64         `json:"millis,omitempty"`
	LogBytes int64           `json:"log_bytes,omitempty"`
	PauseUS  int64           `json:"gc_pause_us,omitempty"`
	RSS      int64           `json:"rss,omitempty"`
}
