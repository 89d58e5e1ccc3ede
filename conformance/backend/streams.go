package backend

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/plimsoll-dev/plimsoll/conformance/report"
	sdk "github.com/plimsoll-dev/plimsoll/sdk/backend"
)

func streamQuestions() []question {
	return []question{
		{
			id: "stream.order", title: "what it says arrives in the order in which it was said", section: inSink, running: true, answers: true,
			says: "A Sink takes the parts of an answer in order.",
			do:   "call the Sink from one goroutine, in the order of the model's deltas",
			ask:  (*kit).askOrder,
		},
		{
			id: "stream.concurrent", title: "100 calls at once get 100 answers, each its own", section: inModel, running: true, answers: true,
			says: "Calls arrive concurrently. Each gets its own answer and nothing of another's.",
			do:   "keep what belongs to a call in the call; guard what calls share",
			ask:  (*kit).askConcurrent,
		},
		{
			id: "stream.backpressure", title: "a slow reader loses nothing and costs no memory", section: inSink, running: true, answers: true,
			says: "Text waits until the host has room. A backend does not gather an answer in memory because it is not read.",
			do:   "return from Text before the next delta is read, and put no queue between the model and the Sink",
			ask:  (*kit).askBackpressure,
		},
	}
}

var counted = regexp.MustCompile(`\bw(\d{3})\b`)

func (k *kit) askOrder() finding {
	var b strings.Builder
	b.WriteString("Repeat exactly:")
	for i := range 120 {
		fmt.Fprintf(&b, " w%03d", i)
	}
	c, err := k.ask("a request with words in order", k.request(text("user", b.String())))
	switch {
	case err != nil:
		return fail("%v", err)
	case !c.whole():
		return fail("%s", c.how())
	}
	last, n := -1, 0
	for _, m := range counted.FindAllStringSubmatch(c.text.String(), -1) {
		i, err := strconv.Atoi(m[1])
		if err != nil {
			continue
		}
		if i < last {
			return fail("w%03d came after w%03d: %.200q", i, last, c.text.String())
		}
		last = i
		n++
	}
	if n < 3 {
		return skip("it does not repeat what it is told: there is nothing to see an order by")
	}
	return pass("%d words in their order, in %d parts", n, c.deltas)
}

// crowd is how many calls are made at once.
const crowd = 100

func (k *kit) askConcurrent() finding {
	s, err := k.session()
	if err != nil {
		return fail("%v", err)
	}
	marker := func(i int) string { return fmt.Sprintf("stream%03dof100", i) }
	calls := make([]*call, crowd)
	ctx, cancel := context.WithTimeout(k.ctx, 2*k.o.Timeout)
	defer cancel()
	begun := time.Now()
	var wg sync.WaitGroup
	for i := range crowd {
		wg.Go(func() {
			req := k.request(text("user", "Repeat: "+marker(i)))
			calls[i] = newCall(fmt.Sprintf("call %d of %d at once", i+1, crowd), req, keptCrowd)
			k.stream(ctx, s, calls[i], req, nil)
		})
	}
	wg.Wait()
	took := time.Since(begun)
	own, busy := 0, 0
	for i, c := range calls {
		k.keep(c)
		switch {
		case c.refused(string(sdk.RateLimited), string(sdk.Overloaded)):
			busy++
			continue
		case !c.whole():
			return fail("%s got %s", c.what, c.how())
		}
		for j := range crowd {
			found := strings.Contains(c.text.String(), marker(j))
			if found && i != j {
				return fail("%s was told what belongs to call %d: %.200q", c.what, j+1, c.text.String())
			}
			if found {
				own++
			}
		}
	}
	if busy == crowd {
		return fail("all %d calls were refused as rate_limited or overloaded", crowd)
	}
	f := pass("%d answers in %s, %d refused as too many; %d repeat the words of their own request", crowd-busy, took.Round(time.Millisecond), busy, own)
	f.measured = map[string]int64{"millis": took.Milliseconds()}
	return f
}

const (
	slowLook = time.Second
	maxGrown = 64 << 20 // an answer that waits costs less than the longest one there may be
	minLong  = 512 << 10
)

// long is a request with a long answer.
func (k *kit) long() string {
	if k.o.Long != "" {
		return k.o.Long
	}
	return largePrompt(2 << 20)
}

func (k *kit) askBackpressure() finding {
	s, err := k.session()
	if err != nil {
		return fail("%v", err)
	}
	fast := k.generate(s, "a request with a long answer", k.request(text("user", k.long())))
	switch {
	case fast.error != nil:
		return skip("a long request is refused (%s): name a prompt with a long answer by -long", fast.how())
	case !fast.whole():
		return fail("%s", fast.how())
	case fast.size < minLong:
		return skip("its answers are short (%d bytes): name a prompt with an answer of a MiB or more by -long", fast.size)
	}
	if s, err = k.session(); err != nil {
		return fail("%v", err)
	}
	var before, after int64
	look := func() (n int64) {
		if s.process != nil {
			n, _ = resident(s.process.pid())
		}
		return n
	}
	before = look()
	ctx, cancel := context.WithTimeout(k.ctx, k.o.Timeout+slowLook)
	defer cancel()
	req := k.request(text("user", k.long()))
	slow := newCall("a long answer that is read slowly", req, keptAlone)
	k.stream(ctx, s, slow, req, func() {
		time.Sleep(slowLook)
		after = look()
	})
	k.keep(slow)
	grown := after - before
	measured := map[string]int64{"answer_bytes": int64(slow.size), "grown_bytes": max(grown, 0)}
	switch {
	case !slow.whole():
		return fail("read slowly: %s", slow.how())
	case k.desc.GetSimulated() && (slow.size != fast.size || slow.text.String() != fast.text.String()):
		return fail("read slowly it has %d bytes, and read fast %d", slow.size, fast.size)
	case grown > maxGrown:
		return finding{status: report.Fail, measured: measured, saw: fmt.Sprintf("while nobody read for %s its memory grew by %d MiB", slowLook, grown>>20)}
	}
	f := pass("%d KiB, read after a second's wait; its memory grew by %d MiB meanwhile", slow.size>>10, max(grown, 0)>>20)
	f.measured = measured
	return f
}
