package adapter

import (
	"math"
	"runtime"
	"runtime/metrics"
	"sync"
	"time"
)

// every is how often the collector runs while a call is under way, so that a
// guest that blocks it is seen.
const every = 20 * time.Millisecond

const pauseMetric = "/sched/pauses/total/gc:seconds"

// pauses has the collector run during calls and reads how long it stopped
// everybody. Calls at the same time share their pauses: each is told the longest.
type pauses struct {
	mu    sync.Mutex
	calls int
	wake  chan struct{}
	quit  chan struct{}
	ended chan struct{}
}

func newPauses() *pauses {
	p := &pauses{wake: make(chan struct{}, 1), quit: make(chan struct{}), ended: make(chan struct{})}
	go p.collect()
	return p
}

func (p *pauses) collect() {
	defer close(p.ended)
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-p.quit:
			return
		case <-tick.C:
		}
		p.mu.Lock()
		busy := p.calls > 0
		p.mu.Unlock()
		if busy {
			runtime.GC()
			continue
		}
		select {
		case <-p.quit:
			return
		case <-p.wake:
		}
	}
}

func (p *pauses) stop() {
	close(p.quit)
	<-p.ended
}

// begin notes the pauses up to now.
func (p *pauses) begin() []uint64 {
	p.mu.Lock()
	p.calls++
	p.mu.Unlock()
	select {
	case p.wake <- struct{}{}:
	default:
	}
	return read().Counts
}

// end collects once more, and gives the longest pause since begin.
func (p *pauses) end(before []uint64) time.Duration {
	p.mu.Lock()
	p.calls--
	alone := p.calls == 0
	p.mu.Unlock()
	if alone {
		runtime.GC()
	}
	now := read()
	for i := len(now.Counts) - 1; i >= 0; i-- {
		if i < len(before) && now.Counts[i] > before[i] {
			top := now.Buckets[i+1]
			if math.IsInf(top, 1) {
				top = now.Buckets[i]
			}
			return time.Duration(top * float64(time.Second))
		}
	}
	return 0
}

// read gives the histogram of all pauses; a fresh sample is never written into again.
func read() *metrics.Float64Histogram {
	sample := []metrics.Sample{{Name: pauseMetric}}
	metrics.Read(sample)
	if sample[0].Value.Kind() != metrics.KindFloat64Histogram {
		return &metrics.Float64Histogram{}
	}
	return sample[0].Value.Float64Histogram()
}
