package backend

import (
	"context"
	"errors"
	"os"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/plimsoll-dev/plimsoll/core/plugin"
	sdk "github.com/plimsoll-dev/plimsoll/sdk/backend"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// stopTime is what a backend has to end when it is told to, before the host
// kills it.
const stopTime = 2 * time.Second

// shutdown is the method by which go-plugin's hosts tell a plugin to end.
const shutdown = "/plugin.GRPCController/Shutdown"

func environmentQuestions() []question {
	return []question{
		{
			id: "environment.declared", title: "it works with the variables that were declared, and no others", section: inServe, process: true,
			says: "A backend sees the variables that its env names, and nothing else of the host's environment: no HOME, no PATH.",
			do:   "take settings from the config; name the variables that it needs in env",
			ask:  (*kit).askDeclared,
		},
		{
			id: "stdin.ignored", title: "what comes on stdin changes nothing", section: inServe, process: true, running: true, answers: true,
			says: "Standard input carries no data: bytes on it mean nothing.",
			do:   "do not read os.Stdin",
			ask:  (*kit).askStdin,
		},
	}
}

func endQuestions() []question {
	return []question{
		{
			id: "stop.lifeline", title: "it ends when its host is gone", section: inServe, process: true, running: true,
			says: "The end of standard input means that the host has gone. A backend that survives its host holds models and keys that nobody watches.",
			do:   "end the process at the end of stdin; backend.Serve does",
			ask:  (*kit).askLifeline,
		},
		{
			id: "stop.clean", title: "told to end it does, and leaves nothing", section: inServe, process: true, running: true,
			says: "After Shutdown the process ends within 2 s with code 0, and neither processes that it started nor its socket are left.",
			do:   "return from main after backend.Serve, and end what was started",
			ask:  (*kit).askClean,
		},
		{
			id: "stop.killed", title: "a host sees that it was killed, and starts it again", section: "core/plugin", process: true, running: true, answers: true,
			says: "After kill -9 a call under way is lost, the next call launches the backend anew and is answered.",
			do:   "leave nothing behind that a second start trips over: ports, locks, files",
			ask:  (*kit).askKilled,
		},
	}
}

func (k *kit) askDeclared() finding {
	err := k.down()
	if err == nil {
		return pass("it starts and takes its config with %d declared variables", len(k.o.Env))
	}
	s, withAll := k.configured(startOptions{env: os.Environ()})
	if withAll != nil {
		return skip("it does not start with more of them either: see backend.handshake.line")
	}
	s.close()
	return fail("it starts with the whole environment only: %v", err)
}

func (k *kit) askStdin() finding {
	s, err := k.configured(startOptions{})
	if err != nil {
		return fail("%v", err)
	}
	defer s.close()
	go func() {
		for range 512 {
			if _, err := s.process.stdin.Write([]byte(strings.Repeat(k.canary+"\n", 8))); err != nil {
				return
			}
		}
	}()
	time.Sleep(100 * time.Millisecond)
	c := k.generate(s, "a plain request with data on stdin", k.request(text("user", plainPrompt)))
	switch {
	case !c.whole():
		return fail("%s", c.how())
	case strings.Contains(c.text.String(), k.canary):
		return fail("its answer holds what came on stdin")
	case k.desc.GetSimulated() && c.text.String() != k.plain().text.String():
		return fail("with data on stdin it answers %.120q, and without %.120q", c.text.String(), k.plain().text.String())
	}
	return pass("%s", c.how())
}

func (k *kit) askLifeline() finding {
	s, err := k.configured(startOptions{})
	if err != nil {
		return fail("%v", err)
	}
	defer s.close()
	begun := time.Now()
	_ = s.process.stdin.Close()
	bound := k.patience(stopTime)
	if !s.process.waits(bound) {
		return fail("%s after the end of stdin it was still running", bound)
	}
	return pass("it ended after %s", time.Since(begun).Round(time.Millisecond))
}

func (k *kit) askClean() finding {
	s, err := k.configured(startOptions{})
	if err != nil {
		return fail("%v", err)
	}
	defer s.close()
	bound := k.patience(stopTime)
	ctx, cancel := context.WithTimeout(k.ctx, bound)
	defer cancel()
	begun := time.Now()
	// It may end before it answers: what counts is that it does.
	_ = s.conn.Invoke(ctx, shutdown, &emptypb.Empty{}, &emptypb.Empty{})
	if !s.process.waits(bound) {
		return fail("%s after Shutdown it was still running", bound)
	}
	took := time.Since(begun)
	switch left := s.process.left(); {
	case !s.process.cmd.ProcessState.Success():
		return fail("after Shutdown it ended badly (%s)%s", s.process.state(), s.process.said.quoted())
	case orphans(s.process.cmd):
		return fail("it ended, and processes that it started run on")
	case len(left) > 0:
		return fail("it ended and left %s in the folder of its socket", strings.Join(left, ", "))
	}
	return pass("it ended after %s", took.Round(time.Millisecond))
}

// askKilled runs the backend under the real host, and kills it in the middle of a
// call.
func (k *kit) askKilled() finding {
	name := k.desc.GetName()
	command := k.o.Target.Command
	m, err := plugin.New(plugin.Config{
		Self: command[0], SelfArgs: func(string) []string { return command[1:] }, Bundled: []string{name},
		StateDir: k.dir, Clock: time.Now, LookupEnv: k.o.LookupEnv, StartTimeout: k.o.Timeout,
		Restart: plugin.Restart{Min: 10 * time.Millisecond, Max: time.Minute, Trips: 5},
	})
	if err != nil {
		return broken("%v", err)
	}
	defer func() { _ = m.Close() }()
	c, err := m.Client(plugin.Spec{Backend: "conformance", Plugin: name, Env: k.o.Env, Config: k.values()})
	if err != nil {
		return broken("%v", err)
	}
	ask := func(ctx context.Context, model, words string) error {
		ctx, cancel := context.WithTimeout(ctx, k.o.Timeout)
		defer cancel()
		req := message.Request{Model: model, Messages: []message.Message{message.Text(message.User, words)}}
		if k.desc.GetCapabilities().GetSeeds() {
			seed := int64(7)
			req.Sampling.Seed = &seed
		}
		_, err := sdk.Collect(ctx, c, req)
		return err
	}
	if err := ask(k.ctx, k.model(), plainPrompt); err != nil {
		return fail("under the real host a plain request fails: %v", err)
	}
	model, words := k.model(), k.long()
	if k.o.Slow != "" {
		model, words = k.o.Slow, plainPrompt
	}
	under := make(chan error, 1)
	go func() { under <- ask(k.ctx, model, words) }()
	time.Sleep(20 * time.Millisecond)
	pid := m.Status()[0].PID
	process, err := os.FindProcess(pid)
	if err != nil {
		return broken("finding the process: %v", err)
	}
	if err := process.Kill(); err != nil {
		return broken("killing the process: %v", err)
	}
	err = <-under
	var lost *sdk.LostError
	saw := "the call under way was lost"
	switch {
	case err == nil:
		saw = "the call under way was over before"
	case errors.As(err, &lost):
	default:
		saw = "the call under way failed: " + err.Error()
	}
	for range 3 { // the host may notice the end only by a call
		if err = ask(k.ctx, k.model(), plainPrompt); err == nil {
			break
		}
		if !errors.As(err, &lost) {
			break
		}
	}
	if err != nil {
		return fail("after it was killed (%s) it does not answer again: %v", saw, err)
	}
	now := m.Status()[0]
	if now.Launches < 2 || now.PID == pid {
		return broken("the host says that it launched %d times", now.Launches)
	}
	return pass("%s; it was started again and answered", saw)
}

func (k *kit) askSecrets() finding {
	k.sample()
	for _, p := range k.started {
		k.look("what it prints to stderr", p.said.text())
	}
	if len(k.leaks) > 0 {
		return fail("%s", k.leaks[0])
	}
	return pass("%d secrets were looked for", len(k.secrets))
}
