package config

import (
	"time"

	"github.com/plimsoll-dev/plimsoll/hcl/cron"
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

// Serve is the `serve` block: what plimsoll serve does by itself.
type Serve struct {
	Nightly *cron.Schedule // nil: nights are run by hand
	Jitter  time.Duration  // a night begins up to so much later
	Stop    time.Duration  // how long a batch that runs may take to end
	MCP     *Surface       // nil: agents are not answered over HTTP
	Metrics string         // "host:port" where Prometheus reads; ""
	Traces  string         // URL that OpenTelemetry traces are sent to (OTLP over HTTP); ""
	Range   diag.Range
}

// defaultStop is below what service managers wait before they kill (systemd: 90 s).
const defaultStop = time.Minute

func serveDoc() *BlockDoc {
	return &BlockDoc{
		Type: "serve", Single: true,
		Doc: "What `plimsoll serve` does by itself, and where it answers. Without the block it runs no nights, and answers commands.",
		Attributes: []*AttributeDoc{
			{Name: "nightly", Type: String, Example: `"0 2 * * *"`, Doc: "When a night begins: minute, hour, day of the month, month, day of the week, or `@daily`, `@weekly`. One that was missed, asleep or switched off, is made up for once."},
			{Name: "timezone", Type: String, Default: `"UTC"`, Example: `"Europe/Berlin"`, Doc: "Where the hours of `nightly` are read. Where summer time skips or repeats an hour there is one night all the same."},
			{Name: "jitter", Type: Duration, Default: `"0s"`, Example: `"20m"`, Doc: "Begin up to so much later, by an amount that is the project's own, so that many machines do not call at the same second."},
			{Name: "stop", Type: Duration, Default: `"1m"`, Doc: "When it is told to stop, how long the batch that is being measured may take to end and be written down."},
			{Name: "metrics", Type: String, Example: `"127.0.0.1:9464"`, Doc: "HOST:PORT where Prometheus reads figures. No credentials are asked there: keep it on this machine, or on a network of your own."},
			{Name: "traces", Type: String, Example: `"http://127.0.0.1:4318"`, Doc: "Where OpenTelemetry traces are sent, by OTLP over HTTP: https, or http on this machine. Nothing is sent without it."},
		},
		Blocks:  []*BlockDoc{surfaceDoc()},
		Example: "serve {\n  nightly  = \"0 2 * * *\"\n  timezone = \"Europe/Berlin\"\n}",
	}
}

// defaulted is a Serve as it is without a block.
func defaulted() *Serve { return &Serve{Stop: defaultStop} }

func (l *loader) fillServe(b *body, out *Serve) {
	*out = *defaulted()
	out.Range = b.header
	out.Jitter = b.duration("jitter", 0)
	out.Stop = b.duration("stop", defaultStop)
	l.fillSurface(b, out)
	nightly, zone := b.str("nightly"), b.str("timezone")
	if _, err := cron.Zone(zone); err != nil {
		l.add(badSchedule.at(b.rng("timezone"), "timezone: %v.", err))
		return
	}
	if nightly == "" {
		for _, name := range []string{"timezone", "jitter"} {
			if b.has(name) && !b.has("nightly") {
				l.add(badSchedule.at(b.rng(name), "%s is about nightly, which is not there: no night is scheduled. Add nightly, or remove %s.", name, name).WithSuggestion(b.doc.Attribute("nightly").line()))
			}
		}
		return
	}
	s, err := cron.Parse(nightly, zone)
	if err != nil {
		l.add(badSchedule.at(b.rng("nightly"), "%q says not when a night begins: %v.", nightly, err))
		return
	}
	out.Nightly = s
}

// Serving is the serve block, or what holds without one.
func (p *Project) Serving() *Serve {
	if p.Serve == nil {
		return defaulted()
	}
	return p.Serve
}
