package main

import "time"

// meter notes ten times a second how much processor time was used.
type meter struct {
	at   []int64
	used []time.Duration
	end  chan struct{}
	done chan struct{}
}

func startMeter() *meter {
	m := &meter{end: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(m.done)
		for {
			m.at, m.used = append(m.at, time.Now().UnixNano()), append(m.used, processor())
			select {
			case <-m.end:
				return
			case <-time.After(100 * time.Millisecond):
			}
		}
	}()
	return m
}

func (m *meter) stop() {
	close(m.end)
	<-m.done
}

// between two times, to a tenth of a second, scaled to exactly that long.
func (m *meter) between(from, to int64) time.Duration {
	i, j := 0, len(m.at)-1
	for i+1 < len(m.at) && m.at[i+1] <= from {
		i++
	}
	for j > i+1 && m.at[j-1] >= to {
		j--
	}
	if m.at[j] == m.at[i] {
		return 0
	}
	return time.Duration(float64(m.used[j]-m.used[i]) * float64(to-from) / float64(m.at[j]-m.at[i]))
}
