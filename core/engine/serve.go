package engine

import (
	"context"
	"os"
	"path/filepath"

	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

// ReadConfig reads a project's config files and nothing else: no skills, no
// policy file. It is what a server looks at between nights, and what messages
// need.
func ReadConfig(o LoadOptions) (*Project, diag.List) {
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, diag.List{diag.Errorf(diag.Range{File: o.Dir}, "project-dir", "No project directory", "%v", err)}
	}
	if o.Environ == nil {
		o.Environ = os.LookupEnv
	}
	cfg, diags := config.Load(dir, config.Options{Vars: o.Vars, Environ: o.Environ})
	p := &Project{Dir: dir, Config: cfg, Sources: map[string][]byte{}}
	if cfg != nil {
		for name, src := range cfg.Sources {
			p.Sources[name] = src
		}
	}
	return p, diags
}

// Dir is the project's that the state belongs to.
func (s *State) Dir() string { return s.dir }

// Origin names the state for ever: the audit log's.
func (s *State) Origin() string { return s.key.Origin }

// SkipNight counts a planned night as over that could not begin, so that the
// next one is tried at its hour and not at once.
func (s *State) SkipNight(ctx context.Context) error {
	n, err := s.readNight()
	if err != nil {
		return err
	}
	n.Began = clock().UTC()
	n.Ended, n.Cut = n.Began, 0
	return s.writeNight(ctx, n)
}
