package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/topology/load"
	"github.com/plimsoll-dev/plimsoll/core/topology/load/result"
	"github.com/rivo/uniseg"
)

// benchProgress draws one line on a terminal's standard error. Elsewhere it says a
// line for each run, and nothing with -json.
type benchProgress struct {
	c       *command
	i, of   int
	work    load.Workload
	pace    string
	skipped int
	drawn   bool
	told    string
}

// run hears of each run before it begins, and of those that are not made again.
func (p *benchProgress) run(i int, pace load.Pace, done bool) {
	p.i, p.pace = i+1, result.Result{Pace: pace, Workload: p.work}.Pacing()
	if done {
		p.skipped++
		return
	}
	if !p.c.Live && !p.c.json {
		p.c.note("[%d/%d] %s", p.i, p.of, p.pace)
	}
}

// tell draws how far a run is.
func (p *benchProgress) tell(g load.Progress) {
	if !p.c.Live {
		return
	}
	p.draw(benchLine(g, fmt.Sprintf("[%d/%d] %s", p.i, p.of, p.pace), p.c.Width))
}

// waiting tells for how long the server is not there.
func (p *benchProgress) waiting(waited time.Duration, why string) {
	if p.c.Live {
		p.draw(fmt.Sprintf("waiting for the server, %s: %s", waited.Round(time.Second), why))
	} else if !p.c.json && why != p.told {
		p.told = why
		p.c.note("Waiting for the server: %s", why)
	}
}

func (p *benchProgress) draw(line string) {
	if width := p.c.Width; width > 1 {
		for uniseg.StringWidth(line) >= width {
			runes := []rune(line)
			line = string(runes[:len(runes)-1])
		}
	}
	p.drawn = true
	fmt.Fprintf(p.c.Err, "\r\x1b[K%s", line)
}

func (p *benchProgress) clear() {
	if p.drawn {
		fmt.Fprint(p.c.Err, "\r\x1b[K")
		p.drawn = false
	}
}

// barWidth of a wide terminal; narrow ones get a third of theirs.
const barWidth = 28

// benchLine is what of requests is done, as a bar and in numbers.
func benchLine(g load.Progress, what string, width int) string {
	full := barWidth
	if width > 0 {
		full = min(full, width/3)
	}
	share := 0
	if g.Of > 0 {
		share = min(g.Done, g.Of) * full / g.Of
	}
	line := fmt.Sprintf("%s %s%s %d of %d", what, strings.Repeat("█", share), strings.Repeat("░", full-share), g.Done, g.Of)
	if g.Stage != "run" {
		line += ", " + g.Stage
	}
	if g.Failed > 0 {
		line += fmt.Sprintf(", %d failed", g.Failed)
	}
	if n := g.Sent - g.Done; n > 0 {
		line += fmt.Sprintf(", %d in flight", n)
	}
	if seconds := g.Elapsed.Seconds(); seconds > 0.5 && g.Chunks > 0 {
		line += fmt.Sprintf(", %.0f chunks/s", float64(g.Chunks)/seconds)
	}
	return line + ", " + g.Elapsed.Round(time.Second).String()
}
