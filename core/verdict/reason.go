package verdict

import (
	"fmt"
	"math"
	"slices"
	"strconv"
)

// reason is the record's sentence for people.
func (a Assessment) reason(r Record) string {
	text := join(r.Causes)
	switch {
	case r.Decision == Downgrade:
		text = a.proof()
	case a.Test.Outcome == Proved:
		text = a.proof() + ", but: " + text
	}
	if cur, cand := a.Missing.Current, a.Missing.Candidate; cur+cand > 0 {
		text += fmt.Sprintf("; without a score, which speaks for neither side: %d of the current tier, %d of the candidate", cur, cand)
	}
	return text
}

func (a Assessment) proof() string {
	p := a.Spec.Params
	how := fmt.Sprintf("e %s >= %s", figure(a.Test.E), figure(a.Test.Need))
	if a.Test.Certain {
		how = "counted: what is left of the pool cannot change it"
	}
	if a.Parts != nil {
		return a.judgedProof()
	}
	if p.Method.Pool() {
		return fmt.Sprintf("proved not worse by %s on %s, %d of them measured (%s)", points(p.Margin), a.Claim, a.Items, how)
	}
	return fmt.Sprintf("proved not worse by %s for %s after %s (%s)", points(p.Margin), a.Claim, items(a.Test.ClosedAt), how)
}

func (a Assessment) unproved() string {
	p := a.Spec.Params
	state := fmt.Sprintf("not proved within %s after %s of %d (e %s, %s proves)", points(p.Margin), items(a.Items), p.N, figure(a.Test.E), figure(a.Test.Need))
	if a.Test.Outcome == Inconclusive {
		return state + ": this epoch's deadline is past"
	}
	if a.Items == 0 {
		return "nothing is measured yet"
	}
	if a.Test.Outcome == Open && a.Known > a.Items {
		state += fmt.Sprintf("; %d more wait for item %d, since only the completed prefix counts", a.Known-a.Items, a.Items)
	}
	return state
}

func (a Assessment) outOfReach() string {
	p := a.Spec.Params
	why := fmt.Sprintf("at epoch %d even an identical model takes more than the %d items of this epoch", p.Epoch, p.N)
	if a.Reach > 0 {
		why = fmt.Sprintf("at epoch %d even an identical model takes %d items, and max_items is %d", p.Epoch, a.Reach, p.N)
	}
	if a.Deadline > 0 {
		why += fmt.Sprintf("; %d would do", a.Deadline)
	}
	return why
}

// recommend is what to do next.
func (a Assessment) recommend(r Record) string {
	has := func(code string) bool {
		return slices.ContainsFunc(r.Causes, func(c Cause) bool { return c.Code == code })
	}
	switch {
	case r.Decision == Downgrade:
		return fmt.Sprintf("move %s to %s", name(a.Spec.Skill, a.Spec.Step), name(a.Spec.Candidate, ""))
	case has("evidence"):
		return "mend the evidence: run plimsoll evidence verify"
	case has("content"):
		return `give the items a reference, declare a dimension, or write quality = "gates" if gates are all that matters`
	case len(a.FormatGaps) > 0:
		return fmt.Sprintf("codify %s: a gate with a fix, or a renderer, from tune items only; then measure again", list(a.FormatGaps))
	case has("never"), has("gate"), has("dimension"), has("disproved"), has("part"):
		return "stay; a changed prompt, fix or candidate opens a new epoch"
	case has("rule"):
		return "mend the rule"
	case has("hold"):
		return "nothing, unless the policy's rule is to change"
	case has("judge"):
		return "calibrate the judge with gold labels: plimsoll judge calibrate"
	case has("reach") && a.Deadline > 0:
		return fmt.Sprintf("set max_items to at least %d, which opens a new epoch", a.Deadline)
	case a.Test.Outcome == Inconclusive:
		return "stay; more items for a closed test are not evidence, a changed skill or policy opens a new epoch"
	case a.Test.Outcome == Open && !a.Needed.OK:
		return "items like these do not get there: change the prompt or try another candidate"
	case a.Test.Outcome == Open:
		text := fmt.Sprintf("measure about %s more", items(*r.ItemsNeeded))
		if more := a.Needed.P90 - a.Items; more > *r.ItemsNeeded {
			text += fmt.Sprintf(" (9 times in 10 at most %d)", more)
		}
		if r.NightsNeeded != nil {
			text += fmt.Sprintf(": %d nights at this budget", *r.NightsNeeded)
		}
		if a.Needed.Mean > a.Spec.Params.N {
			text += fmt.Sprintf("; the deadline of %d comes first", a.Spec.Params.N)
		}
		return text
	case has("planted"):
		return "make the measurement see damage: stricter references, rubrics or gates; then score the planted outputs again"
	case has("floor") && a.Wants > 0:
		return fmt.Sprintf("measure %s more", items(a.Wants))
	case has("floor"):
		return fmt.Sprintf("add items until there are %d", a.Floor)
	}
	return "stay; this epoch is closed, and a changed candidate, prompt or policy opens the next"
}

// points writes millionths as points of a hundred: "5 points", "-12.4 points".
func points(v int64) string {
	text := strconv.FormatFloat(math.Round(float64(v)/1000)/10, 'f', -1, 64)
	if text == "-0" {
		text = "0"
	}
	if text == "1" || text == "-1" {
		return text + " point"
	}
	return text + " points"
}

// figure writes millionths with three digits: "34", "32.9", "0.173", "over a
// billion".
func figure(v int64) string {
	if v >= EMax {
		return "over a billion"
	}
	x := float64(v) / float64(Million)
	if x >= 100 {
		return strconv.FormatFloat(x, 'f', 0, 64)
	}
	return strconv.FormatFloat(x, 'g', 3, 64)
}

func items(n int) string {
	if n == 1 {
		return "1 item"
	}
	return fmt.Sprintf("%d items", n)
}

func name(a, b string) string {
	switch {
	case a == "":
		return "it"
	case b == "":
		return a
	}
	return a + "." + b
}

func list(names []string) string {
	out := ""
	for i, n := range names {
		switch {
		case i == 0:
		case i == len(names)-1:
			out += " and "
		default:
			out += ", "
		}
		out += n
	}
	return out
}
