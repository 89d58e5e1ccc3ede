package policytest

import "slices"

// Because is a reason of the engine's own that `because` may name.
type Because struct {
	Code  string
	Means string
}

// Becauses are the reasons that need no rule, in the order of docs/policies.md:
// those that end a night before anything is compared, then those of
// core/verdict.
func Becauses() []Because {
	return []Because{
		{"pin", "a pin in the project or in the policy file holds the step"},
		{"cooldown", "the step moved a short while ago"},
		{"cheapest", "the step stands on the cheapest tier of its ladder"},
		{"reverted", "a person took back the machine's last move"},
		{"evidence", "the evidence cannot be true"},
		{"content", "nothing measures what outputs say"},
		{"drafted", "an item that counts was drafted by a model"},
		{"disproved", "the candidate is proved worse"},
		{"part", "what code computes, or what a judge with labels scores, is worse by its own margin, proved"},
		{"never", "a gate that tolerates nothing failed, or was not checked"},
		{"gate", "a gate is passed less often, proved"},
		{"dimension", "a dimension of reasoning is proved worse"},
		{"format", "a dimension of format is proved worse"},
		{"rule", "a rule of the policy cannot be evaluated"},
		{"hold", "a hold of the policy matches"},
		{"judge", "a judge that may only hold scores it"},
		{"reach", "the policy's max_items can never prove anything"},
		{"open", "nothing is proved yet"},
		{"planted", "damage done on purpose was not seen"},
		{"latency", "the candidate is too slow"},
		{"recency", "the latest items lean to worse"},
		{"floor", "fewer items than anything may move on"},
		{"downgrade_when", "the policy's downgrade_when is false"},
	}
}

func codes() []string {
	var out []string
	for _, b := range Becauses() {
		out = append(out, b.Code)
	}
	slices.Sort(out)
	return out
}
