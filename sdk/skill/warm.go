package skill

import (
	"encoding/json"

	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

// SelfTest is a call whose answer the author vouches for. Hosts make it when
// they admit the module, twice, and refuse a module that answers otherwise. The
// module makes it once itself while it is initialised, see warm.
type SelfTest = abi.SelfTest

// warm uses each type once. encoding/json builds what it needs to know of a type
// at its first use, and in the sandbox each call would be the first: hosts put
// the memory back to what it was after initialisation. So it is built then,
// which halved what a call of examples/hello-skill takes (2.40 to 1.12 million
// units of fuel at 0.7 KB, 2026-11). Self-tests do the same for the author's own
// code: tables, expressions, whatever is made at first use.
func (p *Program) warm(types ...any) {
	for _, v := range append(types,
		&abi.PrepareInput{}, &abi.PrepareOutput{}, &abi.FinishInput{}, &abi.FinishOutput{},
		&abi.CheckInput{}, &abi.CheckOutput{}, &abi.RenderInput{}, &abi.RenderOutput{}, &abi.Failure{}) {
		use(v)
	}
	for _, t := range p.manifest.SelfTests {
		if op, ok := abi.ParseOp(t.Op); ok && op != abi.OpRun {
			_, _ = p.Call(op, t.Input) // what it answers, the host looks at
		}
	}
}

// use lets a type's own methods fail, which nobody has called yet.
func use(v any) {
	defer func() { _ = recover() }()
	if raw, err := json.Marshal(v); err == nil {
		_ = json.Unmarshal(raw, v)
	}
}
