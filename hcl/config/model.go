package config

import (
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

func (l *loader) fillBackend(b *body, out *Backend) {
	out.Plugin = b.str("plugin")
	out.Env = b.strs("env")
	for _, name := range out.Env {
		if !validEnv(name) {
			l.add(badName.at(b.rng("env"), "%q is no name of an environment variable. env holds names, never values: a value would stand in the repository.", name).WithSuggestion(b.doc.Attribute("env").line()))
		}
	}
	out.Record = b.str("record")
	out.Remote = b.remote(out.Env)
	if out.Topology = b.topology("topology"); out.Topology != nil && b.has("address") {
		l.add(badAddress.at(b.rng("topology"), "A backend runs at its address or serves a topology from here, not both. Take one of them out."))
	}
	out.Config = map[string]any{}
	b.each("config", func(c *body, at label) {
		out.ConfigRange = at.rng
		for _, a := range c.attributes() {
			v, ok := l.value(a.Expr)
			if !ok {
				continue
			}
			x, ok := plain(v)
			if !ok {
				l.add(wrongType.at(convert(a.Expr.Range()), "%s cannot be handed to a plugin: it holds a number that is too large, or none at all.", a.Name))
				continue
			}
			out.Config[a.Name] = x
		}
	})
}

func (l *loader) fillLadder(b *body, out *Ladder) {
	seen := map[string]diag.Range{}
	b.each("tier", func(t *body, name label) {
		if !l.once(seen, name, "tier") {
			return
		}
		out.Tiers = append(out.Tiers, &Tier{
			Ladder: out.Name, Name: name.text, Index: len(out.Tiers),
			Backend: t.backend("backend"), Model: t.str("model"), Family: t.str("family"), Hardware: t.str("hardware"),
			Price: t.price("price"), Range: t.header,
		})
		if t.has("price") && !out.Tiers[len(out.Tiers)-1].Price.Known {
			// Reported already: "no price" beside it would be a second word for one mistake.
			seen["\x00"+name.text] = name.rng
		}
	})
	l.fillModels(b, out)
	l.checkPrices(out, b.has("models"), func(t *Tier) bool { _, wrong := seen["\x00"+t.Name]; return wrong })
}

// checkPrices warns of ladders whose order contradicts their prices, and of a
// tier without a price beside tiers that have one: with it, comparisons of the
// ladder have a hole. A ladder without any price says nothing about money, and
// is left in peace.
func (l *loader) checkPrices(ladder *Ladder, short bool, wrong func(*Tier) bool) {
	priced := 0
	for _, t := range ladder.Tiers {
		if t.Price.Known {
			priced++
		}
	}
	var before *Tier
	for _, t := range ladder.Tiers {
		if !t.Price.Known {
			switch {
			case priced == 0 || wrong(t):
			case short:
				// An example of a price would be taken for one.
				l.add(unpriced.warn(t.Range, "Other models of ladder %q have a list price and %q has none: savings between them cannot be claimed. Take in a list that has it (plimsoll prices import FILE), or write this ladder with tier blocks.", ladder.Name, t.Model))
			default:
				l.add(unpriced.warn(t.Range, "Other tiers of ladder %q have a price and %q has none: savings between them cannot be claimed. A model that costs nothing has zeros.", ladder.Name, t.Name).WithSuggestion("price = { input = 1, output = 5 }"))
			}
			continue
		}
		if before != nil && cheaper(t.Price, before.Price) {
			l.add(priceOrder.warn(t.Range, "The cheapest tier comes first, and %q is cheaper than %q, which stands before it. A move from %q to %q would be taken for a saving.", t.Name, before.Name, t.Name, before.Name))
		}
		before = t
	}
}

// cheaper tells whether a costs less than b whatever the mix of tokens. Tokens
// and GPU hours cannot be compared without knowing the traffic.
func cheaper(a, b Price) bool {
	if a.GPUHour > 0 || b.GPUHour > 0 {
		return a.GPUHour > 0 && b.GPUHour > 0 && a.GPUHour < b.GPUHour
	}
	return a.Input <= b.Input && a.Output <= b.Output && (a.Input < b.Input || a.Output < b.Output)
}
