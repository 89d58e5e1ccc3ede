package plan

import (
	"maps"
	"slices"
	"strings"
)

// Mask stands in the place of a secret.
const Mask = "(set)"

// secretWords are words of a name whose value nobody may see. Whole words are
// compared: VLLM_MAX_TOKENS is no secret, and neither is the path of a key's file.
var secretWords = []string{"TOKEN", "KEY", "SECRET", "PASSWORD", "PASSWD", "PGPASSWD", "CREDENTIAL", "CREDENTIALS"}

func secret(name, value string) bool {
	words := strings.FieldsFunc(strings.ToUpper(name), func(r rune) bool { return strings.ContainsRune("_-.", r) })
	return value != "" && slices.ContainsFunc(words, func(w string) bool { return slices.Contains(secretWords, w) })
}

// Secrets are the variables and flags whose values are secrets by their names: "env
// HF_TOKEN", "args api-key".
func (s Spec) Secrets() []string {
	var out []string
	for _, x := range []struct {
		what string
		all  map[string]string
	}{{"env ", s.Env}, {"args ", s.Args}} {
		for _, k := range slices.Sorted(maps.Keys(x.all)) {
			if secret(k, x.all[k]) {
				out = append(out, x.what+k)
			}
		}
	}
	return out
}

// Masked is s for eyes: its plan is the same but for Mask where secrets stand. That
// is done before the plan is made because afterwards they stand in commands, in
// shell quotes and in YAML.
func (s Spec) Masked() Spec {
	for _, all := range []*map[string]string{&s.Env, &s.Args} {
		*all = maps.Clone(*all)
		for k, v := range *all {
			if secret(k, v) {
				(*all)[k] = Mask
			}
		}
	}
	return s
}
