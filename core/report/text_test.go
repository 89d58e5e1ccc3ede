package report

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"github.com/rivo/uniseg"
)

func TestPlain(t *testing.T) {
	for in, want := range map[string]string{
		"a\nb\tc  d":          "a b c d",
		"\x1b[31mred\x1b[0m":  "�[31mred�[0m",
		"abc\u202edef":        "abc�def",
		"bad \xff\xfe":        "bad �",
		"日本語 👩‍🚀":             "日本語 👩‍🚀",
		"line\u2028separator": "line�separator",
	} {
		if got := plain(in); got != want {
			t.Errorf("plain(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestEscape(t *testing.T) {
	for in, want := range map[string]string{
		"a|b":                  `a\|b`,
		"`code`":               "\\`code\\`",
		"<script>":             `\<script>`,
		"# heading":            `\#<!-- --> heading`,
		"- item":               `\- item`,
		"> quote":              `\> quote`,
		"@everyone #12":        "@<!-- -->everyone #<!-- -->12",
		"https://evil.example": "https:<!-- -->//evil.example",
		"www.evil.example":     "www<!-- -->.evil.example",
		"[x](y)":               `\[x\](y)`,
		"a_b*c":                `a\_b\*c`,
		"&lt;":                 `\&lt;`,
		"two\nlines":           "two lines",
		`back\slash`:           `back\\slash`,
	} {
		if got := escape(in); got != want {
			t.Errorf("escape(%q) = %q, want %q", in, got, want)
		}
	}
}

// A row of a table has as many bars as its head, whatever stands in it.
func TestMarkdownTablesAreWhole(t *testing.T) {
	n := richNight()
	for i := range 40 {
		n.Rows = append(n.Rows, Row{Skill: "many" + count(i), Current: "|", Reason: "| a | b\n\n## x", Decision: "hold"})
	}
	text := string(Markdown(n))
	bars := func(line string) int { return strings.Count(strings.ReplaceAll(line, `\|`, ""), "|") }
	head := 0
	for l := range strings.SplitSeq(text, "\n") {
		switch {
		case !strings.HasPrefix(l, "|"):
			head = 0
		case head == 0:
			head = bars(l)
		case bars(l) != head:
			t.Errorf("%d bars, want %d: %s", bars(l), head, l)
		}
	}
	if strings.Count(text, "<details>") != 1 || strings.Count(text, "</details>") != 1 {
		t.Error("many holds are not folded")
	}
	if strings.Count(text, "````") != 2 {
		t.Error("a fence of three in the diff is not fenced by four")
	}
}

func TestTerminalFits(t *testing.T) {
	all := nights()
	all["broken"] = brokenNight()
	for name, n := range all {
		for _, width := range []int{1, 40, 53, 80, 100, 200} {
			var b bytes.Buffer
			Terminal(&b, n, TerminalOptions{Width: width})
			for l := range strings.SplitSeq(b.String(), "\n") {
				if got := uniseg.StringWidth(l); got > max(width, widthLeast) {
					t.Errorf("%s at %d: %d columns: %s", name, width, got, l)
				}
				if strings.ContainsAny(l, "\x1b\x07\r") {
					t.Errorf("%s at %d: control characters without color: %q", name, width, l)
				}
			}
		}
	}
}

// Color adds nothing but color.
func TestTerminalColorIsOnlyColor(t *testing.T) {
	var with, without bytes.Buffer
	Terminal(&with, richNight(), TerminalOptions{Width: 100, Color: true})
	Terminal(&without, richNight(), TerminalOptions{Width: 100})
	text := with.String()
	if !strings.Contains(text, "\x1b[32m") {
		t.Error("no color at all")
	}
	for _, sgr := range []string{"0", bold, dim, green, yellow} {
		text = strings.ReplaceAll(text, "\x1b["+sgr+"m", "")
	}
	if text != without.String() {
		t.Error("the texts differ")
	}
}

func TestWrap(t *testing.T) {
	for _, c := range []struct {
		in    string
		width int
		most  int
		want  string
	}{
		{"one two three", 7, 0, "one two|three"},
		{"one two three four", 7, 2, "one two|three…"},
		{"unbreakable", 5, 0, "unbr…"},
		{"日本語 日本語", 7, 1, "日本語…"},
		{"", 5, 0, ""},
	} {
		if got := strings.Join(wrap(c.in, c.width, c.most), "|"); got != c.want {
			t.Errorf("wrap(%q, %d, %d) = %q, want %q", c.in, c.width, c.most, got, c.want)
		}
	}
}

func TestJSONRoundTrip(t *testing.T) {
	for name, n := range nights() {
		raw, err := JSON(n)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.HasPrefix(raw, []byte("{\n  \"version\": 1,\n")) {
			t.Errorf("%s: the version is not first", name)
		}
		got, err := ReadJSON(raw)
		if err != nil {
			t.Fatal(err)
		}
		for i := range n.Rows { // what is not UTF-8 or is empty has one form in JSON
			if n.Rows[i].Record != nil && !reflect.DeepEqual(n.Rows[i].Record, got.Rows[i].Record) {
				t.Errorf("%s: the record of row %d differs", name, i)
			}
		}
		again, err := JSON(got)
		if err != nil || !bytes.Equal(raw, again) {
			t.Errorf("%s: writing what was read gives other bytes (%v)", name, err)
		}
	}
	if _, err := JSON(brokenNight()); err == nil {
		t.Error("JSON has no NaN, and none was refused")
	}
}

func TestReadJSONRefuses(t *testing.T) {
	for in, want := range map[string]string{
		``:                                  "unexpected end",
		`{}`:                                "version 0",
		`{"version": 2}`:                    "version 2",
		`{"version": 1, "extra": 1}`:        "unknown field",
		`{"version": 1} {"version": 1}`:     "after top-level value",
		`{"version": 1, "rows": [{"a":1}]}`: "unknown field",
		`{"version": 1, "as_of": "today"}`:  "today",
	} {
		if _, err := ReadJSON([]byte(in)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", in, err, want)
		}
	}
}

func TestSentence(t *testing.T) {
	move := Row{Decision: "downgrade", Applied: true}
	may := Row{Decision: "downgrade"}
	open := Row{Decision: "inconclusive"}
	held := Row{Decision: "hold"}
	for _, c := range []struct {
		n    Night
		want string
	}{
		{Night{}, "There was nothing to look at: no skill has a step on a ladder."},
		{Night{Rows: []Row{held, {Decision: "nonsense"}}}, "Everything holds."},
		{Night{Rows: []Row{open}}, "Nothing moved; 1 is not decided yet."},
		{Night{Rows: []Row{move}}, "1 step moved down."},
		{Night{Rows: []Row{move, may, held}, Totals: Totals{SavingMonth: new(int64(2_000_000)), Traffic: true}}, "1 step moved down and 1 step may move down, which would save $2.00 a month; 1 holds."},
		{Night{Rows: []Row{move, move, open, open, held}, Totals: Totals{SavingPer1k: new(int64(2_000_000))}}, "2 steps moved down, which saves $2.00 per 1,000 runs of each; 2 are not decided yet and 1 holds."},
		{Night{Rows: []Row{move}, Totals: Totals{SavingMonth: new(int64(2_000_000))}}, "1 step moved down, which saves at least $2.00 a month."},
	} {
		if got := c.n.sentence(); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}
