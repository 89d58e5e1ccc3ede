package cli

import (
	"fmt"
	"slices"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/topology/supervise"
	"github.com/rivo/uniseg"
)

// launchProgress draws one line on a terminal, and hands on what the servers print.
// With -json it is silent.
type launchProgress struct {
	c     *command
	limit int // seconds that a start may take
	seen  []string
	drawn bool
	told  string
}

func (p *launchProgress) clear() {
	if p.drawn {
		fmt.Fprint(p.c.Err, "\r\x1b[K")
		p.drawn = false
	}
}

// lines prints what is new in the last lines of the logs.
func (p *launchProgress) lines(log []string) {
	if p.c.json {
		return
	}
	fresh := newer(p.seen, log)
	p.seen = log
	if len(fresh) == 0 {
		return
	}
	p.clear()
	for _, l := range fresh {
		p.c.note("  %s", l)
	}
}

// newer are the lines at the end of now that are not at the end of before.
func newer(before, now []string) []string {
	for n := 0; n <= len(now); n++ {
		kept := now[:len(now)-n]
		if len(kept) <= len(before) && slices.Equal(before[len(before)-len(kept):], kept) {
			return now[len(now)-n:]
		}
	}
	return now
}

// line says how far it is.
func (p *launchProgress) line(r supervise.Report, now time.Time) {
	text := fmt.Sprintf("%s: %s of at most %d s", r.Name, now.Sub(r.Started).Round(time.Second), p.limit)
	if r.Message != "" {
		text += "; " + r.Message
	}
	switch {
	case p.c.json:
	case !p.c.Live:
		if r.Message != p.told {
			p.told = r.Message
			p.c.note("%s", r.Message)
		}
	default:
		for width := p.c.Width; width > 1 && uniseg.StringWidth(text) >= width; {
			runes := []rune(text)
			text = string(runes[:len(runes)-1])
		}
		p.drawn = true
		fmt.Fprintf(p.c.Err, "\r\x1b[K%s", text)
	}
}
