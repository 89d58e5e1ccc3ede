package label

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
)

// Shown is a text for the page: as blocks to be read, and as it stands. The page
// makes elements of blocks and fills them with text; no markup of an output ever
// reaches it as markup. To make HTML here was refused: then one mistake in
// escaping would run what an output says.
type Shown struct {
	Blocks []Block `json:"blocks"`
	Raw    string  `json:"raw"`
}

// Block is a piece of a text. Kind is p, h, li, quote, code, rule or field.
type Block struct {
	Kind  string `json:"kind"`
	Level int    `json:"level,omitempty"` // of a heading from 1; how deep an item or a field lies, from 0
	Key   string `json:"key,omitempty"`   // of a field, or an item's number
	Spans []Span `json:"spans"`
}

// Span is a run of text. Style is "", b, i or code.
type Span struct {
	Text  string `json:"text"`
	Style string `json:"style,omitempty"`
}

// deepest is how far in items and fields are shown; what lies deeper is shown there.
const deepest = 6

// show reads JSON objects and lists as fields, all else as Markdown.
func show(text string) Shown {
	out := Shown{Raw: visible(text)}
	trimmed := strings.TrimSpace(text)
	if strings.HasPrefix(trimmed, "{") || strings.HasPrefix(trimmed, "[") {
		if blocks, ok := fields(trimmed); ok {
			out.Blocks = blocks
			var pretty bytes.Buffer
			if json.Indent(&pretty, []byte(trimmed), "", "  ") == nil {
				out.Raw = visible(pretty.String())
			}
			return out
		}
	}
	out.Blocks = markdown(out.Raw)
	return out
}

// visible puts a mark in the place of what would change how a text reads without
// being seen: control characters and those that turn the direction.
func visible(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case unicode.IsControl(r), r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069, r == 0x200e, r == 0x200f:
			return '\ufffd'
		}
		return r
	}, text)
}

// fields lists a JSON document in the order in which it was written.
func fields(text string) ([]Block, bool) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var out []Block
	if !value(d, "", 0, &out) || d.More() {
		return nil, false
	}
	if len(out) == 0 { // {} and []
		out = append(out, Block{Kind: "field", Spans: []Span{{Text: text, Style: "code"}}})
	}
	return out, true
}

func value(d *json.Decoder, key string, level int, out *[]Block) bool {
	token, err := d.Token()
	if err != nil {
		return false
	}
	at := min(level, deepest)
	b := Block{Kind: "field", Level: at, Key: visible(key), Spans: []Span{}}
	delim, nested := token.(json.Delim)
	if !nested {
		switch v := token.(type) {
		case string:
			b.Spans = append(b.Spans, Span{Text: visible(v)})
			if v == "" {
				b.Spans[0] = Span{Text: `""`, Style: "code"}
			}
		default:
			b.Spans = append(b.Spans, Span{Text: printed(v), Style: "code"})
		}
		*out = append(*out, b)
		return true
	}
	below := level
	if key != "" {
		if !d.More() {
			b.Spans = append(b.Spans, Span{Text: map[json.Delim]string{'{': "{}", '[': "[]"}[delim], Style: "code"})
		}
		*out = append(*out, b)
		below++
	}
	for n := 1; d.More(); n++ {
		name := fmt.Sprintf("%d.", n)
		if delim == '{' {
			t, err := d.Token()
			if err != nil {
				return false
			}
			name = fmt.Sprint(t)
			if name == "" {
				name = `""`
			}
		}
		if !value(d, name, below, out) {
			return false
		}
	}
	_, err = d.Token()
	return err == nil
}

func printed(v any) string {
	if v == nil {
		return "null"
	}
	return fmt.Sprint(v)
}

// markdown reads what models write: headings, lists, quotations, fenced code,
// paragraphs, bold, italics and code within them. What it does not know stays as
// text; links stay as they are written, since where they lead is part of an output.
func markdown(text string) []Block {
	out := []Block{}
	var para []string
	flush := func() {
		if len(para) > 0 {
			out = append(out, Block{Kind: "p", Spans: spans(strings.Join(para, "\n"))})
			para = nil
		}
	}
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		l := lines[i]
		body := strings.TrimLeft(l, " \t")
		indent := (len(l) - len(body)) / 2
		if fence := fenceOf(body); fence != "" {
			flush()
			var code []string
			for i++; i < len(lines) && !strings.HasPrefix(strings.TrimSpace(lines[i]), fence); i++ {
				code = append(code, lines[i])
			}
			out = append(out, Block{Kind: "code", Spans: []Span{{Text: strings.Join(code, "\n")}}})
			continue
		}
		switch number, item := listed(body); {
		case body == "":
			flush()
		case heading(body) > 0:
			flush()
			n := heading(body)
			out = append(out, Block{Kind: "h", Level: n, Spans: spans(strings.TrimSpace(strings.TrimRight(body[n:], "# ")))})
		case strings.HasPrefix(body, ">"):
			flush()
			out = append(out, Block{Kind: "quote", Spans: spans(strings.TrimSpace(body[1:]))})
		case len(body) >= 3 && strings.Trim(body, "-") == "" || len(body) >= 3 && strings.Trim(body, "*") == "":
			flush()
			out = append(out, Block{Kind: "rule", Spans: []Span{}})
		case item != "":
			flush()
			out = append(out, Block{Kind: "li", Level: min(indent, deepest), Key: number, Spans: spans(item)})
		case strings.HasPrefix(body, "|"):
			// A table stays as it is written, in letters of one width.
			flush()
			table := []string{body}
			for i+1 < len(lines) && strings.HasPrefix(strings.TrimSpace(lines[i+1]), "|") {
				i++
				table = append(table, strings.TrimSpace(lines[i]))
			}
			out = append(out, Block{Kind: "code", Spans: []Span{{Text: strings.Join(table, "\n")}}})
		default:
			para = append(para, l)
		}
	}
	flush()
	return out
}

func fenceOf(body string) string {
	for _, f := range []string{"```", "~~~"} {
		if strings.HasPrefix(body, f) {
			return f
		}
	}
	return ""
}

// heading is a heading's level, 0 for none.
func heading(body string) int {
	n := len(body) - len(strings.TrimLeft(body, "#"))
	if n < 1 || n > 6 || !strings.HasPrefix(body[n:], " ") {
		return 0
	}
	return n
}

// listed is an item's text, and its number where it has one.
func listed(body string) (number, item string) {
	for _, mark := range []string{"- ", "* ", "+ "} {
		if rest, ok := strings.CutPrefix(body, mark); ok {
			return "", strings.TrimSpace(rest)
		}
	}
	digits := len(body) - len(strings.TrimLeft(body, "0123456789"))
	if digits == 0 || digits > 9 || len(body) < digits+2 || (body[digits] != '.' && body[digits] != ')') || body[digits+1] != ' ' {
		return "", ""
	}
	return body[:digits+1], strings.TrimSpace(body[digits+2:])
}

// spans finds `code`, **bold** and *italics* within a text.
func spans(text string) []Span {
	out := []Span{}
	plain := 0
	for i := 0; i < len(text); {
		mark, style := "", ""
		switch {
		case text[i] == '`':
			mark, style = "`", "code"
		case strings.HasPrefix(text[i:], "**"):
			mark, style = "**", "b"
		case text[i] == '*':
			mark, style = "*", "i"
		}
		if mark == "" {
			i++
			continue
		}
		from := i + len(mark)
		n := strings.Index(text[from:], mark)
		if n <= 0 || text[from] == ' ' || text[from+n-1] == ' ' || strings.Contains(text[from:from+n], "\n\n") {
			i = from
			continue
		}
		if plain < i {
			out = append(out, Span{Text: text[plain:i]})
		}
		out = append(out, Span{Text: text[from : from+n], Style: style})
		i = from + n + len(mark)
		plain = i
	}
	if plain < len(text) {
		out = append(out, Span{Text: text[plain:]})
	}
	return out
}
