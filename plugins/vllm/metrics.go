package vllm

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/sdk/backend"
)

// maxMetrics bounds what is read of an engine's /metrics.
const maxMetrics = 8 << 20

// sample is a line of Prometheus' text format.
type sample struct {
	name, labels string // labels without braces
	value        float64
	counter      bool
}

// parse reads Prometheus' text format (version 0.0.4). Counters, and what
// histograms and summaries count, grow; everything else is a gauge. Values that
// are not finite are left out: nothing can be done with them.
func parse(r io.Reader) ([]sample, error) {
	var out []sample
	kinds := map[string]string{}
	s := bufio.NewScanner(io.LimitReader(r, maxMetrics))
	s.Buffer(nil, 1<<20)
	for n := 1; s.Scan(); n++ {
		line := strings.TrimSpace(s.Text())
		if fields := strings.Fields(line); strings.HasPrefix(line, "#") {
			if len(fields) == 4 && fields[1] == "TYPE" {
				kinds[fields[2]] = fields[3]
			}
			continue
		}
		if line == "" {
			continue
		}
		one, ok := readSample(line)
		if !ok {
			return nil, fmt.Errorf("line %d of the metrics cannot be read: %.80q", n, line)
		}
		one.counter = grows(one.name, kinds)
		if math.IsNaN(one.value) || math.IsInf(one.value, 0) || one.counter && one.value < 0 {
			continue
		}
		out = append(out, one)
	}
	return out, s.Err()
}

func readSample(line string) (sample, bool) {
	var s sample
	end := strings.IndexAny(line, "{ \t")
	if end <= 0 {
		return s, false
	}
	s.name = line[:end]
	rest := line[end:]
	if rest[0] == '{' {
		closing := endOfLabels(rest)
		if closing < 0 {
			return s, false
		}
		s.labels, rest = strings.Trim(rest[1:closing], ", "), rest[closing+1:]
	}
	fields := strings.Fields(rest) // the value, and perhaps a time
	if len(fields) == 0 || len(fields) > 2 {
		return s, false
	}
	v, err := strconv.ParseFloat(fields[0], 64)
	s.value = v
	return s, err == nil
}

// endOfLabels is where the brace closes that s begins with: values may hold braces.
func endOfLabels(s string) int {
	quoted := false
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\' && quoted:
			i++
		case s[i] == '"':
			quoted = !quoted
		case s[i] == '}' && !quoted:
			return i
		}
	}
	return -1
}

func grows(name string, kinds map[string]string) bool {
	if kind, ok := kinds[name]; ok {
		return kind == "counter"
	}
	for _, end := range []string{"_bucket", "_sum", "_count", "_total"} {
		if base, ok := strings.CutSuffix(name, end); ok {
			switch kinds[base] {
			case "histogram", "summary", "counter":
				return true
			}
		}
	}
	return false
}

// Metrics reads what the engines of an instance count. With several servers each
// number carries the name of its process among its labels.
func (f *fleet) Metrics(ctx context.Context, id string) (backend.Metrics, error) {
	i := f.find(id)
	if i == nil {
		return backend.Metrics{}, backend.Errorf(backend.InvalidRequest, "there is no instance %q", id)
	}
	m := backend.Metrics{At: time.Now().UTC(), Counters: map[string]float64{}, Gauges: map[string]float64{}}
	sources := i.engines()
	for _, s := range sources {
		got, err := f.scrape(ctx, s.url)
		if err != nil {
			return m, backend.Errorf(backend.Unavailable, "the metrics of %s: %v", s.name, err)
		}
		times := map[string]int{}
		for _, x := range got {
			times[x.name]++
		}
		for _, x := range got {
			labels := x.labels
			if len(sources) > 1 {
				labels = strings.Trim(fmt.Sprintf("process=%q,%s", s.name, labels), ",")
			}
			key := x.name
			if times[x.name] > 1 || len(sources) > 1 {
				key += "{" + labels + "}"
			}
			if x.counter {
				m.Counters[key] = x.value
			} else {
				m.Gauges[key] = x.value
			}
		}
	}
	return m, nil
}

func (f *fleet) scrape(ctx context.Context, from string) ([]sample, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return nil, err
	}
	resp, err := f.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s", from, resp.Status)
	}
	return parse(resp.Body)
}

// metricsOf is where the server that answers at an address counts.
func metricsOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	return u.Scheme + "://" + u.Host + "/metrics"
}
