package config

import (
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func contractOf(t *testing.T, src string) *Contract {
	t.Helper()
	c, diags := ParseContract("skill.hcl", []byte(src), ContractOptions{})
	fine(t, diags, map[string][]byte{"skill.hcl": []byte(src)})
	return c
}

func TestOverlay(t *testing.T) {
	below := contractOf(t, `
code   = "skill.ts"
output = "a.json"
tags   = ["a"]
step "one" {
  prompt = "one.md"
  output = "one"
}
each "output.list" {
  id = "it.id"
  gate "short" {
    max_chars = 10
  }
  gate "kept" {
    links = 1
  }
}
gate "first" {
  links = 0
}
gate "second" {
  links = 1
}
dimension "d" {
  kind   = "format"
  rubric = "old"
}
items {
  prove = "below/*"
}
`)
	over := contractOf(t, `
output  = "b.json"
quality = "gates"
each "output.list" {
  gate "short" {
    max_chars = 20
  }
}
each "output.other" {
  gate "g" {
    links = 1
  }
}
gate "third" {
  links = 3
}
gate "first" {
  links = 9
}
dimension "d" {
  kind   = "reasoning"
  rubric = "new"
}
items {
  prove = "over/*"
}
`)
	over.Steps = []*Step{{Name: "one", Pin: &Tier{Name: "opus"}}, {Name: "two"}}
	got := below.Overlay(over)
	if got.Code != "skill.ts" || got.Output != "b.json" || got.Quality != "gates" || !reflect.DeepEqual(got.Tags, []string{"a"}) {
		t.Errorf("attributes: %+v", got)
	}
	if got.Ranges["output"] != over.Ranges["output"] || got.Ranges["code"] != below.Ranges["code"] {
		t.Errorf("ranges: %+v", got.Ranges)
	}
	var gates []string
	for _, g := range got.Gates {
		gates = append(gates, g.Name)
	}
	if strings.Join(gates, " ") != "first second third" || *got.Gates[0].Links != 9 {
		t.Errorf("gates: %v", gates)
	}
	e := got.Eaches[0]
	if len(got.Eaches) != 2 || len(e.Gates) != 2 || *e.Gates[0].MaxChars != 20 || e.Gates[1].Name != "kept" || e.ID.Source != "it.id" {
		t.Errorf("each: %+v", e)
	}
	if len(got.Dimensions) != 1 || got.Dimensions[0].Rubric != "new" || got.Items != over.Items {
		t.Errorf("dimension or items: %+v", got)
	}
	// A pin alone does not take the step's prompt away.
	if s := got.Steps[0]; len(got.Steps) != 2 || s.Prompt != "one.md" || s.Output != "one" || s.Pin.Name != "opus" {
		t.Errorf("step: %+v", s)
	}
	if *below.Eaches[0].Gates[0].MaxChars != 10 || below.Steps[0].Pin != nil || *below.Gates[0].Links != 0 {
		t.Error("the contract below was changed")
	}
	if (*Contract)(nil).Overlay(nil) == nil || below.Overlay(nil).Code != "skill.ts" || (*Contract)(nil).Overlay(over).Output != "b.json" {
		t.Error("nil contracts")
	}
}

// Laying a contract over anything keeps all of its own gates, and laying it
// twice changes nothing more.
func TestOverlayProperties(t *testing.T) {
	gates := rapid.Custom(func(t *rapid.T) *Contract {
		c := &Contract{}
		for _, name := range rapid.SliceOfDistinct(rapid.SampledFrom([]string{"a", "b", "c", "d"}), rapid.ID[string]).Draw(t, "gates") {
			n := rapid.IntRange(0, 9).Draw(t, "n")
			c.Gates = append(c.Gates, &Gate{Name: name, Links: &n})
		}
		return c
	})
	rapid.Check(t, func(t *rapid.T) {
		below, over := gates.Draw(t, "below"), gates.Draw(t, "over")
		got := below.Overlay(over)
		names := map[string]*Gate{}
		for _, g := range got.Gates {
			if names[g.Name] != nil {
				t.Fatalf("gate %s is there twice", g.Name)
			}
			names[g.Name] = g
		}
		for _, g := range over.Gates {
			if names[g.Name] != g {
				t.Fatalf("gate %s of the overlay is lost", g.Name)
			}
		}
		for _, g := range below.Gates {
			if names[g.Name] == nil {
				t.Fatalf("gate %s below is lost", g.Name)
			}
		}
		if again := got.Overlay(over); !reflect.DeepEqual(again.Gates, got.Gates) {
			t.Fatal("the second time changes something")
		}
	})
}
