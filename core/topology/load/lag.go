package load

import (
	"encoding/binary"
	"io"
	"net"
	"slices"
	"time"
)

// clock is the monotonic one, from a run's start, and the wall's, which is read
// only to see whether it was set meanwhile.
type clock struct {
	mono func() time.Duration
	wall func() time.Time
}

// newClock starts at 0 now.
func newClock() clock {
	began := time.Now()
	return clock{mono: func() time.Duration { return time.Since(began) }, wall: func() time.Time { return time.Now().Round(0).UTC() }}
}

// probeEvery is how often the canary sends: 250 a second cost under 1 % of a core.
const probeEvery = 4 * time.Millisecond

// canary is a connection to itself on which a time is sent every few
// milliseconds. How late its reader has it is how late this process reads any
// connection: the kernel's wake-up, the scheduler and a busy processor are in it,
// the server and the network are not.
type canary struct {
	out, in net.Conn
	clock   clock
	late    []time.Duration
	done    chan struct{}
}

// mostProbes bounds a canary: an hour of them.
const mostProbes = 900_000

// startCanary gives nil where no loopback connection can be made; then only the
// lag of sends is known, and the run says so.
func startCanary(k clock) *canary {
	at, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil
	}
	defer at.Close()
	out, err := net.Dial("tcp", at.Addr().String())
	if err != nil {
		return nil
	}
	in, err := at.Accept()
	if err != nil {
		out.Close()
		return nil
	}
	c := &canary{out: out, in: in, clock: k, done: make(chan struct{})}
	go c.listen()
	go c.sing()
	return c
}

func (c *canary) sing() {
	var b [8]byte
	for {
		time.Sleep(probeEvery)
		binary.LittleEndian.PutUint64(b[:], uint64(c.clock.mono()))
		if _, err := c.out.Write(b[:]); err != nil {
			return
		}
	}
}

func (c *canary) listen() {
	defer close(c.done)
	var b [8]byte
	for len(c.late) < mostProbes {
		if _, err := io.ReadFull(c.in, b[:]); err != nil {
			return
		}
		c.late = append(c.late, c.clock.mono()-time.Duration(binary.LittleEndian.Uint64(b[:])))
	}
}

// stop ends the canary and gives what it saw.
func (c *canary) stop() []time.Duration {
	c.out.Close()
	c.in.Close()
	<-c.done
	return c.late
}

// quantile of sorted values, linear between the two nearest, in seconds; 0 of none.
func quantile(sorted []time.Duration, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	at := q * float64(len(sorted)-1)
	i := int(at)
	j := min(i+1, len(sorted)-1)
	return (float64(sorted[i]) + (at-float64(i))*float64(sorted[j]-sorted[i])) / 1e9
}

// lag of a run from its requests and its canary.
func lag(requests []Request, reads []time.Duration) Lag {
	var sends, gaps, first []time.Duration
	for i := range requests {
		r := &requests[i]
		if r.Kind == Unsent || r.Sent == 0 {
			continue
		}
		sends = append(sends, max(r.Sent-max(r.Scheduled, r.Free), 0))
		if !r.OK() {
			continue
		}
		first = append(first, r.TTFT())
		for k := 1; k < len(r.Chunks); k++ {
			gaps = append(gaps, r.Chunks[k]-r.Chunks[k-1])
		}
	}
	for _, s := range [][]time.Duration{sends, gaps, first, reads} {
		slices.Sort(s)
	}
	l := Lag{Send50: quantile(sends, .5), Send99: quantile(sends, .99), SendMx: quantile(sends, 1), Read50: quantile(reads, .5), Read99: quantile(reads, .99), ReadMx: quantile(reads, 1), Probes: len(reads)}
	l.Allowed = quantile(gaps, .5) / 10
	if len(gaps) == 0 {
		l.Allowed = quantile(first, .5) / 10
	}
	return l
}
