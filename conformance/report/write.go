package report

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// TextOptions of WriteText.
type TextOptions struct {
	Colour  bool // ANSI colours; the caller looks at NO_COLOR and the terminal
	Verbose bool // says, saw and do of every case, not only of those that did not pass
}

// WriteText writes one line per case, more for those that did not pass, and a
// summary.
func (r *Report) WriteText(w io.Writer, o TextOptions) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s kit %s (%s) · %s\n", r.Kit, r.Version, r.Profile, r.Subject.Name)
	if r.Subject.Digest != "" {
		fmt.Fprintf(&b, "%s\n", r.Subject.Digest)
	}
	for _, k := range sorted(r.Subject.Facts) {
		fmt.Fprintf(&b, "%s: %s\n", k, r.Subject.Facts[k])
	}
	b.WriteByte('\n')
	width := 0
	for _, c := range r.Cases {
		width = max(width, len(c.ID))
	}
	for _, c := range r.Cases {
		fmt.Fprintf(&b, "%s %-*s  %s%s\n", paint(c.Status, o.Colour), width, c.ID, oneLine(c.Title), figures(c.Measured))
		switch {
		case o.Verbose || c.Status == Fail || c.Status == Error:
			for _, line := range [][2]string{{"says", c.Says + " (" + c.Section + ")"}, {"saw", c.Saw}, {"do", c.Do}, {"again", c.Reproduce}} {
				if strings.TrimSpace(line[1]) != "" {
					fmt.Fprintf(&b, "         %-5s  %s\n", line[0], oneLine(line[1]))
				}
			}
		case c.Status != Pass && c.Saw != "":
			fmt.Fprintf(&b, "         %s\n", oneLine(c.Saw))
		}
	}
	counts := r.Count()
	var parts []string
	for _, s := range Statuses() {
		parts = append(parts, fmt.Sprintf("%d %s", counts[s], s))
	}
	fmt.Fprintf(&b, "\n%s: %s\n", strings.Join(parts, ", "), r.Conclusion())
	if r.Digest != "" {
		fmt.Fprintf(&b, "report %s\n", r.Digest)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func paint(s Status, colour bool) string {
	text := fmt.Sprintf("%-8s", s)
	if !colour {
		return text
	}
	code := map[Status]string{Pass: "32", Fail: "31;1", Error: "35;1", Skip: "33", Disabled: "2"}[s]
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// figures shows the few numbers of a line in a fixed order.
func figures(m map[string]int64) string {
	var parts []string
	for _, k := range sorted(m) {
		parts = append(parts, k+" "+strconv.FormatInt(m[k], 10))
	}
	if parts == nil {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

func sorted[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// oneLine keeps what a guest said from painting the terminal.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return ' '
		case !unicode.IsPrint(r):
			return '\uFFFD'
		}
		return r
	}, s)
}

// WriteJSON writes the report as Read takes it.
func (r *Report) WriteJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(r)
}

type junitSuite struct {
	XMLName  xml.Name    `xml:"testsuite"`
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Time     string      `xml:"time,attr"`
	Stamp    string      `xml:"timestamp,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string     `xml:"classname,attr"`
	Name    string     `xml:"name,attr"`
	Time    string     `xml:"time,attr"`
	Failure *junitNote `xml:"failure"`
	Error   *junitNote `xml:"error"`
	Skipped *junitNote `xml:"skipped"`
}

type junitNote struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// WriteJUnit writes the XML that CI systems read. A disabled case is a skipped
// one there: the format has no fifth status.
func (r *Report) WriteJUnit(w io.Writer) error {
	n := r.Count()
	suite := junitSuite{
		Name: "plimsoll " + r.Kit + " " + r.Subject.Name, Tests: len(r.Cases),
		Failures: n[Fail], Errors: n[Error], Skipped: n[Skip] + n[Disabled], Stamp: r.Started,
	}
	var total int64
	for _, c := range r.Cases {
		total += c.Measured["millis"]
		j := junitCase{Class: r.Kit, Name: c.ID + " " + oneLine(c.Title), Time: seconds(c.Measured["millis"])}
		note := &junitNote{Message: oneLine(c.Saw), Text: clean(fmt.Sprintf("says: %s (%s)\ndo: %s\nagain: %s", c.Says, c.Section, c.Do, c.Reproduce))}
		switch c.Status {
		case Fail:
			j.Failure = note
		case Error:
			j.Error = note
		case Skip, Disabled:
			j.Skipped = &junitNote{Message: string(c.Status) + ": " + oneLine(c.Saw)}
		}
		suite.Cases = append(suite.Cases, j)
	}
	suite.Time = seconds(total)
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", "  ")
	if err := enc.Encode(suite); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func seconds(millis int64) string { return fmt.Sprintf("%d.%03d", millis/1000, millis%1000) }

func clean(s string) string {
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		lines[i] = oneLine(l)
	}
	return strings.Join(lines, "\n")
}
