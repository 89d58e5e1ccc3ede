package config

import (
	"math"
	"math/big"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/plimsoll-dev/plimsoll/hcl/diag"
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

// price reads `{ input = 1, output = 5 }`.
func (b *body) price(name string) Price {
	v, a, ok := b.get(name)
	if !ok {
		return Price{}
	}
	t := v.Type()
	if !t.IsObjectType() && !t.IsMapType() {
		b.mismatch(name, a.Expr, v)
		return Price{}
	}
	var p Price
	rates := map[string]*int64{"input": &p.Input, "output": &p.Output, "cache_read": &p.CacheRead, "cache_write": &p.CacheWrite, "gpu_hour": &p.GPUHour}
	names := []string{"input", "output", "cache_read", "cache_write", "gpu_hour"}
	given := map[string]bool{}
	good := true
	for it := v.ElementIterator(); it.Next(); {
		k, e := it.Element()
		key := k.AsString()
		rng := itemRange(a.Expr, key)
		into, exists := rates[key]
		switch {
		case !exists:
			x := badPrice.at(rng, "A price has no %q.%s It takes input, output, cache_read and cache_write in USD per million tokens, or gpu_hour in USD per hour.", key, diag.DidYouMean(key, names))
			if c := diag.Closest(key, names); c != "" {
				x = x.WithSuggestion(c)
			}
			b.d.add(x)
			good = false
			continue
		case e.IsNull() || e.Type() != cty.Number:
			b.d.add(wrongType.at(rng, "%s of a price must be a number in USD, such as 1.25; this is %s.", key, describe(e)))
			good = false
			continue
		}
		n, problem := micros(e.AsBigFloat())
		if problem != "" {
			b.d.add(badMoney.at(rng, "%s is in USD; %s %s.", key, shortNumber(e.AsBigFloat()), problem))
			good = false
			continue
		}
		*into, given[key] = n, true
	}
	if good {
		good = b.wholePrice(a, given)
	}
	p.Known = good
	return p
}

// wholePrice refuses prices that would make something look free.
func (b *body) wholePrice(a *hclsyntax.Attribute, given map[string]bool) bool {
	rng := convert(a.Expr.Range())
	tokens := given["input"] || given["output"] || given["cache_read"] || given["cache_write"]
	switch {
	case given["gpu_hour"] && tokens:
		b.d.add(badPrice.at(rng, "A tier is paid by token or by GPU hour, not both. Keep gpu_hour for a model on GPUs of your own."))
	case given["gpu_hour"]:
		return true
	case given["input"] && given["output"]:
		return true
	default:
		b.d.add(badPrice.at(rng, "A price needs input and output, or gpu_hour: what is left out would look free.").WithSuggestion("price = { input = 1, output = 5 }"))
	}
	return false
}

// itemRange is where a key of an object literal and its value stand, else the
// whole expression.
func itemRange(expr hclsyntax.Expression, key string) diag.Range {
	if o, ok := expr.(*hclsyntax.ObjectConsExpr); ok {
		for _, item := range o.Items {
			k, problems := item.KeyExpr.Value(nil)
			if problems.HasErrors() || k.IsNull() || !k.IsKnown() || k.Type() != cty.String || k.AsString() != key {
				continue
			}
			from, to := convert(item.KeyExpr.Range()), convert(item.ValueExpr.Range())
			return diag.Range{File: from.File, Start: from.Start, End: to.End}
		}
	}
	return convert(expr.Range())
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
