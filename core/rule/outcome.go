package rule

import "errors"

// Outcomes is the set of what a rule may still say when the arguments of a call
// are not known yet, as when tools are listed.
type Outcomes uint8

// What a rule may say.
const (
	True Outcomes = 1 << iota
	False
	Fails // cannot be evaluated
)

// Outcomes evaluates an access rule whose arguments may be open (Access.ArgsOpen).
// The set holds every answer that some arguments would give; it may hold one that
// none gives, where two conditions on the arguments contradict each other. Parts
// that do not depend on arguments count: `args.n > 1 && tool.name == "x"` can only
// be false or fail for another tool.
func (p *Program) Outcomes(env *Access) Outcomes {
	if !p.access || env == nil {
		return Fails
	}
	f := frame{steps: MaxSteps, bytes: MaxBytes, access: env}
	if p.slots > 0 {
		f.vars = make([]any, p.slots)
	}
	return p.may(&f)
}

// open is the error of reading what is not known yet.
type open struct{}

func (*open) Error() string { return "the arguments are not known yet" }

var errOpen = &open{}

// outcomes of a term: by its parts where they may decide on their own, else by
// evaluation, which open arguments leave open.
func (t term) outcomes(f *frame) Outcomes {
	if t.may != nil {
		return t.may(f)
	}
	v, err := t.eval(f)
	switch {
	case errors.Is(err, errOpen):
		return True | False | Fails
	case err != nil:
		return Fails
	}
	switch v {
	case true:
		return True
	case false:
		return False
	}
	return Fails
}

func (o Outcomes) not() Outcomes {
	out := o & Fails
	if o&True != 0 {
		out |= False
	}
	if o&False != 0 {
		out |= True
	}
	return out
}

// either is && and ||: the left side may stop with the answer stop, or leave it to
// the right.
func either(l, r term, stop Outcomes) func(*frame) Outcomes {
	return func(f *frame) Outcomes {
		o := l.outcomes(f)
		if o&(stop.not()) == 0 {
			return o
		}
		return o&(stop|Fails) | r.outcomes(f)
	}
}
