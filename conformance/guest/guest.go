// Package guest is the conformance kit for the code of skills: whether a module
// does what sdk/ABI.md asks of a guest, in whatever language it was written.
//
// It runs the code in core/sandbox and in nothing else, gives it inputs that
// hosts send and inputs that no host should, and never changes a file.
//
//	r, err := guest.Run(ctx, guest.Options{Path: "hello.wasm"})
//	if err == nil {
//		err = r.WriteText(os.Stdout, report.TextOptions{})
//	}
package guest

import (
	"context"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/conformance/report"
	"github.com/plimsoll-dev/plimsoll/core/sandbox"
	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

// Version of the cases. It changes whenever a case is added, taken out or asks
// something else.
const Version = "1"

// Options of Run.
type Options struct {
	Path     string            // a module, or a skill's folder
	Input    string            // a JSON file with an input of the skill; "" finds or makes one
	Only     []string          // patterns of ids; none takes all
	Skip     []string          // patterns of ids that are disabled
	Timeout  time.Duration     // guest time of one call; 5 s when 0
	CacheDir string            // compiled code; "" keeps none
	Progress func(report.Case) // called after each case; may be nil
}

// kit is one guest under test.
type kit struct {
	ctx      context.Context
	subject  *subject
	code     *sandbox.Admitted
	refused  error // why there is no code
	manifest abi.Manifest
	declared bool
	example  example
	failures []failure // that the guest answered with, in any case
}

// question is one case: ask gives what was seen.
type question struct {
	id, title, says, section, do string
	needsCode                    bool // the sandbox admitted it
	needsModule                  bool // it is a module itself, not a script
	ask                          func(*kit) finding
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

// Run tests a guest. The error is that there is nothing to test or that the kit
// itself cannot work; what the guest does wrong stands in the report.
func Run(ctx context.Context, o Options) (out *report.Report, err error) {
	begun := time.Now()
	s, err := load(o.Path)
	if err != nil {
		return nil, fmt.Errorf("testing a guest: %w", err)
	}
	if o.Timeout == 0 {
		o.Timeout = 5 * time.Second
	}
	host, err := sandbox.New(sandbox.Config{CacheDir: o.CacheDir, Timeout: o.Timeout})
	if err != nil {
		return nil, fmt.Errorf("testing a guest: %w", err)
	}
	defer func() { err = errors.Join(err, host.Close()) }()
	k := &kit{ctx: ctx, subject: s}
	k.code, k.refused = s.admit(ctx, host)
	if k.refused == nil {
		k.manifest, k.declared = k.code.Manifest()
		if k.example, err = s.example(o.Input, k.manifest); err != nil {
			return nil, fmt.Errorf("testing a guest: %w", err)
		}
	} else if ctx.Err() != nil {
		return nil, fmt.Errorf("testing a guest: %w", ctx.Err())
	}
	out = report.New("guest", report.Subject{Name: s.name, Digest: s.digest(), Facts: k.facts()}, begun)
	out.Version, out.Profile, out.System = Version, "plim1", runtime.GOOS+"/"+runtime.GOARCH
	found := false
	for _, q := range questions() {
		if len(o.Only) > 0 && !matches(o.Only, q.id) {
			continue
		}
		found = true
		c := k.answer(q, o)
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("testing a guest: %w", err)
		}
		out.Add(c)
		if o.Progress != nil {
			o.Progress(c)
		}
	}
	if !found {
		return nil, fmt.Errorf("testing a guest: no case is called %s", strings.Join(o.Only, ", "))
	}
	return out, out.Seal()
}

func (k *kit) answer(q question, o Options) report.Case {
	c := report.Case{
		ID: "guest." + q.id, Title: q.title, Says: q.says, Section: q.section,
		Reproduce: "plimsoll-conformance skill -v -only " + q.id + " " + filepath.ToSlash(o.Path),
	}
	var f finding
	switch {
	case matches(o.Skip, q.id):
		f = finding{status: report.Disabled, saw: "switched off by -skip"}
	case q.needsModule && k.subject.program != nil:
		f = skip("it is a script: the module that hosts call is the interpreter, which is the host's")
	case q.needsCode && k.refused != nil:
		f = skip("the code was not admitted: see guest.module.admitted")
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
		p = strings.TrimPrefix(p, "guest.")
		ok, err := path.Match(p, id)
		return p == id || strings.HasPrefix(id, p+".") || err == nil && ok
	})
}

func (k *kit) facts() map[string]string {
	facts := map[string]string{"bytes": fmt.Sprint(len(k.subject.bytes))}
	if k.refused != nil {
		return facts
	}
	if k.manifest.Name != "" {
		facts["skill"] = strings.TrimSpace(k.manifest.Name + " " + k.manifest.Version)
	}
	if k.declared {
		facts["ops"] = strings.Join(k.manifest.Ops, " ")
	}
	facts["example input"] = k.example.from
	known := k.code.Facts()
	facts["profile"], facts["instances"] = known.Profile, "restored after each call"
	if !known.Restored {
		facts["instances"] = "one for each call: " + known.Why
	}
	return facts
}

func questions() []question {
	return slices.Concat(moduleQuestions(), manifestQuestions(), opQuestions(), inputQuestions(), sameQuestions(), failureQuestions())
}
