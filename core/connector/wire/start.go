package wire

import (
	"context"
	"fmt"
)

// Start starts a process and shakes hands. ctx bounds that only.
func Start(ctx context.Context, cmd Command, cfg Config) (Conn, error) {
	cfg = cfg.filled()
	revision := cfg.Revision
	if revision == "" {
		revision = cfg.Hint
	}
	if revision != Legacy {
		c, err := launch(cmd, cfg)
		if err != nil {
			return nil, err
		}
		probe, cancel := context.WithTimeout(ctx, cfg.Probe)
		c.server, err = discover(probe, c.callRaw, &c.cfg)
		cancel()
		if err == nil {
			return c, nil
		}
		if cfg.Revision == Stateless {
			return nil, c.giveUp(err)
		}
		if isAnswer(err) {
			return c.shake(ctx)
		}
		// Some servers end, or never answer, when initialize is not the first
		// message: those are started again.
		why := c.giveUp(err)
		if ctx.Err() != nil {
			return nil, why
		}
	}
	c, err := launch(cmd, cfg)
	if err != nil {
		return nil, err
	}
	return c.shake(ctx)
}

func (s *stdio) shake(ctx context.Context) (Conn, error) {
	server, err := initialize(ctx, s.callRaw, s.Send, &s.cfg)
	if err != nil {
		return nil, s.giveUp(err)
	}
	s.server = server
	return s, nil
}

// giveUp ends a process that did not shake hands, at once.
func (s *stdio) giveUp(err error) error {
	err = s.handshakeFailed(err)
	s.fail(err)
	_ = s.Close()
	return err
}

func (s *stdio) handshakeFailed(err error) error {
	f := asFault(err, NoStart)
	text := f.Text
	if f.Kind == Timeout {
		text = "it did not answer the handshake in time"
	}
	if first := s.noisy.Load(); first != nil {
		text += fmt.Sprintf("; it printed %q where only messages may be", *first)
	}
	if f.Kind != Died { // which has it already
		text += s.tail.shown()
	}
	return &Fault{Kind: NoStart, Text: text, Answer: f.Answer, Err: err}
}
