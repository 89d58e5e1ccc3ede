package declared

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/topology"
	"github.com/plimsoll-dev/plimsoll/core/topology/arch"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

// Model is a model with what only its launch needs.
type Model struct {
	topology.Model
	Source          string // what the engine loads: an absolute path or a name of a hub; "": the model's name
	Context         int    // longest request in tokens; 0: as the model says
	AccuracyChecked *bool
}

func (r *reader) addModel(m *config.Model) {
	out := Model{
		Model:  topology.Model{Name: m.Name, Weights: m.Weights, KV: m.KV},
		Source: r.source(m.Source), Context: m.Context, AccuracyChecked: m.AccuracyChecked,
	}
	a, good := r.arch(m)
	out.Arch = a
	if good && a.Context > 0 && int64(m.Context) > a.Context {
		r.add(diag.Warnf(m.Ranges.At("context", m.Range), "long-context", "Context longer than the model's", "model %q was made for %d tokens, and context is %d. Engines refuse that unless they are told how to stretch it.", m.Name, a.Context, m.Context).WithSuggestion(fmt.Sprintf("context = %d", a.Context)))
	}
	if good {
		if _, _, err := out.Format(); err != nil {
			r.add(diag.Errorf(m.Ranges.At("weights", m.Range), "bad-model", "Model cannot be used like this", "%v", err))
			good = false
		}
	}
	r.models.add(m.Name, out, good)
}

// arch reads the model's config.json.
func (r *reader) arch(m *config.Model) (arch.Arch, bool) {
	if m.Config == "" {
		return arch.Arch{}, false // reported by the config
	}
	at := m.Ranges.At("config", m.Range)
	src, err := r.read(m.Config)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		r.add(diag.Errorf(at, "missing-config", "config.json is missing", "There is no file %s. It is the config.json that lies beside the weights of %s: copy it into the project. Paths are relative to the project.", m.Config, m.Name))
		return arch.Arch{}, false
	case err != nil:
		r.add(diag.Errorf(at, "missing-config", "config.json cannot be read", "%s: %v.", m.Config, withoutPath(err)))
		return arch.Arch{}, false
	}
	a, err := arch.Read(src)
	if err == nil {
		return a, true
	}
	var missing *arch.Missing
	if errors.As(err, &missing) {
		r.add(diag.Errorf(at, "unknown-architecture", "Architecture is not known", "%s: %s. Nothing can be predicted or planned for this model.", m.Config, strings.TrimSuffix(missing.Error(), ".")))
		return arch.Arch{}, false
	}
	r.add(diag.Errorf(at, "missing-config", "config.json cannot be read", "%s: %v.", m.Config, err))
	return arch.Arch{}, false
}

// source is absolute where it is a path in the project: launchers do not run in
// its folder.
func (r *reader) source(s string) string {
	if s == "." || strings.HasPrefix(s, "./") || strings.HasPrefix(s, "../") {
		return filepath.Join(r.dir, filepath.FromSlash(s))
	}
	return s
}

func withoutPath(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}
