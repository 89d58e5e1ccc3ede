package vllm

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/plimsoll-dev/plimsoll/sdk/backend"
)

// document is what of a plan's document is needed to run it. core/topology/plan
// writes it, and plugins import nothing of core: that the two agree is tested in
// core/cmd/plimsoll.
type document struct {
	Format    int       `json:"format"`
	Name      string    `json:"name"`
	Runtime   string    `json:"runtime"`
	Model     string    `json:"model"`
	Endpoints []string  `json:"endpoints"`
	Processes []process `json:"processes"`
}

// process is one process or container of a document.
type process struct {
	Name    string            `json:"name"`
	Role    string            `json:"role"`
	Command []string          `json:"command"`
	Env     map[string]string `json:"env"`
	Stop    []string          `json:"stop"`
	Port    int               `json:"port"`
	Ready   string            `json:"ready"`
	Seconds int               `json:"ready_seconds"`
	After   []string          `json:"after"`
}

// Limits of what is believed to be a plan.
const (
	maxProcesses = 1024
	maxSeconds   = 24 * 60 * 60
)

// plainName is what becomes the name of a file.
var plainName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,99}$`)

// read checks a plan as a whole, before anything of it is started.
func read(p backend.Plan) (document, error) {
	var d document
	if err := json.Unmarshal(p.Document, &d); err != nil {
		return d, backend.Errorf(backend.InvalidRequest, "the document of plan %q cannot be read: %v", p.ID, err)
	}
	var wrong []error
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Errorf(format, args...)) }
	if d.Format != 1 {
		say("it has format %d, and this backend reads format 1", d.Format)
	}
	switch d.Runtime {
	case "process", "podman", "docker":
		if len(d.Processes) == 0 || len(d.Processes) > maxProcesses {
			say("it has %d processes, and 1 to %d can be launched", len(d.Processes), maxProcesses)
		}
	case "attach":
		if len(d.Processes) > 0 {
			say("it attaches to a server that runs already, and has processes")
		}
	case "kubernetes":
		say("it is for Kubernetes, which is not launched from here: apply its manifests")
	default:
		say("its runtime is %q, and process, podman, docker and attach can be launched", d.Runtime)
	}
	if len(d.Endpoints) == 0 {
		say("it has no endpoint")
	}
	for _, e := range d.Endpoints {
		if !address(e) {
			say("an endpoint is no address of http or https without credentials")
		}
	}
	var before []string
	for _, x := range d.Processes {
		for _, err := range x.check(before) {
			say("process %q %w", x.Name, err)
		}
		before = append(before, x.Name)
	}
	if len(wrong) > 0 {
		return d, backend.Errorf(backend.InvalidRequest, "plan %q cannot be launched: %s", p.ID, strings.ReplaceAll(errors.Join(wrong...).Error(), "\n", "; "))
	}
	return d, nil
}

// check is what is wrong with x, given those that stand before it.
func (x process) check(before []string) []error {
	var out []error
	say := func(format string, args ...any) { out = append(out, fmt.Errorf(format, args...)) }
	if !plainName.MatchString(x.Name) {
		say("has a name that cannot be the name of a file")
	}
	if slices.Contains(before, x.Name) {
		say("is there twice")
	}
	for _, words := range [][]string{x.Command, x.Stop} {
		for _, w := range words {
			if strings.ContainsAny(w, "\x00\n") {
				say("has a word with a line break or a zero in its command")
			}
		}
	}
	if len(x.Command) == 0 || x.Command[0] == "" {
		say("has no command")
	}
	for name, value := range x.Env {
		if name == "" || strings.ContainsAny(name, "=\x00") || strings.Contains(value, "\x00") {
			say("has the variable %q, which cannot be one", name)
		}
	}
	if !address(x.Ready) {
		say("does not say at which address it is ready")
	}
	if x.Seconds < 1 || x.Seconds > maxSeconds {
		say("may take %d s to be ready, and 1 to %d are believed", x.Seconds, maxSeconds)
	}
	for _, a := range x.After {
		if !slices.Contains(before, a) {
			say("starts after %q, which does not stand before it", a)
		}
	}
	return out
}

func address(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Host != "" && u.User == nil && (u.Scheme == "http" || u.Scheme == "https")
}
