// Package sim is a backend of simulated models with a declared ability: the
// host tells it the right answer, and it spoils that answer as often and in the
// ways that the user's config says. So the truth about every model is known, and
// verdicts about them can be checked against it. It calls nothing, its answers
// are labelled as simulated, and they are never evidence for a real tier.
//
// Everything it does is a function of the config's seed and the request: the
// order of calls, their number at a time and restarts change nothing.
//
//	backend "lab" {
//	  plugin = "sim"
//	  config { seed = 7, models = { "sim-small" = { ability = 0.8, format = 0.7 } } }
//	}
package sim

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/plimsoll-dev/plimsoll/sdk/backend"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// Metadata keys under which the host tells what is true. No other backend is
// ever sent them.
const (
	TruthKey = "plimsoll.truth"
	JudgeKey = "plimsoll.judge"
)

// chunkBytes is about the size of one streamed delta.
const chunkBytes = 48

// retryAfter is what a simulated 429 asks for: short, because a simulated night
// has thousands of calls.
const retryAfter = 100 * time.Millisecond

// simulator is the Model.
type simulator struct{ cfg config }

var _ backend.Model = simulator{}

// New makes the simulator from a config block.
func New(values map[string]any) (backend.Model, error) {
	if values == nil {
		return simulator{}, nil
	}
	cfg, err := readConfig(values)
	if err != nil {
		return nil, err
	}
	return simulator{cfg}, nil
}

// Describe lists the declared models.
func (s simulator) Describe(context.Context) (backend.Description, error) {
	d := backend.Description{
		Name: "sim", Version: "1.0.0", Simulated: true, ConfigSchema: schema(),
		Capabilities: backend.Capabilities{ToolMasking: backend.MaskNames, StructuredOutput: true, Seeds: true},
	}
	for _, name := range s.cfg.names() {
		d.Models = append(d.Models, backend.ModelInfo{ID: name})
	}
	return d, nil
}

// answer is what will be streamed.
type answer struct {
	text   string
	calls  []message.ToolCall
	finish message.Finish
}

// tokens of what was said: calls of tools are said too, and no API gives them away.
func (a answer) tokens() int64 {
	n := tokens(a.text)
	for _, c := range a.calls {
		n += tokens(c.Name + string(c.Arguments))
	}
	return n
}

// Generate answers one request.
func (s simulator) Generate(ctx context.Context, req message.Request, out backend.Sink) error {
	m, ok := s.cfg.Models[req.Model]
	if !ok {
		return backend.Errorf(backend.InvalidRequest, "there is no simulated model %q; the config declares %s", req.Model, strings.Join(s.cfg.names(), ", "))
	}
	at, err := now(req.Metadata)
	if err != nil {
		return err
	}
	m = m.at(at)
	c, err := s.newCall(req, m)
	if err != nil {
		return err
	}
	if err := sleep(ctx, time.Duration(m.LatencyMS)*time.Millisecond); err != nil {
		return err
	}
	if err := c.fail(ctx); err != nil {
		return err
	}
	a, err := c.answer()
	if err != nil {
		return err
	}
	if limit := req.Sampling.MaxOutput; limit > 0 && tokens(a.text) > limit {
		a.text, a.finish = head(a.text, int(limit*bytesPerToken)), message.FinishLength
	}
	if err := s.stream(ctx, m, a.text, out); err != nil {
		return err
	}
	for _, call := range a.calls {
		if err := out.ToolCall(call); err != nil {
			return err
		}
	}
	usage := message.Usage{Input: promptTokens(req), Output: int64(float64(a.tokens()) * or(m.Verbosity, 1))}
	reports := req.Model
	if m.Reports != "" {
		reports = m.Reports
	}
	return out.Done(usage, a.finish, reports)
}

// fail draws the declared failures.
func (c *call) fail(ctx context.Context) error {
	m := c.model
	switch {
	case c.chance("timeout", m.Timeout):
		<-ctx.Done()
		return ctx.Err()
	case c.chance("error_429", m.Error429):
		e := backend.Errorf(backend.RateLimited, "simulated: too many requests")
		e.RetryAfter = retryAfter
		return e
	case c.chance("error_500", m.Error500):
		return backend.Errorf(backend.Unavailable, "simulated: internal server error")
	}
	return nil
}

// answer makes the text, before any limit of the request.
func (c *call) answer() (answer, error) {
	a := answer{finish: message.FinishStop}
	switch {
	case c.judge != nil:
		a.text = c.score()
		return a, nil
	case c.chance("refuse", c.model.Refuse):
		return answer{text: "I can't help with that. (simulated refusal)", finish: message.FinishRefusal}, nil
	case c.truth != nil:
		text, err := c.degrade()
		if err != nil {
			return a, err
		}
		a.text = text
	default:
		a = c.echo()
	}
	if c.chance("truncate", c.model.Truncate) {
		part := 0.4 + 0.4*c.draw("truncate-at")
		a.text, a.finish = head(a.text, int(float64(len(a.text))*part)), message.FinishLength
	}
	return a, nil
}

// echo answers a request without a known truth: plainly, and saying so.
func (c *call) echo() answer {
	if name := forcedTool(c.req); name != "" {
		return answer{finish: message.FinishTools, calls: []message.ToolCall{{ID: "sim-1", Name: name, Arguments: []byte("{}")}}}
	}
	last := ""
	for _, m := range c.req.Messages {
		if m.Role == message.User {
			last = m.String()
		}
	}
	words := strings.Fields(last)
	if len(words) > 40 {
		words = words[:40]
	}
	return answer{
		text:   "[simulated answer of " + c.req.Model + "; no model was called] " + strings.Join(words, " "),
		finish: message.FinishStop,
	}
}

// forcedTool is the tool that the request insists on.
func forcedTool(req message.Request) string {
	switch {
	case len(req.Tools) == 0:
		return ""
	case req.ToolChoice.Mode == "subset" && len(req.ToolChoice.Names) > 0:
		return req.ToolChoice.Names[0]
	case req.ToolChoice.Mode == "required":
		return req.Tools[0].Name
	}
	return ""
}

// stream sends text in deltas, at the declared speed.
func (s simulator) stream(ctx context.Context, m model, text string, out backend.Sink) error {
	for len(text) > 0 {
		part := head(text, chunkBytes)
		if part == "" {
			part = text // not UTF-8 in the first bytes: cannot happen for text made here
		}
		text = text[len(part):]
		if m.TokensPerSecond > 0 {
			if err := sleep(ctx, time.Duration(float64(tokens(part))/m.TokensPerSecond*float64(time.Second))); err != nil {
				return err
			}
		}
		if err := out.Text(part); err != nil {
			return err
		}
	}
	return nil
}

// bytesPerToken is the usual rule of thumb for English.
const bytesPerToken = 4

func tokens(text string) int64 { return int64((len(text) + bytesPerToken - 1) / bytesPerToken) }

func promptTokens(req message.Request) int64 {
	var n int64
	for _, m := range req.Messages {
		n += tokens(m.String()) + 4 // role and separators
	}
	for _, t := range req.Tools {
		n += tokens(t.Name+t.Description) + tokens(string(t.Schema))
	}
	return n
}

// head is the longest beginning of at most n bytes that splits no character.
func head(text string, n int) string {
	if n >= len(text) {
		return text
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:max(n, 0)]
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
