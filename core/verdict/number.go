package verdict

import "math"

// Verdicts have to recompute to the byte on amd64 and arm64, and the standard
// library does not promise that. Looked up in Go 1.26 on 2026-11-21: math.Log
// is assembly on amd64 and Go on arm64, math.Exp is assembly of its own on
// both, and what is plain Go (Log1p) is full of x*y + z, which the compiler
// fuses on arm64 and not on amd64. Add, multiply, divide, Sqrt, Floor, Frexp
// and Ldexp are exact or correctly rounded everywhere. So the package has its
// own ln and exp from those alone, and every product that feeds a sum goes
// through mul, whose conversion forbids fusing (Go spec, "Floating-point
// operators").

// mul is x*y rounded to float64.
func mul(x, y float64) float64 { return float64(x * y) }

const (
	ln2Hi = 0x1.62e42fee00000p-1  // the upper 33 bits of ln 2: k*ln2Hi is exact for |k| < 2^20
	ln2Lo = 0x1.a39ef35793c76p-33 // the rest
)

// atanh2 is 2*atanh(s) for |s| <= 0.172, by its series: 12 terms leave less
// than 1e-19 of the first.
func atanh2(s float64) float64 {
	z := mul(s, s)
	sum := 0.0
	for k := 23; k >= 3; k -= 2 {
		sum = mul(z, 1/float64(k)+sum)
	}
	return float64(2*s) + mul(float64(2*s), sum)
}

// ln is the natural logarithm of a positive finite x, to a few ulp.
func ln(x float64) float64 {
	m, k := math.Frexp(x)
	if m < math.Sqrt2/2 {
		m *= 2
		k--
	}
	l := atanh2((m - 1) / (m + 1))
	return mul(float64(k), ln2Hi) + (l + mul(float64(k), ln2Lo))
}

// ln1p is ln(1+x) for x > -1, accurate near 0.
func ln1p(x float64) float64 {
	if x > -0.29 && x < 0.41 {
		return atanh2(x / (2 + x))
	}
	return ln(1 + x)
}

// exp is e^x for |x| <= 700, to a few ulp; 0 and +Inf beyond.
func exp(x float64) float64 {
	switch {
	case x > 700:
		return math.Inf(1)
	case x < -700:
		return 0
	}
	k := math.Floor(mul(x, math.Log2E) + 0.5)
	r := (x - mul(k, ln2Hi)) - mul(k, ln2Lo)
	sum := 1.0
	for n := 16; n >= 1; n-- {
		sum = 1 + mul(r/float64(n), sum)
	}
	return math.Ldexp(sum, int(k))
}

// millionths rounds half away from zero.
func millionths(x float64) int64 { return int64(math.Round(mul(x, float64(Million)))) }

// round6 rounds a reported float to 1e-6.
func round6(x float64) float64 { return math.Round(mul(x, 1e6)) / 1e6 }

// eMillionths rounds an e-value down, so that rounding never proves.
func eMillionths(e float64) int64 {
	x := math.Floor(mul(e, float64(Million)))
	if x >= float64(EMax) {
		return EMax
	}
	return int64(x)
}

// need is 1/alpha in millionths, rounded up.
func need(alpha float64) int64 {
	x := math.Ceil(float64(Million) / alpha)
	if !(x < float64(EMax)) {
		return EMax
	}
	return int64(x)
}

// mean is sum/n rounded half away from zero, in integers.
func mean(sum int64, n int) int64 {
	if n == 0 {
		return 0
	}
	c := int64(n)
	if sum < 0 {
		return -((-sum + c/2) / c)
	}
	return (sum + c/2) / c
}
