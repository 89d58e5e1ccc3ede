package schema

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// The parts of an object that the others are compared with. They are read after the
// schema has passed, so that what is not there is absent and not malformed.
type object struct {
	Kind     string
	Metadata struct{ Name, Namespace string }
	Spec     struct {
		Replicas             *int
		Selector             json.RawMessage
		Ports                []struct{ TargetPort string }
		Template             template
		LeaderWorkerTemplate struct {
			Size           *int
			LeaderTemplate *template
			WorkerTemplate template
		}
	}
}

type template struct {
	Metadata struct{ Labels map[string]string }
	Spec     struct {
		Containers []struct {
			Name  string
			Ports []struct {
				Name          string
				ContainerPort int
			}
			Env                                         []struct{ Name string }
			VolumeMounts                                []struct{ Name, MountPath string }
			StartupProbe, ReadinessProbe, LivenessProbe *struct{ HTTPGet *struct{ Port string } }
		}
		Volumes []struct{ Name string }
	}
}

// target is pods that a service can select.
type target struct {
	namespace string
	labels    map[string]string
	ports     []string
}

// together compares objects with themselves and with each other: what a schema cannot
// say. A cluster accepts most of it, and then nothing answers.
func together(all []map[string]any) []error {
	var errs []error
	bad := func(o object, format string, args ...any) {
		errs = append(errs, fmt.Errorf("%s %q: "+format, append([]any{o.Kind, o.Metadata.Name}, args...)...))
	}
	seen := map[string]bool{}
	var targets []target
	var services []object
	for _, raw := range all {
		var o object
		src, err := json.Marshal(raw)
		if err == nil {
			err = json.Unmarshal(src, &o)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", title(raw), err))
			continue
		}
		if id := o.Kind + "/" + o.Metadata.Namespace + "/" + o.Metadata.Name; seen[id] {
			bad(o, "stands there twice")
		} else {
			seen[id] = true
		}
		var pods []template
		switch o.Kind {
		case "Service":
			services = append(services, o)
		case "Deployment":
			pods = []template{o.Spec.Template}
			var s struct{ MatchLabels map[string]string }
			if err := json.Unmarshal(o.Spec.Selector, &s); err != nil {
				bad(o, "its selector cannot be read: %v", err)
			}
			if !within(s.MatchLabels, o.Spec.Template.Metadata.Labels) {
				bad(o, "its selector does not select its own pods")
			}
		case "LeaderWorkerSet":
			w := o.Spec.LeaderWorkerTemplate
			pods = []template{w.WorkerTemplate}
			if w.LeaderTemplate != nil {
				pods = append(pods, *w.LeaderTemplate)
				if maps.Equal(w.LeaderTemplate.Metadata.Labels, w.WorkerTemplate.Metadata.Labels) {
					bad(o, "leader and workers have the same labels, so that a service would send requests to workers")
				}
			}
			if size := w.Size; w.LeaderTemplate != nil && (size == nil || *size < 2) {
				bad(o, "has a template for leaders, and groups of one pod")
			} else if w.LeaderTemplate == nil && size != nil && *size > 1 {
				bad(o, "has groups of %d pods, and no template for their leaders", *size)
			}
		}
		if o.Spec.Replicas != nil && *o.Spec.Replicas == 0 {
			bad(o, "has no replicas")
		}
		for _, p := range pods {
			t := target{o.Metadata.Namespace, p.Metadata.Labels, nil}
			for _, why := range p.faults(&t.ports) {
				bad(o, "%s", why)
			}
			targets = append(targets, t)
		}
	}
	for _, s := range services {
		var selector map[string]string
		if err := json.Unmarshal(s.Spec.Selector, &selector); err != nil {
			bad(s, "its selector cannot be read: %v", err)
			continue
		}
		hit := slices.DeleteFunc(slices.Clone(targets), func(t target) bool {
			return t.namespace != s.Metadata.Namespace || !within(selector, t.labels)
		})
		if len(hit) == 0 {
			bad(s, "selects no pods of these manifests")
		}
		for _, t := range hit {
			for _, p := range s.Spec.Ports {
				if !slices.Contains(t.ports, p.TargetPort) {
					bad(s, "sends to the port %q, which its pods do not open", p.TargetPort)
				}
			}
		}
	}
	return errs
}

// faults of a pod, and the names of its ports.
func (t template) faults(ports *[]string) []string {
	var out []string
	var volumes, containers []string
	for _, v := range t.Spec.Volumes {
		if slices.Contains(volumes, v.Name) {
			out = append(out, fmt.Sprintf("the volume %q stands there twice", v.Name))
		}
		volumes = append(volumes, v.Name)
	}
	var numbers []int
	for _, c := range t.Spec.Containers {
		if slices.Contains(containers, c.Name) {
			out = append(out, fmt.Sprintf("the container %q stands there twice", c.Name))
		}
		containers = append(containers, c.Name)
		var own, env, paths []string
		for _, p := range c.Ports {
			if slices.Contains(numbers, p.ContainerPort) || slices.Contains(*ports, p.Name) {
				out = append(out, fmt.Sprintf("the port %d or its name %q stands there twice", p.ContainerPort, p.Name))
			}
			numbers, *ports, own = append(numbers, p.ContainerPort), append(*ports, p.Name), append(own, p.Name)
		}
		for _, e := range c.Env {
			if slices.Contains(env, e.Name) {
				out = append(out, fmt.Sprintf("the variable %s stands there twice", e.Name))
			}
			env = append(env, e.Name)
		}
		for _, m := range c.VolumeMounts {
			if !slices.Contains(volumes, m.Name) {
				out = append(out, fmt.Sprintf("the volume %q is mounted and not declared", m.Name))
			}
			if slices.Contains(paths, m.MountPath) {
				out = append(out, fmt.Sprintf("two volumes are mounted at %s", m.MountPath))
			}
			paths = append(paths, m.MountPath)
		}
		for _, p := range []*struct{ HTTPGet *struct{ Port string } }{c.StartupProbe, c.ReadinessProbe, c.LivenessProbe} {
			if p != nil && p.HTTPGet != nil && !slices.Contains(own, p.HTTPGet.Port) {
				out = append(out, fmt.Sprintf("a probe asks the port %q, which is not open", p.HTTPGet.Port))
			}
		}
	}
	return out
}

// within says whether every pair of a stands in b. An empty selector selects nothing
// that is meant.
func within(a, b map[string]string) bool {
	for k, v := range a {
		if got, ok := b[k]; !ok || got != v {
			return false
		}
	}
	return len(a) > 0
}
