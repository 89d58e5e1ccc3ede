package report_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/conformance/report"
)

var update = flag.Bool("update", false, "rewrite golden files")

// full has a case of every status, and texts that try to break out of every form.
func full(t *testing.T) *report.Report {
	t.Helper()
	r := report.New("guest", report.Subject{Name: "hello.wasm", Digest: "sha256:00ff", Facts: map[string]string{"ops": "finish check"}}, time.Date(2026, 7, 2, 2, 0, 0, 0, time.UTC))
	r.Version, r.Profile, r.System = "1", "plim1", "linux/amd64"
	r.Add(
		report.Case{ID: "guest.module.marker", Title: "the version can be read", Says: "A marker.", Section: "ABI, Exports", Status: report.Pass, Measured: map[string]int64{"millis": 12}},
		report.Case{ID: "guest.input.empty", Title: "no bytes", Says: "The pointer is not 0.", Section: "ABI, A call", Status: report.Fail, Saw: "trap: <script>alert(1)</script> & \x1b[31mred\nnext", Do: "Answer bad_input.", Reproduce: "plimsoll-conformance skill -only input.empty hello.wasm"},
		report.Case{ID: "guest.input.big", Title: "1 MiB", Says: "Room.", Section: "ABI, A call", Status: report.Error, Saw: "the kit was stopped: \xff\xfe", Do: "Run it again."},
		report.Case{ID: "guest.op.run", Title: "op run", Says: "Run.", Section: "ABI, Ops", Status: report.Skip, Saw: "it does not have op run"},
		report.Case{ID: "guest.op.render", Title: "render", Says: "Render.", Section: "ABI, Ops", Status: report.Disabled, Saw: "switched off by -skip"},
	)
	if err := r.Seal(); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestForms(t *testing.T) {
	r := full(t)
	for name, write := range map[string]func(*bytes.Buffer) error{
		"report.txt":  func(b *bytes.Buffer) error { return r.WriteText(b, report.TextOptions{}) },
		"report.json": func(b *bytes.Buffer) error { return r.WriteJSON(b) },
		"report.xml":  func(b *bytes.Buffer) error { return r.WriteJUnit(b) },
		"report.html": func(b *bytes.Buffer) error { return r.WriteHTML(b) },
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			if err := write(&b); err != nil {
				t.Fatal(err)
			}
			if strings.Contains(b.String(), "\x1b") || strings.Contains(b.String(), "<script>alert") && name != "report.txt" && name != "report.json" {
				t.Error("what the guest said gets through")
			}
			if name == "report.xml" {
				if err := xml.Unmarshal(b.Bytes(), new(struct{})); err != nil {
					t.Error(err)
				}
			}
			golden := filepath.Join("testdata", name)
			if *update {
				if err := os.WriteFile(golden, b.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(b.Bytes(), want) {
				t.Errorf("differs from %s (rewrite it by -update):\n%s", golden, b.String())
			}
		})
	}
}

func TestVerdict(t *testing.T) {
	for _, c := range []struct {
		statuses   []report.Status
		conformant bool
		says       string
	}{
		{nil, false, "not conformant"},
		{[]report.Status{report.Skip}, false, "not conformant"},
		{[]report.Status{report.Pass}, true, "conformant"},
		{[]report.Status{report.Pass, report.Skip}, true, "conformant"},
		{[]report.Status{report.Pass, report.Disabled}, false, "partial: no failure, but cases were switched off"},
		{[]report.Status{report.Pass, report.Fail}, false, "not conformant"},
		{[]report.Status{report.Pass, report.Error}, false, "not conformant"},
		{[]report.Status{report.Disabled}, false, "not conformant"},
	} {
		r := report.New("k", report.Subject{}, time.Time{})
		for i, s := range c.statuses {
			r.Add(report.Case{ID: string(rune('a' + i)), Status: s})
		}
		if r.Conformant() != c.conformant || r.Conclusion() != c.says {
			t.Errorf("%v: %v %q, want %v %q", c.statuses, r.Conformant(), r.Conclusion(), c.conformant, c.says)
		}
	}
}

// TestTampered changes a report in every way in which somebody might, and each
// must show.
func TestTampered(t *testing.T) {
	var b bytes.Buffer
	if err := full(t).WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	if _, err := report.Read(strings.NewReader(text)); err != nil {
		t.Fatalf("the report as it was written: %v", err)
	}
	for name, change := range map[string][2]string{
		"a status":         {`"status": "fail"`, `"status": "pass"`},
		"a result":         {`"result": "not conformant"`, `"result": "conformant"`},
		"a subject":        {`hello.wasm"`, `other.wasm"`},
		"a tested digest":  {`sha256:00ff`, `sha256:00fe`},
		"a sight":          {`trap: `, `fine: `},
		"a figure":         {`"millis": 12`, `"millis": 2`},
		"a count":          {`"fail": 1`, `"fail": 0`},
		"a version":        {`"version": "1"`, `"version": "2"`},
		"a format":         {`"format": 1`, `"format": 2`},
		"a member twice":   {`"kit": "guest"`, `"kit": "guest", "kit": "host"`},
		"a member in caps": {`"kit": "guest"`, `"kit": "guest", "KIT": "host"`},
		"another member":   {`"kit": "guest"`, `"kit": "guest", "note": "trust me"`},
		"text behind":      {"\n}\n", "\n}\n{}"},
	} {
		changed := strings.Replace(text, change[0], change[1], 1)
		if changed == text {
			t.Fatalf("%s: nothing was changed", name)
		}
		if _, err := report.Read(strings.NewReader(changed)); err == nil {
			t.Errorf("%s was changed and nobody saw it", name)
		}
	}
	_, err := report.Read(strings.NewReader(strings.Replace(text, `"status": "fail"`, `"status": "pass"`, 1)))
	if !errors.Is(err, report.ErrEdited) {
		t.Errorf("a changed status gives %v", err)
	}
}

// TestResealed: a new digest over changed cases does not help when the counts
// and the conclusion stay, and a status that is none is seen.
func TestResealed(t *testing.T) {
	r := full(t)
	r.Cases[1].Status = "excellent"
	if err := r.Seal(); err != nil {
		t.Fatal(err)
	}
	if err := r.Verify(); !errors.Is(err, report.ErrEdited) {
		t.Errorf("a status that is none gives %v", err)
	}
	r = full(t)
	r.Add(r.Cases[0])
	if err := r.Seal(); err == nil {
		t.Error("a case that is there twice was sealed")
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(`{}`))
	f.Add([]byte(`{"format":1,"cases":[{"id":"a","status":"pass"}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := report.Read(bytes.NewReader(raw))
		if err == nil && r.Verify() != nil {
			t.Error("a report was read that does not verify")
		}
	})
}
