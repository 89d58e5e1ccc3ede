package telemetry

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// registry keeps the numbers with Prometheus' client, in a registry of its own:
// the client's default one is global, and other libraries put things there.
type registry struct {
	all        *prometheus.Registry
	counters   map[Counter]*prometheus.CounterVec
	gauges     map[Gauge]*prometheus.GaugeVec
	histograms map[Histogram]*prometheus.HistogramVec
}

var _ meter = (*registry)(nil)

func newMeter(version string) (meter, error) {
	r := &registry{
		all:      prometheus.NewRegistry(),
		counters: map[Counter]*prometheus.CounterVec{}, gauges: map[Gauge]*prometheus.GaugeVec{}, histograms: map[Histogram]*prometheus.HistogramVec{},
	}
	own := []prometheus.Collector{collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{})}
	for _, m := range metrics {
		switch m.Type {
		case "counter":
			v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: m.Name, Help: m.Help}, m.Labels)
			r.counters[Counter(m.Name)] = v
			own = append(own, v)
			if len(m.Labels) == 0 {
				v.WithLabelValues()
			}
		case "gauge":
			v := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: m.Name, Help: m.Help}, m.Labels)
			r.gauges[Gauge(m.Name)] = v
			own = append(own, v)
		case "histogram":
			v := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: m.Name, Help: m.Help, Buckets: m.Buckets}, m.Labels)
			r.histograms[Histogram(m.Name)] = v
			own = append(own, v)
		}
	}
	for _, c := range own {
		if err := r.all.Register(c); err != nil {
			return nil, fmt.Errorf("registering a metric: %w", err)
		}
	}
	r.set(Build, 1, []string{strings.ToValidUTF8(version, "\uFFFD")})
	return r, nil
}

// add, like set and observe, leaves out what the library refuses, where its short
// form would panic: a count is not worth a process. The values come from
// Telemetry.bound, which leaves nothing to refuse.
func (r *registry) add(m Counter, n float64, values []string) {
	if v, ok := r.counters[m]; ok {
		if c, err := v.GetMetricWithLabelValues(values...); err == nil {
			c.Add(n)
		}
	}
}

func (r *registry) set(m Gauge, n float64, values []string) {
	if v, ok := r.gauges[m]; ok {
		if g, err := v.GetMetricWithLabelValues(values...); err == nil {
			g.Set(n)
		}
	}
}

func (r *registry) observe(m Histogram, n float64, values []string) {
	if v, ok := r.histograms[m]; ok {
		if h, err := v.GetMetricWithLabelValues(values...); err == nil {
			h.Observe(n)
		}
	}
}

func (r *registry) handler() http.Handler {
	return promhttp.HandlerFor(r.all, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
}
