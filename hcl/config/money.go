package config

import (
	"math"
	"math/big"

	"github.com/zclconf/go-cty/cty"
)

// maxMoney bounds amounts, in dollars; micro-dollars of it fit int64 a million
// times over.
const maxMoney = 1_000_000

// micros turns dollars into micro-dollars, exactly: a number with more than six
// decimals is refused, never rounded. Literals are kept by the parser with 512
// bits of mantissa, so that a decimal with six places lies within 1e-60 of what
// was written.
func micros(f *big.Float) (n int64, problem string) {
	switch {
	case f.IsInf() || f.Cmp(big.NewFloat(maxMoney)) > 0:
		return 0, "is more than a million dollars"
	case f.Sign() < 0:
		return 0, "is negative"
	case f.Sign() == 0:
		return 0, ""
	case f.Cmp(big.NewFloat(1e-9)) < 0:
		return 0, "has more than six decimals, and amounts are kept in whole micro-dollars"
	}
	exact, _ := f.Rat(nil)
	scaled := new(big.Rat).Mul(exact, big.NewRat(1_000_000, 1))
	half := new(big.Rat).Add(scaled, big.NewRat(1, 2))
	nearest := new(big.Int).Div(half.Num(), half.Denom())
	off := new(big.Rat).Sub(scaled, new(big.Rat).SetInt(nearest))
	tolerance := new(big.Rat).SetFrac(big.NewInt(1), new(big.Int).Exp(big.NewInt(10), big.NewInt(60), nil))
	if off.Abs(off).Cmp(tolerance) > 0 {
		return 0, "has more than six decimals, and amounts are kept in whole micro-dollars"
	}
	return nearest.Int64(), ""
}

// money reads an amount in USD as micro-dollars.
func (b *body) money(name string, fallback int64) int64 {
	f, a, ok := b.float(name)
	if !ok {
		return fallback
	}
	n, problem := micros(f)
	if problem != "" {
		b.d.add(badMoney.at(convert(a.Expr.Range()), "%s is in USD; %s %s.", name, shortNumber(f), problem))
		return fallback
	}
	return n
}

// plainNumber is an int64 where the number is whole and fits, else a float64.
func plainNumber(v cty.Value) (any, bool) {
	f := v.AsBigFloat()
	if n, accuracy := f.Int64(); accuracy == big.Exact {
		return n, true
	}
	x, _ := f.Float64()
	return x, !math.IsInf(x, 0)
}
