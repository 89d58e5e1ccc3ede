package engine

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/plimsoll-dev/plimsoll/core/sandbox"
	"github.com/plimsoll-dev/plimsoll/core/sandbox/script"
	"github.com/plimsoll-dev/plimsoll/core/skill"
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

// admit brings a skill's code into the sandbox: a module as it is, a script as
// the program that its files make.
func (t *Tools) admit(ctx context.Context, s *skill.Skill) (*sandbox.Admitted, error) {
	if skill.IsScript(s.Contract.Code) {
		program, err := script.Bundle(s.FS(), s.Contract.Code)
		if err != nil {
			return nil, err
		}
		admitted, err := t.host.AdmitScript(ctx, program, sandbox.AdmitOptions{Limits: limitsOf(s)})
		if err != nil {
			return nil, fmt.Errorf("the code of %s is not admitted: %w", s.Name, err)
		}
		return admitted, nil
	}
	module, err := s.Code()
	if err != nil {
		return nil, err
	}
	admitted, err := t.host.Admit(ctx, module, sandbox.AdmitOptions{Limits: limitsOf(s)})
	if err != nil {
		return nil, fmt.Errorf("the code of %s (%s) is not admitted: %w", s.Name, s.Contract.Code, err)
	}
	return admitted, nil
}

// limitsOf is how far the project narrows what a skill's code may use.
func limitsOf(s *skill.Skill) abi.Limits {
	l := s.Binding.Limits
	if l == nil {
		return abi.Limits{}
	}
	return abi.Limits{MemoryMiB: int(l.Memory >> 20), TimeoutMS: int(l.Timeout.Milliseconds()), OutputBytes: int(l.Output), Fuel: int(l.Fuel)}
}

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
		if found := scriptErrors(err); len(found) > 0 {
			diags = append(diags, p.scriptDiags(s, found)...)
			continue
		}
		if err != nil {
			at := diag.Range{File: filepath.Join(s.Dir, s.Contract.Code)}
			diags = append(diags, diag.Errorf(at, "code-admission", "Code cannot be used", "Skill %s: %v. Mend the code, and build it again if it is a module.", s.Name, err))
			continue
		}
		if code, ok := plan.Code.(guest); ok {
			manifest, _ := code.admitted.Manifest()
			diags = append(diags, checkGrant(s, manifest)...)
		}
	}
	return relative(p.Dir, diags)
}
