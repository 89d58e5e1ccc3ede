package judge

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/sdk/canonjson"
)

// Unfit says why a judge's tier may not judge two arms, or "". A judge favours its
// own family, and the same model under another family's name is still itself.
func Unfit(judge, current, candidate *config.Tier) string {
	for _, arm := range []*config.Tier{current, candidate} {
		switch {
		case same(judge.Family, arm.Family):
			return fmt.Sprintf("the judge is of the family %s, as one of the arms: no judge outside that family", judge.Family)
		case same(short(judge.Model), short(arm.Model)):
			return fmt.Sprintf("the judge is the model %s, as one of the arms: no model judges itself", judge.Model)
		}
	}
	return ""
}

func same(a, b string) bool {
	return strings.EqualFold(strings.TrimSpace(a), strings.TrimSpace(b))
}

// short is a model id without the vendor that hosts put before it.
func short(model string) string { return model[strings.LastIndexByte(model, '/')+1:] }

// NamesOf lists what could tell a judge who wrote an output: models and families
// of both arms, the same for either.
func NamesOf(arms ...*config.Tier) []string {
	var out []string
	for _, t := range arms {
		out = append(out, t.Model, short(t.Model), t.Family)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Shown is a case as a judge sees it, for a person who labels: the input, and the
// work without the names of who could have written it.
func (c Case) Shown(dims []*config.Dimension) (input, work string) {
	input = plain(c.Input)
	task := input
	for _, d := range dims {
		task += "\n" + rubricOf(d)
	}
	return input, blind(delivered(c.Output), c.Names, task)
}

// leastName is the length from which a name is one: shorter ones are syllables.
const leastName = 3

// blind puts "[model]" for the names in a work. A name that the task itself speaks
// of stays: there it is content, and on both arms.
func blind(work string, names []string, task string) string {
	task = strings.ToLower(task)
	names = slices.Clone(names)
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b)) })
	for _, name := range names {
		if name = strings.TrimSpace(name); len(name) < leastName || strings.Contains(task, strings.ToLower(name)) {
			continue
		}
		work = without(work, name)
	}
	return work
}

// without replaces a name where it stands as a word, in any case.
func without(text, name string) string {
	find := regexp.MustCompile(`(?i)` + regexp.QuoteMeta(name))
	var b strings.Builder
	from := 0
	for _, at := range find.FindAllStringIndex(text, -1) {
		before, _ := utf8.DecodeLastRuneInString(text[:at[0]])
		after, _ := utf8.DecodeRuneInString(text[at[1]:])
		if at[0] > 0 && isWord(before) || at[1] < len(text) && isWord(after) {
			continue
		}
		b.WriteString(text[from:at[0]])
		b.WriteString("[model]")
		from = at[1]
	}
	b.WriteString(text[from:])
	return b.String()
}

func isWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// delivered is an output without the habits of who wrote it: JSON in its canonical
// form, text with plain line ends and nothing invisible at the ends of lines.
// What a rubric can ask about stays.
func delivered(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) != nil {
		if canon, err := canonjson.Transform(raw); err == nil {
			return string(canon)
		}
		text = string(raw)
	}
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text)
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		lines[i] = strings.TrimRightFunc(l, unicode.IsSpace)
	}
	return strings.Trim(strings.Join(lines, "\n"), "\n")
}

// markOf is a number that neither text can hold: it is a digest over both, which
// whoever wrote them would have had to know before writing.
func markOf(texts ...string) string {
	h := sha256.New()
	for _, t := range texts {
		fmt.Fprintf(h, "%d:%s", len(t), t)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
