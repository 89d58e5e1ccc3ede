package config

import (
	"math/big"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

// The keys of a price, in the order of the documentation.
var (
	tokenKeys = []string{"input", "output", "cache_read", "cache_write", "cache_write_1h"}
	priceKeys = append(tokenKeys[:len(tokenKeys):len(tokenKeys)], "above", "gpu_hour")
	stepKeys  = append([]string{"tokens"}, tokenKeys...)
)

func (p *TokenPrice) rate(key string) *int64 {
	switch key {
	case "input":
		return &p.Input
	case "output":
		return &p.Output
	case "cache_read":
		return &p.CacheRead
	case "cache_write":
		return &p.CacheWrite
	case "cache_write_1h":
		return &p.CacheWrite1h
	}
	return nil
}

// price reads `{ input = 1, output = 5 }`.
func (b *body) price(name string) Price {
	v, a, ok := b.get(name)
	if !ok {
		return Price{}
	}
	if !isObject(v) {
		b.mismatch(name, a.Expr, v)
		return Price{}
	}
	var p Price
	r := priceReader{b, a, true}
	given := r.keys(v, a.Expr, priceKeys, "A price", func(key string, e cty.Value, at diag.Range) {
		switch key {
		case "gpu_hour":
			p.GPUHour = r.money(key, e, at)
		case "above":
			p.Above = r.step(e, at)
		default:
			*p.rate(key) = r.money(key, e, at)
		}
	})
	p.Known = r.good && r.whole(p, given)
	return p
}

func isObject(v cty.Value) bool { return v.Type().IsObjectType() || v.Type().IsMapType() }

// priceReader reads one price and remembers whether all of it was right.
type priceReader struct {
	b    *body
	a    *hclsyntax.Attribute
	good bool
}

func (r *priceReader) refuse(d diag.Diagnostic) {
	r.b.d.add(d)
	r.good = false
}

// keys goes over an object's members and refuses those that a price does not have.
func (r *priceReader) keys(v cty.Value, expr hclsyntax.Expression, names []string, what string, take func(key string, e cty.Value, at diag.Range)) map[string]bool {
	given := map[string]bool{}
	known := map[string]bool{}
	for _, n := range names {
		known[n] = true
	}
	for it := v.ElementIterator(); it.Next(); {
		k, e := it.Element()
		key := k.AsString()
		at := itemRange(expr, key)
		if !known[key] {
			x := badPrice.at(at, "%s has no %q.%s It takes input, output, cache_read, cache_write and cache_write_1h in USD per million tokens, above = { tokens = ... } for what long prompts cost, or gpu_hour in USD per hour.", what, key, diag.DidYouMean(key, names))
			if c := diag.Closest(key, names); c != "" {
				x = x.WithSuggestion(c)
			}
			r.refuse(x)
			continue
		}
		given[key] = true
		take(key, e, at)
	}
	return given
}

func (r *priceReader) number(key string, e cty.Value, at diag.Range, such string) (*big.Float, bool) {
	if e.IsNull() || e.Type() != cty.Number {
		r.refuse(wrongType.at(at, "%s of a price must be a number%s; this is %s.", key, such, describe(e)))
		return nil, false
	}
	return e.AsBigFloat(), true
}

func (r *priceReader) money(key string, e cty.Value, at diag.Range) int64 {
	f, ok := r.number(key, e, at, " in USD, such as 1.25")
	if !ok {
		return 0
	}
	n, problem := micros(f)
	if problem != "" {
		r.refuse(badMoney.at(at, "%s is in USD; %s %s.", key, shortNumber(f), problem))
	}
	return n
}

// step reads `above = { tokens = 272000, input = 10, output = 45 }`.
func (r *priceReader) step(v cty.Value, at diag.Range) PriceStep {
	var s PriceStep
	if v.IsNull() || !isObject(v) {
		r.refuse(wrongType.at(at, "above of a price must be an object with tokens, input and output; this is %s.", describe(v)))
		return s
	}
	given := r.keys(v, r.a.Expr, stepKeys, "above", func(key string, e cty.Value, _ diag.Range) {
		if key != "tokens" {
			*s.rate(key) = r.money(key, e, at)
			return
		}
		f, ok := r.number(key, e, at, " of tokens, such as 200000")
		if !ok {
			return
		}
		n, exact := f.Int64()
		if exact != big.Exact || n < 1 {
			r.refuse(badPrice.at(at, "tokens of above must be a whole number of tokens, at least 1; this is %s.", shortNumber(f)))
			return
		}
		s.Tokens = n
	})
	if r.good && !(given["tokens"] && given["input"] && given["output"]) {
		r.refuse(badPrice.at(at, "above needs tokens, input and output: the prompt size from which on the call is dearer, and what all of it costs then.").WithSuggestion("above = { tokens = 200000, input = 4, output = 18 }"))
	}
	return s
}

// whole refuses prices that would make something look free, or long prompts
// cheaper than short ones.
func (r *priceReader) whole(p Price, given map[string]bool) bool {
	at := convert(r.a.Expr.Range())
	tokens := given["above"]
	for _, k := range tokenKeys {
		tokens = tokens || given[k]
	}
	switch {
	case given["gpu_hour"] && tokens:
		r.refuse(badPrice.at(at, "A tier is paid by token or by GPU hour, not both. Keep gpu_hour for a model on GPUs of your own."))
	case given["gpu_hour"]:
	case !given["input"] || !given["output"]:
		r.refuse(badPrice.at(at, "A price needs input and output, or gpu_hour: what is left out would look free.").WithSuggestion("price = { input = 1, output = 5 }"))
	case p.Above.Tokens > 0 && (p.Above.Input < p.Input || p.Above.Output < p.Output):
		r.refuse(badPrice.at(itemRange(r.a.Expr, "above"), "Prompts of more than %d tokens would be cheaper than shorter ones: above has the dearer rates.", p.Above.Tokens))
	}
	return r.good
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
