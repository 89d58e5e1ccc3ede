package host

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/conformance/asm"
	"github.com/plimsoll-dev/plimsoll/sdk/canonjson"
)

// trial plays one case against the present client. Its methods give what is
// wrong; nothing is a pass.
type trial struct {
	*runner
	c        *Case
	bounds   Bounds
	measured map[string]int64
	modules  map[string]string // by file name, as the adapter calls them
	base     int64             // bytes that were resident before
	seen     []result          // of the calls, in their order
	lost     bool              // the adapter does not answer any more
}

// result is how a call ended, as far as it must be the same again.
type result struct {
	text string // canonical answer, or code
	fuel int64
	firm bool // not by the clock
}

// fault is one thing that is wrong. Timing says that a busy machine can make it
// so: figures of time, and nothing else.
type fault struct {
	text   string
	timing bool
}

type faults []fault

func plain(format string, args ...any) fault { return fault{text: fmt.Sprintf(format, args...)} }

func late(format string, args ...any) fault {
	return fault{text: fmt.Sprintf(format, args...), timing: true}
}

func say(format string, args ...any) faults { return faults{plain(format, args...)} }

// timing tells whether there are faults, and a busy machine can have made all of
// them.
func (f faults) timing() bool {
	for _, one := range f {
		if !one.timing {
			return false
		}
	}
	return len(f) > 0
}

func (f faults) String() string {
	texts := make([]string, len(f))
	for i, one := range f {
		texts[i] = one.text
	}
	return strings.Join(texts, "; ")
}

// look notes how much memory is resident before the case.
func (t *trial) look() {
	pid := t.client.cmd.Process.Pid
	forget(pid)
	t.base, _, _ = resident(pid)
}

// play admits, calls, and whatever else the case asks for.
func (t *trial) play() faults {
	t.modules = map[string]string{}
	refused, problem := t.admit(t.c.Module)
	if refused || len(problem) > 0 {
		return problem
	}
	problem = t.calls()
	for _, what := range t.c.Again {
		if t.lost || len(problem) > 0 {
			return problem
		}
		problem = t.again(what)
	}
	if t.c.Churn != nil && !t.lost && len(problem) == 0 {
		problem = t.churn()
	}
	if !t.lost {
		problem = append(problem, t.drop()...)
	}
	return problem
}

// admitSlack is by how much more an admission may be late than a call: it may
// take as much longer, and what slows a machine slows both alike.
const admitSlack = 20

// within is a bound with what the caller allows for a busy machine.
func (t *trial) within(millis int64) time.Duration {
	slack := t.options.Slack
	if millis >= t.bounds.AdmitMillis {
		slack *= admitSlack
	}
	return time.Duration(millis)*time.Millisecond + slack
}

// request asks and checks the wall time. Without an answer the adapter is lost.
func (t *trial) request(what string, r Request, bound int64) (Response, faults) {
	p, err := t.client.send(r)
	if err != nil {
		t.lost = true
		return Response{}, say("%s: %v", what, err)
	}
	return t.answer(what, p, bound)
}

func (t *trial) answer(what string, p pending, bound int64) (Response, faults) {
	limit := t.within(bound)
	a, took, err := t.client.wait(p, limit+grace)
	if err != nil {
		t.lost = true
		return a, say("%s: %v; it was to answer within %s", what, err, limit)
	}
	key := "millis"
	if strings.HasPrefix(what, "admit") {
		key = "admit_millis"
	}
	t.measured[key] = max(t.measured[key], took.Milliseconds())
	if took > limit {
		return a, faults{late("%s: took %s; it was to answer within %s", what, took.Round(time.Millisecond), limit)}
	}
	return a, nil
}

func (t *trial) admit(file string) (refused bool, problem faults) {
	what := "admitting " + file
	a, problem := t.request(what, Request{Admit: filepath.Join(t.dir, file), Limits: &t.c.Limits}, t.bounds.AdmitMillis)
	if t.lost {
		return false, problem
	}
	if a.Error != nil {
		if a.Error.Guest {
			return true, append(problem, plain("%s: refused with %s as the guest's own failure; a refusal is the host's", what, a.Error.Code))
		}
		if !slices.Contains(t.c.Admit.Codes, a.Error.Code) {
			return true, append(problem, plain("%s: refused with code %s (%.200s); it was to be %s", what, a.Error.Code, a.Error.Message, t.c.Admit))
		}
		return true, problem
	}
	if a.Module == "" {
		return true, append(problem, plain("%s: the answer has neither a module nor an error", what))
	}
	t.modules[file] = a.Module
	if !t.c.Admit.OK {
		return true, append(append(problem, plain("%s: was admitted; it was to be %s", what, t.c.Admit)), t.drop()...)
	}
	return false, problem
}

func (t *trial) ask(c *Call) (Request, faults) {
	file := c.Module
	if file == "" {
		file = t.c.Module
	}
	if t.modules[file] == "" {
		if refused, problem := t.admit(file); refused || len(problem) > 0 {
			return Request{}, append(problem, plain("the second module was refused"))
		}
	}
	return Request{Call: t.modules[file], Op: c.Op, Input: c.Input, Time: c.Time, Seed: c.Seed, Offers: c.Offers}, nil
}

func (t *trial) calls() faults {
	if t.c.Parallel {
		return t.together()
	}
	var problem faults
	for i := range t.c.Calls {
		what := fmt.Sprintf("call %d", i+1)
		r, wrong := t.ask(&t.c.Calls[i])
		if len(wrong) > 0 {
			return append(problem, wrong...)
		}
		a, wrong := t.request(what, r, t.bounds.CallMillis)
		problem = append(problem, wrong...)
		if t.lost {
			return problem
		}
		problem = append(problem, t.judge(what, &t.c.Calls[i].Expect, a)...)
		if len(problem) > 3 {
			return problem
		}
	}
	return problem
}

// together sends every call before it waits for the first answer.
func (t *trial) together() faults {
	var problem faults
	sent := make([]pending, len(t.c.Calls))
	for i := range t.c.Calls {
		r, wrong := t.ask(&t.c.Calls[i])
		if len(wrong) > 0 {
			return wrong
		}
		p, err := t.client.send(r)
		if err != nil {
			t.lost = true
			return say("call %d: %v", i+1, err)
		}
		sent[i] = p
	}
	for i, p := range sent {
		what := fmt.Sprintf("call %d of %d at once", i+1, len(sent))
		a, wrong := t.answer(what, p, t.bounds.CallMillis)
		problem = append(problem, wrong...)
		if t.lost || len(problem) > 3 {
			// Answers that nobody takes would be taken for those of the next case.
			t.lost = true
			return problem
		}
		problem = append(problem, t.judge(what, &t.c.Calls[i].Expect, a)...)
	}
	return problem
}

// judge compares an answer with what was expected, and notes it for later calls.
func (t *trial) judge(what string, e *Expect, a Response) faults {
	now := result{fuel: a.Fuel, firm: true}
	var problem faults
	switch {
	case a.Error != nil && a.Error.Guest:
		now.text = "guest " + a.Error.Code
		if !slices.Contains(e.GuestCodes, a.Error.Code) {
			problem = append(problem, plain("%s: the guest is said to have failed with %s (%.200s); it was to be %s", what, a.Error.Code, a.Error.Message, e))
		}
	case a.Error != nil:
		now.text = a.Error.Code
		now.firm = a.Error.Code != "deadline" && a.Error.Code != "cancelled"
		if !slices.Contains(e.Codes, a.Error.Code) {
			problem = append(problem, plain("%s: ended with code %s (%.200s); it was to be %s", what, a.Error.Code, a.Error.Message, e))
		}
	default:
		canonical, err := canonjson.Transform(a.Answer)
		now.text = string(canonical)
		if err != nil {
			now.text = string(a.Answer)
		}
		switch {
		case len(a.Answer) == 0:
			problem = append(problem, plain("%s: the line has neither an answer nor an error", what))
		case !e.OK:
			problem = append(problem, plain("%s: answered %.80s; it was to be %s", what, a.Answer, e))
		case len(e.Answer) > 0 && !same(e.Answer, canonical):
			problem = append(problem, plain("%s: answered %.80s; it was to be %.80s", what, a.Answer, e.Answer))
		}
	}
	problem = append(problem, t.compare(what, e, now)...)
	t.seen = append(t.seen, now)
	if t.has(FeatureLog) && e.LogBytes > 0 && a.LogBytes > e.LogBytes {
		problem = append(problem, plain("%s: %d bytes of log were kept; at most %d may be", what, a.LogBytes, e.LogBytes))
	}
	if t.has(FeatureFuel) && a.Fuel > 0 {
		t.measured["fuel"] = max(t.measured["fuel"], a.Fuel)
	}
	if t.has(FeaturePause) {
		t.measured["gc_pause_us"] = max(t.measured["gc_pause_us"], a.PauseUS)
		if bound := t.pauseUS + t.bounds.PauseUS + t.options.Slack.Microseconds(); a.PauseUS > bound {
			problem = append(problem, late("%s: the garbage collector stopped everybody for %d us; %d is the most", what, a.PauseUS, bound))
		}
	}
	if !canLook() && t.has(FeatureRSS) {
		t.measured["rss_mib"] = max(t.measured["rss_mib"], a.RSS>>20)
	}
	return problem
}

func same(want json.RawMessage, got []byte) bool {
	canonical, err := canonjson.Transform(want)
	return err == nil && bytes.Equal(canonical, got)
}

func (t *trial) compare(what string, e *Expect, now result) faults {
	if n := e.SameAs; n > 0 && n <= len(t.seen) {
		return t.equal(what, fmt.Sprintf("call %d", n), t.seen[n-1], now)
	}
	if n := e.DiffersAs; n > 0 && n <= len(t.seen) && t.seen[n-1].text == now.text {
		return say("%s: answered the same as call %d, %.80s; it was to be another", what, n, now.text)
	}
	return nil
}

// equal compares two calls that must be the same. Where the clock decided, only
// that it did is compared.
func (t *trial) equal(what, other string, a, b result) faults {
	if !a.firm || !b.firm {
		return nil
	}
	if a.text != b.text {
		return say("%s: gave %.80s, and %s gave %.80s for the same", what, b.text, other, a.text)
	}
	if t.has(FeatureFuel) && a.fuel != b.fuel {
		return say("%s: used %d fuel, and %s used %d for the same", what, b.fuel, other, a.fuel)
	}
	return nil
}

// again plays the calls once more, after another admission or in another process.
func (t *trial) again(what string) faults {
	if problem := t.drop(); len(problem) > 0 {
		return problem
	}
	if what == "restart" {
		t.client.close()
		if err := t.begin(); err != nil {
			t.lost = true
			return say("after a restart: %v", err)
		}
		t.look()
	}
	before := t.seen
	t.seen, t.modules = nil, map[string]string{}
	if refused, problem := t.admit(t.c.Module); refused || len(problem) > 0 {
		return append(problem, plain("it is not admitted again after %s", what))
	}
	problem := t.calls()
	for i := range min(len(before), len(t.seen)) {
		problem = append(problem, t.equal(fmt.Sprintf("call %d after %s", i+1, what), "before it the call", before[i], t.seen[i])...)
	}
	t.seen = before
	return problem
}

// churn admits, calls once and drops, many times.
func (t *trial) churn() faults {
	rounds := t.c.Churn.Rounds
	if most := t.options.Rounds; most > 0 {
		rounds = min(rounds, most)
	}
	problem := t.drop()
	var early int64
	for n := range rounds {
		if len(problem) > 0 || t.ctx.Err() != nil {
			return problem
		}
		file := t.c.Module
		if t.c.Churn.Distinct {
			file = fmt.Sprintf("%s-%d.wasm", t.c.ID, n)
			module := append(slices.Clone(t.c.wasm), asm.Custom("kit", fmt.Appendf(nil, "%d", n))...)
			if err := os.WriteFile(filepath.Join(t.dir, file), module, 0o600); err != nil {
				return say("writing a module: %v", err)
			}
		}
		refused, wrong := t.admit(file)
		if refused || len(wrong) > 0 {
			return append(wrong, plain("round %d of %d", n+1, rounds))
		}
		call := t.c.Calls[0]
		call.Module = file
		r, _ := t.ask(&call)
		a, wrong := t.request(fmt.Sprintf("the call of round %d", n+1), r, t.bounds.CallMillis)
		if t.lost {
			return wrong
		}
		problem = append(append(wrong, t.judge(fmt.Sprintf("the call of round %d", n+1), &call.Expect, a)...), t.drop()...)
		if n == rounds/10 {
			early, _, _ = resident(t.client.cmd.Process.Pid)
		}
	}
	late, _, ok := resident(t.client.cmd.Process.Pid)
	t.measured["rounds"], t.measured["grown_mib"] = int64(rounds), (late-early)>>20
	if ok && late-early > t.c.Churn.GrowMiB<<20 {
		problem = append(problem, plain("memory grew by %d MiB in %d rounds; %d is the most", (late-early)>>20, rounds, t.c.Churn.GrowMiB))
	}
	return problem
}

func (t *trial) drop() faults {
	for file, name := range t.modules {
		delete(t.modules, file)
		a, problem := t.request("dropping "+file, Request{Drop: name}, defaultAdmitMillis)
		if a.Error != nil {
			problem = append(problem, plain("dropping %s: %s: %s", file, a.Error.Code, a.Error.Message))
		}
		if len(problem) > 0 {
			return problem
		}
	}
	return nil
}

// afterwards looks whether the case did damage: to memory, and to others.
func (t *trial) afterwards() faults {
	var problem faults
	if _, peak, ok := resident(t.client.cmd.Process.Pid); ok {
		t.measured["rss_mib"] = max(peak-t.base, 0) >> 20
	}
	if grew := t.measured["rss_mib"]; grew > t.bounds.RSSMiB {
		problem = append(problem, plain("the host's memory grew by %d MiB; %d is the most", grew, t.bounds.RSSMiB))
	}
	a, took, err := t.client.ask(t.harmless(), t.within(1000)+grace)
	switch {
	case err != nil:
		t.lost = true
		problem = append(problem, plain("afterwards a module that behaves gets no answer: %v", err))
	case a.Error != nil:
		problem = append(problem, plain("afterwards a module that behaves ends with %s: %s", a.Error.Code, a.Error.Message))
	case !same([]byte(okAnswer), a.Answer):
		problem = append(problem, plain("afterwards a module that behaves answers %.80s", a.Answer))
	case took > t.within(1000):
		problem = append(problem, late("afterwards a module that behaves needs %s for its answer", took.Round(time.Millisecond)))
	}
	return problem
}

// String says what an Expect takes, for messages.
func (e Expect) String() string {
	var parts []string
	if e.OK {
		parts = append(parts, "answered")
	}
	if len(e.Codes) > 0 {
		parts = append(parts, "ended by the host with code "+strings.Join(e.Codes, " or "))
	}
	if len(e.GuestCodes) > 0 {
		parts = append(parts, "a failure of the guest's own with code "+strings.Join(e.GuestCodes, " or "))
	}
	return strings.Join(parts, ", or ")
}
