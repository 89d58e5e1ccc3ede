package plan

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/topology"
	"github.com/plimsoll-dev/plimsoll/core/topology/preflight"
)

// usual is how long vLLM waits for its engine unless it is told otherwise.
const usual = 600 * time.Second

// longest is a start that is believed.
const longest = 24 * time.Hour

// Make makes the plan of s. Errors are *Blocked, *Refused, an error of topology, or
// say what of the input contradicts itself; all contradictions at once.
func Make(s Spec) (Plan, error) {
	if err := s.check(); err != nil {
		return Plan{}, err
	}
	s.fill()
	p := Plan{Format: 1, Name: s.Name, Engine: "vllm", Version: s.Topology.Version, Runtime: s.Topology.Runtime, Model: s.Model.Name}
	if s.Topology.Attach != "" {
		p.Runtime, p.Endpoints = "attach", []string{strings.TrimRight(s.Topology.Attach, "/")}
		p.Notes = []string{"The server runs already: nothing is launched, and nothing is stopped."}
		return p, nil
	}
	v, err := read(s.Topology.Version)
	if err != nil {
		return Plan{}, err
	}
	all, err := pools(s.Topology, s.Model)
	if err != nil {
		return Plan{}, fmt.Errorf("topology %q: %w", s.Topology.Name, err)
	}
	e := &engine{version: v, source: s.Source, served: s.Model.Name, share: utilisation(s.Hardware), env: maps.Clone(s.Env), args: maps.Clone(s.Args), kv: map[string]string{}}
	if e.env == nil {
		e.env = map[string]string{}
	}
	if e.args == nil {
		e.args = map[string]string{}
	}
	if err := e.configure(s, all); err != nil {
		return Plan{}, err
	}
	cluster := s.Topology.Runtime == "kubernetes"
	if cluster {
		need := 0
		for _, p := range all {
			need += p.replicas * p.size()
		}
		if need > s.Hardware.Count {
			return Plan{}, &Refused{fmt.Sprintf("The topology takes %d GPUs, and %s has %d", need, s.Hardware.Name, s.Hardware.Count), "Use fewer servers, or declare the hardware that there is."}
		}
	} else if err := place(all, s); err != nil {
		return Plan{}, err
	}
	ports, err := assign(s, all, cluster)
	if err != nil {
		return Plan{}, err
	}
	facts, fits, err := s.facts(e, all, ports)
	if err != nil {
		return Plan{}, err
	}
	p.Findings = preflight.Check(facts)
	if preflight.Blocked(p.Findings) {
		return Plan{}, &Blocked{Topology: s.Topology.Name, Findings: p.Findings}
	}
	for i, f := range fits {
		if !f.Fits { // what preflight does not count: the engine keeps some memory for itself
			return Plan{}, &topology.Misfit{Topology: s.Topology.Name, Why: fmt.Sprintf("a GPU of %s has no room for one request: %s", all[i].role, f), Fit: f}
		}
	}
	e.merge(p.Findings, s.Ready)
	p.Seconds = e.seconds
	p.Notes = notes(e, s, all, fits)
	if cluster {
		p.Manifests, p.Endpoints, err = e.manifests(s, all)
		return p, err
	}
	p.Processes, p.Endpoints, err = e.processes(s, all, ports)
	return p, err
}

// merge takes in what preflight sets. It wins over what was declared, because it
// knows a failure: the findings tell so.
func (e *engine) merge(found []preflight.Finding, declared time.Duration) {
	env, args, ready := preflight.Merged(found)
	for k, v := range env {
		e.env[k] = v
	}
	for k, v := range args {
		key, ok := strings.CutPrefix(k, transferPrefix+"kv_connector_extra_config.")
		if ok {
			e.kv[key] = v
			continue
		}
		e.args[k] = v
	}
	if e.args["attention-backend"] == "TRITON_ATTN" && e.latent {
		e.args["attention-backend"] = "TRITON_MLA" // the same kernels' name for latent attention
	}
	wait := max(declared, ready, usual)
	e.seconds = int((wait + time.Second - 1) / time.Second)
	if wait > usual {
		e.env["VLLM_ENGINE_READY_TIMEOUT_S"] = fmt.Sprint(e.seconds)
	}
}

var (
	nameForm   = regexp.MustCompile(`^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$`)
	flagForm   = regexp.MustCompile(`^[a-z][a-z0-9-]*(\.[A-Za-z0-9_-]+)*$`)
	envForm    = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	objectForm = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$`)
)

// plain says whether a value can stand in a command and in a manifest.
func plain(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r == '�' })
}

func (s Spec) check() error {
	errs := []error{s.Topology.Check(), s.Hardware.Check()}
	bad := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("topology %q: "+format, append([]any{s.Topology.Name}, args...)...))
	}
	t := s.Topology
	if t.Engine != "" && t.Engine != "vllm" {
		errs = append(errs, &Refused{fmt.Sprintf("Plans are made for vLLM, and the topology names the engine %q", t.Engine), "Start the server yourself and declare attach."})
	}
	if n := s.name(); !nameForm.MatchString(n) {
		bad("the name %q cannot begin the names of processes and objects: lower case letters, digits and dashes, at most 40, a letter first", n)
	}
	if s.Model.Name == "" {
		bad("the model has no name")
	}
	for _, x := range [][2]string{{"the model's name", s.Model.Name}, {"the model's source", s.Source}, {"the attention backend", t.Attention}, {"the proxy's script", s.Proxy.Script}, {"the host", s.Host}} {
		if what, v := x[0], x[1]; !plain(v) || strings.HasPrefix(v, "-") {
			bad("%s %q cannot stand in a command", what, v)
		}
	}
	for _, k := range slices.Sorted(maps.Keys(s.Args)) {
		switch {
		case !flagForm.MatchString(k):
			bad("%q is not the name of a flag: write it without its dashes", k)
		case slices.Contains(owned, strings.SplitN(k, ".", 2)[0]):
			bad("--%s follows from the blocks: change them instead", k)
		case !plain(s.Args[k]):
			bad("the value of --%s cannot stand in a command", k)
		}
	}
	for _, k := range slices.Sorted(maps.Keys(s.Env)) {
		switch {
		case !envForm.MatchString(k):
			bad("%q is not the name of a variable", k)
		case slices.Contains(ownedEnv, k):
			bad("%s follows from the blocks: change them instead", k)
		case !plain(s.Env[k]):
			bad("the value of %s cannot stand in an environment", k)
		}
	}
	for _, x := range []struct {
		what string
		d    time.Duration
	}{{"ready", s.Ready}, {"decode queue", s.DecodeQueue}, {"lease", lease(t)}} {
		if x.d < 0 || x.d > longest {
			bad("a %s of %s cannot be meant", x.what, x.d)
		}
	}
	if u, err := url.Parse(t.Attach); t.Attach != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil) {
		bad("attach = %q is not the URL of a server: http or https, a host, no credentials", t.Attach)
	}
	if s.Context < 0 || s.Context > 16<<20 {
		bad("a context of %d tokens cannot be meant", s.Context)
	}
	if s.Workload != nil {
		errs = append(errs, s.Workload.Check())
	}
	return errors.Join(append(errs, s.checkRuntime()...)...)
}

func (s Spec) checkRuntime() []error {
	var errs []error
	k, t := s.Kubernetes, s.Topology
	if t.Attach != "" {
		return nil
	}
	if contained := t.Runtime == "podman" || t.Runtime == "docker" || t.Runtime == "kubernetes"; contained && t.Split() && k.Kind != "kserve" && (s.Proxy.Script == "" || t.Runtime == "kubernetes") {
		errs = append(errs, digested("image of vllm-router", s.Proxy.Image, t.Runtime))
	}
	switch t.Runtime {
	case "", "process":
	case "podman", "docker":
		errs = append(errs, digested("image", t.Image, t.Runtime))
	case "kubernetes":
		errs = append(errs, digested("image", t.Image, t.Runtime))
		if !slices.Contains([]string{"", "deployment", "leaderworkerset", "kserve"}, k.Kind) {
			errs = append(errs, fmt.Errorf("kubernetes: the kind %q is not deployment, leaderworkerset or kserve", k.Kind))
		}
		for _, x := range [][2]string{{"namespace", k.Namespace}, {"queue", k.Queue}, {"claim", k.Claim}} {
			if x[1] != "" && !objectForm.MatchString(x[1]) {
				errs = append(errs, fmt.Errorf("kubernetes: the %s %q is not a name", x[0], x[1]))
			}
		}
		if mounted := k.Claim != "" && strings.HasPrefix(s.Source, cmp.Or(k.Mount, "/models")+"/"); path.IsAbs(s.Source) && !mounted {
			errs = append(errs, &Refused{fmt.Sprintf("The model's source %s is a path that no claim mounts", s.Source), "Name the claim that holds it, and a source below its mount (/models unless said), or a model of a hub."})
		}
		if k.Mount != "" && (!path.IsAbs(k.Mount) || !plain(k.Mount)) {
			errs = append(errs, fmt.Errorf("kubernetes: the mount %q is not an absolute path", k.Mount))
		}
	default:
		errs = append(errs, fmt.Errorf("the runtime %q is not process, podman, docker or kubernetes", t.Runtime))
	}
	return errs
}

func lease(t topology.Topology) time.Duration {
	if t.Transfer == nil {
		return 0
	}
	return t.Transfer.Lease
}

func (s Spec) name() string {
	if s.Name != "" {
		return s.Name
	}
	return s.Topology.Name
}

// fill sets what was left out.
func (s *Spec) fill() {
	s.Name = s.name()
	if s.Source == "" {
		s.Source = s.Model.Name
	}
	if s.Topology.Runtime == "" {
		s.Topology.Runtime = "process"
	}
	if s.Port == 0 {
		s.Port = 8000
	}
	if s.KVPort == 0 {
		s.KVPort = 5600
	}
	if s.Host == "" {
		s.Host = "127.0.0.1"
	}
	if s.Kubernetes.Mount == "" {
		s.Kubernetes.Mount = "/models"
	}
	if s.Kubernetes.Memory == "" {
		s.Kubernetes.Memory = "16Gi"
	}
}

func notes(e *engine, s Spec, all []pool, fits []topology.Fit) []string {
	var out []string
	for i, f := range fits {
		if s.Workload != nil {
			out = append(out, fmt.Sprintf("Memory of each GPU of %s: %s.", all[i].role, f))
		}
	}
	if !newest.atLeast(e.version) {
		out = append(out, fmt.Sprintf("Flags were checked up to vLLM %s, and this is %s: what came after is not known.", newest, e.version))
	}
	if n := all[0].replicas; !e.split && n > 1 && s.Topology.Runtime != "kubernetes" {
		out = append(out, fmt.Sprintf("There are %d servers with an endpoint each, and nothing balances between them: name them all.", n))
	}
	if e.hybrid && e.split && e.args["no-async-scheduling"] == "" && all[0].tensor == 1 {
		out = append(out, "vLLM's own accuracy runs of models with recurrent state over NIXL used --no-async-scheduling (#41869, #45019): set it if answers differ from those of an aggregated server.")
	}
	if s.Topology.Runtime == "kubernetes" && s.Kubernetes.Kind == "kserve" {
		out = append(out, "KServe starts the image with a script of its own, which needs bash, and serves by its own proxy and gateway: the address is in the object's status.")
	}
	if s.Topology.Runtime == "kubernetes" && s.Kubernetes.Queue != "" {
		out = append(out, "Kueue admits these objects only where its integration for them is switched on, and in namespaces that it manages.")
	}
	if e.split && s.Proxy.Script != "" && s.Topology.Runtime != "kubernetes" {
		out = append(out, "The proxy is vLLM's test script: it takes turns, and does not retry or leave out a server that fails.")
	}
	return out
}
