//go:build !linux

package engine

import "time"

// alarm sleeps with the runtime's timers, which are finer than a millisecond
// where they are not those of epoll.
type alarm struct{}

func newAlarm() *alarm               { return &alarm{} }
func (*alarm) sleep(d time.Duration) { time.Sleep(d) }
