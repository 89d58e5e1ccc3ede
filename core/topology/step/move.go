package step

import "math"

// eager is the share of a link that collectives outside CUDA graphs reach, of
// what they reach inside: .84 to .89 for 2 to 8 B200 from 32 MiB to 1 GiB (vLLM
// 0.24, measured). Prompts are longer than any graph that engines record.
const eager = .87

// moved is the seconds in which the bytes of one pass of tokens tokens move:
// two all-reduces a layer inside a tensor group, and a dispatch and a combine a
// layer of experts between ranks, at so much of the link. Activations have 2
// bytes; dispatch sends 1.
func (w Worker) moved(tokens, share float64) float64 {
	c, h, each := w.spec.Constants, float64(w.spec.Arch.Hidden), tokens/w.dp
	var t float64
	if w.tp > 1 {
		t += 2 * w.layer * (AllReduce(int(w.tp), each*h*2, w.link*share, c) - c.Reduce)
	}
	if w.mixtures > 0 && w.dp > 1 {
		k := min(float64(w.spec.Arch.TopK), w.gpus)
		t += w.mixtures * 2 * each * h * k * 1.5 * (w.gpus - 1) / w.gpus / (w.link * c.Network)
	}
	return t
}

// AllReduce is the seconds of one all-reduce of so many bytes among n GPUs with
// links of so many bytes a second and direction: at least c.Reduce, which hides
// what is shorter behind the launch, else 6.5 us and the bytes. The share of
// the link that is reached grows with n (.63 of 900 GB/s for two B200, .71 for
// four, .80 for eight at 1 GiB) and with the size: up to 25 us are lost on the
// way there, where one kernel takes over from another. Measured with vLLM 0.24
// on B200 in CUDA graphs; see BENCHMARKS.md for how far this law is off.
func AllReduce(n int, bytes, link float64, c Constants) float64 {
	if n <= 1 {
		return 0
	}
	share := min(c.Network+.03+.085*(math.Log2(float64(n))-1), .8)
	t := 2 * float64(n-1) / float64(n) * bytes / (link * share)
	return max(c.Reduce, 6.5e-6+t+min(3*t, 25e-6))
}

// Transfer is the seconds of moving bytes of KV cache: latency + bytes/bandwidth.
func Transfer(bytes, latency, bandwidth float64) float64 { return latency + bytes/bandwidth }

// FitTransfer is the latency and bandwidth that come nearest to points of
// (bytes, seconds): least squares of relative errors, which count a small
// transfer as much as a large one. Fewer than two sizes give NaN.
func FitTransfer(points [][2]float64) (latency, bandwidth float64) {
	// minimise sum ((a + b x)/y - 1)^2: normal equations of columns 1/y and x/y
	var aa, ab, bb, a1, b1 float64
	for _, p := range points {
		u, v := 1/p[1], p[0]/p[1]
		aa += u * u
		ab += u * v
		bb += v * v
		a1 += u
		b1 += v
	}
	det := aa*bb - ab*ab
	if !(math.Abs(det) > 1e-12*aa*bb) {
		return math.NaN(), math.NaN()
	}
	return (a1*bb - b1*ab) / det, det / (b1*aa - a1*ab)
}
