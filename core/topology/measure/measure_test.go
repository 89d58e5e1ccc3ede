package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/plimsoll-dev/plimsoll/core/topology"
)

func opt(gpus int, rows ...[3]float64) *option { // measured TPOT ms, tokens a second and GPU, predicted TPOT ms
	o := &option{gpus: gpus, knows: true}
	for _, r := range rows {
		o.rows = append(o.rows, row{tpot: r[0] / 1e3, perGPU: r[1], ttft: .1, load: topology.Workload{Concurrency: 10, Output: 100}})
		o.guess = append(o.guess, topology.Point{TPOT: r[2] / 1e3, TTFT: .1})
	}
	return o
}

// A decision keeps nothing when what it picked misses the SLO, shares when it
// cannot tell, and is none when nothing keeps the SLO.
func TestDecisionsAreScoredAsSaid(t *testing.T) {
	g := group{options: []*option{opt(1, [3]float64{30, 100, 15}), opt(2, [3]float64{15, 60, 18})}}
	play := func(slo float64, worth func(*option) float64) (score, bool) { return g.decide(slo, worth) }
	model := func(slo float64) func(*option) float64 {
		return func(o *option) float64 { return o.hope(slo, 1, 1) }
	}
	if s, ok := play(0, model(0)); !ok || s.right != 1 || s.kept != 1 {
		t.Errorf("without an SLO: %+v", s)
	}
	if s, ok := play(20, model(20)); !ok || s.right != 0 || s.kept != 0 {
		t.Errorf("the first misses 20 ms, which the model does not see: %+v", s)
	}
	if s, ok := play(20, func(*option) float64 { return 0 }); !ok || s.right != .5 || s.kept != .5 {
		t.Errorf("at random: %+v", s)
	}
	if _, ok := play(10, model(10)); ok {
		t.Error("nothing keeps 10 ms, and that was a decision")
	}
	g.options[0].knows = false
	if s, _ := play(0, model(0)); s.right != 0 || s.kept != .6 {
		t.Errorf("what is not predicted is not picked: %+v", s)
	}
}

// An anchor that shows the model twice as fast as the machine mends the pick.
func TestAnAnchorMendsThePick(t *testing.T) {
	g := group{options: []*option{opt(1, [3]float64{30, 100, 15}), opt(2, [3]float64{15, 60, 7.5})}}
	if s, _ := g.decide(20, func(o *option) float64 { return o.hope(20, 1, 1) }); s.right != 0 {
		t.Fatalf("the case needs a wrong pick: %+v", s)
	}
	for k, o := range g.options {
		if s, ok := g.anchor(o, 0, 20); !ok || s.right != 1 {
			t.Errorf("anchored on option %d: %+v", k, s)
		}
	}
}

func TestWithoutDataPartsAreNamedAsSkipped(t *testing.T) {
	var w bytes.Buffer
	if ok, err := (bench{only: "picks"}).run(&w); err != nil || !ok || !strings.Contains(w.String(), "skipped: picks") {
		t.Errorf("%v, %v: %s", ok, err, w.String())
	}
	if _, err := (bench{only: "nothing"}).run(&w); err == nil {
		t.Error("an unknown part ran")
	}
	if _, err := (bench{data: t.TempDir()}).run(&w); err == nil {
		t.Error("a folder without data was taken")
	}
}

func TestBrokenTablesAreRefused(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"header": "model,system\n", "unknown model": "model,isl,osl,conc,p_n,p_tp,p_dp,p_ep,d_n,d_tp,d_dp,d_ep,gpus,ttft_ms,tpot_ms,out_tps_per_gpu\nx,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1\n", "a word for a number": "model,isl\nQwen/Qwen3-32B,many\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, "measured_configs.csv"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := measured(dir, &library{dir: dir}); err == nil {
			t.Errorf("%s: it was read", name)
		}
	}
}
