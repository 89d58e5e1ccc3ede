package witness

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/audit"
)

// Seen is what a witness has vouched for.
type Seen struct {
	Key        string // of the witness
	Size       int64  // entries of the log
	Time       time.Time
	Checkpoint []byte // with its cosignature
}

// Name is the witness without the rest of its key.
func (s Seen) Name() string { name, _, _ := strings.Cut(s.Key, "+"); return name }

// signature reads a signature line when it is of this key.
func (c *cosigner) signature(line string) ([]byte, bool) {
	rest, ok := strings.CutPrefix(strings.TrimRight(line, "\n"), "— ")
	name, encoded, found := strings.Cut(rest, " ")
	if !ok || !found || name != c.name {
		return nil, false
	}
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || len(raw) < 4 || binary.BigEndian.Uint32(raw) != c.id {
		return nil, false
	}
	return raw[4:], true
}

// Cosigned finds the cosignature of a witness under a checkpoint, and checks it.
// The signature of the log is not checked here.
func Cosigned(checkpoint []byte, key string) (Seen, bool, error) {
	v, err := parsePublic(key)
	if err != nil {
		return Seen{}, false, err
	}
	s, ok := v.find(checkpoint)
	return s, ok, nil
}

func (c *cosigner) find(checkpoint []byte) (Seen, bool) {
	p, err := audit.ParseCheckpoint(checkpoint)
	if err != nil {
		return Seen{}, false
	}
	text, sigs := splitNote(checkpoint)
	for line := range strings.Lines(string(sigs)) {
		if sig, ok := c.signature(line); ok && c.Verify(text, sig) {
			at := time.Unix(int64(binary.BigEndian.Uint64(sig)), 0).UTC()
			return Seen{Key: c.line, Size: p.Size, Time: at, Checkpoint: checkpoint}, true
		}
	}
	return Seen{}, false
}

// Quorum looks for the newest cosignature of each witness among checkpoints, and
// is an error when fewer than need of the witnesses have one; 0 is all of them.
// Hand the checkpoints that it returns to audit.Verify as Options.Old: only then
// it is known that they speak of this log.
func Quorum(checkpoints [][]byte, keys []string, need int) ([]Seen, error) {
	if need == 0 {
		need = len(keys)
	}
	if need < 0 || need > len(keys) {
		return nil, fmt.Errorf("a quorum of %d of %d witnesses cannot be reached", need, len(keys))
	}
	var found []Seen
	var without []string
	owners := map[string]bool{}
	for _, key := range keys {
		v, err := parsePublic(key)
		if err != nil {
			return nil, err
		}
		if owners[string(v.public)] {
			return nil, fmt.Errorf("the witness %s is named twice: one key counts once", v.name)
		}
		owners[string(v.public)] = true
		var best *Seen
		for _, raw := range checkpoints {
			if s, ok := v.find(raw); ok && (best == nil || s.Size > best.Size || s.Size == best.Size && s.Time.After(best.Time)) {
				best = &s
			}
		}
		if best == nil {
			without = append(without, v.name)
			continue
		}
		found = append(found, *best)
	}
	if len(found) < need {
		slices.Sort(without)
		return found, fmt.Errorf("%d of %d witnesses have cosigned this log, %d are needed: nothing is there of %s", len(found), len(keys), need, strings.Join(without, ", "))
	}
	return found, nil
}
