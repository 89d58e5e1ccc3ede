package cli

import (
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/topology/load"
	"github.com/rivo/uniseg"
)

func TestBenchLine(t *testing.T) {
	for _, c := range []struct {
		g     load.Progress
		width int
		want  string
	}{
		{load.Progress{Stage: "run", Of: 128}, 0, "[1/2] rate 4 ░░░░░░░░░░░░░░░░░░░░░░░░░░░░ 0 of 128, 0s"},
		{load.Progress{Stage: "run", Sent: 70, Done: 64, Of: 128, Chunks: 4000, Elapsed: 2 * time.Second}, 0, "[1/2] rate 4 ██████████████░░░░░░░░░░░░░░ 64 of 128, 6 in flight, 2000 chunks/s, 2s"},
		{load.Progress{Stage: "run", Sent: 128, Done: 128, Failed: 3, Of: 128, Elapsed: time.Second}, 60, "[1/2] rate 4 ████████████████████ 128 of 128, 3 failed, 1s"},
		{load.Progress{Stage: "warm-up", Done: 8, Sent: 8, Of: 8}, 30, "[1/2] rate 4 ██████████ 8 of 8, warm-up, 0s"},
	} {
		if got := benchLine(c.g, "[1/2] rate 4", c.width); got != c.want {
			t.Errorf("%+v at %d columns:\n%q, not\n%q", c.g, c.width, got, c.want)
		}
	}
}

// TestBenchProgress: a terminal gets one line that never wraps and is gone at the
// end; what is no terminal gets a line a run, and JSON's reader nothing.
func TestBenchProgress(t *testing.T) {
	var out strings.Builder
	terminal := &benchProgress{c: &command{App: App{Err: &out, Live: true, Width: 40}}, of: 3}
	terminal.run(0, load.Pace{Rate: 4}, true)
	terminal.run(1, load.Pace{Rate: 8}, false)
	terminal.tell(load.Progress{Stage: "run", Done: 50, Sent: 400, Failed: 20, Of: 128, Chunks: 1 << 20, Elapsed: time.Minute})
	line := strings.TrimPrefix(out.String(), "\r\x1b[K")
	if uniseg.StringWidth(line) >= 40 || !strings.HasPrefix(line, "[2/3] rate 8 █") || terminal.skipped != 1 {
		t.Errorf("%q", line)
	}
	terminal.clear()
	terminal.clear()
	if got := out.String(); !strings.HasSuffix(got, "\r\x1b[K") || strings.Count(got, "\r") != 2 {
		t.Errorf("the line is not taken away once: %q", got)
	}
	for as, want := range map[bool]string{false: "[1/3] rate 4\nWaiting for the server: refused\n", true: ""} {
		out.Reset()
		p := &benchProgress{c: &command{App: App{Err: &out}, json: as}, of: 3}
		p.run(0, load.Pace{Rate: 4}, false)
		p.tell(load.Progress{Stage: "run", Done: 1, Of: 2})
		p.waiting(time.Second, "refused")
		p.waiting(2*time.Second, "refused")
		p.clear()
		if out.String() != want {
			t.Errorf("json %t: %q, not %q", as, out.String(), want)
		}
	}
}

func TestBenchPaces(t *testing.T) {
	for name, c := range map[string]struct {
		f      benchFlags
		of     load.Pace
		traced bool
		want   string
		err    string
	}{
		"built in":       {of: load.Pace{Concurrency: 32}, want: "32 at once"},
		"rates":          {f: benchFlags{rates: []string{"1", "2.5", "inf", "1"}}, of: load.Pace{Concurrency: 32, Burstiness: .5}, want: "rate 1; rate 2.5; burst"},
		"caps":           {f: benchFlags{concurrency: []string{"1", "8"}}, of: load.Pace{Rate: 4}, want: "1 at once; 8 at once"},
		"both":           {f: benchFlags{rates: []string{"4"}, concurrency: []string{"8", "16"}}, want: "rate 4, 8 at once; rate 4, 16 at once"},
		"a trace":        {f: benchFlags{speed: 2}, traced: true, want: "burst"},
		"a trace, rates": {f: benchFlags{rates: []string{"1"}}, traced: true, err: "a trace has arrivals of its own"},
		"no number":      {f: benchFlags{rates: []string{"fast"}}, err: "is no rate"},
		"not a number":   {f: benchFlags{rates: []string{"NaN"}}, err: "is no rate"},
		"negative":       {f: benchFlags{rates: []string{"-1"}}, err: "is no rate"},
		"none":           {f: benchFlags{concurrency: []string{"0"}}, err: "1 or more"},
	} {
		paces, err := c.f.paces(c.of, c.traced)
		var got []string
		for _, p := range paces {
			got = append(got, p.String())
			if p.Burstiness != c.of.Burstiness || p.Speed != c.f.speed {
				t.Errorf("%s: %+v lost its burstiness or speed", name, p)
			}
		}
		if text := strings.Join(got, "; "); text != c.want || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
}
