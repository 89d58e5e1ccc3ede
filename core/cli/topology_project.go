package cli

import (
	"os"
	"path/filepath"

	"github.com/plimsoll-dev/plimsoll/core/topology"
	"github.com/plimsoll-dev/plimsoll/core/topology/declared"
	"github.com/plimsoll-dev/plimsoll/core/topology/measured"
)

// asked is a decision of the project and what was measured for it.
type asked struct {
	set      *declared.Set
	decision topology.Decision
	measured measured.All
	dir      string // of the project
}

// question loads the project, one decision of it and its folder of measurements. The
// name may be empty where there is one decision, or none.
func (c *command) question(name, folder string) (asked, error) {
	p, err := c.load("")
	if err != nil {
		return asked{}, err
	}
	set, diags := declared.Read(p.Config, declared.Files(p.Dir))
	if diags.HasErrors() {
		return asked{}, c.refuse(p, diags)
	}
	d, err := set.Decision(name)
	if err != nil {
		return asked{}, err
	}
	at := filepath.Join(p.Dir, declared.Folder)
	if folder != "" {
		at = c.at(folder)
		if info, err := os.Stat(at); err != nil || !info.IsDir() {
			return asked{}, usage("--measured %s: that is no folder that can be read", folder)
		}
	}
	all, err := measured.Read(os.DirFS(at))
	if err != nil {
		return asked{}, err
	}
	return asked{set, d, all, p.Dir}, nil
}
