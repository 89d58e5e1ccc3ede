package main

import (
	"math"
	"runtime"
	"sync"

	"github.com/plimsoll-dev/plimsoll/core/verdict"
)

const million = verdict.Million

// random is SplitMix64 (Steele, Lea, Flood 2014), so that the figures stay the
// same from one Go release to the next.
type random uint64

func (r *random) next() uint64 {
	*r += 0x9e3779b97f4a7c15
	z := uint64(*r)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// below is a number in [0, n), n < 2^32; multiply-shift, biased by under 2^-32.
func (r *random) below(n int) int { return int(r.next() >> 32 * uint64(n) >> 32) }

// chance is true in that many millionths of cases.
func (r *random) chance(share int64) bool { return int64(r.below(int(million))) < share }

func shuffle[T any](r *random, s []T) { partial(r, s, len(s)) }

// partial puts a random sample of k in random order in front.
func partial[T any](r *random, s []T, k int) {
	for i := range min(k, len(s)-1) {
		j := i + r.below(len(s)-i)
		s[i], s[j] = s[j], s[i]
	}
}

// each runs n jobs on all cores. A job seeds itself from its index, so that
// the result does not depend on how many cores there are.
func each(n int, job func(i int)) {
	next := make(chan int)
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := range next {
				job(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
}

// se is the standard error of a share of n draws at p.
func se(p float64, n int) float64 { return math.Sqrt(p * (1 - p) / float64(n)) }

// wilson is the 95 % interval of a share of n draws.
func wilson(p float64, n int) (low, high float64) {
	const z = 1.96
	c := z * z / float64(n)
	mid := (p + c/2) / (1 + c)
	half := z / (1 + c) * math.Sqrt(p*(1-p)/float64(n)+c/float64(4*n))
	return max(0, mid-half), min(1, mid+half)
}
