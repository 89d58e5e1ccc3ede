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
)

var (
	nameForm     = regexp.MustCompile(`^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$`)
	flagForm     = regexp.MustCompile(`^[a-z][a-z0-9-]*(\.[A-Za-z0-9_-]+)*$`)
	envForm      = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	instanceForm = regexp.MustCompile(`^[a-z0-9]{1,40}$`)
	objectForm   = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$`)
)

// plain says whether a value can stand in a command and in a manifest.
func plain(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r == '�' })
}

func (s Spec) check() error {
	errs := []error{s.Topology.Check()}
	if s.Topology.Attach == "" { // what somebody else runs is not laid on anything here
		errs = append(errs, s.Hardware.Check())
	}
	bad := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("topology %q: "+format, append([]any{s.Topology.Name}, args...)...))
	}
	t := s.Topology
	if t.Attach == "" && t.Engine != "" && t.Engine != "vllm" && t.Engine != sglang {
		errs = append(errs, &Refused{fmt.Sprintf("Plans are made for vLLM and SGLang, and the topology names the engine %q", t.Engine), "Start the server yourself and declare attach."})
	}
	if n := s.name(); !nameForm.MatchString(n) {
		bad("the name %q cannot begin the names of processes and objects: lower case letters, digits and dashes, at most 40, a letter first", n)
	}
	if s.Instance != "" && !instanceForm.MatchString(s.Instance) {
		bad("the instance %q cannot end the names of containers: lower case letters and digits, at most 40", s.Instance)
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
		errs = append(errs, digested("image of vllm-router", s.Proxy.Image, t.Runtime, "IMAGE"))
	}
	switch t.Runtime {
	case "", "process":
	case "podman", "docker":
		errs = append(errs, digested("image", t.Image, t.Runtime, published(t.Engine)))
	case "kubernetes":
		errs = append(errs, digested("image", t.Image, t.Runtime, published(t.Engine)))
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
