package engine

import (
	"context"
	"path/filepath"
	"slices"

	"github.com/plimsoll-dev/plimsoll/core/skill"
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

// checkCode admits every skill's module: what the sandbox would refuse at the
// first run is an error of the files. Compiled modules are kept, so that it costs
// its time once.
func (p *Project) checkCode(ctx context.Context) diag.List {
	if !slices.ContainsFunc(p.Skills, func(s *skill.Skill) bool { return s.Contract.Code != "" }) {
		return nil
	}
	var diags diag.List
	tools, err := OpenTools(ctx, p, clock())
	if err != nil {
		return diag.List{diag.Errorf(diag.Range{File: p.Dir}, "sandbox", "Sandbox cannot start", "%v.", err)}
	}
	defer tools.Close()
	for _, s := range p.Skills {
		if s.Contract.Code == "" || ctx.Err() != nil {
			continue
		}
		if _, more := p.planOf(s); more.HasErrors() {
			continue // said already, and no plan can be made
		}
		plan, err := tools.Plan(ctx, s)
		if err != nil {
			at := diag.Range{File: filepath.Join(s.Dir, s.Contract.Code)}
			diags = append(diags, diag.Errorf(at, "code-admission", "Code cannot be used", "Skill %s: %v. Build the module again.", s.Name, err))
			continue
		}
		if code, ok := plan.Code.(guest); ok {
			manifest, _ := code.admitted.Manifest()
			diags = append(diags, checkGrant(s, manifest)...)
		}
	}
	return relative(p.Dir, diags)
}
