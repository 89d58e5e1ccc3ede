package plan

import (
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

var digestForm = regexp.MustCompile(`^[a-z0-9][a-zA-Z0-9._:/-]*@sha256:[0-9a-f]{64}$`)

// digested refuses an image that can change under its name, and says how to get the
// name of what it is now; usual is an example where no image is named.
func digested(what, image, runtime, usual string) error {
	if digestForm.MatchString(image) {
		return nil
	}
	tag, _, _ := strings.Cut(image, "@")
	if tag == "" {
		tag = usual
	}
	get := fmt.Sprintf("%s pull %s && %s image inspect --format '{{index .RepoDigests 0}}' %s", runtime, tag, runtime, tag)
	if runtime == "kubernetes" {
		get = fmt.Sprintf("skopeo inspect --format '{{.Name}}@{{.Digest}}' docker://%s", tag)
	}
	why := fmt.Sprintf("The %s %q has no digest, so that it is not known what would run", what, image)
	if image == "" {
		why = fmt.Sprintf("The runtime %s needs the %s by digest, and there is none", runtime, what)
	}
	return &Refused{why, "Get it with: " + get}
}

const loopback = "127.0.0.1"

// reach is where a server that listens on host answers on the same machine.
func reach(host string) string {
	switch host {
	case "0.0.0.0", "::", "":
		return loopback
	}
	return host
}

// processes are the local plan: servers in order, and the proxy last.
func (e *engine) processes(s Spec, all []pool, ports []port) ([]Process, []string, error) {
	var out []Process
	var endpoints []string
	host := s.Host
	if e.split {
		host = loopback // only the proxy is for others
	}
	url := func(n int) string { return fmt.Sprintf("http://%s:%d", reach(host), n) }
	i := 0
	for _, p := range all {
		for r := range p.replicas {
			at := ports[i]
			i++
			var more []string
			if at.rpc > 0 {
				more = []string{"--data-parallel-rpc-port", strconv.Itoa(at.rpc)}
			}
			env := maps.Clone(e.env)
			if e.split {
				env["VLLM_NIXL_SIDE_CHANNEL_HOST"] = host
				env["VLLM_NIXL_SIDE_CHANNEL_PORT"] = strconv.Itoa(at.kv[0])
			}
			x := Process{
				Name: at.name, Role: p.role, Command: e.serve(p, host, at.http, more...), Env: env,
				GPUs: p.gpus[r], Port: at.http, KVPorts: at.kv, Ready: url(at.http) + "/health", Seconds: e.seconds,
			}
			out = append(out, s.contain(x, s.Topology.Image))
			endpoints = append(endpoints, url(at.http))
		}
	}
	if !e.split {
		return out, endpoints, nil
	}
	x := e.proxy(s, out, ports)
	return append(out, x), []string{fmt.Sprintf("http://%s:%d", reach(s.Host), s.Port)}, nil
}

// proxy stands before prefill and decode: vllm-router, or the script of vLLM's tests.
func (e *engine) proxy(s Spec, servers []Process, ports []port) Process {
	x := Process{Name: s.Name + "-proxy", Role: Front, Port: s.Port, Seconds: 60}
	for _, p := range servers {
		x.After = append(x.After, p.Name)
	}
	if s.Proxy.Script == "" {
		var prefill, decode []string
		for _, p := range ports {
			u := fmt.Sprintf("http://%s:%d", loopback, p.http)
			if p.role == Prefill {
				prefill = append(prefill, u)
			} else {
				decode = append(decode, u)
			}
		}
		x.Ready = fmt.Sprintf("http://%s:%d/health", reach(s.Host), s.Port)
		x.Command = e.router(s.Host, s.Port, prefill, decode)
		return s.contain(x, s.Proxy.Image)
	}
	x.Ready = fmt.Sprintf("http://%s:%d/healthcheck", reach(s.Host), s.Port)
	x.Command = []string{"python3", s.Proxy.Script, "--host", s.Host, "--port", strconv.Itoa(s.Port)}
	for _, side := range []struct {
		role Role
		word string
	}{{Prefill, "prefiller"}, {Decode, "decoder"}} {
		var hosts, numbers []string
		for _, p := range ports {
			if p.role == side.role {
				hosts, numbers = append(hosts, loopback), append(numbers, strconv.Itoa(p.http))
			}
		}
		x.Command = append(x.Command, slices.Concat([]string{"--" + side.word + "-hosts"}, hosts, []string{"--" + side.word + "-ports"}, numbers)...)
	}
	return s.contain(x, s.Topology.Image)
}

// router is vllm-router's command (docs/cli_reference.md of vllm-project/router). Its
// own wait for servers is 600 s unless it is raised with the others.
func (e *engine) router(host string, port int, prefill, decode []string) []string {
	c := []string{"vllm-router", "--host", host, "--port", strconv.Itoa(port), "--vllm-pd-disaggregation", "--policy", "round_robin", "--worker-startup-timeout-secs", strconv.Itoa(e.seconds)}
	for _, u := range prefill {
		c = append(c, "--prefill", u)
	}
	for _, u := range decode {
		c = append(c, "--decode", u)
	}
	return c
}

// contain puts x into a container when the runtime is one; GPUs go in by index. The
// network and shared memory are the machine's: ranks and NIXL need both.
func (s Spec) contain(x Process, image string) Process {
	runtime := s.Topology.Runtime
	if runtime == "process" {
		if len(x.GPUs) > 0 {
			x.Env["CUDA_VISIBLE_DEVICES"] = list(x.GPUs)
		}
		return x
	}
	name := x.Name
	if s.Instance != "" {
		name += "-" + s.Instance
	}
	c := []string{runtime, "run", "--rm", "--name", name, "--network", "host", "--ipc", "host"}
	switch {
	case len(x.GPUs) == 0:
	case runtime == "docker":
		c = append(c, "--gpus", `"device=`+list(x.GPUs)+`"`) // the quotes are docker's: the value is CSV
	default:
		for _, g := range x.GPUs {
			c = append(c, "--device", "nvidia.com/gpu="+strconv.Itoa(g))
		}
	}
	for _, k := range slices.Sorted(maps.Keys(x.Env)) {
		c = append(c, "--env", k+"="+x.Env[k])
	}
	for _, file := range []string{s.Source, s.Proxy.Script} {
		if path.IsAbs(file) && slices.Contains(x.Command, file) {
			c = append(c, "--volume", file+":"+file+":ro")
		}
	}
	x.Command = slices.Concat(append(c, "--entrypoint", x.Command[0], image), x.Command[1:])
	x.Env = nil
	x.Stop = []string{runtime, "stop", "--time", "30", name}
	return x
}
