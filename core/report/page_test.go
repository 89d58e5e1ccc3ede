package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// check reads a page as XML, which it is but for its doctype: everything that
// was opened is closed, so no text has got out of its place. It returns all that
// is wrong.
func check(page []byte) error {
	d := xml.NewDecoder(bytes.NewReader(page))
	d.Entity = xml.HTMLEntity
	ids, wanted := map[string]bool{}, map[string]bool{}
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("the page does not parse: %w", err)
		}
		start, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		if !slices.Contains(elements, start.Name.Local) {
			wrong("element %s does not belong to the page", start.Name.Local)
		}
		for _, a := range start.Attr {
			switch name := a.Name.Local; {
			case strings.HasPrefix(name, "on"), name == "src", name == "style", name == "srcset", name == "action":
				wrong("attribute %s=%q runs or loads something", name, a.Value)
			case name == "id":
				if ids[a.Value] {
					wrong("id %s twice", a.Value)
				}
				ids[a.Value] = true
			case name == "href" && !strings.HasPrefix(a.Value, "#"):
				wrong("href %q leaves the page", a.Value)
			case name == "href":
				wanted[a.Value[1:]] = true
			case name == "aria-labelledby":
				for _, id := range strings.Fields(a.Value) {
					wanted[id] = true
				}
			case name == "d" && !pathData.MatchString(a.Value):
				wrong("path %q is no path", a.Value)
			case slices.Contains(lengths, name) && start.Name.Local != "meta" && !length.MatchString(a.Value):
				wrong("%s=%q is no length", name, a.Value)
			}
		}
	}
	for id := range wanted {
		if !ids[id] {
			wrong("nothing has the id %s that is pointed at", id)
		}
	}
	return errors.Join(errs...)
}

var (
	elements = strings.Fields("html head meta title style body header main footer section article div span p h1 h2 h3 a small strong ol ul li dl dt dd table caption thead tbody tr th td pre figure figcaption svg desc circle line rect path text defs pattern")
	lengths  = strings.Fields("x y x1 x2 y1 y2 cx cy r dx dy width height")
	length   = regexp.MustCompile(`^-?\d+(\.\d+)?%?$`)
	pathData = regexp.MustCompile(`^M-?[\d.]+ -?[\d.]+([MLHVQTZ ,.\d-])*$|^M0 [05][HVQ].*$`)
)

func TestPageIsSafeAndWhole(t *testing.T) {
	all := nights()
	all["broken"] = brokenNight()
	for name, n := range all {
		page, err := HTML(n)
		if err != nil {
			t.Fatal(err)
		}
		if err := check(page); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, part := range []string{`default-src 'none'; style-src 'unsafe-inline'; img-src data:`, `<h1>`, `<title>`, `lang="en"`, `name="viewport"`} {
			if !bytes.Contains(page, []byte(part)) {
				t.Errorf("%s: the page lacks %s", name, part)
			}
		}
		again, err := HTML(n)
		if err != nil || !bytes.Equal(page, again) {
			t.Errorf("%s: the same night gave other bytes (%v)", name, err)
		}
	}
}

// A check that finds nothing wrong proves nothing: it must see what it is for.
func TestCheckSees(t *testing.T) {
	for _, bad := range []string{
		`<p>`, `<script>x</script>`, `<p onclick="x"></p>`, `<svg><path d="M0 NaNL1 2"/></svg>`, `<svg><line x1="NaN%"/></svg>`,
		`<a href="https://example.org/">x</a>`, `<p id="a"></p><p id="a"></p>`, `<a href="#gone">x</a>`, `<img/>`, `<svg><circle r="+Inf"/></svg>`,
	} {
		if check([]byte("<html>"+bad+"</html>")) == nil {
			t.Errorf("%s passes", bad)
		}
	}
}

// TestPageSays makes sure that the page shows what a reader came for.
func TestPageSays(t *testing.T) {
	page, err := HTML(richNight())
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{
		"2 steps moved down, which saves at least $71.28 a month; 2 are not decided yet and 5 hold.",
		`<span class="badge">simulated models</span>`, "cooldown until 2026-11-23", ">pinned<", "proves at 32.9", "shows worse at 20",
		"loses less than 5 points", "margin −5", "&lt;script&gt;alert(", "übersetzen-日本語/draft", "31 trials of unknown cost",
		`<span class="del">-  tier   = ladder.claude.opus`, "plimsoll evidence verify", "plimsoll audit verify", "kfVpc9Zz0aYQ2Rlc3Qgc2lnbmF0dXJlIG9mIGEgbmlnaHQ",
	} {
		if !bytes.Contains(page, []byte(part)) {
			t.Errorf("the page does not say %q", part)
		}
	}
	for _, n := range []Night{emptyNight(), heldNight()} {
		page, err := HTML(n)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(page, []byte("<p class=\"simulated\"")) {
			t.Error("a night without simulated models is called simulated")
		}
	}
}

// TestContrast computes WCAG 2.2's contrast of every color that is text on every
// ground that it stands on, in both schemes: at least 4.5.
func TestContrast(t *testing.T) {
	light := colors(pageStyle[:strings.Index(pageStyle, "@media")])
	dark := colors(pageStyle[strings.Index(pageStyle, "@media"):strings.Index(pageStyle, "* {")])
	if len(light) < 20 || len(dark) != len(light) {
		t.Fatalf("%d colors for light and %d for dark", len(light), len(dark))
	}
	pairs := [][2]string{
		{"ink", "paper"}, {"ink", "panel"}, {"quiet", "paper"}, {"quiet", "panel"}, {"link", "paper"}, {"link", "panel"},
		{"moved", "paper"}, {"open", "paper"}, {"worse", "paper"}, {"moved", "moved-wash"}, {"open", "open-wash"}, {"worse", "worse-wash"}, {"holds", "holds-wash"},
		{"moved", "panel"}, {"worse", "panel"}, {"worse", "moved-wash"},
	}
	for name, scheme := range map[string]map[string]float64{"light": light, "dark": dark} {
		for _, p := range pairs {
			a, b := scheme[p[0]], scheme[p[1]]
			if a < b {
				a, b = b, a
			}
			if ratio := (a + 0.05) / (b + 0.05); ratio < 4.5 {
				t.Errorf("%s: %s on %s has a contrast of %.2f", name, p[0], p[1], ratio)
			}
		}
	}
}

var custom = regexp.MustCompile(`--([a-z0-9-]+): #([0-9a-f]{6})`)

// colors are the relative luminances of a scheme's custom properties.
func colors(css string) map[string]float64 {
	out := map[string]float64{}
	for _, m := range custom.FindAllStringSubmatch(css, -1) {
		rgb, _ := strconv.ParseUint(m[2], 16, 32)
		linear := func(shift int) float64 {
			c := float64(rgb>>shift&255) / 255
			if c <= 0.04045 {
				return c / 12.92
			}
			return math.Pow((c+0.055)/1.055, 2.4)
		}
		out[m[1]] = 0.2126*linear(16) + 0.7152*linear(8) + 0.0722*linear(0)
	}
	return out
}
