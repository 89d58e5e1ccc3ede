package load

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/store/atomicfile"
)

// Sweep is the same workload at several paces, one run after the other.
type Sweep struct {
	Config Config // its Pace is not looked at
	Paces  []Pace
	Rest   time.Duration // between runs, so that the server's queue is empty
	Serves string        // what else makes two runs comparable, such as the layout that answers; "": nothing is known of it
	Redo   bool          // runs that were invalid are made again when a sweep goes on
}

// Grid is every rate with every cap of concurrency; without either: a burst
// without a cap.
func Grid(rates []Rate, concurrency []int) []Pace {
	if len(rates) == 0 {
		rates = []Rate{0}
	}
	if len(concurrency) == 0 {
		concurrency = []int{0}
	}
	var out []Pace
	for _, c := range concurrency {
		for _, r := range rates {
			out = append(out, Pace{Rate: r, Concurrency: c})
		}
	}
	return out
}

// stateVersion of a sweep's file.
const stateVersion = 1

// state is what a sweep has done. It is written whole after every run.
type state struct {
	Version int    `json:"version"`
	Digest  string `json:"digest"` // of everything that makes two runs comparable
	Done    []Step `json:"done"`
}

// Step is one run of a sweep that is done.
type Step struct {
	Pace  Pace   `json:"pace"`
	Files string `json:"files"` // as save named them
	Valid bool   `json:"valid"`
}

// Drive makes the runs that the file at path does not have yet. After each, save
// writes the results and gives their name; then the file is replaced at once, so
// that a sweep which is stopped, or killed, goes on where it was. A file of
// another sweep is refused. tell, when not nil, hears of each run before it begins
// (done is false) and of those skipped (done is true).
func (s Sweep) Drive(ctx context.Context, path string, save func(*Run) (string, error), tell func(i int, p Pace, done bool)) ([]Step, error) {
	if len(s.Paces) == 0 {
		return nil, errors.New("the sweep has no paces")
	}
	for _, p := range s.Paces {
		c := s.Config
		c.Pace = p
		if err := c.Check(); err != nil {
			return nil, fmt.Errorf("%s: %w", p, err)
		}
	}
	st, err := s.load(path)
	if err != nil {
		return nil, err
	}
	rested := true
	for i, p := range s.Paces {
		at := st.find(p)
		done := at >= 0 && (st.Done[at].Valid || !s.Redo)
		if tell != nil {
			tell(i, p, done)
		}
		if done {
			continue
		}
		if !rested && s.Rest > 0 {
			select {
			case <-time.After(s.Rest):
			case <-ctx.Done():
				return st.Done, fmt.Errorf("the sweep was stopped: %w", context.Cause(ctx))
			}
		}
		c := s.Config
		c.Pace = p
		run, err := Drive(ctx, c)
		if err != nil {
			return st.Done, fmt.Errorf("%s: %w", p, err)
		}
		rested = false
		files, err := save(run)
		if err != nil {
			return st.Done, fmt.Errorf("saving the run at %s: %w", p, err)
		}
		step := Step{Pace: p, Files: files, Valid: run.Valid()}
		if at >= 0 {
			st.Done[at] = step
		} else {
			st.Done = append(st.Done, step)
		}
		if err := st.write(path); err != nil {
			return st.Done, err
		}
	}
	return st.Done, nil
}

func (s Sweep) load(path string) (*state, error) {
	digest, err := s.digest()
	if err != nil {
		return nil, err
	}
	fresh := &state{Version: stateVersion, Digest: digest}
	src, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return fresh, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the sweep's state: %w", err)
	}
	var st state
	if err := json.Unmarshal(src, &st); err != nil || st.Version != stateVersion {
		return nil, fmt.Errorf("%s is not the state of a sweep of version %d: remove it, or write somewhere else", path, stateVersion)
	}
	if st.Digest != digest {
		return nil, fmt.Errorf("%s belongs to a sweep of another endpoint, workload or layout, whose runs cannot be compared with these: remove it, or write somewhere else", path)
	}
	return &st, nil
}

// digest of the endpoint, the workload with its trace, the warm-up and what serves.
func (s Sweep) digest() (string, error) {
	raw, err := json.Marshal(struct {
		Endpoint Endpoint
		Workload Workload
		Trace    []Arrival
		Warmup   int
		Serves   string `json:",omitempty"`
	}{s.Config.Endpoint, s.Config.Workload, s.Config.Workload.Trace, s.Config.Warmup, s.Serves})
	if err != nil {
		return "", fmt.Errorf("writing the sweep's digest: %w", err)
	}
	return fmt.Sprintf("sha256:%x", sha256.Sum256(raw)), nil
}

func (st *state) find(p Pace) int {
	for i, d := range st.Done {
		if d.Pace.String() == p.String() && d.Pace.Burstiness == p.Burstiness && d.Pace.Speed == p.Speed {
			return i
		}
	}
	return -1
}

func (st *state) write(path string) error {
	raw, err := json.MarshalIndent(st, "", "  ")
	if err != nil {
		return fmt.Errorf("writing the sweep's state: %w", err)
	}
	if err := atomicfile.Write(path, append(raw, '\n'), 0o644); err != nil {
		return fmt.Errorf("writing the sweep's state: %w", err)
	}
	return nil
}
