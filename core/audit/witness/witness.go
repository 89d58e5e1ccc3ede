// Package witness lets a second machine vouch for a log: it cosigns a checkpoint
// after it has checked that the log only grew since the last one it cosigned.
// Then the holder of the log's key cannot rewrite what others have seen: two
// histories would need the cosignature of one witness, and it gives one.
//
// It follows C2SP tlog-witness (add-checkpoint, over HTTP or as a file that is
// carried) and tlog-cosignature (cosignature/v1, Ed25519). A witness must be run
// by somebody else than the log, must never cosign without its state, and must
// never be copied: two witnesses with one key can be shown two histories.
//
//	w, err := witness.Open("witness.key", clock)
//	line, refusal, err := w.Add(request)        // the machine of the witness
//	http.Handle("/add-checkpoint", w.Handler())
//	cosigned, err := witness.Join(request.Checkpoint, line, witnessKey) // the machine of the log
//	seen, err := witness.Quorum(checkpoints, witnessKeys, 2)
package witness

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/plimsoll-dev/plimsoll/core/audit"
)

// Reason is why a witness did not cosign.
type Reason string

// The reasons. Fork and Rollback are about the log, and their evidence is kept.
const (
	Malformed  Reason = "malformed"
	UnknownLog Reason = "unknown log"    // no log of that origin is watched
	Unsigned   Reason = "not signed"     // by no key that is trusted for the log
	OldSize    Reason = "other size"     // the proof does not begin at what was seen last
	NoProof    Reason = "no proof"       // the proof does not hold, or is not there
	Fork       Reason = "forked log"     // two histories, both signed by the log
	Rollback   Reason = "rolled back"    // the log is shorter than it was
	Unsafe     Reason = "state not safe" // the witness could not write down what it would sign
)

// Refusal says why, what was seen last, and where the evidence lies.
type Refusal struct {
	Reason   Reason
	Text     string
	Size     int64  // the size that was cosigned last; 0 for none
	Evidence string // file with the request and what it contradicts, or ""
}

func (r *Refusal) Error() string {
	if r.Evidence == "" {
		return r.Text
	}
	return fmt.Sprintf("%s The evidence is in %s: keep it.", r.Text, r.Evidence)
}

// Witness cosigns. It may be used by many goroutines, and several processes may
// use one state.
type Witness struct {
	key  *Key
	path string // of the key; state and evidence lie beside it
	now  func() time.Time
	mu   sync.Mutex
}

// Init makes the key of a new witness, or takes the one that is there, and adds
// logs by their verifier keys. A log may have several keys, after a rotation.
func Init(path, name string, logs []string) (*Key, error) {
	k, err := ReadKey(path)
	switch {
	case err == nil && name != "" && name != k.Name:
		return nil, fmt.Errorf("%s is the key of %s already: a witness keeps its name", path, k.Name)
	case isMissing(err):
		if name == "" {
			return nil, errors.New("a new witness needs a name, such as witness.example.com/audit")
		}
		// A state without its key would let the new key sign what the old one has
		// refused; it is another witness, and begins with nothing.
		if stateExists(path) {
			return nil, fmt.Errorf("%s is there and its key is not: put the key back from a copy, or begin under another file name", statePath(path))
		}
		if k, err = NewKey(name); err != nil {
			return nil, err
		}
		if err := WriteKey(path, k); err != nil {
			return nil, err
		}
		if err := writeState(path, &state{V: stateVersion, Key: k.Public(), Logs: map[string]*seen{}}); err != nil {
			return nil, err
		}
	case err != nil:
		return nil, err
	}
	return k, update(path, k.Public(), func(s *state) error {
		for _, line := range logs {
			if err := s.trust(line); err != nil {
				return err
			}
		}
		return nil
	})
}

// Open takes up a witness that Init made. now gives the time of cosignatures.
func Open(path string, now func() time.Time) (*Witness, error) {
	k, err := ReadKey(path)
	if err != nil {
		return nil, err
	}
	if _, err := readState(path, k.Public()); err != nil {
		return nil, err
	}
	return &Witness{key: k, path: path, now: now}, nil
}

// Key is the verifier key of the witness.
func (w *Witness) Key() string { return w.key.Public() }

// Add checks a request, writes down what it saw, and returns the line with the
// cosignature. The error is for what is wrong with the witness itself: it refuses
// then, too.
func (w *Witness) Add(r Request) (line string, refusal *Refusal, err error) {
	return w.decide(r.Checkpoint, func(s *state) (*audit.Checkpoint, *Refusal) { return s.judge(r) }, r.Bytes())
}

// decide runs judge under the lock, and cosigns what it accepts. evidence is what
// is kept when the log is at fault.
func (w *Witness) decide(checkpoint []byte, judge func(*state) (*audit.Checkpoint, *Refusal), evidence []byte) (line string, refusal *Refusal, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	err = update(w.path, w.Key(), func(s *state) error {
		c, no := judge(s)
		if no != nil {
			refusal = no
			if no.Reason == Fork || no.Reason == Rollback {
				no.Evidence = keepEvidence(w.path, no, s.last(checkpoint), evidence, w.now())
			}
			return errRefused
		}
		text, _ := splitNote(checkpoint)
		at := w.now()
		line = w.key.cosign(text, at)
		l := s.Logs[c.Origin]
		l.Size, l.Root, l.Time = c.Size, c.Root.String(), at.UTC().Truncate(time.Second)
		l.Checkpoint = string(checkpoint)
		return nil
	})
	switch {
	case errors.Is(err, errRefused):
		return "", refusal, nil
	case err != nil:
		return "", &Refusal{Reason: Unsafe, Text: "The witness cannot write down what it would cosign, so it does not."}, err
	}
	return line, nil, nil
}

var errRefused = errors.New("refused")

// judge is the check of C2SP tlog-witness, in its order.
func (s *state) judge(r Request) (*audit.Checkpoint, *Refusal) {
	c, l, no := s.open(r.Checkpoint)
	if no != nil {
		return nil, no
	}
	refuse := func(why Reason, format string, a ...any) (*audit.Checkpoint, *Refusal) {
		return nil, &Refusal{Reason: why, Text: fmt.Sprintf(format, a...), Size: l.Size}
	}
	if r.Old > c.Size {
		return refuse(Malformed, "The proof begins at %d entries, and the checkpoint has %d: it must not shrink.", r.Old, c.Size)
	}
	root := l.root()
	if c.Size == l.Size && c.Size > 0 && c.Root != root {
		return refuse(Fork, "The log %s has signed two histories of %d entries: this one and the one that was cosigned on %s.", c.Origin, c.Size, l.day())
	}
	if c.Size < l.Size {
		return refuse(Rollback, "The log %s has %d entries here and had %d on %s: this is an old copy, or its end was cut off.", c.Origin, c.Size, l.Size, l.day())
	}
	if r.Old != l.Size {
		return refuse(OldSize, "The proof begins at %d entries, and %d were cosigned last: make one from there (--old %d).", r.Old, l.Size, l.Size)
	}
	if l.Size == 0 || c.Size == l.Size {
		if len(r.Proof) > 0 {
			return refuse(NoProof, "There is nothing to prove between %d and %d entries: leave the hashes out.", r.Old, c.Size)
		}
		if c.Size == 0 && c.Root != emptyRoot {
			return refuse(NoProof, "The checkpoint of an empty log has another root than that of an empty tree.")
		}
		return c, nil
	}
	if err := tlog.CheckTree(r.Proof, c.Size, c.Root, l.Size, root); err != nil {
		return refuse(NoProof, "The proof from %d to %d entries does not hold: either it is not the right one, or the log was rewritten. Give the whole export (--export) to know.", l.Size, c.Size)
	}
	return c, nil
}

var emptyRoot, _ = tlog.TreeHash(0, nil)

// open reads a checkpoint of a log that is watched.
func (s *state) open(raw []byte) (*audit.Checkpoint, *seen, *Refusal) {
	c, err := audit.ParseCheckpoint(raw)
	if err != nil {
		return nil, nil, &Refusal{Reason: Malformed, Text: "The checkpoint cannot be read: " + err.Error() + "."}
	}
	l := s.Logs[c.Origin]
	if l == nil {
		return nil, nil, &Refusal{Reason: UnknownLog, Text: fmt.Sprintf("This witness does not watch the log %q: add it with `plimsoll audit witness init --log KEY`.", c.Origin)}
	}
	if _, _, err := audit.OpenCheckpoint(raw, l.Keys...); err != nil {
		return nil, nil, &Refusal{Reason: Unsigned, Size: l.Size,
			Text: fmt.Sprintf("No key that is trusted for the log %q has signed this checkpoint. After a rotation, add the new key, or give the whole export.", c.Origin)}
	}
	return &c, l, nil
}

// splitNote divides a signed note into its text and its signature lines.
func splitNote(msg []byte) (text, sigs []byte) {
	end := bytes.LastIndex(msg, []byte("\n\n"))
	if end < 0 {
		return msg, nil
	}
	return msg[:end+1], msg[end+2:]
}

// Join puts the cosignature lines of an answer under a checkpoint, those that the
// key of the witness has made and no others.
func Join(checkpoint []byte, lines, key string) ([]byte, error) {
	v, err := parsePublic(key)
	if err != nil {
		return nil, err
	}
	text, _ := splitNote(checkpoint)
	for line := range strings.Lines(lines) {
		if sig, ok := v.signature(line); ok && v.Verify(text, sig) {
			return append(bytes.TrimRight(bytes.Clone(checkpoint), "\n"), []byte("\n"+strings.TrimRight(line, "\n")+"\n")...), nil
		}
	}
	return nil, fmt.Errorf("the answer has no cosignature of this checkpoint by %s", v.name)
}
