package topology_test

import (
	"os"
	"testing"

	"github.com/plimsoll-dev/plimsoll/core/topology"
	"github.com/plimsoll-dev/plimsoll/core/topology/arch"
	"github.com/plimsoll-dev/plimsoll/core/topology/hardware"
)

func TestTmpReplay(t *testing.T) {
	src, _ := os.ReadFile("/work/shared/data/topology/models/nvidia--Qwen3.6-27B-NVFP4.json")
	a, err := arch.Read(src)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(a.Width, a.Total(), a.Active(), a.StateBytes(), a.CacheBytes(1, 1))
	g, _ := hardware.Lookup("B200")
	h := topology.Hardware{GPU: g, Count: 2, PerNode: 2}
	m := topology.Model{Arch: a, KV: "fp8"}
	tops := []topology.Topology{{Name: "DP2", Pool: topology.Pool{DataParallel: 2}}, {Name: "TP2", Pool: topology.Pool{TensorParallel: 2}}, {Name: "1P1D", Prefill: &topology.Pool{}, Decode: &topology.Pool{}}}
	ws := []topology.Workload{{Input: 512, Output: 2048, Prompts: 128}, {Input: 7500, Output: 200, Prompts: 128}}
	start := topology.Textbook()
	start.Cold = 8
	fit, left := topology.Calibrate(start, []topology.Row{
		{Hardware: h, Model: m, Workload: ws[0], Topology: tops[0], TPOT: .0114, OutputTPS: 8245, Cold: true},
		{Hardware: h, Model: m, Workload: ws[1], Topology: tops[0], TPOT: .0328, OutputTPS: 2230},
	}, append(topology.Three(), topology.Cold))
	t.Logf("%+v %v", fit, left)
	meas := map[string][]float64{"DP2": {8245, 11.4, 2230, 32.8}, "TP2": {7655, 12.2, 1545, 44.1}, "1P1D": {6023, 14.8, 1330, 9.9}}
	for _, c := range []topology.Calibration{fit} {
		for _, tp := range tops {
			for _, w := range ws {
				k := 0
				c := c
				if w.Input > 512 {
					c.Cold = 0
					k = 2
				}
				o, err := topology.Predict(h, m, w, tp, c)
				if err != nil {
					t.Fatal(err)
				}
				t.Logf("%s %d tps %.0f tpot %.1f ttft %.2f window %.1f", tp.Name, w.Input, o.OutputTPS.Number, o.TPOT.Number*1e3, o.TTFT.Number, o.Window)
				t.Logf("        ratio %.2f %.2f", o.OutputTPS.Number/meas[tp.Name][k], o.TPOT.Number*1e3/meas[tp.Name][k+1])
			}
		}
	}
}
