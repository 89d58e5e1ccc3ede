package main

import (
	"fmt"
	"io"
	"math"
	"path/filepath"

	"github.com/plimsoll-dev/plimsoll/core/bench/figure"
	"github.com/plimsoll-dev/plimsoll/core/topology/step"
)

// transfers checks latency + bytes/bandwidth on RDMA points. Both numbers of a
// link are fitted on all of its points but the one that is predicted.
func transfers(dir string, w io.Writer) ([]figure.Figure, error) {
	t, err := columns(filepath.Join(dir, "mooncake_kv_transfer.csv"))
	if err != nil {
		return nil, err
	}
	links := map[string][][2]float64{}
	for _, c := range t {
		v, err := numbers(c, "kv_bytes", "transfer_ms")
		if err != nil {
			return nil, err
		}
		links[c["hw"]] = append(links[c["hw"]], [2]float64{v[0], v[1] / 1e3})
	}
	var sum, worst float64
	n, in := 0, 0
	for _, name := range sorted(links) {
		points := links[name]
		for i, p := range points {
			var rest [][2]float64
			rest = append(append(rest, points[:i]...), points[i+1:]...)
			latency, bandwidth := step.FitTransfer(rest)
			e := step.Transfer(p[0], latency, bandwidth)/p[1] - 1
			fmt.Fprintf(w, "kv %-30s %6.0f MB measured %6.2f ms law %6.2f ms  %+.1f %%\n", name, p[0]/1e6, p[1]*1e3, step.Transfer(p[0], latency, bandwidth)*1e3, 100*e)
			sum += math.Abs(e)
			worst = max(worst, math.Abs(e))
			if math.Abs(e) <= .05 {
				in++
			}
			n++
		}
	}
	mean := sum / float64(n)
	return []figure.Figure{
		{What: "KV transfer law, mean error of points left out", Target: "<= 5 %", Measured: fmt.Sprintf("%.1f %% of %d", mean*100, n), Holds: mean <= .05},
		figure.Show("KV transfer law, single points within 5 %", fmt.Sprintf("%d of %d, worst %.1f %%", in, n, worst*100)),
	}, nil
}

// reductions checks the all-reduce that every step uses on measured B200.
func reductions(dir string, w io.Writer) ([]figure.Figure, error) {
	t, err := columns(filepath.Join(dir, "aic_b200_vllm024_allreduce.csv"))
	if err != nil {
		return nil, err
	}
	c := step.Textbook()
	c.Reduce = 7e-6 // as measured in graphs at small sizes; the constant of steps is 8 us
	var logs, large []float64
	for _, r := range t {
		if r["backend"] != "vllm_graph" {
			continue
		}
		v, err := numbers(r, "num_gpus", "message_size", "latency")
		if err != nil {
			return nil, err
		}
		e := math.Log(step.AllReduce(int(v[0]), 2*v[1], 900e9, c) / (v[2] / 1e3))
		logs = append(logs, e)
		if v[1] >= 1<<24 {
			large = append(large, e)
		}
	}
	return []figure.Figure{figure.Show("all-reduce law, CUDA graphs, 2 to 8 B200", off(logs)), figure.Show("all-reduce law, 32 MiB and more", off(large))}, nil
}
