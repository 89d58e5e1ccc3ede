package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/rivo/uniseg"
)

// version of the JSON documents that commands print.
const jsonVersion = 1

// document prints v as the one JSON document of a command, its version first.
func (c *command) document(v map[string]any) error {
	v["version"] = jsonVersion
	raw, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("printing JSON: %w", err)
	}
	_, err = fmt.Fprintln(c.Out, string(raw))
	return err
}

func (c *command) say(format string, args ...any) { fmt.Fprintf(c.Out, format+"\n", args...) }

// note goes beside the result, on standard error.
func (c *command) note(format string, args ...any) { fmt.Fprintf(c.Err, format+"\n", args...) }

// next ends a command with what to do next.
func (c *command) next(format string, args ...any) {
	if !c.json {
		fmt.Fprintf(c.Out, "\n%s %s\n", c.bold("Next:"), fmt.Sprintf(format, args...))
	}
}

func (c *command) paint(code, s string) string {
	if !c.Color {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func (c *command) bold(s string) string { return c.paint("1", s) }
func (c *command) dim(s string) string  { return c.paint("2", s) }
func (c *command) red(s string) string  { return c.paint("31", s) }

// columns prints rows in columns that line up by what is seen, not by bytes.
func columns(w io.Writer, rows [][]string) {
	var widths []int
	for _, r := range rows {
		for i, cell := range r {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], uniseg.StringWidth(cell))
		}
	}
	for _, r := range rows {
		var b strings.Builder
		for i, cell := range r {
			b.WriteString(cell)
			if i < len(r)-1 {
				b.WriteString(strings.Repeat(" ", widths[i]-uniseg.StringWidth(cell)+2))
			}
		}
		fmt.Fprintln(w, strings.TrimRight(b.String(), " "))
	}
}

// points writes millionths as points of a hundred: 12300 is "1.2".
func points(millionths int64) string {
	return fmt.Sprintf("%.1f", float64(millionths)/1e4)
}

func plural(n int, one, many string) string {
	if n == 1 {
		return fmt.Sprintf("%d %s", n, one)
	}
	return fmt.Sprintf("%d %s", n, many)
}
