package config

import (
	"fmt"
	"math"
	"math/big"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// number reads a number within its range, else gives the fallback.
func (b *body) number(name string, fallback float64) float64 {
	f, _, ok := b.float(name)
	if !ok {
		return fallback
	}
	x, _ := f.Float64()
	return x
}

// float reads a number and checks its range.
func (b *body) float(name string) (*big.Float, *hclsyntax.Attribute, bool) {
	v, a, ok := b.get(name)
	if !ok {
		return nil, a, false
	}
	if v.Type() != cty.Number {
		b.mismatch(name, a.Expr, v)
		return nil, a, false
	}
	f := v.AsBigFloat()
	x, _ := f.Float64()
	doc := b.doc.Attribute(name)
	if math.IsInf(x, 0) || !holds(doc.Range, x) {
		words := "finite"
		if doc.Range != "" {
			words = inWords(doc.Range)
		}
		d := outOfRange.at(convert(a.Expr.Range()), "%s must be %s; this is %s.", name, words, shortNumber(f))
		if x > 1 && x < 100 && strings.HasPrefix(doc.Range, "(0,1") {
			d = d.WithSuggestion(fmt.Sprintf("%s = %g", name, x/100))
			d.Detail += " If it is meant in percent, divide it by 100."
		}
		b.d.add(d)
		return nil, a, false
	}
	return f, a, true
}

func shortNumber(f *big.Float) string { return f.Text('g', 10) }

// integer reads a whole number; nil when absent or wrong.
func (b *body) integer(name string) *int {
	f, a, ok := b.float(name)
	if !ok {
		return nil
	}
	if !f.IsInt() || f.Cmp(big.NewFloat(math.MaxInt32)) > 0 || f.Cmp(big.NewFloat(math.MinInt32)) < 0 {
		b.d.add(wrongType.at(convert(a.Expr.Range()), "%s must be a whole number, such as %s; this is %s.", name, b.doc.Attribute(name).exampleValue(), shortNumber(f)))
		return nil
	}
	n64, _ := f.Int64()
	n := int(n64)
	return &n
}

func (b *body) integerOr(name string, fallback int) int {
	if n := b.integer(name); n != nil {
		return *n
	}
	return fallback
}
