// Package backend is the conformance kit for model backends: whether a program,
// one of the backends in the plimsoll binary, or what answers at a gRPC address,
// does what sdk/backend and its proto ask for, in whatever language it was
// written.
//
// It speaks the handshake and the wire itself, so that it sees what a host's
// client would forgive, and only for the cases about crashes uses the real host.
// It opens no network connection but the one to its target, and never changes a
// file outside of a temporary folder.
//
//	t, err := backend.ParseTarget("dist/hello", "")
//	r, err := backend.Run(ctx, backend.Options{Target: t, Config: map[string]any{"greeting": "Ahoy"}})
//	if err == nil {
//		err = r.WriteText(os.Stdout, report.TextOptions{})
//	}
package backend

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/conformance/report"
)

// Version of the cases. It changes whenever a case is added, taken out or asks
// something else.
const Version = "1"

// Options of Run.
type Options struct {
	Target Target
	// Config are the values of the config block, JSON values.
	Config map[string]any
	// Env are the names of the variables that the backend is handed, no others.
	Env []string
	// LookupEnv finds their values; nil is os.LookupEnv.
	LookupEnv func(string) (string, bool)
	// Model that is asked; "" is the first one that the backend lists. Slow is
	// one that takes seconds to answer, for the cases about giving up; "" asks
	// Model for a long answer. Embedding is the model of embeddings; "" is Model.
	Model, Slow, Embedding string
	// Long is a prompt with an answer of a MiB or more; "" is one long word, which
	// backends that repeat the prompt give back.
	Long string

	Only, Skip []string       // ids, beginnings of ids, patterns; Skip disables
	Case       *regexp.Regexp // when set, ids have to match it as well
	Timeout    time.Duration  // of one call; 30 s when 0
	Slack      time.Duration  // added to every bound of time, where the machine is busy with something else

	Again    string            // the command that runs this again, with %s for the id; "" has none
	Progress func(report.Case) // called after each case; may be nil
}

// Answers that are longer than maxAnswer are a flood: that is where the host
// cuts them off. maxTries is how often a case is tried that is wrong by time
// alone: what else runs on the machine can make one call late.
const (
	maxAnswer = 64 << 20
	maxTries  = 3
)

// question is one case: ask gives what was seen.
type question struct {
	id, title, says, section, do string

	process bool // needs a program that the kit starts, not an address
	running bool // needs one that starts and can be configured
	answers bool // needs one that answers a plain request
	ask     func(*kit) finding
}

// finding is how a question was answered.
type finding struct {
	status   report.Status
	saw      string
	measured map[string]int64
}

func pass(format string, args ...any) finding {
	return finding{status: report.Pass, saw: fmt.Sprintf(format, args...)}
}

func fail(format string, args ...any) finding {
	return finding{status: report.Fail, saw: fmt.Sprintf(format, args...)}
}

func skip(format string, args ...any) finding {
	return finding{status: report.Skip, saw: fmt.Sprintf(format, args...)}
}

func broken(format string, args ...any) finding {
	return finding{status: report.Error, saw: fmt.Sprintf(format, args...)}
}

// Run tests a backend. The error is that there is nothing to test or that the
// kit itself cannot work; what the backend does wrong stands in the report.
func Run(ctx context.Context, o Options) (*report.Report, error) {
	begun := time.Now()
	if o.Timeout == 0 {
		o.Timeout = 30 * time.Second
	}
	if o.LookupEnv == nil {
		o.LookupEnv = os.LookupEnv
	}
	k, err := newKit(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("testing a backend: %w", err)
	}
	defer k.close()
	var cases []report.Case
	for _, q := range questions() {
		if len(o.Only) > 0 && !matches(o.Only, q.id) || o.Case != nil && !o.Case.MatchString("backend."+q.id) {
			continue
		}
		c := k.answer(q)
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("testing a backend: %w", err)
		}
		cases = append(cases, c)
		if o.Progress != nil {
			o.Progress(c)
		}
	}
	if len(cases) == 0 {
		return nil, errors.New("testing a backend: no case has such an id; plimsoll-conformance backend -list shows them all")
	}
	subject := report.Subject{Name: o.Target.String(), Facts: k.facts()}
	if subject.Digest, err = o.Target.digest(); err != nil {
		return nil, fmt.Errorf("testing a backend: %w", err)
	}
	out := report.New("backend", subject, begun)
	out.Version, out.Profile, out.System = Version, "backend1", runtime.GOOS+"/"+runtime.GOARCH
	out.Add(cases...)
	return out, out.Seal()
}

// Cases lists id and title of every case, in the order in which they are asked.
func Cases() []report.Case {
	var out []report.Case
	for _, q := range questions() {
		out = append(out, q.describe())
	}
	return out
}

func (q question) describe() report.Case {
	return report.Case{ID: "backend." + q.id, Title: q.title, Says: q.says, Section: q.section}
}

func (k *kit) answer(q question) report.Case {
	c := q.describe()
	if k.o.Again != "" {
		c.Reproduce = fmt.Sprintf(k.o.Again, q.id)
	}
	var f finding
	switch {
	case matches(k.o.Skip, q.id):
		f = finding{status: report.Disabled, saw: "switched off by -skip"}
	case q.process && k.o.Target.Address != "":
		f = skip("somebody else runs what answers at this address: there is no process to look at")
	case q.running && k.down() != nil:
		f = skip("it could not be asked (%v): see backend.handshake.line and backend.configure.accepted", k.down())
	case q.answers && !k.plain().whole():
		f = skip("it does not answer a plain request (%s): see backend.generate.answer", k.plain().how())
	default:
		f = q.ask(k)
	}
	c.Status, c.Saw, c.Measured = f.status, f.saw, f.measured
	if f.status == report.Fail || f.status == report.Error {
		c.Do = q.do
	}
	return c
}

// matches tells whether a pattern is the id, its beginning up to a dot, or
// matches it as path.Match does.
func matches(patterns []string, id string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		p = strings.TrimPrefix(p, "backend.")
		ok, err := path.Match(p, id)
		return p == id || strings.HasPrefix(id, p+".") || err == nil && ok
	})
}

func questions() []question {
	return slices.Concat(
		handshakeQuestions(), describeQuestions(), configureQuestions(), generateQuestions(), streamQuestions(),
		abilityQuestions(), giveUpQuestions(), environmentQuestions(), endQuestions(), ruleQuestions(),
	)
}
