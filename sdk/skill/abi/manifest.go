package abi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/plimsoll-dev/plimsoll/sdk/canonjson"
)

// maxManifest bounds the manifest section, in bytes: schemas and self-tests of
// real skills stay far below.
const maxManifest = 1 << 20

// Manifest says what a module is and what it asks for. It stands in the custom
// section plim.manifest as canonical JSON and is read without running the
// guest. A project may narrow what it asks for, never widen it.
type Manifest struct {
	ABI          int             `json:"abi"` // 1
	Name         string          `json:"name,omitempty"`
	Version      string          `json:"version,omitempty"`      // the author's, free text
	Ops          []string        `json:"ops"`                    // of prepare, finish, check, render, run
	Gates        []string        `json:"gates,omitempty"`        // names that check answers to
	Formats      []string        `json:"formats,omitempty"`      // names that render answers to
	Input        json.RawMessage `json:"input,omitempty"`        // JSON schema
	Output       json.RawMessage `json:"output,omitempty"`       // JSON schema
	Capabilities []string        `json:"capabilities,omitempty"` // of model.generate, kv.get, kv.put, tool.call; open in op run only
	Limits       Limits          `json:"limits,omitzero"`
	SelfTests    []SelfTest      `json:"self_tests,omitempty"`
}

// Limits are what the author asks for; 0 takes the host's. A host grants at
// most its own.
type Limits struct {
	MemoryMiB   int `json:"memory_mib,omitempty"`
	TimeoutMS   int `json:"timeout_ms,omitempty"`
	OutputBytes int `json:"output_bytes,omitempty"`
	Fuel        int `json:"fuel,omitempty"` // units that one call may use, see sdk/ABI.md
}

// SelfTest is a call whose answer the author vouches for.
type SelfTest struct {
	Op     string          `json:"op"`
	Input  json.RawMessage `json:"input"`
	Output json.RawMessage `json:"output"`
}

// Asks tells whether the manifest asks for a capability.
func (m Manifest) Asks(op HostOp) bool { return slices.Contains(m.Capabilities, op.String()) }

// Has tells whether the manifest lists an op.
func (m Manifest) Has(op Op) bool { return slices.Contains(m.Ops, op.String()) }

// MaxSelfTests is how many self-tests a manifest may have: a host runs all of them
// before it takes the module, twice.
const MaxSelfTests = 100

// maxErrors is how many errors are worth reading.
const maxErrors = 10

// Validate tells what is wrong with a manifest, everything at once.
func (m Manifest) Validate() error {
	if n := max(len(m.Ops), len(m.Gates), len(m.Formats), len(m.Capabilities)); n > MaxList {
		return fmt.Errorf("a list has more than %d elements", MaxList)
	}
	if n := len(m.SelfTests); n > MaxSelfTests {
		return fmt.Errorf("there are %d self_tests; at most %d are run", n, MaxSelfTests)
	}
	var errs []error
	if m.ABI != Version {
		errs = append(errs, fmt.Errorf("abi is %d; this is version %d", m.ABI, Version))
	}
	for i, name := range m.Ops {
		if _, ok := ParseOp(name); !ok {
			errs = append(errs, fmt.Errorf("ops[%d] is %q; the ops are prepare, finish, check, render and run", i, name))
		} else if slices.Index(m.Ops, name) != i {
			errs = append(errs, fmt.Errorf("ops lists %q twice", name))
		}
	}
	for i, name := range m.Capabilities {
		if _, ok := ParseHostOp(name); !ok {
			errs = append(errs, fmt.Errorf("capabilities[%d] is %q; the capabilities are %s", i, name, strings.Join(Capabilities(), ", ")))
		} else if slices.Index(m.Capabilities, name) != i {
			errs = append(errs, fmt.Errorf("capabilities lists %q twice", name))
		}
	}
	for i, t := range m.SelfTests {
		if _, ok := ParseOp(t.Op); !ok {
			errs = append(errs, fmt.Errorf("self_tests[%d].op is %q, which is no op", i, t.Op))
		}
	}
	if m.Limits.MemoryMiB < 0 || m.Limits.TimeoutMS < 0 || m.Limits.OutputBytes < 0 || m.Limits.Fuel < 0 {
		errs = append(errs, errors.New("limits may not be negative"))
	}
	if more := len(errs) - maxErrors; more > 0 {
		errs = append(errs[:maxErrors], fmt.Errorf("and %d more", more))
	}
	return errors.Join(errs...)
}

// ParseManifest reads a manifest. Members that it does not know are errors: a
// manifest asks for things, and nothing that it asks may be skipped in silence.
func ParseManifest(raw []byte) (Manifest, error) {
	var m Manifest
	if len(raw) > maxManifest {
		return m, fmt.Errorf("reading the manifest: it has %d bytes, more than %d", len(raw), maxManifest)
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&m); err != nil {
		return Manifest{}, fmt.Errorf("reading the manifest: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return Manifest{}, errors.New("reading the manifest: there is text behind it")
	}
	if err := m.Validate(); err != nil {
		return Manifest{}, fmt.Errorf("reading the manifest: %w", err)
	}
	return m, nil
}

// ReadManifest finds the manifest of a module; ok is false when it has none.
// It reads sections only and runs nothing.
func ReadManifest(module []byte) (m Manifest, ok bool, err error) {
	err = sections(module, func(s section) error {
		if s.name != Section {
			return nil
		}
		if ok {
			return fmt.Errorf("section %s is there twice", Section)
		}
		ok = true
		var err error
		m, err = ParseManifest(s.body)
		return err
	})
	if err != nil {
		return Manifest{}, false, err
	}
	return m, ok, nil
}

// WithManifest returns the module with m as its manifest, in place of one that
// it may have. The section comes last; every other byte stays.
func WithManifest(module []byte, m Manifest) ([]byte, error) {
	if err := m.Validate(); err != nil {
		return nil, fmt.Errorf("writing the manifest: %w", err)
	}
	body, err := canonjson.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("writing the manifest: %w", err)
	}
	if len(body) > maxManifest {
		return nil, fmt.Errorf("writing the manifest: it has %d bytes, more than %d", len(body), maxManifest)
	}
	out := append(make([]byte, 0, len(module)+len(body)+32), module[:min(len(module), headerLen)]...)
	err = sections(module, func(s section) error {
		if s.name != Section {
			out = append(out, module[s.start:s.end]...)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("writing the manifest: %w", err)
	}
	payload := append(appendVarint(nil, uint32(len(Section))), Section...)
	payload = append(payload, body...)
	out = appendVarint(append(out, 0), uint32(len(payload)))
	return append(out, payload...), nil
}
