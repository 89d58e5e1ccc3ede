package wasmbin

// What instructions cost, in units of fuel. A unit is about what an addition
// takes. Instructions that compile to nothing cost nothing (constants, reads of
// locals, ends of blocks); a loop costs at least one for each turn.
const (
	costCall = 3
	// costIndirect pays for the call and half of what a function may cost that
	// does not pay for itself, since it is not known which one is called.
	costIndirect = 5 + freeCost/2
	costBulk     = 4
	costDivide   = 6
	// freeCost is up to what a function without loops is paid for by its callers.
	freeCost = 48
	// maxStretch is what may be run without a look at the fuel: 3 to 20 us, and
	// 2 ms when every load misses every cache (2026-11).
	maxStretch = 20_000
)

// plainCost is the cost of the instructions from 0x45 to 0xc4, which have no
// immediates.
var plainCost = func() (cost [256]uint8) {
	for op := 0x45; op <= 0xc4; op++ {
		cost[op] = 1
	}
	for _, op := range []int{0x6d, 0x6e, 0x6f, 0x70} { // i32 division and remainder
		cost[op] = costDivide
	}
	for _, op := range []int{0x7f, 0x80, 0x81, 0x82} { // i64
		cost[op] = 10
	}
	for _, op := range []int{0x91, 0x95, 0x9f, 0xa3} { // square root and division of floats
		cost[op] = 5
	}
	for op := 0xa8; op <= 0xbb; op++ { // conversions
		cost[op] = 2
	}
	cost[0xac], cost[0xad], cost[0xa7] = 1, 1, 1
	return cost
}()

// plainPops is how many operands those instructions take. Each gives one.
var plainPops = func() (pops [256]uint8) {
	for op := 0x45; op <= 0xc4; op++ {
		pops[op] = 2
		switch {
		case op == 0x45 || op == 0x50, // eqz
			op >= 0x67 && op <= 0x69, op >= 0x79 && op <= 0x7b, // clz, ctz, popcnt
			op >= 0x8b && op <= 0x91, op >= 0x99 && op <= 0x9f, // of floats
			op >= 0xa7: // conversions
			pops[op] = 1
		}
	}
	return pops
}()

// settle decides which segments pay for themselves. A short one is paid by the
// segment that it depends on, which then pays for more than it runs: subtracting
// takes two or three instructions, so this is cheaper, and it is bounded, so that
// a switch of a thousand short cases costs what the case that is taken costs.
func (s *scan) settle() {
	const short, together = 10, 40
	extra := make([]int64, len(s.segments))
	for i := len(s.segments) - 1; i > 0; i-- {
		g := &s.segments[i]
		if g.loop || g.dead || g.parent < 0 {
			continue
		}
		p := &s.segments[g.parent]
		if p.dead || g.cost > short || extra[g.parent]+g.cost > together {
			continue
		}
		g.merged = true
		extra[g.parent] += g.cost
		p.cost += g.cost
		g.cost = 0
	}
}

// total is what all of the body costs when every part of it runs once.
func (s *scan) total() (n int64) {
	for i := range s.segments {
		if !s.segments[i].dead {
			n += s.segments[i].cost
		}
	}
	return n
}
