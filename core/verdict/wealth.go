package verdict

// fractions are grid8's bets as shares of the largest bet that cannot go
// broke. Part of the methods' definition.
var fractions = [8]float64{.02, .05, .1, .2, .35, .55, .75, .95}

// mixture is the mean of eight wealths, one per fraction. Wealths are kept as
// products, not as logarithms: eight multiplications an item instead of eight
// ln, and one rounding each. A wealth is w * 2^(512*block), so that nothing
// underflows however long a test runs.
type mixture struct {
	w     [8]float64
	block [8]int
	mixed bool // some block is not 0
}

const (
	blockBits = 512
	blockUp   = 0x1p512
	blockDown = 0x1p-512
)

func newMixture() mixture {
	return mixture{w: [8]float64{1, 1, 1, 1, 1, 1, 1, 1}}
}

// bet multiplies each wealth by 1 + f*ratio; ratio >= -1, so a factor is at
// least 0.05.
func (m *mixture) bet(ratio float64) {
	for k, f := range fractions {
		w := float64(m.w[k] * (1 + float64(f*ratio)))
		if m.mixed || w < blockDown || w >= blockUp {
			w = m.shift(k, w)
		}
		m.w[k] = w
	}
}

// shift keeps block<0 at w<1, block>0 at w>=1 and |exponent| within a block:
// then a higher block is a larger wealth.
func (m *mixture) shift(k int, w float64) float64 {
	switch b := m.block[k]; {
	case w < blockDown, b > 0 && w < 1:
		m.block[k]--
		w *= blockUp
	case w >= blockUp, b < 0 && w >= 1:
		m.block[k]++
		w *= blockDown
	}
	m.mixed = m.block != [8]int{}
	return w
}

// value is the mean as v * 2^(512*block).
func (m *mixture) value() (v float64, block int) {
	if !m.mixed {
		w := &m.w
		return (((w[0] + w[1]) + (w[2] + w[3])) + ((w[4] + w[5]) + (w[6] + w[7]))) / 8, 0
	}
	block = m.block[0]
	for _, b := range m.block {
		block = max(block, b)
	}
	for k, b := range m.block {
		switch block - b {
		case 0:
			v += m.w[k]
		case 1:
			v += float64(m.w[k] * blockDown)
		}
	}
	return v / 8, block
}

// e is the mean in millionths, rounded down, saturating at EMax.
func (m *mixture) e() int64 {
	v, block := m.value()
	switch {
	case block < 0:
		return 0
	case block > 0:
		return EMax
	}
	return eMillionths(v)
}

func (m *mixture) ln() float64 {
	v, block := m.value()
	return ln(v) + mul(float64(block*blockBits), ln2Hi) + mul(float64(block*blockBits), ln2Lo)
}
