package config

import (
	"fmt"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

func parsed(t interface{ Fatal(...any) }, s string) *big.Float {
	f, _, err := big.ParseFloat(s, 10, 512, big.ToNearestEven)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestMicros(t *testing.T) {
	for s, want := range map[string]int64{
		"0": 0, "1": 1_000_000, "0.1": 100_000, "0.000001": 1, "6.25": 6_250_000, "2.1": 2_100_000,
		"1000000": 1_000_000_000_000, "999999.999999": 999_999_999_999, "1e-6": 1, "0.3": 300_000,
	} {
		if got, problem := micros(parsed(t, s)); problem != "" || got != want {
			t.Errorf("micros(%s) = %d %s, want %d", s, got, problem, want)
		}
	}
	for _, s := range []string{"0.0000001", "0.1234567", "1.00000000000000000000000001", "-1", "1000000.000001", "1e99", "1e-99", "1e-99999999", "1e999999999", "0.0000015"} {
		if got, problem := micros(parsed(t, s)); problem == "" {
			t.Errorf("micros(%s) = %d, want a problem", s, got)
		}
	}
}

// Every amount that can be written with six decimals is kept exactly.
func TestMicrosExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int64Range(0, maxMoney*1_000_000).Draw(t, "micro-dollars")
		s := fmt.Sprintf("%d.%06d", n/1_000_000, n%1_000_000)
		if got, problem := micros(parsed(t, s)); problem != "" || got != n {
			t.Fatalf("micros(%s) = %d %s", s, got, problem)
		}
		if _, problem := micros(parsed(t, s+"1")); problem == "" {
			t.Fatalf("micros(%s1) is rounded", s)
		}
	})
}
