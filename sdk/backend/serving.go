package backend

import (
	"context"
	"encoding/json"
	"math"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"
)

// Serving is a Model that also launches engines: it runs what a plan says,
// watches it and stops it. It makes no plans, which is the host's work. Errors
// are *Error as in Generate. Calls arrive concurrently.
//
// A backend that serves must be a Model too. One that cannot generate by itself
// refuses Generate with invalid_request: the engine answers at its endpoints.
type Serving interface {
	// Launch starts plan and returns without waiting until it is ready: Status
	// says when. What it starts outlives ctx. Launching a plan that runs already
	// starts nothing and returns its Instance, so a call that was lost can be
	// made again; the same ID with another plan is refused with invalid_request.
	Launch(ctx context.Context, plan Plan) (Instance, error)
	// Status says how the instance is. An id that is not known is Stopped.
	Status(ctx context.Context, id string) (Status, error)
	// Stop asks the instance to end, kills what is left of it after grace (0: at
	// once), and returns when nothing of it runs. Stopping an id that is not
	// known does nothing. If ctx ends before, the stopping goes on.
	Stop(ctx context.Context, id string, grace time.Duration) error
	// Metrics reads what the engine counts. An id that is not known is
	// invalid_request, an engine that does not answer yet is unavailable.
	Metrics(ctx context.Context, id string) (Metrics, error)
}

// Plan is what to launch.
type Plan struct {
	ID    string // chosen by the host; what is launched has the same
	Model string // that the endpoints offer
	// Document is the planner's: a JSON object that the SDK does not look into.
	Document json.RawMessage
}

// Instance is a launched plan.
type Instance struct {
	ID        string    // of the plan
	Endpoints []string  // one URL or more, http or https, without credentials
	Started   time.Time // UTC
}

// Phase is where an instance or one of its processes is in its life.
type Phase string

// The phases. A host refuses any other.
const (
	Starting Phase = "starting" // not ready for requests yet
	Ready    Phase = "ready"
	Failed   Phase = "failed" // ended, or unfit, without having been asked to
	Stopping Phase = "stopping"
	Stopped  Phase = "stopped" // ended as asked, or never launched
)

// Status is how an instance is.
type Status struct {
	Phase     Phase
	Since     time.Time // of the phase, UTC; zero: not known
	Message   string    // a sentence for a person: why it failed, what it waits for
	Log       []string  // the last lines of its processes, oldest first; MaxLog at most
	Processes []Process
}

// Process is one process of an instance.
type Process struct {
	PID     int64    // 0: none
	Command []string // program and arguments, without secrets
	Phase   Phase
}

// Metrics are numbers of the engine at one moment, under the names that the
// engine itself gives them, such as vllm:num_requests_running, with the labels
// in braces where there are several. All are finite: leave out what is not.
type Metrics struct {
	At       time.Time          // when they were read, UTC
	Counters map[string]float64 // from 0 upwards since the start
	Gauges   map[string]float64
}

// MaxLog is how many lines of a log are kept, and maxLogLine how many bytes of
// each.
const (
	MaxLog     = 200
	maxLogLine = 4 << 10
)

// The checks below hold both sides to the contract: the SDK applies them to what
// an author returns, and the host, which believes nothing, to what arrives.

func checkPlan(p Plan) error {
	if p.ID == "" {
		return Errorf(InvalidRequest, "the plan has no id")
	}
	if !isObject(p.Document) {
		return Errorf(InvalidRequest, "the document of plan %q is not a JSON object", p.ID)
	}
	return nil
}

func checkInstance(i Instance, plan string) error {
	if i.ID != plan {
		return Errorf(Unavailable, "plan %q was launched as %q", plan, i.ID)
	}
	if len(i.Endpoints) == 0 {
		return Errorf(Unavailable, "plan %q was launched without an endpoint", plan)
	}
	for _, e := range i.Endpoints {
		u, err := url.Parse(e)
		if err != nil || !utf8.ValidString(e) || u.Host == "" || u.User != nil || (u.Scheme != "http" && u.Scheme != "https") {
			// The address is not repeated: it may hold a password.
			return Errorf(Unavailable, "an endpoint of plan %q is no address of http or https without credentials", plan)
		}
	}
	if i.Started.IsZero() {
		return Errorf(Unavailable, "plan %q was launched at no time", plan)
	}
	return nil
}

func checkStatus(s Status) error {
	if !s.Phase.known() {
		return Errorf(Unavailable, "the backend reported the phase %q, which does not exist", s.Phase)
	}
	for _, p := range s.Processes {
		if !p.Phase.known() || p.PID < 0 {
			return Errorf(Unavailable, "the backend reported process %d in phase %q, which does not exist", p.PID, p.Phase)
		}
	}
	return nil
}

func (p Phase) known() bool {
	switch p {
	case Starting, Ready, Failed, Stopping, Stopped:
		return true
	}
	return false
}

func checkMetrics(m Metrics) error {
	if m.At.IsZero() {
		return Errorf(Unavailable, "the metrics do not say when they were read")
	}
	for name, v := range m.Counters {
		if !finite(v) || v < 0 || !utf8.ValidString(name) {
			return Errorf(Unavailable, "the counter %q is %v", name, v)
		}
	}
	for name, v := range m.Gauges {
		if !finite(v) || !utf8.ValidString(name) {
			return Errorf(Unavailable, "the gauge %q is %v", name, v)
		}
	}
	return nil
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// checkGrace refuses what no Stop can do.
func checkGrace(grace time.Duration) error {
	if grace < 0 {
		return Errorf(InvalidRequest, "an instance cannot be given %s to stop", grace)
	}
	return nil
}

func isObject(raw json.RawMessage) bool {
	var object map[string]json.RawMessage
	return json.Unmarshal(raw, &object) == nil && object != nil
}

// lastLines is the end of a log as it is sent and kept.
func lastLines(log []string) []string {
	log = log[max(0, len(log)-MaxLog):]
	var out []string
	for _, line := range log {
		line = validText(line)
		if len(line) > maxLogLine {
			cut := maxLogLine
			for !utf8.RuneStart(line[cut]) {
				cut--
			}
			line = line[:cut]
		}
		out = append(out, strings.TrimRight(line, "\r\n"))
	}
	return out
}
