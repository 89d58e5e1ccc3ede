package witness

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/plimsoll-dev/plimsoll/core/audit"
)

// AddExport checks a whole export of a log (plimsoll audit export), which needs no
// proof: everything is rebuilt, the keys are followed through their rotations,
// and the log must contain what was cosigned last. The checkpoint is returned
// with the cosignature line.
func (w *Witness) AddExport(dir string) (checkpoint []byte, line string, refusal *Refusal, err error) {
	checkpoint, err = os.ReadFile(filepath.Join(dir, "checkpoint"))
	if err != nil {
		return nil, "", nil, fmt.Errorf("the export has no checkpoint: %w", err)
	}
	line, refusal, err = w.decide(checkpoint, func(s *state) (*audit.Checkpoint, *Refusal) { return s.judgeExport(dir, checkpoint) }, checkpoint)
	return checkpoint, line, refusal, err
}

func (s *state) judgeExport(dir string, checkpoint []byte) (*audit.Checkpoint, *Refusal) {
	c, err := audit.ParseCheckpoint(checkpoint)
	if err != nil {
		return nil, &Refusal{Reason: Malformed, Text: "The checkpoint cannot be read: " + err.Error() + "."}
	}
	l := s.Logs[c.Origin]
	if l == nil {
		return nil, &Refusal{Reason: UnknownLog, Text: fmt.Sprintf("This witness does not watch the log %q: add it with `plimsoll audit witness init --log KEY`.", c.Origin)}
	}
	var result *audit.Result
	for _, key := range l.Keys {
		if result, err = audit.VerifyExport(dir, audit.Options{Key: key}); err == nil {
			break
		}
	}
	if err != nil {
		var f *audit.Fault
		if errors.As(err, &f) {
			return nil, &Refusal{Reason: Unsigned, Size: l.Size, Text: "The export does not hold: " + f.Error()}
		}
		return nil, &Refusal{Reason: Malformed, Size: l.Size, Text: "The export cannot be read: " + err.Error() + "."}
	}
	if result.Checkpoint != c {
		return nil, &Refusal{Reason: Malformed, Size: l.Size, Text: "The export changed while it was read: give it again."}
	}
	if l.Checkpoint != "" {
		if _, err := audit.VerifyExport(dir, audit.Options{Key: result.Keys[0], Old: [][]byte{[]byte(l.Checkpoint)}}); err != nil {
			why := Fork
			if c.Size < l.Size {
				why = Rollback
			}
			return nil, &Refusal{Reason: why, Size: l.Size, Text: fmt.Sprintf("The log %s is not the one that was cosigned on %s: %v", c.Origin, l.day(), err)}
		}
	}
	for _, key := range result.Keys {
		if err := s.trust(key); err != nil {
			return nil, &Refusal{Reason: Malformed, Size: l.Size, Text: err.Error()}
		}
	}
	return &result.Checkpoint, nil
}
