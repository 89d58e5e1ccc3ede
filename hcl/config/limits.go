package config

import (
	"math/big"
	"time"

	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

// CodeLimits narrow what one call of a skill's code may use; 0 leaves it to the
// skill's manifest and the engine. Nothing here can widen those.
type CodeLimits struct {
	Memory  int64         `json:"memory,omitempty"` // bytes, whole MiB
	Output  int64         `json:"output,omitempty"` // bytes
	Timeout time.Duration `json:"timeout,omitempty"`
	Fuel    int64         `json:"fuel,omitempty"`
	Range   diag.Range    `json:"-"`
}

func limitsDoc() *BlockDoc {
	return &BlockDoc{
		Type: "limits", Single: true,
		Doc: "What one call of the skill's code may use at most. It narrows what the skill's manifest asks for and the engine allows (64 MiB, 2 s, 4 MiB of answer); asking for more than those is refused when the code is admitted.",
		Attributes: []*AttributeDoc{
			{Name: "memory", Type: Size, Range: "[1048576,67108864]", Default: "the manifest's", Example: `"16MiB"`, Doc: "Memory of an instance, in whole MiB."},
			{Name: "output", Type: Size, Range: "[1,67108864]", Default: "the manifest's", Example: `"64KiB"`, Doc: "Length of an answer."},
			{Name: "timeout", Type: Duration, Default: "the manifest's", Example: `"500ms"`, Doc: "Time of a call, host calls not counted, in whole milliseconds."},
			{Name: "fuel", Type: Integer, Range: "[1,1000000000000]", Default: "the manifest's", Example: "100000000", Doc: "Instructions of a call, about: the one limit that is the same on every machine."},
		},
		Example: `limits {
  memory  = "16MiB"
  timeout = "500ms"
}`,
	}
}

// limits reads the block of a skill; nil without one.
func (b *body) limits() *CodeLimits {
	var out *CodeLimits
	b.each("limits", func(n *body, _ label) {
		out = &CodeLimits{
			Memory: n.size("memory"), Output: n.size("output"), Timeout: n.duration("timeout", 0),
			Fuel: n.fuel(), Range: n.header,
		}
		if out.Memory%(1<<20) != 0 {
			n.d.add(badSize.at(n.rng("memory"), "memory is limited in whole MiB."))
		}
		if out.Timeout%time.Millisecond != 0 {
			n.d.add(badDuration.at(n.rng("timeout"), "timeout is kept in whole milliseconds."))
		}
	})
	return out
}

// fuel is a whole number that may be larger than what other settings count.
func (b *body) fuel() int64 {
	f, a, ok := b.float("fuel")
	if !ok {
		return 0
	}
	n, accuracy := f.Int64()
	if accuracy != big.Exact {
		b.d.add(wrongType.at(convert(a.Expr.Range()), "fuel must be a whole number, such as 100000000; this is %s.", shortNumber(f)))
		return 0
	}
	return n
}
