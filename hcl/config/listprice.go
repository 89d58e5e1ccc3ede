package config

import (
	"errors"
	"fmt"
	"io/fs"
	"math/big"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"github.com/plimsoll-dev/plimsoll/hcl/pricelist"
)

// ListPrices are the list prices of a project: those of its own prices.json where it
// has one, over those that ship.
func ListPrices(dir string) (pricelist.List, error) {
	own, found, err := OwnPrices(dir)
	if err != nil || !found {
		return pricelist.Shipped(), err
	}
	return pricelist.Shipped().With(own), nil
}

// OwnPrices is the project's prices.json alone; found is false without one.
func OwnPrices(dir string) (own pricelist.List, found bool, err error) {
	data, err := readWithin(dir, pricelist.File)
	if errors.Is(err, fs.ErrNotExist) {
		return own, false, nil
	}
	if err != nil {
		return own, false, err
	}
	if own, err = pricelist.Parse([]byte(data)); err != nil {
		return own, true, fmt.Errorf("%s cannot be used: %w", pricelist.File, err)
	}
	return own, true, nil
}

// listPriceFunc is list_price("MODEL"): the object that one would write by hand.
func listPriceFunc(dir string) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{stringParam("model")},
		Type:   function.StaticReturnType(cty.DynamicPseudoType),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			list, err := ListPrices(dir)
			if err != nil {
				return cty.NilVal, err
			}
			e, err := list.Find(args[0].AsString())
			if err != nil {
				return cty.NilVal, err
			}
			price := rateValues(e.Rates)
			if e.Above != nil {
				above := rateValues(e.Above.Rates)
				above["tokens"] = cty.NumberIntVal(e.Above.Tokens)
				price["above"] = cty.ObjectVal(above)
			}
			return cty.ObjectVal(price), nil
		},
	})
}

// rateValues leaves out what is not stated, as a person would.
func rateValues(r pricelist.Rates) map[string]cty.Value {
	out := map[string]cty.Value{"input": usd(r.Input), "output": usd(r.Output)}
	for key, micro := range map[string]int64{"cache_read": r.CacheRead, "cache_write": r.CacheWrite, "cache_write_1h": r.CacheWrite1h} {
		if micro != 0 {
			out[key] = usd(micro)
		}
	}
	return out
}

// usd is micro-dollars as a number of dollars, as the parser would keep it.
func usd(micro int64) cty.Value {
	text := fmt.Sprintf("%d.%06d", micro/1_000_000, micro%1_000_000)
	f, _, err := big.ParseFloat(text, 10, 512, big.ToNearestEven)
	if err != nil {
		return cty.NilVal // digits and one point always parse
	}
	return cty.NumberVal(f)
}
