package plan

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/plimsoll-dev/plimsoll/core/topology/plan/schema"
)

// Labels of what plans make.
const (
	labelName = "app.kubernetes.io/name"      // the plan
	labelPart = "app.kubernetes.io/component" // engine, prefill, decode, proxy; a worker has -worker
	labelBy   = "app.kubernetes.io/managed-by"
	// labelQueue is what Kueue reads on a Deployment and a LeaderWorkerSet
	// (kueue.sigs.k8s.io, tasks/run/deployment and tasks/run/leaderworkerset): each
	// pod of the first is admitted by itself, a group of the second as a whole.
	labelQueue = "kueue.x-k8s.io/queue-name"
)

// manifests are the objects of a plan on Kubernetes, checked against the schemas, and
// the URL at which they answer inside the cluster.
func (e *engine) manifests(s Spec, all []pool) ([]Manifest, []string, error) {
	var objects []object
	var err error
	if s.Kubernetes.Kind == "kserve" {
		objects, err = e.kserve(s, all)
	} else {
		objects, err = e.objects(s, all)
	}
	if err != nil {
		return nil, nil, err
	}
	var out []Manifest
	var stream []byte
	for _, o := range objects {
		src, err := yaml.MarshalWithOptions(o, yaml.IndentSequence(true))
		if err != nil {
			return nil, nil, fmt.Errorf("writing the %s of %s: %w", o.Kind, o.Metadata.Name, err)
		}
		out = append(out, Manifest{Kind: o.Kind, Name: o.Metadata.Name, YAML: string(src)})
		stream = append(append(stream, "---\n"...), src...)
	}
	if err := schema.Check(stream); err != nil {
		return nil, nil, fmt.Errorf("checking the manifests of %q: %w", s.Name, err)
	}
	if s.Kubernetes.Kind == "kserve" {
		return out, nil, nil // the gateway's address is known once KServe has made it
	}
	host := s.Name
	if s.Kubernetes.Namespace != "" {
		host += "." + s.Kubernetes.Namespace
	}
	return out, []string{fmt.Sprintf("http://%s:%d", host, s.Port)}, nil
}

func (e *engine) objects(s Spec, all []pool) ([]object, error) {
	var out []object
	urls := map[Role][]string{}
	for _, p := range all {
		name := s.Name
		if e.split {
			name += "-" + string(p.role)
		}
		o, err := e.servers(s, p, name)
		if err != nil {
			return nil, err
		}
		out = append(out, o, s.service(name, string(p.role)))
		urls[p.role] = []string{fmt.Sprintf("http://%s:%d", name, s.Port)}
	}
	if e.split {
		c := container{Name: "proxy", Image: s.Proxy.Image, Command: e.router("0.0.0.0", s.Port, urls[Prefill], urls[Decode]), Ports: []opening{{"http", s.Port}}}
		c.StartupProbe, c.ReadinessProbe = e.start(), still()
		t := template{s.meta("", "proxy"), pod{EnableServiceLinks: new(bool), Containers: []container{c}}}
		out = append(out, s.deployment(s.Name+"-proxy", "proxy", 1, e.seconds, t), s.service(s.Name, "proxy"))
	}
	return out, nil
}

// servers are all servers of a pool: a Deployment, or a LeaderWorkerSet when one
// server is wider than a machine or the plan asks for it.
func (e *engine) servers(s Spec, p pool, name string) (object, error) {
	perNode := s.Hardware.Count
	if s.Hardware.PerNode > 0 {
		perNode = s.Hardware.PerNode
	}
	if p.size() <= perNode {
		t := template{s.meta("", string(p.role)), e.pod(s, p, p.size(), e.serve(p, "0.0.0.0", s.Port), true)}
		if s.Kubernetes.Kind != "leaderworkerset" {
			return s.deployment(name, string(p.role), p.replicas, e.seconds, t), nil
		}
		return s.set(name, string(p.role), p.replicas, leaderWorker{Size: 1, RestartPolicy: "RecreateGroupOnPodRestart", WorkerTemplate: t}), nil
	}
	if s.Kubernetes.Kind == "deployment" {
		return object{}, &Refused{fmt.Sprintf("One server of %s takes %d GPUs, and a machine has %d: a Deployment cannot tie pods together", p.role, p.size(), perNode), "Use the kind leaderworkerset."}
	}
	nodes := p.size() / perNode
	if p.size()%perNode != 0 {
		return object{}, &Refused{fmt.Sprintf("One server of %s takes %d GPUs, which is not a whole number of machines of %d", p.role, p.size(), perNode), "Use a size that is."}
	}
	leader, worker, err := e.spread(s, p, nodes, perNode)
	if err != nil {
		return object{}, err
	}
	part := string(p.role)
	first := template{s.meta("", part), e.pod(s, p, perNode, leader, true)}
	rest := template{s.meta("", part+"-worker"), e.pod(s, p, perNode, worker, false)}
	for _, t := range []*template{&first, &rest} {
		c := &t.Spec.Containers[0]
		c.Env = append(c.Env, variable{Name: "VLLM_HOST_IP", ValueFrom: &from{field{"status.podIP"}}})
	}
	return s.set(name, part, p.replicas, leaderWorker{Size: nodes, RestartPolicy: "RecreateGroupOnPodRestart", LeaderTemplate: &first, WorkerTemplate: rest}), nil
}

// spread is the command of the leader and of each worker of a server over several
// machines. LeaderWorkerSet gives pods LWS_LEADER_ADDRESS and LWS_WORKER_INDEX, and
// Kubernetes puts them where $(NAME) stands.
func (e *engine) spread(s Spec, p pool, nodes, perNode int) (leader, worker []string, err error) {
	const address = "$(LWS_LEADER_ADDRESS)"
	if p.tensor <= perNode {
		if perNode%p.tensor != 0 {
			return nil, nil, &Refused{fmt.Sprintf("Tensor parallel %d does not divide the %d GPUs of a machine", p.tensor, perNode), "Use a size that does."}
		}
		local := perNode / p.tensor
		more := []string{"--data-parallel-size-local", strconv.Itoa(local), "--data-parallel-address", address, "--data-parallel-rpc-port", "29550"}
		leader = e.serve(p, "0.0.0.0", s.Port, more...)
		// The first rank of a worker is a product, which a shell has to compute; the
		// command reaches it as words, so that nothing needs quoting.
		headless := slices.Concat([]string{"vllm", "serve", e.source, "--served-model-name", e.served, "--headless"}, e.flags(p, more...))
		worker = slices.Concat([]string{"/bin/sh", "-c", fmt.Sprintf(`exec "$@" --data-parallel-start-rank $((LWS_WORKER_INDEX * %d))`, local), "sh"}, headless)
		return leader, worker, nil
	}
	if p.data > 1 {
		return nil, nil, &Refused{fmt.Sprintf("Data parallel %d of ranks that are wider than a machine is more than plans know to start", p.data), "Use replicas instead of ranks."}
	}
	if has, c := e.version.has(manyNodes); has != yes {
		return nil, nil, &Refused{fmt.Sprintf("vLLM %s is not known to run one engine over several machines without Ray (%s)", e.version, c.Source), fmt.Sprintf("Use %s or later.", c.Since)}
	}
	more := []string{"--distributed-executor-backend", "mp", "--nnodes", strconv.Itoa(nodes), "--master-addr", address, "--node-rank"}
	leader = e.serve(p, "0.0.0.0", s.Port, append(slices.Clone(more), "0")...)
	worker = slices.Concat([]string{"vllm", "serve", e.source, "--served-model-name", e.served, "--headless"}, e.flags(p, append(slices.Clone(more), "$(LWS_WORKER_INDEX)")...))
	return leader, worker, nil
}

// pod runs one server, or its part on one machine. Only what answers HTTP is probed.
func (e *engine) pod(s Spec, p pool, gpus int, command []string, answers bool) pod {
	c := container{Name: "engine", Image: s.Topology.Image, Command: command, Env: e.variables(s), Resources: &resources{map[string]string{"nvidia.com/gpu": strconv.Itoa(gpus)}}}
	if answers {
		c.Ports = []opening{{"http", s.Port}}
		c.StartupProbe, c.ReadinessProbe, c.LivenessProbe = e.start(), still(), alive()
		if e.split {
			for i := range p.data {
				c.Ports = append(c.Ports, opening{fmt.Sprintf("kv-%d", i), s.KVPort + i})
			}
		}
	}
	c.VolumeMounts = []mount{{Name: "shm", MountPath: "/dev/shm"}}
	out := pod{EnableServiceLinks: new(bool), TerminationGracePeriodSeconds: 60, Volumes: []volume{{Name: "shm", EmptyDir: &emptyDir{"Memory", s.Kubernetes.Memory}}}}
	if s.Kubernetes.Claim != "" {
		c.VolumeMounts = append(c.VolumeMounts, mount{Name: "model", MountPath: s.Kubernetes.Mount, ReadOnly: true})
		out.Volumes = append(out.Volumes, volume{Name: "model", PersistentVolumeClaim: &claim{s.Kubernetes.Claim, true}})
	}
	out.Containers = []container{c}
	return out
}

func (e *engine) variables(s Spec) []variable {
	var out []variable
	for _, k := range slices.Sorted(maps.Keys(e.env)) {
		out = append(out, variable{Name: k, Value: ptr(e.env[k])})
	}
	if e.split { // each pod is a host of its own, which decode has to reach
		out = append(out, variable{Name: "VLLM_NIXL_SIDE_CHANNEL_HOST", ValueFrom: &from{field{"status.podIP"}}},
			variable{Name: "VLLM_NIXL_SIDE_CHANNEL_PORT", Value: ptr(strconv.Itoa(s.KVPort))})
	}
	return out
}

func ptr(s string) *string { return &s }

// start waits as long as the engine itself.
func (e *engine) start() *probe {
	return &probe{HTTPGet: &httpGet{"/health", "http"}, PeriodSeconds: 10, TimeoutSeconds: 5, FailureThreshold: (e.seconds + 9) / 10}
}

func still() *probe {
	return &probe{HTTPGet: &httpGet{"/health", "http"}, PeriodSeconds: 5, TimeoutSeconds: 5, FailureThreshold: 3}
}

func alive() *probe {
	return &probe{HTTPGet: &httpGet{"/health", "http"}, PeriodSeconds: 10, TimeoutSeconds: 10, FailureThreshold: 3}
}

func (s Spec) meta(name, part string) meta {
	m := meta{Name: name, Labels: map[string]string{labelName: s.Name, labelPart: part}}
	if name != "" {
		m.Namespace = s.Kubernetes.Namespace
		m.Labels[labelBy] = "plimsoll"
	}
	return m
}

// queued adds Kueue's label, which stands on the object and not on its pods.
func (s Spec) queued(m meta) meta {
	if s.Kubernetes.Queue != "" {
		m.Labels[labelQueue] = s.Kubernetes.Queue
	}
	return m
}

func (s Spec) deployment(name, part string, replicas, seconds int, t template) object {
	m := s.meta(name, part)
	if part != "proxy" {
		m = s.queued(m)
	}
	// Recreate: a rolling update would need the GPUs twice.
	return object{"apps/v1", "Deployment", m, deployment{replicas, seconds + 600, strategy{"Recreate"}, selector{t.Metadata.Labels}, t}}
}

func (s Spec) set(name, part string, replicas int, t leaderWorker) object {
	return object{"leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet", s.queued(s.meta(name, part)), leaderWorkerSet{replicas, "LeaderCreated", t}}
}

func (s Spec) service(name, part string) object {
	return object{"v1", "Service", s.meta(name, part), service{map[string]string{labelName: s.Name, labelPart: part}, []servicePort{{"http", s.Port, "http"}}}}
}

// kserve is the one object from which KServe makes servers, proxy and routes. It runs
// vLLM by a template of its own, whose shell evaluates VLLM_ADDITIONAL_ARGS into the
// command (config/llmisvcconfig and docs/samples/llmisvc of kserve/kserve).
func (e *engine) kserve(s Spec, all []pool) ([]object, error) {
	var uri string
	switch {
	case s.Kubernetes.Claim != "":
		uri = "pvc://" + s.Kubernetes.Claim + "/" + strings.TrimPrefix(strings.TrimPrefix(s.Source, s.Kubernetes.Mount), "/")
	case strings.HasPrefix(s.Source, "/"):
		return nil, &Refused{fmt.Sprintf("KServe fetches models by URI, and %s is a path", s.Source), "Name the claim that holds it, or a model of a hub."}
	default:
		uri = "hf://" + s.Source
	}
	for _, p := range all {
		if n := max(s.Hardware.PerNode, 0); n > 0 && p.size() > n {
			return nil, &Refused{fmt.Sprintf("One server of %s takes %d GPUs, and a machine has %d", p.role, p.size(), n), "Use the kind leaderworkerset, whose commands are this plan's own."}
		}
	}
	part := func(p pool) workload {
		c := container{Name: "main", Image: s.Topology.Image, Env: e.variables(s), Resources: &resources{map[string]string{"nvidia.com/gpu": strconv.Itoa(p.size())}}}
		var words []string // the tensor parallel size too: only later templates read it from parallelism
		for _, w := range e.flags(p) {
			words = append(words, quote(w))
		}
		c.Env = append(c.Env, variable{Name: "VLLM_ADDITIONAL_ARGS", Value: ptr(strings.Join(words, " "))})
		c.StartupProbe = &probe{PeriodSeconds: 10, FailureThreshold: (e.seconds + 9) / 10}
		w := workload{Replicas: p.replicas, Parallelism: parallelism{Tensor: p.tensor, Expert: p.expert}, Template: pod{EnableServiceLinks: new(bool), Containers: []container{c}}}
		if p.data > 1 {
			w.Parallelism.Data = p.data
		}
		if s.Kubernetes.Queue != "" { // KServe puts these on the pods, where Kueue reads them
			w.Labels = labels{labelQueue: s.Kubernetes.Queue}
		}
		return w
	}
	main := part(all[len(all)-1]) // decode, when there is a split
	spec := inferenceService{Model: served{uri, s.Model.Name}, Replicas: main.Replicas, Parallelism: main.Parallelism, Labels: main.Labels, Template: main.Template}
	if e.split {
		p := part(all[0])
		spec.Prefill = &p
	}
	return []object{{"serving.kserve.io/v1alpha1", "LLMInferenceService", s.meta(s.Name, "engine"), spec}}, nil
}
