package engine

import (
	"container/heap"
	"sync"
	"time"
)

// timers wake many streams at their times from one place that sleeps precisely.
type timers struct {
	mu   sync.Mutex
	due  dues
	wake chan struct{} // something earlier than all before was added
	once sync.Once
}

type due struct {
	at   time.Time
	ring chan struct{}
}

type dues []due

func (d dues) Len() int           { return len(d) }
func (d dues) Less(i, j int) bool { return d[i].at.Before(d[j].at) }
func (d dues) Swap(i, j int)      { d[i], d[j] = d[j], d[i] }
func (d *dues) Push(v any)        { *d = append(*d, v.(due)) }
func (d *dues) Pop() any {
	v := (*d)[len(*d)-1]
	*d = (*d)[:len(*d)-1]
	return v
}

// at gives a channel that is closed at t.
func (s *timers) at(t time.Time) <-chan struct{} {
	s.once.Do(func() {
		s.wake = make(chan struct{}, 1)
		go s.run()
	})
	ring := make(chan struct{})
	s.mu.Lock()
	heap.Push(&s.due, due{t, ring})
	earliest := s.due[0].ring == ring
	s.mu.Unlock()
	if earliest {
		select {
		case s.wake <- struct{}{}:
		default:
		}
	}
	return ring
}

// run closes what is due. It naps for a millisecond at most while anything is
// near, so that an earlier time which is added meanwhile is not missed by more.
func (s *timers) run() {
	a := newAlarm()
	for {
		s.mu.Lock()
		now := time.Now()
		for len(s.due) > 0 && !s.due[0].at.After(now) {
			close(heap.Pop(&s.due).(due).ring)
		}
		wait := time.Hour
		if len(s.due) > 0 {
			wait = s.due[0].at.Sub(now)
		}
		s.mu.Unlock()
		if wait <= 5*time.Millisecond {
			a.sleep(min(wait, time.Millisecond))
			continue
		}
		t := time.NewTimer(wait - 3*time.Millisecond)
		select {
		case <-t.C:
		case <-s.wake:
		}
		t.Stop()
	}
}
