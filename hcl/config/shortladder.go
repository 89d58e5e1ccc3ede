package config

import (
	"strings"

	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

// fillModels reads a ladder that is written in short: backend and models. The
// tiers are what one would write by hand with list_price, so that every reader of
// a ladder sees no difference.
func (l *loader) fillModels(b *body, out *Ladder) {
	backend := b.backend("backend")
	models := b.strs("models")
	switch {
	case !b.has("models") && !b.has("backend"):
		if len(out.Tiers) == 0 {
			tier := b.doc.Block("tier")
			l.add(missingBlock.at(b.header, "%s needs at least one tier block: %s", b.title, inText(tier.Doc)).WithSuggestion(tier.Example))
		}
		return
	case len(out.Tiers) > 0:
		l.add(badReference.at(b.header, "%s has tier blocks, and backend or models beside them. Write all of its tiers one way.", b.title))
		return
	case !b.has("models"), !b.has("backend"):
		name := "models"
		if b.has("models") {
			name = "backend"
		}
		l.add(missingAttribute.at(b.header, "%s has no %s: in short, a ladder has backend and models.", b.title, name).WithSuggestion(b.doc.Attribute(name).line()))
		return
	case len(models) == 0:
		l.add(emptyValue.at(b.rng("models"), "models is an empty list: %s would have no tier.", b.title).WithSuggestion(b.doc.Attribute("models").line()))
		return
	}
	prices, err := ListPrices(l.project.Dir)
	if err != nil {
		l.add(badPrice.at(b.rng("models"), "%v.", err))
		return
	}
	seen := map[string]diag.Range{}
	for _, model := range models {
		name := TierName(model)
		if name == "" {
			l.add(badName.at(b.rng("models"), "%q is no name of a model.", model))
			continue
		}
		if !l.once(seen, label{text: name, rng: b.rng("models")}, "tier") {
			continue
		}
		t := &Tier{Ladder: out.Name, Name: name, Index: len(out.Tiers), Backend: backend, Model: model, Family: familyOf(model), Range: b.rng("models")}
		if e, _, err := prices.Dated(model); err == nil {
			t.Price = Price{Known: true, TokenPrice: TokenPrice(e.Rates)}
			if e.Above != nil {
				t.Price.Above = PriceStep{Tokens: e.Above.Tokens, TokenPrice: TokenPrice(e.Above.Rates)}
			}
		}
		out.Tiers = append(out.Tiers, t)
	}
}

// TierName is the name of the tier that a model makes in a ladder that is written
// in short, "" where it can make none.
func TierName(model string) string {
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' {
			return r
		}
		return '-'
	}, model)
	if name = strings.TrimLeft(name, "-_0123456789"); !validName(name) {
		return ""
	}
	return name
}

// familyOf is whose model it is, by its name: what stands before the first hyphen,
// behind the names of hosts.
func familyOf(model string) string {
	family, _, _ := strings.Cut(model[strings.LastIndexByte(model, '/')+1:], "-")
	if family == "" {
		return model
	}
	return family
}
