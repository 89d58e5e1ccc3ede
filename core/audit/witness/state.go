package witness

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/plimsoll-dev/plimsoll/core/audit"
	"github.com/plimsoll-dev/plimsoll/core/store/atomicfile"
)

const stateVersion = 1

// maxEvidence bounds the files of evidence of a kind, so that nobody fills the disk of a
// witness with a fork.
const maxEvidence = 64

// state is what a witness must not forget: the last checkpoint it cosigned of
// each log. Without it the witness could be shown another history.
type state struct {
	V    int              `json:"v"`
	Key  string           `json:"key"`
	Logs map[string]*seen `json:"logs"` // by origin
}

type seen struct {
	Keys       []string  `json:"keys"` // verifier keys that are trusted for it
	Size       int64     `json:"size"`
	Root       string    `json:"root,omitempty"`
	Time       time.Time `json:"time,omitzero"`
	Checkpoint string    `json:"checkpoint,omitempty"` // as it was cosigned
}

func (l *seen) root() tlog.Hash {
	h, err := tlog.ParseHash(l.Root)
	if err != nil {
		return emptyRoot
	}
	return h
}

func (l *seen) day() string { return l.Time.UTC().Format("2006-01-02 15:04:05") }

func statePath(key string) string    { return key + ".state" }
func evidencePath(key string) string { return key + ".evidence" }

func isMissing(err error) bool { return errors.Is(err, fs.ErrNotExist) }

func stateExists(key string) bool {
	_, err := os.Lstat(statePath(key))
	return err == nil
}

// trust adds the verifier key of a log.
func (s *state) trust(line string) error {
	v, err := note.NewVerifier(line)
	if err != nil {
		return fmt.Errorf("%q is no verifier key of a log (origin+hash+base64): %w", line, err)
	}
	l := s.Logs[v.Name()]
	if l == nil {
		l = &seen{}
		s.Logs[v.Name()] = l
	}
	if !slices.Contains(l.Keys, line) {
		l.Keys = append(l.Keys, line)
	}
	return nil
}

// last is the checkpoint that was cosigned last of the log that raw speaks of.
func (s *state) last(raw []byte) string {
	if c, err := audit.ParseCheckpoint(raw); err == nil && s.Logs[c.Origin] != nil {
		return s.Logs[c.Origin].Checkpoint
	}
	return ""
}

func readState(key, public string) (*state, error) {
	path := statePath(key)
	raw, err := os.ReadFile(path)
	if isMissing(err) {
		return nil, fmt.Errorf("%s is missing: a witness without its state must not cosign, since it could be shown another history. Put it back from a copy, or make a new witness with another key: %w", path, err)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the state of the witness: %w", err)
	}
	var s state
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	err = dec.Decode(&s)
	if err == nil && s.Logs == nil {
		err = errors.New("it has no logs")
	}
	if err != nil {
		return nil, fmt.Errorf("the state of the witness %s cannot be read (%w): put it back from a copy", path, err)
	}
	if s.V != stateVersion {
		return nil, fmt.Errorf("the state of the witness %s is of version %d, this program knows %d: use a newer one", path, s.V, stateVersion)
	}
	if s.Key != public {
		return nil, fmt.Errorf("the state %s is of the witness %s, and the key is another: put the two that belong together back", path, s.Key)
	}
	for origin, l := range s.Logs {
		if err := l.check(origin); err != nil {
			return nil, fmt.Errorf("the state of the witness %s: the log %q: %w: put it back from a copy", path, origin, err)
		}
	}
	return &s, nil
}

// check keeps a damaged state from being taken for one that has seen nothing.
func (l *seen) check(origin string) error {
	if l == nil || len(l.Keys) == 0 {
		return errors.New("it has no key")
	}
	if l.Checkpoint == "" {
		if l.Size != 0 || l.Root != "" {
			return errors.New("its checkpoint is missing")
		}
		return nil
	}
	c, _, err := audit.OpenCheckpoint([]byte(l.Checkpoint), l.Keys...)
	if err != nil {
		return err
	}
	if c.Origin != origin || c.Size != l.Size || c.Root.String() != l.Root {
		return errors.New("its checkpoint is not what stands beside it")
	}
	return nil
}

func writeState(key string, s *state) error {
	raw, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding the state of the witness: %w", err)
	}
	if err := atomicfile.Write(statePath(key), append(raw, '\n'), 0o600); err != nil {
		return fmt.Errorf("writing the state of the witness: %w", err)
	}
	return nil
}

// update changes the state under a lock that keeps other processes out, and
// returns once it is safe on disk. When change fails nothing is written.
func update(key, public string, change func(*state) error) error {
	unlock, err := lock(key + ".lock")
	if err != nil {
		return fmt.Errorf("locking the state of the witness: %w", err)
	}
	defer unlock()
	s, err := readState(key, public)
	if err != nil {
		return err
	}
	if err := change(s); err != nil {
		return err
	}
	return writeState(key, s)
}

// keepEvidence writes what proves the fault of a log, and returns the file; "" when
// it could not or when there is enough. Equal evidence is kept once.
func keepEvidence(key string, r *Refusal, last string, request []byte, at time.Time) string {
	dir := evidencePath(key)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return ""
	}
	sum := sha256.Sum256(append([]byte(last), request...))
	// Anybody can show an old checkpoint again, only the log can make a fork: so
	// the two do not take each other's room.
	kind := "fork-"
	if r.Reason == Rollback {
		kind = "rollback-"
	}
	path := filepath.Join(dir, kind+hex.EncodeToString(sum[:8])+".txt")
	if _, err := os.Stat(path); err == nil {
		return path
	}
	if names, err := filepath.Glob(filepath.Join(dir, kind+"*")); err != nil || len(names) >= maxEvidence {
		return ""
	}
	text := fmt.Sprintf("%s\n%s\nSeen at %s.\n\n----- cosigned before -----\n%s\n----- shown now -----\n%s", r.Reason, r.Text, at.UTC().Format(time.RFC3339), last, request)
	if err := atomicfile.Write(path, []byte(text), 0o600); err != nil {
		return ""
	}
	return path
}
