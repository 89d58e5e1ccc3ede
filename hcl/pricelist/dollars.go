package pricelist

import (
	"fmt"
	"math/big"
	"strings"
)

// maxDollars bounds a rate.
const maxDollars = 1_000_000

// Dollars is an amount in USD as it stands in JSON, kept in micro-dollars. What
// has more than six decimals is refused, never rounded.
type Dollars int64

// UnmarshalJSON reads a JSON number.
func (d *Dollars) UnmarshalJSON(b []byte) error {
	n, err := micros(string(b), 1_000_000)
	if err != nil {
		return err
	}
	*d = Dollars(n)
	return nil
}

// MarshalJSON writes the shortest decimal.
func (d Dollars) MarshalJSON() ([]byte, error) {
	s := fmt.Sprintf("%d.%06d", int64(d)/1_000_000, int64(d)%1_000_000)
	return []byte(strings.TrimRight(strings.TrimRight(s, "0"), ".")), nil
}

func (d *Dollars) micro() int64 {
	if d == nil {
		return 0
	}
	return int64(*d)
}

func dollars(micro int64) *Dollars {
	d := Dollars(micro)
	return &d
}

func stated(micro int64) *Dollars {
	if micro == 0 {
		return nil
	}
	return dollars(micro)
}

// micros is a decimal number times a factor, exactly: 0.1 dollars times a
// million are 100,000 micro-dollars.
func micros(decimal string, factor int64) (int64, error) {
	r, err := rational(decimal, factor)
	if err != nil {
		return 0, err
	}
	if !r.IsInt() {
		return 0, fmt.Errorf("%s has more than six decimals, and amounts are kept in whole micro-dollars", decimal)
	}
	return r.Num().Int64(), nil
}

// rational is a decimal number times a factor that is to make it micro-dollars.
// An exponent is looked at before it is computed: 1e999999999 has a GB of digits.
func rational(decimal string, factor int64) (*big.Rat, error) {
	if len(decimal) > 40 {
		return nil, fmt.Errorf("%.40s... is no price", decimal)
	}
	if i := strings.IndexAny(decimal, "eE"); i >= 0 && len(strings.TrimLeft(decimal[i+1:], "+-0")) > 2 {
		return nil, fmt.Errorf("%s is no price", decimal)
	}
	r, ok := new(big.Rat).SetString(decimal)
	switch {
	case !ok || strings.Contains(decimal, "/"):
		return nil, fmt.Errorf("%s is not a number", decimal)
	case r.Sign() < 0:
		return nil, fmt.Errorf("%s is negative", decimal)
	}
	if r.Mul(r, new(big.Rat).SetInt64(factor)).Cmp(new(big.Rat).SetInt64(maxDollars*1_000_000)) > 0 {
		return nil, fmt.Errorf("%s is more than a million dollars per million tokens", decimal)
	}
	return r, nil
}
