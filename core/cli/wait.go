package cli

import (
	"fmt"

	"github.com/plimsoll-dev/plimsoll/core/engine"
	"github.com/plimsoll-dev/plimsoll/core/price"
)

// waitsShown is how many steps that wait for items a screen lists.
const waitsShown = 5

// waiting are those of them that wait for items, in their order.
func waiting(all []engine.Wait) []engine.Wait {
	for i, w := range all {
		if w.More == 0 && w.Start > 0 {
			return all[:i]
		}
	}
	return all
}

// showWaits lists the steps that wait for items, those first that bring most for
// one.
func (c *command) showWaits(all []engine.Wait, most int) {
	waits := waiting(all)
	if len(waits) == 0 {
		return
	}
	if len(waits) > 1 {
		c.say("\nWaiting for items, what an item brings most for first:")
	} else {
		c.say("\nWaiting for items:")
	}
	for _, w := range waits[:min(most, len(waits))] {
		c.hanging("  "+label(w.Skill, w.Step)+"  ", itemsWait(w)+". "+costWait(w), "    ")
		c.hanging("    sooner: ", w.Next, "    ")
	}
	if left := len(waits) - most; left > 0 {
		c.say("  and %d more: plimsoll plan --all", left)
	}
}

// itemsWait says what there is, what it can do and what it cannot.
func itemsWait(w engine.Wait) string {
	what := "items"
	if w.Source == "traffic" {
		what = "runs"
	}
	if w.Start == 0 {
		return fmt.Sprintf("%d %s for %s -> %s: no number in sight proves %s points", w.Items, what, w.Current, w.Candidate, points(w.Margin))
	}
	least := ""
	if w.AtLeast {
		least = "at least "
	}
	text := fmt.Sprintf("%d of %s%d %s for %s -> %s at %s points: %s", w.Items, least, w.Items+w.More, what, w.Current, w.Candidate, points(w.Margin), ableTo(w))
	if w.Days != nil {
		text += fmt.Sprintf(". %d more come in about %s", w.More, plural(*w.Days, "day", "days"))
	} else if w.Source == "traffic" {
		text += ". No runs are logged that would bring more"
	}
	return text
}

// ableTo is what the items there are can prove.
func ableTo(w engine.Wait) string {
	switch {
	case w.Items == 0:
		return "nothing can be proved yet"
	case w.Finest == 0:
		return fmt.Sprintf("%d can exclude no loss at all", w.Items)
	case w.Finest <= w.Margin:
		return fmt.Sprintf("%d could exclude a loss of %s points", w.Items, points(w.Finest))
	}
	return fmt.Sprintf("%d can exclude a loss of %s points at best, and %s is asked", w.Items, points(w.Finest), points(w.Margin))
}

// costWait says what trying them costs and what the move would bring.
func costWait(w engine.Wait) string {
	if w.Cost == nil {
		return "What it costs and saves is not known: a tier has no price."
	}
	text := fmt.Sprintf("Trying %d costs about %s", w.Items+w.More, price.Format(*w.Cost))
	switch {
	case w.Nights == nil:
		text += ", and the policy has no budget for it"
	case *w.Nights == 1:
		text += " in one night"
	default:
		text += fmt.Sprintf(" in %d nights of its budget", *w.Nights)
	}
	if w.SaveMonth != nil {
		return text + "; the move would save about " + price.Format(*w.SaveMonth) + " a month."
	}
	text += "; the move would save about " + price.Format(*w.SavePer1k) + " per 1,000 runs"
	if w.Assumed != "" {
		text += " (by " + w.Assumed + ")"
	}
	return text + "."
}

// explainWait are the lines of a step without a verdict.
func (c *command) explainWait(w engine.Wait) {
	if w.More > 0 || w.Start == 0 {
		c.hanging("  waits for    ", itemsWait(w)+". "+costWait(w), "               ")
	} else {
		c.say("  can prove    %s points against %s: %s", points(w.Margin), w.Candidate, ties(w))
	}
	if w.Only != "" {
		c.hanging("  but          ", w.Only, "               ")
	}
	c.say("  sooner       %s", w.Next)
}

// ties says how many of the items a clone takes; others take more.
func ties(w engine.Wait) string {
	if w.Ties == 0 {
		return ableTo(w)
	}
	return fmt.Sprintf("a tier that loses nothing needs %d of the %d items, one that loses some more", w.Ties, w.Items)
}
