package topology

import (
	"math"
	"os"
	"testing"

	"github.com/plimsoll-dev/plimsoll/core/topology/arch"
	"github.com/plimsoll-dev/plimsoll/core/topology/hardware"
)

// What calibration looks at is what Predict says, to the last digits that sums of
// another order differ in.
func TestMeansAreThoseOfPredict(t *testing.T) {
	src, err := os.ReadFile("detect/testdata/models/Some Mixture 8x2.5B/config.json")
	if err != nil {
		t.Fatal(err)
	}
	a, err := arch.Read(src)
	if err != nil {
		t.Fatal(err)
	}
	g, _ := hardware.Lookup("H100")
	h := Hardware{Name: "h", GPU: g, Count: 4, PerNode: 4}
	m := Model{Name: "m", Arch: a}
	c := Textbook()
	c.Cold, c.TTFT, c.TPOT = 3, 1.3, .9
	one := &Pool{TensorParallel: 2}
	for _, w := range []Workload{
		{Name: "burst", Input: 700, Output: 90, Prompts: 40},
		{Name: "rate", Input: 700, Output: 90, Prompts: 40, Rate: 3},
		{Name: "varied", Input: 700, Output: 90, Prompts: 40, Rate: 3, Spread: .5, Seed: 4},
		{Name: "one token", Input: 700, Output: 1, Prompts: 40},
	} {
		for _, top := range []Topology{{Name: "tp2", Pool: Pool{TensorParallel: 2}}, {Name: "split", Prefill: one, Decode: one}} {
			o, err := Predict(h, m, w, top, c)
			if err != nil {
				t.Fatal(err)
			}
			ttft, tpot, tps, err := means(h, m, w, top, c)
			if err != nil {
				t.Fatal(err)
			}
			for _, x := range [][2]float64{{ttft, o.TTFT.Number}, {tpot, o.TPOT.Number}, {tps, o.OutputTPS.Number}} {
				if math.Abs(x[0]-x[1]) > 1e-9*math.Abs(x[1]) {
					t.Errorf("%s on %s: %g, and Predict says %g", top.Name, w.Name, x[0], x[1])
				}
			}
		}
	}
}
