package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const priced = `backend "b" {
  plugin = "sim"
}
ladder "l" {
  tier "t" {
    backend = backend.b
    model   = "m"
    family  = "f"
    price   = PRICE
  }
}
`

func TestPrices(t *testing.T) {
	for src, want := range map[string]Price{
		`{ input = 1, output = 5, cache_write_1h = 2 }`: {Known: true, TokenPrice: TokenPrice{Input: 1_000_000, Output: 5_000_000, CacheWrite1h: 2_000_000}},
		`{ input = 5, output = 30, above = { tokens = 272000, input = 10, output = 60, cache_read = 1 } }`: {
			Known: true, TokenPrice: TokenPrice{Input: 5_000_000, Output: 30_000_000},
			Above: PriceStep{272_000, TokenPrice{Input: 10_000_000, Output: 60_000_000, CacheRead: 1_000_000}},
		},
		`list_price("claude-haiku-4-5")`: {Known: true, TokenPrice: TokenPrice{Input: 1_000_000, Output: 5_000_000, CacheRead: 100_000, CacheWrite: 1_250_000}},
		`list_price("gpt-5.5")`: {
			Known: true, TokenPrice: TokenPrice{Input: 5_000_000, Output: 30_000_000, CacheRead: 500_000},
			Above: PriceStep{272_000, TokenPrice{Input: 10_000_000, Output: 60_000_000}},
		},
		`merge(list_price("gpt-5.4-mini"), { output = 4 })`: {Known: true, TokenPrice: TokenPrice{Input: 750_000, Output: 4_000_000, CacheRead: 75_000}},
	} {
		dir := t.TempDir()
		write(t, filepath.Join(dir, "main.hcl"), []byte(strings.Replace(priced, "PRICE", src, 1)))
		if got := load(t, dir).Ladders[0].Tiers[0].Price; got != want {
			t.Errorf("%s: %+v, want %+v", src, got, want)
		}
	}
}

func TestPricesThatAreRefused(t *testing.T) {
	for src, say := range map[string]string{
		`{ input = 1 }`: "would look free",
		`{ input = 1, output = 5, above = { tokens = 10, input = 2 } }`:               "above needs tokens, input and output",
		`{ input = 1, output = 5, above = { tokens = 1.5, input = 2, output = 6 } }`:  "whole number of tokens",
		`{ input = 1, output = 5, above = { tokens = 10, input = 0.5, output = 6 } }`: "cheaper than shorter ones",
		`{ input = 1, output = 5, above = 3 }`:                                        "must be an object",
		`{ input = 1, output = 5, above = { tokens = 10, inptu = 2, output = 6 } }`:   `above has no "inptu". Did you mean`,
		`{ input = 1, output = 5, above = { tokens = 10, input = "2", output = 6 } }`: "must be a number",
		`{ gpu_hour = 2, above = { tokens = 10, input = 2, output = 6 } }`:            "not both",
		`list_price("claude-haiku-4-6")`:                                              `Did you mean "claude-haiku-4-5"?`,
		`list_price("glm-5.2")`:                                                       "by host",
	} {
		dir := t.TempDir()
		write(t, filepath.Join(dir, "main.hcl"), []byte(strings.Replace(priced, "PRICE", src, 1)))
		p, diags := Load(dir, Options{})
		if !diags.HasErrors() || !strings.Contains(diags.Err().Error(), say) {
			t.Errorf("%s: %v, want %q", src, diags.Err(), say)
		}
		if len(p.Ladders) > 0 && len(p.Ladders[0].Tiers) > 0 && p.Ladders[0].Tiers[0].Price.Known {
			t.Errorf("%s: a refused price counts as known", src)
		}
	}
}

// A project's own list comes before the one that ships; a broken one is an error
// at the price that needed it, and never falls back in silence.
func TestOwnPrices(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "main.hcl"), []byte(strings.Replace(priced, "PRICE", `list_price("claude-haiku-4-5")`, 1)))
	own := filepath.Join(dir, "prices.json")
	write(t, own, []byte(`{"as_of":"2026-11-01","source":"a test","unit":"USD per million tokens","models":{"claude-haiku-4-5":{"input":0.8,"output":4}}}`))
	if got := load(t, dir).Ladders[0].Tiers[0].Price; got.Input != 800_000 || got.CacheRead != 0 {
		t.Errorf("the project's own price is not taken: %+v", got)
	}
	write(t, own, []byte(`{"as_of":"2026-11-01",`))
	if _, diags := Load(dir, Options{}); !diags.HasErrors() || !strings.Contains(diags.Err().Error(), "prices.json") {
		t.Errorf("a broken list: %v", diags.Err())
	}
	if err := os.Remove(own); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/hostname", own); err == nil {
		if _, diags := Load(dir, Options{}); !diags.HasErrors() {
			t.Error("a list outside of the project was read")
		}
	}
}
