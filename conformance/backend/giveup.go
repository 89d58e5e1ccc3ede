package backend

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	pb "github.com/plimsoll-dev/plimsoll/sdk/backend/proto/v1"
)

// endTime is what a call has to end after its host gave it up.
const endTime = 100 * time.Millisecond

func giveUpQuestions() []question {
	return []question{
		{
			id: "cancel.stops", title: "a call that is given up ends within 100 ms", section: inModel, process: true, running: true, answers: true,
			says: "Generate returns soon after its context is done, so that nobody pays for an answer that nobody reads.",
			do:   "hand the context to every request and every wait; name a model that answers slowly by -slow when the case is skipped",
			ask:  func(k *kit) finding { return k.askStops(false) },
		},
		{
			id: "cancel.deadline", title: "a call whose deadline passes ends within 100 ms", section: inModel, process: true, running: true, answers: true,
			says: "A deadline of the host's is one of the backend's: gRPC hands it over.",
			do:   "hand the context to every request and every wait",
			ask:  func(k *kit) finding { return k.askStops(true) },
		},
		{
			id: "cancel.next", title: "calls that were given up leave room for others", section: inModel, running: true, answers: true,
			says: "A call that was given up holds nothing: places, connections, locks.",
			do:   "release in a defer what a call takes",
			ask:  (*kit).askNext,
		},
	}
}

// endless is a request whose answer is still under way when it is given up: to a
// slow model, or with a long answer that is not read.
func (k *kit) endless() *pb.GenerateRequest {
	if k.o.Slow != "" {
		req := k.request(text("user", plainPrompt))
		req.Model = k.o.Slow
		return req
	}
	return k.request(text("user", k.long()))
}

// handler is the function in which gRPC for Go runs a Generate, whoever wrote it.
const handler = "_Model_Generate_Handler"

// running tells whether a Generate is under way in a fresh process: begun makes
// it so, and gives it up or not. It asks by a signal that ends the process.
func (k *kit) running(begun func(*session) (done func())) (running, known bool, err error) {
	s, err := k.configured(startOptions{})
	if err != nil {
		return false, false, err
	}
	defer s.close()
	done := begun(s)
	defer done()
	if !s.process.alive() {
		return false, false, fmt.Errorf("it ended by itself (%s)%s", s.process.state(), s.process.said.quoted())
	}
	if err := dump(s.process.cmd); err != nil {
		return false, false, err
	}
	if !s.process.waits(10 * time.Second) {
		return false, false, nil
	}
	stacks := s.process.said.text()
	return strings.Contains(stacks, handler), strings.Contains(stacks, "goroutine "), nil
}

// begin makes an endless call, and waits until it is under way.
func (k *kit) begin(ctx context.Context, s *session) func() {
	ctx, cancel := context.WithCancel(ctx)
	stream, err := s.model.Generate(ctx, k.endless())
	if err == nil && k.o.Slow == "" {
		_, _ = stream.Recv() // from here on nobody reads
	}
	return cancel
}

// underWay is what an endless call gets before it is given up.
const underWay = 500 * time.Millisecond

func (k *kit) askStops(deadline bool) finding {
	if !canDump {
		return skip("on this system a process cannot be asked what it is doing")
	}
	var running, known bool
	var err error
	for range maxTries { // on a busy machine the call may not be there yet
		running, known, err = k.running(func(s *session) func() {
			stop := k.begin(k.ctx, s)
			time.Sleep(underWay)
			return stop
		})
		if err != nil || !known || running {
			break
		}
	}
	switch {
	case err != nil:
		return fail("%v", err)
	case !known:
		return skip("it is no program in Go: what it is doing cannot be seen")
	case !running:
		return skip("its answers are over too soon to be given up: name a slow model by -slow")
	}
	bound := k.patience(endTime)
	for range maxTries {
		running, known, err = k.running(func(s *session) func() {
			if !deadline {
				stop := k.begin(k.ctx, s)
				time.Sleep(underWay)
				stop()
				time.Sleep(bound)
				return stop
			}
			ctx, cancel := context.WithTimeout(k.ctx, underWay)
			stop := k.begin(ctx, s)
			<-ctx.Done()
			time.Sleep(bound)
			return func() { stop(); cancel() }
		})
		switch {
		case err != nil:
			return fail("%v", err)
		case !known:
			return broken("asked what it was doing it said nothing")
		case !running:
			return pass("%s after it was given up nothing of the call was left", bound)
		}
	}
	return fail("%s after it was given up the call was still running, %d times of %d", bound, maxTries, maxTries)
}

func (k *kit) askNext() finding {
	s, err := k.session()
	if err != nil {
		return fail("%v", err)
	}
	const n = 64
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(k.ctx, underWay)
			defer cancel()
			stop := k.begin(ctx, s)
			defer stop()
			<-ctx.Done()
		})
	}
	wg.Wait()
	begun := time.Now()
	c := k.generate(s, fmt.Sprintf("a plain request after %d that were given up", n), k.request(text("user", plainPrompt)))
	took := time.Since(begun)
	switch {
	case !c.whole():
		return fail("%s got %s", c.what, c.how())
	case took > 10*k.plain().took+k.patience(2*time.Second):
		return fail("%s took %s, and the first one %s", c.what, took.Round(time.Millisecond), k.plain().took.Round(time.Millisecond))
	}
	f := pass("answered in %s", took.Round(time.Millisecond))
	f.measured = map[string]int64{"millis": took.Milliseconds()}
	return f
}
