//go:build !linux

package load

import "time"

// punctual runs f with the runtime's sleep, which is finer than a millisecond
// where timers are not those of epoll.
func punctual(f func(sleep func(time.Duration))) { f(time.Sleep) }
