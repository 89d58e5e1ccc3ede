package config_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/plimsoll-dev/plimsoll/hcl/config"
)

// A ladder in short is the ladder that one would write out.
func TestShortLadder(t *testing.T) {
	dir := t.TempDir()
	src := `backend "b" {
  plugin = "openai"
}

ladder "short" {
  backend = backend.b
  models  = ["gpt-5.4-mini-2026-03-05", "gpt-5.5", "host/other-model"]
}

ladder "long" {
  tier "gpt-5-4-mini-2026-03-05" {
    backend = backend.b
    model   = "gpt-5.4-mini-2026-03-05"
    family  = "gpt"
    price   = list_price("gpt-5.4-mini")
  }
  tier "gpt-5-5" {
    backend = backend.b
    model   = "gpt-5.5"
    family  = "gpt"
    price   = list_price("gpt-5.5")
  }
  tier "host-other-model" {
    backend = backend.b
    model   = "host/other-model"
    family  = "other"
  }
}

skills "x" {
  from   = "skills/*"
  except = ["skills/old"]
  policy = preset.careful
  ladder = ladder.short
}

skill "y" {
  pin = ladder.short.gpt-5-5
}
`
	if err := os.WriteFile(filepath.Join(dir, "p.hcl"), []byte(src), 0o600); err != nil {
		t.Fatal(err)
	}
	p, diags := config.Load(dir, config.Options{})
	if diags.HasErrors() {
		t.Fatal(diags.Err())
	}
	short, long := p.Ladders[0], p.Ladders[1]
	if len(short.Tiers) != 3 || len(p.Groups[0].Except) != 1 || p.Skills[0].Pin != short.Tiers[1] {
		t.Fatalf("%+v", p)
	}
	for i, a := range short.Tiers {
		b := *long.Tiers[i]
		b.Ladder, b.Range = a.Ladder, a.Range
		if *a != b {
			t.Errorf("%+v\nwant %+v", *a, b)
		}
		if config.TierName(a.Model) != a.Name {
			t.Errorf("%s is named %s", a.Model, a.Name)
		}
	}
	for model, want := range map[string]string{"": "", "7": "", "7b-x": "b-x", "é": ""} {
		if got := config.TierName(model); got != want {
			t.Errorf("%q: %q, want %q", model, got, want)
		}
	}
}
