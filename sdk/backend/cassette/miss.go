package cassette

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

const (
	diffLines = 40  // lines of difference that an error shows
	diffWidth = 160 // bytes of a line
	maxTable  = 2000

	differsMost = 6 // parts that are named
)

// miss explains why nothing was recorded for a request, by its difference to
// the recorded request that shares most lines with it.
func (c *Cassette) miss(canon []byte) string {
	if len(c.takes) == 0 {
		return fmt.Sprintf("nothing is recorded in %s; set record = %q on the backend that you want to replay and run once", c.dir, c.dir)
	}
	want := pretty(canon)
	var nearest []byte
	best := -1.0
	for _, key := range slices.Sorted(maps.Keys(c.takes)) {
		have := c.takes[key][0].Request
		if s := shared(want, pretty(have)); s > best {
			best, nearest = s, have
		}
	}
	return fmt.Sprintf("this request is not among the %d recorded in %s. The nearest one differs in %s (- recorded, + asked now):\n%s\n"+
		"Record again if the change is wanted", len(c.takes), c.dir, strings.Join(differs(nearest, canon), ", "), diff(pretty(nearest), want))
}

// differs names the parts of a request in which two differ.
func differs(recorded, asked []byte) []string {
	var old, now message.Request
	if json.Unmarshal(recorded, &old) != nil || json.Unmarshal(asked, &now) != nil {
		return []string{"its form"}
	}
	var out []string
	note := func(what string, a, b any) {
		if !reflect.DeepEqual(a, b) {
			out = append(out, what)
		}
	}
	note("model", old.Model, now.Model)
	for i := range min(len(old.Messages), len(now.Messages)) {
		note(fmt.Sprintf("message %d (%s)", i+1, now.Messages[i].Role), old.Messages[i], now.Messages[i])
	}
	if a, b := len(old.Messages), len(now.Messages); a != b {
		out = append(out, fmt.Sprintf("the number of messages (%d recorded, %d asked now)", a, b))
	}
	note("tools", old.Tools, now.Tools)
	note("tool_choice", old.ToolChoice, now.ToolChoice)
	note("response_schema", old.ResponseSchema, now.ResponseSchema)
	note("sampling", old.Sampling, now.Sampling)
	if over := len(out) - differsMost; over > 0 {
		out = append(out[:differsMost], fmt.Sprintf("%d more", over))
	}
	if out == nil {
		out = []string{"its form"}
	}
	return out
}

// pretty is a request in lines: JSON indented, and long texts broken where they
// break themselves, so that a changed word does not show a whole prompt.
func pretty(canon []byte) []string {
	var b bytes.Buffer
	if json.Indent(&b, canon, "", "  ") != nil {
		return []string{string(canon)}
	}
	return strings.Split(strings.ReplaceAll(b.String(), `\n`, "\\n\n    "), "\n")
}

// shared is the part of all lines that both have.
func shared(a, b []string) float64 {
	count := map[string]int{}
	for _, l := range a {
		count[l]++
	}
	both := 0
	for _, l := range b {
		if count[l] > 0 {
			count[l]--
			both++
		}
	}
	return float64(2*both) / float64(len(a)+len(b))
}

// diff lists lines that were removed and added, with a context line before each
// group. Equal beginnings and ends are skipped first; what remains goes through
// a table of longest common subsequences, unless it is too large for one.
func diff(old, now []string) string {
	start := 0
	for start < len(old) && start < len(now) && old[start] == now[start] {
		start++
	}
	endOld, endNow := len(old), len(now)
	for endOld > start && endNow > start && old[endOld-1] == now[endNow-1] {
		endOld, endNow = endOld-1, endNow-1
	}
	var lines []string
	if start > 0 {
		lines = append(lines, "  "+old[start-1])
	}
	lines = append(lines, middle(old[start:endOld], now[start:endNow])...)
	if over := len(lines) - diffLines; over > 0 {
		lines = append(lines[:diffLines], fmt.Sprintf("  ... and %d more lines", over))
	}
	for i, l := range lines {
		if len(l) > diffWidth {
			lines[i] = strings.ToValidUTF8(l[:diffWidth], "") + " ..."
		}
	}
	return strings.Join(lines, "\n")
}

func middle(old, now []string) []string {
	if len(old) > maxTable || len(now) > maxTable {
		return append(marked("- ", old), marked("+ ", now)...)
	}
	common := make([][]int, len(old)+1)
	for i := range common {
		common[i] = make([]int, len(now)+1)
	}
	for i := len(old) - 1; i >= 0; i-- {
		for j := len(now) - 1; j >= 0; j-- {
			if old[i] == now[j] {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	var out []string
	i, j := 0, 0
	for i < len(old) && j < len(now) {
		switch {
		case old[i] == now[j]:
			i, j = i+1, j+1
		case common[i+1][j] >= common[i][j+1]:
			out = append(out, "- "+old[i])
			i++
		default:
			out = append(out, "+ "+now[j])
			j++
		}
	}
	return append(append(out, marked("- ", old[i:])...), marked("+ ", now[j:])...)
}

func marked(mark string, lines []string) []string {
	out := make([]string, len(lines))
	for i, l := range lines {
		out[i] = mark + l
	}
	return out
}
