package guest

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/sandbox"
	"github.com/plimsoll-dev/plimsoll/core/sandbox/script"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

// subject is the code under test and what its folder says.
type subject struct {
	name     string // of the file
	bytes    []byte
	dir      string // the skill's folder; "" for a bare module
	contract *config.Contract
	program  *script.Program // of a script; nil for a module
}

// load reads a module or a script, or a skill's folder and the code that its skill.hcl
// names.
func load(path string) (*subject, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	s := &subject{name: filepath.Base(path)}
	if info.IsDir() {
		src, err := os.ReadFile(filepath.Join(path, "skill.hcl"))
		if err != nil {
			return nil, fmt.Errorf("reading the folder: %w", err)
		}
		contract, diags := config.ParseContract(filepath.Join(path, "skill.hcl"), src, config.ContractOptions{})
		if diags.HasErrors() {
			return nil, fmt.Errorf("reading skill.hcl: %s; plimsoll validate shows where", diag.Summary(diags))
		}
		if contract.Code == "" {
			return nil, fmt.Errorf("%s has no code: its skill.hcl does not name any", path)
		}
		absolute, err := filepath.Abs(path)
		if err != nil {
			return nil, err
		}
		s.dir, s.contract, s.name = path, contract, filepath.Base(absolute)+"/"+contract.Code
		if !filepath.IsLocal(contract.Code) {
			return nil, fmt.Errorf("skill.hcl names %q as its code, which lies outside of the folder", contract.Code)
		}
		path = filepath.Join(path, filepath.FromSlash(contract.Code))
	}
	if s.bytes, err = os.ReadFile(path); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%w; build the code first", err)
		}
		return nil, err
	}
	return s, s.bundle(path)
}

// admit hands the code to the sandbox; scripts are bundled first.
func (s *subject) admit(ctx context.Context, h *sandbox.Host) (*sandbox.Admitted, error) {
	if s.program != nil {
		return h.AdmitScript(ctx, s.program, sandbox.AdmitOptions{})
	}
	return h.Admit(ctx, s.bytes, sandbox.AdmitOptions{})
}

// digest names what was tested: the module's bytes, or everything that a script
// runs as.
func (s *subject) digest() string {
	if s.program != nil {
		return s.program.Digest
	}
	sum := sha256.Sum256(s.bytes)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// bundle makes a script of more files one program. Scripts are found by their
// names, as skill.hcl finds them.
func (s *subject) bundle(path string) error {
	switch filepath.Ext(path) {
	case ".ts", ".js", ".mts", ".mjs":
	default:
		return nil
	}
	p, err := script.Bundle(os.DirFS(filepath.Dir(path)), filepath.Base(path))
	if err != nil {
		return fmt.Errorf("bundling %s: %w", filepath.Base(path), err)
	}
	s.program, s.bytes = p, p.Code
	return nil
}

// example is a call that a host might make.
type example struct {
	from       string // where it comes from, for the report
	input      json.RawMessage
	completion string
	output     json.RawMessage // nil when none is known
}

// item is a line of a skill's items.
type item struct {
	Input     json.RawMessage `json:"input"`
	Reference json.RawMessage `json:"reference"`
}

// example takes the caller's file, the first item of the folder, a self-test, or
// makes an input from a schema, in this order.
func (s *subject) example(file string, m abi.Manifest) (example, error) {
	e := example{completion: "1: one, é\n2: two, 漢\n"}
	if s.dir != "" && s.contract.Output != "" {
		if raw, err := os.ReadFile(filepath.Join(s.dir, filepath.FromSlash(s.contract.Output))); err == nil {
			e.output = sample(raw)
		}
	}
	if e.output == nil && len(m.Output) > 0 {
		e.output = sample(m.Output)
	}
	if file != "" {
		raw, err := os.ReadFile(file)
		if err != nil {
			return e, fmt.Errorf("reading the input: %w", err)
		}
		if !json.Valid(raw) {
			return e, fmt.Errorf("reading the input: %s is not JSON", file)
		}
		e.from, e.input = filepath.Base(file), raw
		return e, nil
	}
	if it, name, ok := s.item(); ok {
		e.from, e.input = name, it.Input
		if len(it.Reference) > 0 {
			e.output, e.completion = it.Reference, string(it.Reference)
		}
		return e, nil
	}
	for i, t := range m.SelfTests {
		var in struct {
			Input      json.RawMessage `json:"input"`
			Completion string          `json:"completion"`
			Output     json.RawMessage `json:"output"`
		}
		if err := json.Unmarshal(t.Input, &in); err == nil && len(in.Input) > 0 {
			e.from, e.input = fmt.Sprintf("self-test %d", i+1), in.Input
			if in.Completion != "" {
				e.completion = in.Completion
			}
			if len(in.Output) > 0 {
				e.output = in.Output
			}
			return e, nil
		}
	}
	if s.dir != "" && s.contract.Input != "" {
		if raw, err := os.ReadFile(filepath.Join(s.dir, filepath.FromSlash(s.contract.Input))); err == nil {
			e.from, e.input = "made from "+s.contract.Input, sample(raw)
			return e, nil
		}
	}
	if len(m.Input) > 0 {
		e.from, e.input = "made from the manifest's schema", sample(m.Input)
		return e, nil
	}
	e.from, e.input = "an object that is empty: give one by -input", json.RawMessage(`{}`)
	return e, nil
}

// item is the first of the folder's items that can be read.
func (s *subject) item() (item, string, bool) {
	if s.dir == "" || s.contract.Items == nil {
		return item{}, "", false
	}
	for _, pattern := range append(s.contract.Items.Prove, s.contract.Items.Tune...) {
		files, err := filepath.Glob(filepath.Join(s.dir, filepath.FromSlash(pattern)))
		if err != nil {
			continue
		}
		for _, file := range files {
			raw, err := os.ReadFile(file)
			if err != nil {
				continue
			}
			if strings.HasSuffix(file, ".jsonl") {
				lines := bufio.NewScanner(bytes.NewReader(raw))
				lines.Buffer(nil, 16<<20)
				lines.Scan()
				raw = lines.Bytes()
			}
			var it item
			if err := json.Unmarshal(raw, &it); err == nil && len(it.Input) > 0 {
				return it, "the item " + filepath.Base(file), true
			}
		}
	}
	return item{}, "", false
}
