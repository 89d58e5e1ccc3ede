package access

import (
	"errors"
	"fmt"
	"slices"

	"github.com/plimsoll-dev/plimsoll/core/rule"
)

// Asks is the reason of an ask whose rule gives none.
const Asks = "a person must approve it first"

// Decide answers a request. It is a pure function of the policy and the request:
// nothing is counted, and no approval is used up.
func (p *Policy) Decide(r Request) Decision {
	if reason := r.wrong(); reason != "" || p == nil {
		if p == nil {
			reason = "there is no policy that would allow it"
		}
		return Decision{Effect: Deny, Reason: reason}
	}
	if r.Tool != "" && (!r.Pinned || r.Definition == "") {
		return unpinned(r)
	}
	if r.Action.Looks() {
		return p.look(&r)
	}
	d := p.rule(&r)
	if d.Effect != Deny && len(r.Counters.Spent) > 0 {
		return p.spent(&r)
	}
	if d.Effect == Ask && r.Approval != nil {
		if err := r.Approval.Permits(r); err != nil {
			d.Reason += "; " + err.Error()
			return d
		}
		d.Effect, d.Approval, d.Reason = Allow, r.Approval.ID(), "a person approved it"
	}
	return d
}

// wrong says why a request is none that could be allowed; "" when it is sound.
func (r *Request) wrong() string {
	switch {
	case r.Action == Run && (r.Skill == "" || r.Tool != ""), r.Action == Call && r.Tool == "", r.Skill == "" && r.Tool == "":
		return "nothing is named that could be " + map[Action]string{Run: "run", Call: "called"}[r.Action]
	case !r.Action.Looks() && r.Action != Run && r.Action != Call:
		return "this is no action"
	case r.At.IsZero():
		return "the time is not known"
	}
	return ""
}

// asking is a request on its way past the rules.
type asking struct {
	r     *Request
	env   *rule.Access // made when the first rule asks for it
	ready bool         // its arguments are decoded
	err   error        // they cannot be
}

func (a *asking) access(c *compiled) (*rule.Access, error) {
	if a.env == nil {
		a.env = environment(a.r)
	}
	if c.readsArgs && !a.ready && !a.env.ArgsOpen {
		a.env.Args, a.err = decode(a.r)
		a.ready = true
	}
	if c.readsArgs && a.err != nil {
		return nil, a.err
	}
	return a.env, nil
}

// holds asks a rule about known arguments.
func (a *asking) holds(c *compiled) (bool, error) {
	if c.when == nil {
		return true, nil
	}
	env, err := a.access(c)
	if err != nil {
		return false, err
	}
	ok, err := c.when.Bool(env)
	return ok && err == nil, err
}

// rule asks the rules about a call or a run.
func (p *Policy) rule(r *Request) Decision {
	a := asking{r: r}
	var room [32]int
	var asked []*compiled
	detail := ""
	for _, i := range p.index.find(r, room[:0]) {
		c := &p.rules[i]
		if c.effect == Allow && asked != nil || !matches(&c.match, r) {
			continue
		}
		ok, err := a.holds(c)
		switch {
		case err != nil && c.effect == Allow:
			if detail == "" {
				detail = c.broken(err)
			}
		case err != nil:
			d := c.decision(Deny, "a rule of this project cannot be evaluated for it, and until it can the answer is no")
			d.Detail = c.broken(err)
			return d
		case !ok:
		case c.effect == Deny:
			return c.decision(Deny, "a rule of this project refuses it")
		case c.effect == Ask:
			asked = append(asked, c)
		default:
			return c.decision(Allow, "a rule of this project allows it")
		}
	}
	if asked != nil {
		return ask(asked)
	}
	d := p.fallback(r)
	d.Detail = detail
	return d
}

// ask joins the rules that ask: the shortest validity, and every list of approvers.
func ask(asked []*compiled) Decision {
	d := asked[0].decision(Ask, Asks)
	d.Valid = asked[0].valid
	for _, c := range asked {
		d.Valid = min(d.Valid, c.valid)
		if len(c.approvers) > 0 && !slices.ContainsFunc(d.Approvers, func(l []string) bool { return slices.Equal(l, c.approvers) }) {
			d.Approvers = append(d.Approvers, slices.Clone(c.approvers))
		}
	}
	return d
}

// look asks whether a name may be seen: whether some arguments would be allowed,
// or asked about. A deny rule that depends on arguments hides nothing, one that
// does not hides the name.
func (p *Policy) look(r *Request) Decision {
	a := asking{r: r}
	var room [32]int
	var asked []*compiled
	var always, allowed *compiled // the first ask rule that always holds, the first allow rule that may
	for _, i := range p.index.find(r, room[:0]) {
		c := &p.rules[i]
		if !matches(&c.match, r) {
			continue
		}
		o := rule.True
		if c.when != nil {
			env, err := a.access(c)
			if err != nil {
				return c.decision(Deny, "it cannot be decided")
			}
			o = c.when.Outcomes(env)
		}
		switch {
		case c.effect == Deny && o&rule.False == 0, c.effect == Ask && o == rule.Fails:
			return c.decision(Deny, "a rule of this project refuses it")
		case c.effect == Ask && o&rule.True != 0:
			asked = append(asked, c)
			if always == nil && o&rule.False == 0 {
				always = c
			}
		case c.effect == Allow && allowed == nil && o&rule.True != 0:
			allowed = c
		}
	}
	if always != nil {
		return ask(asked)
	}
	if allowed != nil {
		return allowed.decision(Allow, "a rule of this project allows it")
	}
	d := p.fallback(r)
	if d.Effect != Allow && asked != nil {
		return ask(asked)
	}
	return d
}

func (c *compiled) decision(e Effect, reason string) Decision {
	if c.reason != "" && e != Allow {
		reason = c.reason
	}
	return Decision{Effect: e, Rule: c.name, Reason: reason, Line: c.line, Range: c.at}
}

// broken says for the operator why a rule cannot be evaluated, and where.
func (c *compiled) broken(err error) string {
	at := c.at
	text := err.Error()
	var re *rule.Error
	if errors.As(err, &re) && c.source != nil {
		at, text = c.source.At(re.Line, re.Column), re.Message
	}
	return fmt.Sprintf("%s: rule %q cannot be evaluated: %s", at, c.name, text)
}

func environment(r *Request) *rule.Access {
	e := &rule.Access{
		Principal: rule.Caller{Name: r.Principal.Name, Roles: r.Principal.Roles, Scope: r.Principal.scope(), Kind: r.Principal.Kind},
		Skill:     r.Skill, Tool: r.Tool, Connector: r.Connector, ArgsOpen: r.Action.Looks(), Time: r.At.UTC(),
		Session: rule.Session{ID: r.Session, Calls: r.Counters.Calls, Denied: r.Counters.Denied, Asked: r.Counters.Asked, Tools: r.Counters.Tools, Lost: r.Counters.Lost},
	}
	if !r.Counters.Started.IsZero() {
		e.Session.Age = max(0, r.At.Sub(r.Counters.Started).Seconds())
	}
	if r.Pinned {
		a := r.Annotations
		e.Annotations = rule.Hints{Title: a.Title, ReadOnly: a.ReadOnly, Destructive: a.Destructive, Idempotent: a.Idempotent, OpenWorld: a.OpenWorld}
	}
	return e
}

func (p Principal) scope() string {
	if p.Scope == "" {
		return "default"
	}
	return p.Scope
}
