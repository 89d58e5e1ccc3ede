package cli

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/plimsoll-dev/plimsoll/core/engine"
	"github.com/plimsoll-dev/plimsoll/core/price"
	"github.com/plimsoll-dev/plimsoll/hcl/pricelist"
)

// oldPrices is when a list is called old: vendors change prices a few times a
// year.
const oldPrices = 90 * 24 * time.Hour

func (c *command) pricesCommand() *cobra.Command {
	show := &cobra.Command{
		Use: "show [MODEL]", Short: "List prices with their day, and what the project's tiers cost", Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return c.pricesShow(args) },
	}
	var o engine.PriceImport
	var dry bool
	imp := &cobra.Command{
		Use: "import FILE", Short: "Take list prices from a file into " + engine.PricesFile,
		Long: "Takes the prices of the models that the project's tiers name, or of those that --model\nnames, from a file: a list in Plimsoll's own form, CSV with the columns model, input,\noutput (USD per million tokens), or JSON with input_cost_per_token, as LiteLLM\npublishes it. What is written is a file of the project, to be reviewed and committed.",
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			o.File, o.Write = args[0], !dry
			return c.pricesImport(o)
		},
	}
	imp.Flags().StringArrayVar(&o.Models, "model", nil, "take this model (may be repeated)")
	imp.Flags().BoolVar(&o.All, "all", false, "take every model of the file")
	imp.Flags().BoolVar(&dry, "dry-run", false, "show what would change, write nothing")
	return group("prices", "What models cost: list prices, and the tiers that use them", show, imp)
}

func (c *command) pricesShow(args []string) error {
	p, err := c.load("")
	if err != nil {
		return err
	}
	now, err := c.now()
	if err != nil {
		return err
	}
	if now.IsZero() {
		now = engine.Now()
	}
	list, err := p.Prices()
	if err != nil {
		return err
	}
	names := slices.Sorted(maps.Keys(list.Models))
	if len(args) > 0 {
		if _, ok := list.Models[args[0]]; !ok {
			_, err := list.Find(args[0])
			return err
		}
		names = args
	}
	if c.json {
		return c.pricesJSON(p, list, names, now)
	}
	rows := [][]string{{"MODEL", "LIST PRICE", "DAY", "AGE"}}
	for _, name := range names {
		e := list.Models[name]
		rows = append(rows, []string{name, priceText(e), e.AsOf.Format(time.DateOnly), c.age(e, now)})
	}
	columns(c.Out, rows)
	if len(args) > 0 {
		return nil
	}
	rows = [][]string{{"TIER", "MODEL", "PRICE"}}
	unpriced := 0
	for _, l := range p.Config.Ladders {
		for _, t := range l.Tiers {
			text := price.FormatRate(engine.Rates(t))
			if !t.Price.Known {
				unpriced++
				text = c.red("no price: no saving against this tier is claimed")
			}
			rows = append(rows, []string{t.Ref(), t.Model, text})
		}
	}
	c.say("")
	columns(c.Out, rows)
	if unpriced > 0 {
		c.next("give %s a price: price = list_price(\"MODEL\"), or price = { input = ..., output = ... }", plural(unpriced, "tier", "tiers"))
	}
	return nil
}

// age tells how old a price is, in red from oldPrices on.
func (c *command) age(e pricelist.Entry, now time.Time) string {
	days := int(now.Sub(e.AsOf) / (24 * time.Hour))
	switch {
	case days < 0:
		return "of a day to come"
	case now.Sub(e.AsOf) > oldPrices:
		return c.red(plural(days, "day", "days") + ", old: import a newer list")
	}
	return plural(days, "day", "days")
}

func priceText(e pricelist.Entry) string {
	if e.Varies != "" {
		return "varies: " + e.Varies
	}
	return price.FormatRate(ratesOf(e))
}

func ratesOf(e pricelist.Entry) price.Rates {
	r := price.Rates{Known: true, Tokens: price.Tokens(e.Rates)}
	if e.Above != nil {
		r.Above = price.Step{Prompt: e.Above.Tokens, Tokens: price.Tokens(e.Above.Rates)}
	}
	return r
}

func (c *command) pricesJSON(p *engine.Project, list pricelist.List, names []string, now time.Time) error {
	models := []map[string]any{}
	for _, name := range names {
		e := list.Models[name]
		m := map[string]any{"model": name, "as_of": e.AsOf.Format(time.DateOnly), "source": e.Source, "old": now.Sub(e.AsOf) > oldPrices}
		if e.Varies != "" {
			m["varies"] = e.Varies
		} else {
			m["micro_usd_per_million_tokens"] = ratesJSON(e.Rates)
			if e.Above != nil {
				m["above"] = map[string]any{"tokens": e.Above.Tokens, "micro_usd_per_million_tokens": ratesJSON(e.Above.Rates)}
			}
		}
		models = append(models, m)
	}
	tiers := []map[string]any{}
	for _, l := range p.Config.Ladders {
		for _, t := range l.Tiers {
			tiers = append(tiers, map[string]any{"tier": t.Ref(), "model": t.Model, "priced": t.Price.Known, "price": price.FormatRate(engine.Rates(t))})
		}
	}
	return c.document(map[string]any{"models": models, "tiers": tiers})
}

func ratesJSON(r pricelist.Rates) map[string]int64 {
	return map[string]int64{"input": r.Input, "output": r.Output, "cache_read": r.CacheRead, "cache_write": r.CacheWrite, "cache_write_1h": r.CacheWrite1h}
}

func (c *command) pricesImport(o engine.PriceImport) error {
	p, err := c.load("")
	if err != nil {
		return err
	}
	if o.Day, err = c.now(); err != nil {
		return err
	}
	if o.Day.IsZero() {
		o.Day = engine.Now()
	}
	out, err := p.ImportPrices(o)
	if err != nil {
		return err
	}
	if c.json {
		return c.importJSON(out, o.Write)
	}
	rows := [][]string{{"MODEL", "WAS", "IS", ""}}
	for _, x := range out.Changes {
		was := "not listed"
		if x.Old != nil {
			was = priceText(*x.Old)
		}
		rows = append(rows, []string{x.Model, was, priceText(*x.New), percent(x)})
	}
	if len(out.Changes) > 0 {
		columns(c.Out, rows)
	}
	for _, name := range slices.Sorted(maps.Keys(out.Left)) {
		c.note("%s cannot be taken: %s.", name, out.Left[name])
	}
	for _, name := range out.Missing {
		c.note("%s is not in the file; what the project had of it stays.", name)
	}
	switch {
	case len(out.Taken) == 0:
		return fmt.Errorf("nothing was taken from %s: none of its prices is of a model that was asked for. Name models with --model, or take --all", o.File)
	case !o.Write:
		c.say("Would take %s, %s.", plural(len(out.Taken), "price", "prices"), plural(len(out.Changes), "change", "changes"))
	default:
		c.say("Took %s into %s, %s.", plural(len(out.Taken), "price", "prices"), engine.PricesFile, plural(len(out.Changes), "change", "changes"))
		c.next("use them with price = list_price(\"MODEL\"), and commit %s.", engine.PricesFile)
	}
	return nil
}

func (c *command) importJSON(out engine.PriceChange, written bool) error {
	changes := []map[string]any{}
	for _, x := range out.Changes {
		m := map[string]any{"model": x.Model, "is": priceText(*x.New)}
		if x.Old != nil {
			m["was"] = priceText(*x.Old)
		}
		changes = append(changes, m)
	}
	return c.document(map[string]any{"written": written && len(out.Taken) > 0, "taken": out.Taken, "changes": changes, "left": out.Left, "missing": out.Missing})
}

// percent says how much dearer a model got, by input and output.
func percent(x pricelist.Change) string {
	if x.Old == nil || x.Old.Varies != "" || x.New.Varies != "" {
		return ""
	}
	of := func(was, is int64) string {
		if was == 0 || was == is {
			return "same"
		}
		s := strconv.FormatFloat(100*float64(is-was)/float64(was), 'f', 0, 64) + " %"
		if is > was {
			s = "+" + s
		}
		return s
	}
	return "input " + of(x.Old.Rates.Input, x.New.Rates.Input) + ", output " + of(x.Old.Rates.Output, x.New.Rates.Output)
}
