package result

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/store/atomicfile"
	"github.com/plimsoll-dev/plimsoll/core/topology/load"
)

// mostBytes of a result file that is read.
const mostBytes = 512 << 20

// Save writes NAME.json and, for what was measured here, NAME.requests.jsonl into
// dir, the raw data first, and gives the path of the JSON.
func (r Result) Save(dir, name string) (string, error) {
	if r.requests != nil {
		var raw bytes.Buffer
		out := json.NewEncoder(&raw)
		for i := range r.requests {
			if err := out.Encode(&r.requests[i]); err != nil {
				return "", fmt.Errorf("writing request %d: %w", i, err)
			}
		}
		r.Raw, r.RawDigest = name+".requests.jsonl", fmt.Sprintf("%x", sha256.Sum256(raw.Bytes()))
		if err := atomicfile.Write(filepath.Join(dir, r.Raw), raw.Bytes(), 0o644); err != nil {
			return "", fmt.Errorf("writing the raw data: %w", err)
		}
	}
	src, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return "", fmt.Errorf("writing the result: %w", err)
	}
	path := filepath.Join(dir, name+".json")
	if err := atomicfile.Write(path, append(src, '\n'), 0o644); err != nil {
		return "", fmt.Errorf("writing the result: %w", err)
	}
	return path, nil
}

// Read a result file: one of Save, or one or several of `vllm bench serve`, which
// appends to a file when asked. Labels of the latter are made from the file's name
// where it has none.
func Read(path string) ([]Result, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading a result: %w", err)
	}
	defer f.Close()
	src, err := io.ReadAll(io.LimitReader(f, mostBytes+1))
	if err != nil {
		return nil, fmt.Errorf("reading a result: %w", err)
	}
	if len(src) > mostBytes {
		return nil, fmt.Errorf("%s is longer than %d MiB", path, mostBytes>>20)
	}
	out, err := Parse(src, filepath.Base(path))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return out, nil
}

// Parse is Read of a file's bytes.
func Parse(src []byte, name string) ([]Result, error) {
	var head struct {
		Schema string `json:"schema"`
	}
	if err := json.NewDecoder(bytes.NewReader(src)).Decode(&head); err != nil {
		return nil, fmt.Errorf("it is no JSON object: %w", err)
	}
	switch head.Schema {
	case "":
		return ImportVLLM(src, name)
	case Schema:
	default:
		return nil, fmt.Errorf("its schema is %q, and %q is known: it was written by another version", head.Schema, Schema)
	}
	r := unknown()
	if err := json.Unmarshal(src, &r); err != nil {
		return nil, fmt.Errorf("reading it as %s: %w", Schema, err)
	}
	if r.Requests < 0 || r.Succeeded < 0 || r.Succeeded > r.Requests || r.GPUs < 0 {
		return nil, errors.New("its counts of requests or GPUs are not possible")
	}
	return []Result{r}, nil
}

// unknown has no figures yet, so that what a file leaves out is not read as 0.
func unknown() Result {
	n := Number(math.NaN())
	s := Spread{Mean: n, Std: n, Median: n, P90: n, P95: n, P99: n, Least: n, Most: n}
	v := Value{Value: n}
	return Result{Duration: n, TTFT: s, TPOT: s, ITL: s, Latency: s, OutputTPS: v, TotalTPS: v, Rate: v, Goodput: v}
}

// checkRaw tells whether the raw data beside a result is what it was computed from.
func (r Result) checkRaw(dir string) error {
	_, err := r.raw(dir)
	return err
}

// raw reads the bytes of the raw data, and refuses others than the result's.
func (r Result) raw(dir string) ([]byte, error) {
	if r.Raw == "" || r.Raw != filepath.Base(r.Raw) {
		return nil, errors.New("the result names no raw data beside it")
	}
	src, err := os.ReadFile(filepath.Join(dir, r.Raw))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the raw requests are not there: %s is missing, so the figures cannot be checked", r.Raw)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the raw data: %w", err)
	}
	if got := fmt.Sprintf("%x", sha256.Sum256(src)); got != r.RawDigest {
		return nil, fmt.Errorf("%s was changed since the result was written: its digest is %s", r.Raw, got)
	}
	return src, nil
}

// ReadRequests reads the raw data beside a result, and refuses it when it is not
// what the result was computed from.
func ReadRequests(r Result, dir string) ([]load.Request, error) {
	src, err := r.raw(dir)
	if err != nil {
		return nil, err
	}
	var out []load.Request
	lines := bufio.NewScanner(bytes.NewReader(src))
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var q load.Request
		if err := json.Unmarshal(lines.Bytes(), &q); err != nil {
			return nil, fmt.Errorf("line %d of %s: %w", len(out)+1, r.Raw, err)
		}
		out = append(out, q)
	}
	return out, lines.Err()
}

// columns of the CSV, with how each is read from a result.
var columns = []struct {
	name string
	of   func(Result) string
}{
	{"label", func(r Result) string { return r.Label }},
	{"source", func(r Result) string {
		if r.Imported != "" {
			return "imported: " + r.Imported
		}
		return "measured"
	}},
	{"started", func(r Result) string {
		if r.Started.IsZero() {
			return ""
		}
		return r.Started.UTC().Format(time.RFC3339)
	}},
	{"model", func(r Result) string { return r.Endpoint.Model }},
	{"workload", func(r Result) string { return r.Workload.Name }},
	{"input_tokens", func(r Result) string { return strconv.Itoa(r.Workload.Input) }},
	{"output_tokens", func(r Result) string { return strconv.Itoa(r.Workload.Output) }},
	{"rate", func(r Result) string {
		if r.Pace.Rate == 0 || math.IsInf(float64(r.Pace.Rate), 1) {
			return "inf"
		}
		return number(float64(r.Pace.Rate))
	}},
	{"concurrency", func(r Result) string { return strconv.Itoa(r.Pace.Concurrency) }},
	{"gpus", func(r Result) string { return strconv.Itoa(r.GPUs) }},
	{"valid", func(r Result) string { return strconv.FormatBool(r.Valid) }},
	{"requests", func(r Result) string { return strconv.Itoa(r.Requests) }},
	{"succeeded", func(r Result) string { return strconv.Itoa(r.Succeeded) }},
	{"duration_s", func(r Result) string { return number(float64(r.Duration)) }},
	{"requests_per_s", func(r Result) string { return number(float64(r.Rate.Value)) }},
	{"output_tps", func(r Result) string { return number(float64(r.OutputTPS.Value)) }},
	{"output_tps_per_gpu", func(r Result) string { return number(r.PerGPU()) }},
	{"total_tps", func(r Result) string { return number(float64(r.TotalTPS.Value)) }},
	{"goodput_per_s", func(r Result) string { return number(float64(r.Goodput.Value)) }},
}

func number(f float64) string {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return ""
	}
	return strconv.FormatFloat(math.Round(f*1e9)/1e9, 'f', -1, 64) // nanoseconds, where it is a time
}

// CSV has a line a result; what is not known is empty. Times are seconds.
func CSV(all []Result) []byte {
	var b bytes.Buffer
	out := csv.NewWriter(&b)
	var line []string
	for _, c := range columns {
		line = append(line, c.name)
	}
	spreads := []struct {
		name string
		of   func(Result) Spread
	}{{"ttft", func(r Result) Spread { return r.TTFT }}, {"tpot", func(r Result) Spread { return r.TPOT }}, {"itl", func(r Result) Spread { return r.ITL }}, {"latency", func(r Result) Spread { return r.Latency }}}
	for _, s := range spreads {
		for _, q := range []string{"mean", "std", "p50", "p90", "p95", "p99", "max"} {
			line = append(line, s.name+"_"+q+"_s")
		}
	}
	line = append(line, "tpot_definition", "ttft_definition", "lag_send_p99_s", "lag_read_p99_s")
	out.Write(line) //nolint:errcheck // a buffer takes everything
	for _, r := range all {
		line = line[:0]
		for _, c := range columns {
			line = append(line, c.of(r))
		}
		for _, s := range spreads {
			v := s.of(r)
			for _, n := range []Number{v.Mean, v.Std, v.Median, v.P90, v.P95, v.P99, v.Most} {
				line = append(line, number(float64(n)))
			}
		}
		line = append(line, r.TPOT.Definition, r.TTFT.Definition)
		if r.Lag != nil {
			line = append(line, number(r.Lag.Send99), number(r.Lag.Read99))
		} else {
			line = append(line, "", "")
		}
		out.Write(line) //nolint:errcheck // a buffer takes everything
	}
	out.Flush()
	return b.Bytes()
}
