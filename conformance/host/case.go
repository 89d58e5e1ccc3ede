package host

import (
	"encoding/json"
	"slices"
)

// Version of the cases. It changes whenever a case is added, taken out or
// expects something else.
const Version = "1"

// Case is one guest and what a host must do with it. All of it but the module
// stands in cases.json.
type Case struct {
	ID       string   `json:"id"`
	Title    string   `json:"title"`
	Says     string   `json:"says"`    // what the specification says
	Section  string   `json:"section"` // where
	Do       string   `json:"do"`      // what a host that fails should look at
	Module   string   `json:"module"`  // file name
	Limits   Limits   `json:"limits"`
	Needs    []string `json:"needs,omitempty"` // features
	Admit    Expect   `json:"admit"`
	Calls    []Call   `json:"calls,omitempty"`
	Bounds   Bounds   `json:"bounds"`
	Again    []string `json:"again,omitempty"`    // drop, restart: all calls once more after that, with the same answers and fuel
	Parallel bool     `json:"parallel,omitempty"` // all calls at once
	Churn    *Churn   `json:"churn,omitempty"`

	wasm []byte
}

// Expect is how a request may end: with an answer, when OK; with one of the host
// codes Codes; with a failure of the guest's own with one of GuestCodes.
type Expect struct {
	OK         bool            `json:"ok,omitempty"`
	Answer     json.RawMessage `json:"answer,omitempty"` // canonical JSON must be equal; empty takes any
	Codes      []string        `json:"codes,omitempty"`
	GuestCodes []string        `json:"guest_codes,omitempty"`
	SameAs     int             `json:"same_as,omitempty"`      // number of an earlier call, from 1: same answer, same fuel
	DiffersAs  int             `json:"differs_from,omitempty"` // number of an earlier call whose answer must be another
	LogBytes   int64           `json:"log_bytes,omitempty"`    // at most so many are kept; needs feature log
}

// Call is one call of the case's module.
type Call struct {
	Module string           `json:"module,omitempty"` // another file, admitted with the same limits
	Op     int32            `json:"op"`
	Input  json.RawMessage  `json:"input"`
	Time   string           `json:"time,omitempty"`
	Seed   []byte           `json:"seed,omitempty"`
	Offers map[string]Offer `json:"offers,omitempty"`
	Expect Expect           `json:"expect"`
}

// Bounds of every request of a case. Zero takes the default.
type Bounds struct {
	AdmitMillis int64 `json:"admit_millis,omitempty"` // 12,000
	CallMillis  int64 `json:"call_millis,omitempty"`  // limits.timeout_ms + 50
	RSSMiB      int64 `json:"rss_mib,omitempty"`      // above what was resident before; limits.memory_mib + 32
	PauseUS     int64 `json:"gc_pause_us,omitempty"`  // above that of a harmless call; 5,000
}

// Churn repeats admit, first call, drop. Distinct makes every module another one
// by a custom section with a number.
type Churn struct {
	Rounds   int   `json:"rounds"`
	Distinct bool  `json:"distinct,omitempty"`
	GrowMiB  int64 `json:"grow_mib"` // memory may be so much more after it than after the first tenth
}

// The defaults of Bounds.
const (
	defaultAdmitMillis = 12_000
	overMillis         = 50
	overRSSMiB         = 32
	defaultPauseUS     = 5_000
)

// bounds fills in the defaults.
func (c *Case) bounds() Bounds {
	b := c.Bounds
	if b.AdmitMillis == 0 {
		b.AdmitMillis = defaultAdmitMillis
	}
	if b.CallMillis == 0 {
		b.CallMillis = int64(c.Limits.TimeoutMS) + overMillis
	}
	if b.RSSMiB == 0 {
		b.RSSMiB = int64(c.Limits.MemoryMiB) + overRSSMiB
	}
	if b.PauseUS == 0 {
		b.PauseUS = defaultPauseUS
	}
	return b
}

// Wasm is the case's module.
func (c *Case) Wasm() []byte { return c.wasm }

// Cases lists all cases in the order in which they are run. The result is the
// caller's own.
func Cases() []Case {
	var out []Case
	for _, group := range []func() []Case{admitCases, initCases, compileCases, stopCases, stackCases, memoryCases, tableCases, trapCases, outputCases, stateCases, hostCases, wasiCases, sameCases, loadCases} {
		out = append(out, group()...)
	}
	for i := range out {
		c := &out[i]
		if c.Module == "" {
			c.Module = c.ID + ".wasm"
		}
		if c.Limits.MemoryMiB == 0 {
			c.Limits.MemoryMiB = 64
		}
		if c.Limits.TimeoutMS == 0 {
			c.Limits.TimeoutMS = 200
		}
		if c.Limits.OutputBytes == 0 {
			c.Limits.OutputBytes = 64 << 10
		}
		if c.Limits.Fuel > 0 && !slices.Contains(c.Needs, FeatureFuel) {
			c.Needs = append(c.Needs, FeatureFuel)
		}
	}
	return out
}
