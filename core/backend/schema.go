package backend

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"

	sdk "github.com/plimsoll-dev/plimsoll/sdk/backend"
)

// Problem is one thing wrong with a config block. Path leads to the value
// ("models.sim-small.abilty"), Text is a sentence.
type Problem struct {
	Path string
	Text string
}

// Problems is a list of them as an error.
type Problems []Problem

// Error puts one problem on a line.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, x := range p {
		lines[i] = x.Text
	}
	return strings.Join(lines, "\n")
}

// CheckConfig holds the values of a config block against the schema that the
// plugin declares, before anything is launched. It finds unknown keys, missing
// ones and wrong types at every depth, sorted by path; an empty result is good.
func CheckConfig(schema []sdk.ConfigField, config map[string]any) Problems {
	var out Problems
	checkObject(&out, "", schema, config)
	slices.SortStableFunc(out, func(a, b Problem) int { return cmp.Compare(a.Path, b.Path) })
	return out
}

func checkObject(out *Problems, at string, fields []sdk.ConfigField, values map[string]any) {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.Name
		if _, ok := values[f.Name]; !ok && f.Required {
			doc := ""
			if f.Doc != "" {
				doc = " (" + f.Doc + ")"
			}
			*out = append(*out, Problem{join(at, f.Name), fmt.Sprintf("config needs %s, a %s%s", join(at, f.Name), f.Type, doc)})
		}
	}
	for key, value := range values {
		i := slices.Index(names, key)
		if i < 0 {
			*out = append(*out, Problem{join(at, key), fmt.Sprintf("the plugin knows no config key %s%s", join(at, key), didYouMean(key, names))})
			continue
		}
		checkValue(out, join(at, key), fields[i], value)
	}
}

func checkValue(out *Problems, at string, f sdk.ConfigField, value any) {
	if got := typeOf(value); !fits(f.Type, got) {
		*out = append(*out, Problem{at, fmt.Sprintf("config key %s has to be a %s and is a %s", at, f.Type, got)})
		return
	}
	switch v := value.(type) {
	case []any:
		for i, x := range v {
			if f.Elem != nil {
				checkValue(out, fmt.Sprintf("%s[%d]", at, i), *f.Elem, x)
			}
		}
	case map[string]any:
		if f.Type == sdk.TypeObject {
			checkObject(out, at, f.Fields, v)
			return
		}
		for k, x := range v {
			if f.Elem != nil {
				checkValue(out, join(at, k), *f.Elem, x)
			}
		}
	}
}

// fits: HCL writes a map and an object alike, and a type that this version does
// not know is the plugin's own business.
func fits(want, got string) bool {
	switch want {
	case sdk.TypeMap, sdk.TypeObject:
		return got == sdk.TypeObject
	case sdk.TypeString, sdk.TypeNumber, sdk.TypeBool, sdk.TypeList:
		return got == want
	}
	return true
}

func typeOf(value any) string {
	switch v := value.(type) {
	case nil:
		return "null"
	case string:
		return sdk.TypeString
	case bool:
		return sdk.TypeBool
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return "number out of range"
		}
		return sdk.TypeNumber
	case int, int64, json.Number:
		return sdk.TypeNumber
	case []any:
		return sdk.TypeList
	case map[string]any:
		return sdk.TypeObject
	}
	return fmt.Sprintf("%T", value)
}

func join(at, key string) string {
	if at == "" {
		return key
	}
	return at + "." + key
}

// didYouMean names the known word nearest to a mistyped one, or lists them all
// when none is near and they are few.
func didYouMean(word string, known []string) string {
	best, distance := "", len(word)/3+1
	for _, k := range known {
		if d := edits(word, k); d <= distance && (best == "" || d < distance) {
			best, distance = k, d
		}
	}
	switch {
	case best != "":
		return fmt.Sprintf("; did you mean %q?", best)
	case len(known) > 0 && len(known) <= 12:
		return "; it knows " + strings.Join(slices.Sorted(slices.Values(known)), ", ")
	}
	return ""
}

// edits is the Levenshtein distance in bytes.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			before, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, before+cost)
		}
	}
	return row[len(b)]
}
