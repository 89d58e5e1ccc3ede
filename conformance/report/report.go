// Package report is what every conformance kit hands back: cases with one of
// five statuses, what the specification says, what was seen and what to do; as
// text for a terminal, JSON, JUnit and one HTML page.
//
// A JSON report carries a digest over its own canonical form, so that a changed
// one shows. The digest is no signature: whoever rewrites a report can write a
// new digest as well, so keep the digest somewhere else if that matters. The
// package must not know what is tested; it runs nothing and reads no clock.
//
//	r := report.New("guest", report.Subject{Name: "hello.wasm", Digest: digest}, started)
//	r.Add(report.Case{ID: "guest.marker", Title: "the version can be read", Status: report.Pass})
//	err := r.Seal()
//	err = r.WriteText(os.Stdout, report.TextOptions{})
//	fmt.Println(r.Conformant())
package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/sdk/canonjson"
)

// Format is the version of the report file.
const Format = 1

// Status is how a case ended. There are five, so that "was not looked at" never
// reads as "is fine".
type Status string

// The statuses.
const (
	Pass     Status = "pass"     // did what the specification says
	Fail     Status = "fail"     // did something else
	Skip     Status = "skip"     // the thing under test does not have what the case asks about
	Disabled Status = "disabled" // the caller switched the case off
	Error    Status = "error"    // the kit could not find out
)

// Statuses lists the five in the order in which they are counted and shown.
func Statuses() []Status { return []Status{Pass, Fail, Error, Skip, Disabled} }

// Case is one question and its answer.
type Case struct {
	ID        string            `json:"id"`                  // lower case words with dots and underscores, kit first: guest.input.empty
	Title     string            `json:"title"`               // what is asked, in a few words
	Says      string            `json:"says"`                // what the specification says
	Section   string            `json:"section"`             // where it says so: page, heading
	Status    Status            `json:"status"`              //
	Saw       string            `json:"saw,omitempty"`       // what was seen
	Do        string            `json:"do,omitempty"`        // what to do about it; empty for pass
	Reproduce string            `json:"reproduce,omitempty"` // the command that runs this case alone
	Measured  map[string]int64  `json:"measured,omitempty"`  // figures, unit in the name: millis, rss_bytes, fuel
	Labels    map[string]string `json:"labels,omitempty"`    // what kits add, such as the language of a guest
}

// Subject is what was tested.
type Subject struct {
	Name   string            `json:"name"`             // file name or command, without the folder of whoever ran it
	Digest string            `json:"digest,omitempty"` // sha256:... of the bytes, where there are bytes
	Facts  map[string]string `json:"facts,omitempty"`  // version, ops, features: what it says of itself
}

// Report is one run of one kit. Make it by New.
type Report struct {
	Format  int            `json:"format"`  // 1
	Kit     string         `json:"kit"`     // guest, host, backend
	Version string         `json:"version"` // of the kit's cases
	Profile string         `json:"profile"` // which part of the specification: plim1
	Subject Subject        `json:"subject"`
	Started string         `json:"started"` // RFC 3339, UTC
	System  string         `json:"system"`  // where it ran: linux/amd64
	Cases   []Case         `json:"cases"`
	Counts  map[Status]int `json:"counts"`
	Result  string         `json:"result"` // conformant or not conformant
	Digest  string         `json:"digest"` // sha256 over the canonical JSON of all the rest
}

// New begins a report. The time is the caller's: this package reads no clock.
func New(kit string, s Subject, started time.Time) *Report {
	return &Report{Format: Format, Kit: kit, Subject: s, Started: started.UTC().Format(time.RFC3339), Cases: []Case{}}
}

// Add takes the answers of cases, in the order in which they are shown. What a
// tested thing said may be any bytes; a report is UTF-8.
func (r *Report) Add(cases ...Case) {
	for _, c := range cases {
		c.Title, c.Saw, c.Do = strings.ToValidUTF8(c.Title, "\uFFFD"), strings.ToValidUTF8(c.Saw, "\uFFFD"), strings.ToValidUTF8(c.Do, "\uFFFD")
		r.Cases = append(r.Cases, c)
	}
}

// Count counts the cases by status.
func (r *Report) Count() map[Status]int {
	n := map[Status]int{}
	for _, s := range Statuses() {
		n[s] = 0
	}
	for _, c := range r.Cases {
		n[c.Status]++
	}
	return n
}

// Conformant tells whether every case that was to be asked got its answer and
// none failed. A report without a pass is not conformant: nothing was shown.
// Neither is one from which cases were switched off.
func (r *Report) Conformant() bool {
	n := r.Count()
	return n[Pass] > 0 && n[Fail] == 0 && n[Error] == 0 && n[Disabled] == 0
}

// Conclusion is what Report.Result says.
func (r *Report) Conclusion() string {
	n := r.Count()
	switch {
	case r.Conformant():
		return "conformant"
	case n[Fail] == 0 && n[Error] == 0 && n[Pass] > 0:
		return "partial: no failure, but cases were switched off"
	}
	return "not conformant"
}

// Seal counts, concludes and writes the digest. Call it once, after the last Add.
func (r *Report) Seal() error {
	seen := map[string]bool{}
	for _, c := range r.Cases {
		if seen[c.ID] {
			return fmt.Errorf("sealing the report: case %s is there twice", c.ID)
		}
		seen[c.ID] = true
	}
	r.Counts, r.Result = r.Count(), r.Conclusion()
	digest, err := r.digest()
	if err != nil {
		return fmt.Errorf("sealing the report: %w", err)
	}
	r.Digest = digest
	return nil
}

func (r *Report) digest() (string, error) {
	bare := *r
	bare.Digest = ""
	return canonjson.Digest(bare)
}

// ErrEdited is what Verify gives for a report that is not as the kit wrote it.
var ErrEdited = errors.New("the report was edited")

// maxReport bounds a report that is read, in bytes.
const maxReport = 64 << 20

// Read decodes a JSON report and verifies it: members that a report does not
// have are errors, and so is what Verify finds.
func Read(in io.Reader) (*Report, error) {
	raw, err := io.ReadAll(io.LimitReader(in, maxReport+1))
	if err != nil {
		return nil, fmt.Errorf("reading the report: %w", err)
	}
	if len(raw) > maxReport {
		return nil, fmt.Errorf("reading the report: it has more than %d MiB", maxReport>>20)
	}
	// encoding/json takes the last of two equal members and another case of a
	// name; canonical JSON takes neither, so such a report never gets its digest
	// compared with something other than what a person reads.
	if _, err := canonjson.Transform(raw); err != nil {
		return nil, fmt.Errorf("reading the report: %w", err)
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	r := &Report{}
	if err := dec.Decode(r); err != nil {
		return nil, fmt.Errorf("reading the report: %w", err)
	}
	return r, r.Verify()
}

// Verify tells whether the report is as it was sealed: digest, counts and
// conclusion are computed again. The error wraps ErrEdited.
func (r *Report) Verify() error {
	if r.Format != Format {
		return fmt.Errorf("verifying the report: it has format %d; this is format %d", r.Format, Format)
	}
	want, err := r.digest()
	if err != nil {
		return fmt.Errorf("verifying the report: %w", err)
	}
	if want != r.Digest {
		return fmt.Errorf("verifying the report: %w: it says digest %s, and its content has %s; take the file as the kit wrote it", ErrEdited, r.Digest, want)
	}
	for s, n := range r.Count() {
		if r.Counts[s] != n {
			return fmt.Errorf("verifying the report: %w: it says %d cases with status %s, and lists %d", ErrEdited, r.Counts[s], s, n)
		}
	}
	if r.Result != r.Conclusion() {
		return fmt.Errorf("verifying the report: %w: it says %q, and its cases say %q", ErrEdited, r.Result, r.Conclusion())
	}
	for _, c := range r.Cases {
		if !known(c.Status) {
			return fmt.Errorf("verifying the report: %w: case %s has the status %q, which is none", ErrEdited, c.ID, c.Status)
		}
	}
	return nil
}

func known(s Status) bool {
	for _, k := range Statuses() {
		if s == k {
			return true
		}
	}
	return false
}
