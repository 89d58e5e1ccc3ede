package supervise

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/store/atomicfile"
	"github.com/plimsoll-dev/plimsoll/core/topology/plan"
	"github.com/plimsoll-dev/plimsoll/sdk/backend"
	"github.com/plimsoll-dev/plimsoll/sdk/canonjson"
)

// Names of the files in an instance's folder.
const (
	recordName = "instance.json"
	socketName = "s"
	logName    = "supervisor.log"
	lockName   = "lock"
)

// Folder is that of all instances, below a project's state folder.
const Folder = "topology"

// format of instance.json.
const format = 1

// Instance is what a supervisor leaves for others to find.
type Instance struct {
	Format    int           `json:"format"`
	Name      string        `json:"name"` // of the topology
	Model     string        `json:"model"`
	Engine    string        `json:"engine"` // with its version
	Runtime   string        `json:"runtime"`
	Digest    string        `json:"digest"`           // of the plan, see Digest
	Serves    string        `json:"serves,omitempty"` // as its Order says
	Asked     string        `json:"asked,omitempty"`  // as its Order says
	Restarts  int           `json:"restarts"`         // as its Order says
	Machine   plan.Machine  `json:"machine"`          // as its Order says
	Endpoints []string      `json:"endpoints"`
	Ports     []int         `json:"ports,omitempty"` // of its processes
	PID       int           `json:"pid"`             // of the supervisor
	Born      string        `json:"born"`            // tells it from another process that got its id later
	Socket    string        `json:"socket"`
	Started   time.Time     `json:"started"`
	Phase     backend.Phase `json:"phase"`
	Since     time.Time     `json:"since"` // of the phase
	Message   string        `json:"message,omitempty"`
	Launches  int           `json:"launches"` // more than 1: the backend died, and the plan was started again
	Processes []Process     `json:"processes,omitempty"`
}

// Process is one process of an instance.
type Process struct {
	Name    string        `json:"name"`
	Role    string        `json:"role"`
	PID     int           `json:"pid,omitempty"` // 0: none runs
	Born    string        `json:"born,omitempty"`
	Phase   backend.Phase `json:"phase"`
	Command []string      `json:"command"`
	Log     string        `json:"log"` // path of the file with its output
}

// Digest is of what a plan runs: its commands, variables and addresses. How long a
// start may take is left out, wherever it stands: it depends on what was compiled
// before, and would make the same topology another one.
func Digest(p plan.Plan) (string, error) {
	type part struct {
		Name    string
		Command []string
		Env     map[string]string
		Port    int
		After   []string
	}
	what := map[string]any{"model": p.Model, "runtime": p.Runtime, "endpoints": p.Endpoints}
	var parts []part
	for _, x := range p.Processes {
		env := map[string]string{}
		for k, v := range x.Env {
			if k != patience {
				env[k] = v
			}
		}
		var words []string
		for i, w := range x.Command {
			if !strings.HasPrefix(w, patience+"=") && (i == 0 || x.Command[i-1] != routerPatience) {
				words = append(words, w)
			}
		}
		parts = append(parts, part{x.Name, words, env, x.Port, x.After})
	}
	what["processes"] = parts
	d, err := canonjson.Digest(what)
	if err != nil {
		return "", fmt.Errorf("hashing the plan of %s: %w", p.Name, err)
	}
	return d, nil
}

// Where plan.Make writes how long a start may take.
const (
	patience       = "VLLM_ENGINE_READY_TIMEOUT_S"
	routerPatience = "--worker-startup-timeout-secs"
)

// Dir is the folder of a topology's instance, below a project's state folder.
func Dir(state, name string) string { return filepath.Join(state, Folder, name) }

// Read is what stands in an instance's folder, alive or not; fs.ErrNotExist when
// there is nothing.
func Read(dir string) (Instance, error) {
	var i Instance
	path := filepath.Join(dir, recordName)
	info, err := os.Lstat(path)
	if err != nil {
		return i, err
	}
	if !info.Mode().IsRegular() || info.Size() > 4<<20 {
		return i, fmt.Errorf("%s is not what a supervisor leaves: remove it", path)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return i, err
	}
	if err := json.Unmarshal(raw, &i); err != nil || i.Name == "" {
		return i, fmt.Errorf("%s is not what a supervisor leaves: remove it", path)
	}
	if i.Format != format {
		return i, fmt.Errorf("%s has format %d, and this plimsoll reads %d: stop the topology with the version that started it", path, i.Format, format)
	}
	return i, nil
}

// List are the instances below a state folder, by name. One that cannot be read is
// an error beside the others.
func List(state string) ([]Instance, error) {
	entries, err := os.ReadDir(filepath.Join(state, Folder))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("looking for topologies that run: %w", err)
	}
	var out []Instance
	var errs []error
	for _, e := range entries {
		if !e.IsDir() {
			continue // as a file manager leaves; no supervisor's
		}
		i, err := Read(filepath.Join(state, Folder, e.Name()))
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			errs = append(errs, err)
		default:
			out = append(out, i)
		}
	}
	slices.SortFunc(out, func(a, b Instance) int { return strings.Compare(a.Name, b.Name) })
	return out, errors.Join(errs...)
}

// Alive tells whether the supervisor runs: that it has the id and was born when it
// says. An id alone is not believed, another process may have got it since.
func (i Instance) Alive() bool { return same(i.PID, i.Born) }

// Left are processes of the instance that run. Of a live instance that is as it
// should be; after its supervisor has gone it is what was left over.
func (i Instance) Left() []Process {
	var out []Process
	for _, p := range i.Processes {
		if same(p.PID, p.Born) {
			out = append(out, p)
		}
	}
	return out
}

// Holds tells whether the instance has a port, or will have in a moment. One that
// failed and of which nothing runs has none.
func (i Instance) Holds(port int) bool {
	return slices.Contains(i.Ports, port) && i.Alive() && (i.Phase != backend.Failed || len(i.Left()) > 0)
}

func same(pid int, b string) bool { return pid > 0 && b != "" && born(pid) == b }

func (i Instance) write(dir string) error {
	raw, err := json.MarshalIndent(i, "", "  ")
	if err != nil {
		return err
	}
	if err := atomicfile.Write(filepath.Join(dir, recordName), append(raw, '\n'), 0o600); err != nil {
		return fmt.Errorf("writing down how the topology is: %w", err)
	}
	return nil
}

// Clear takes away what a dead supervisor left: processes that its warden did not
// end, and its files. It does nothing to an instance that is alive.
func Clear(dir string, i Instance) error {
	if i.Alive() {
		return fmt.Errorf("topology %q is supervised by process %d", i.Name, i.PID)
	}
	for _, p := range i.Left() {
		killGroup(p.PID)
	}
	for range 200 {
		if len(i.Left()) == 0 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if left := i.Left(); len(left) > 0 {
		return fmt.Errorf("process %d (%s) does not end, not even when it is killed", left[0].PID, left[0].Name)
	}
	return tidy(dir, i)
}

// tidy removes the files by which an instance is found. Its logs stay.
func tidy(dir string, i Instance) error {
	var errs []error
	for _, path := range []string{filepath.Join(dir, recordName), filepath.Join(dir, socketName)} {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	elsewhere(i.Socket)
	return errors.Join(errs...)
}
