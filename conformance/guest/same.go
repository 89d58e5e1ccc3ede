package guest

import (
	"fmt"

	"github.com/plimsoll-dev/plimsoll/conformance/report"
)

// sameQuestions ask for the same again.
func sameQuestions() []question {
	const given = "Given the same module, input, time, seed and host answers, a guest's answer is the same on every machine."
	return []question{
		{id: "same.answer", title: "the same bytes in one restored and two fresh instances", says: given, section: inImports, needsCode: true,
			do: "Look for what is in no input: addresses that are printed, the order of a map, a clock of your own, memory that was never written.", ask: func(k *kit) finding { return k.same(false) }},
		{id: "same.fuel", title: "the same fuel in one restored and two fresh instances", says: "Sandbox runs are deterministic to the fuel count given the same host answers.", section: "design page, Principles", needsCode: true,
			do: "Answers alike with other work behind them: a cache, a hash with a random seed, a retry. Take the seed from random_get, which the host seeds.", ask: func(k *kit) finding { return k.same(true) }},
		{id: "same.leak", title: "call B leaves nothing for call A", says: "A guest must not count on anything that an earlier call left.", section: inCall, needsCode: true,
			do: "Keep nothing between calls. If your code keeps nothing, the host does: report it.", ask: leak},
		{id: "same.thousand", title: "1,000 calls in a row", says: "Every call gets the memory that the module had after _initialize.", section: inCall, needsCode: true,
			do: "Memory that grows with every call is kept somewhere: in a global that the host does not restore, or in the host.", ask: thousand},
	}
}

func (k *kit) same(fuel bool) finding {
	list := k.calls(k.example)
	if len(list) == 0 {
		return skip("it has no op to ask")
	}
	var most int64
	for _, c := range list {
		k.call(c, false) // so that the next one is restored where the host restores
		first := k.call(c, false)
		for _, other := range []outcome{k.call(c, true), k.call(c, true)} {
			switch {
			case first.ended() || other.ended():
				return endedBy(c.name, map[bool]outcome{true: first, false: other}[first.ended()])
			case !fuel && first.text() != other.text():
				return fail("%s: %s, and then %s", c.name, first.says(), other.says())
			case fuel && first.used.Fuel != other.used.Fuel:
				return fail("%s: %d units, and then %d", c.name, first.used.Fuel, other.used.Fuel)
			}
		}
		most = max(most, first.used.Fuel)
	}
	if fuel && most == 0 {
		return skip("this sandbox counts no fuel")
	}
	f := pass("%d calls, three times each", len(list))
	f.measured = map[string]int64{"fuel": most}
	return f
}

func leak(k *kit) finding {
	a, b := k.calls(k.example), k.calls(marked(k.example))
	if len(a) == 0 {
		return skip("it has no op to ask")
	}
	before := make([]outcome, len(a))
	for i, c := range a {
		before[i] = k.call(c, false)
	}
	for _, c := range b {
		k.call(c, false)
		for i, c := range a {
			after := k.call(c, false)
			if after.text() != before[i].text() {
				return fail("%s: %s before, and %s behind another call", c.name, before[i].says(), after.says())
			}
			if after.used.Fuel != before[i].used.Fuel {
				return fail("%s: %d units of fuel before, and %d behind another call", c.name, before[i].used.Fuel, after.used.Fuel)
			}
		}
	}
	return pass("%d calls behind each of %d others", len(a), len(b))
}

func thousand(k *kit) finding {
	const rounds = 1000
	list := k.calls(k.example)
	if len(list) == 0 {
		return skip("it has no op to ask")
	}
	first := make([]outcome, len(list))
	fresh := 0
	for n := range rounds {
		i := n % len(list)
		o := k.call(list[i], false)
		if n < len(list) {
			first[i] = o
		}
		if o.used.Fresh {
			fresh++
		}
		switch {
		case o.ended():
			return endedBy(fmt.Sprintf("call %d, %s", n+1, list[i].name), o)
		case o.text() != first[i].text():
			return fail("call %d, %s: %s; the first of these gave %s", n+1, list[i].name, o.says(), first[i].says())
		case o.used.MemoryBytes != first[i].used.MemoryBytes:
			return fail("call %d, %s: ends with %d bytes of memory; the first of these with %d", n+1, list[i].name, o.used.MemoryBytes, first[i].used.MemoryBytes)
		}
		if k.ctx.Err() != nil {
			return finding{status: report.Error, saw: k.ctx.Err().Error()}
		}
	}
	f := pass("all alike")
	f.measured = map[string]int64{"memory_kib": first[0].used.MemoryBytes >> 10, "fresh_instances": int64(fresh)}
	return f
}
