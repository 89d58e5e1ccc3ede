package label

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/plimsoll-dev/plimsoll/core/judge"
	"github.com/plimsoll-dev/plimsoll/core/store/atomicfile"
	"github.com/plimsoll-dev/plimsoll/core/verdict"
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

// sheet is the file of answers. An answer is two lines, one for each work, written
// and synced together before the page is told.
type sheet struct {
	path string
	size int64 // of what is whole in it
}

// line is judge.Row as it is written.
type line struct {
	Item      string          `json:"item"`
	Skill     string          `json:"skill"`
	Dimension string          `json:"dimension"`
	Arm       string          `json:"arm"`
	Gold      json.Number     `json:"gold"`
	Look      int             `json:"look,omitempty"` // 2: the other order; it is no label
	Input     json.RawMessage `json:"input"`
	Output    json.RawMessage `json:"output"`
	Reference json.RawMessage `json:"reference,omitempty"`
}

// readSheet finds what was answered earlier. What add was writing when the machine
// went down is taken away and asked again. Nothing else is: a person may have named
// a file of their own, and one that add did not write so is refused as it is.
func readSheet(path string) (*sheet, known, diag.List, error) {
	out := &sheet{path: path}
	src, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return out, known{}, nil, nil
	}
	if err != nil {
		return nil, nil, nil, fmt.Errorf("reading the labels: %w", err)
	}
	whole, torn := split(src)
	rows, diags := judge.ReadSheet(filepath.Base(path), whole)
	if len(bytes.TrimSpace(whole)) == 0 {
		rows, diags = nil, nil
	}
	if diags.HasErrors() {
		return nil, nil, diags, nil
	}
	have := known{}
	for i := 0; i+1 < len(rows); i += 2 {
		a, b := rows[i], rows[i+1]
		if a.Skill != b.Skill || a.Item != b.Item || a.Dimension != b.Dimension || a.Look != b.Look {
			return nil, nil, nil, alone(path, a)
		}
		have[answerKey{a.Skill, a.Item, a.Dimension, a.Look, [2]string{a.Arm, b.Arm}}] = [2]int64{a.Gold, b.Gold}
	}
	if len(rows)%2 == 1 {
		last := whole[bytes.LastIndexByte(bytes.TrimSuffix(whole, []byte("\n")), '\n')+1:]
		if !halves(last, torn) {
			return nil, nil, nil, alone(path, rows[len(rows)-1])
		}
		whole = whole[:len(whole)-len(last)]
	}
	if out.size = int64(len(whole)); len(whole) < len(src) {
		if err := os.Truncate(path, out.size); err != nil {
			return nil, nil, nil, fmt.Errorf("taking away half a label: %w", err)
		}
	}
	if len(whole) > 0 && !bytes.HasSuffix(whole, []byte("\n")) {
		if err := out.endLine(); err != nil {
			return nil, nil, nil, err
		}
	}
	return out, have, nil, nil
}

// split parts a file from a last line that add was cut off in. One that is whole
// and lacks the newline alone, as editors leave it, is no such line, and neither is
// one that add would not begin so: reading it then says what is wrong.
func split(src []byte) (whole, torn []byte) {
	end := bytes.LastIndexByte(src, '\n') + 1
	if last := src[end:]; !json.Valid(last) && begins(last, []byte(`{"item":"`)) {
		return src[:end], last
	}
	return src, nil
}

// begins tells whether a line starts with head, as far as the line goes.
func begins(line, head []byte) bool {
	n := min(len(line), len(head))
	return bytes.Equal(line[:n], head[:n])
}

// halves tells whether torn is the other line of the answer whose first is row: it
// says the same of everything that stands before the arm.
func halves(row, torn []byte) bool {
	arm := bytes.Index(row, []byte(`,"arm":`))
	return arm > 0 && len(torn) > 0 && begins(torn, row[:arm])
}

func alone(path string, r judge.Row) error {
	return fmt.Errorf("line %[2]d of %[1]s is a label of one output of %[3]s, and that of the other is not on the line behind it: it was edited. Nothing was changed. Take line %[2]d out or bring the other back, or name another file with --out", path, r.At.Start.Line, r.Item)
}

// endLine writes the newline that the last line lacks.
func (s *sheet) endLine() error {
	f, err := os.OpenFile(s.path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return fmt.Errorf("ending the last line of the labels: %w", err)
	}
	_, err = f.WriteString("\n")
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("ending the last line of the labels: %w", err)
	}
	s.size++
	return nil
}

// add writes an answer and returns the size before it, for undo.
func (s *sheet) add(q question, gold [2]int64) (before int64, err error) {
	if err := s.unchanged(); err != nil {
		return 0, err
	}
	var out []byte
	for i, w := range q.pair.Works {
		l := line{
			Item: q.pair.Item, Skill: q.pair.Skill, Dimension: q.dimension.Name, Arm: w.Arm, Gold: number(gold[i]),
			Input: q.pair.Input, Output: w.Output, Reference: q.pair.Reference,
		}
		if q.look == 2 {
			l.Look = 2
		}
		raw, err := json.Marshal(l)
		if err != nil {
			return 0, fmt.Errorf("writing a label: %w", err)
		}
		out = append(append(out, raw...), '\n')
	}
	before = s.size
	if err := atomicfile.Append(s.path, out); err != nil {
		return 0, fmt.Errorf("writing a label: %w", err)
	}
	s.size += int64(len(out))
	return before, nil
}

// undo takes back all that was written since the file had this size.
func (s *sheet) undo(size int64) error {
	if err := s.unchanged(); err != nil {
		return err
	}
	f, err := os.OpenFile(s.path, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("taking a label back: %w", err)
	}
	if err := errors.Join(f.Truncate(size), f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("taking a label back: %w", err)
	}
	s.size = size
	return nil
}

// unchanged refuses to write where somebody else did meanwhile.
func (s *sheet) unchanged() error {
	info, err := os.Stat(s.path)
	if errors.Is(err, fs.ErrNotExist) && s.size == 0 {
		return nil
	}
	if err != nil {
		return fmt.Errorf("looking at the labels: %w", err)
	}
	if info.Size() != s.size {
		return fmt.Errorf("%s was changed by somebody else, and nothing was written: end this session and start it again", s.path)
	}
	return nil
}

// number writes a gold mark as the sheet has it.
func number(millionths int64) json.Number {
	switch millionths {
	case 0:
		return "0"
	case verdict.Million:
		return "1"
	}
	return json.Number(fmt.Sprintf("%.6f", float64(millionths)/float64(verdict.Million)))
}
