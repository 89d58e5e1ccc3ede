package audit

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/plimsoll-dev/plimsoll/core/store"
)

const proofHeader = "c2sp.org/tlog-proof@v1"

// Prove returns the proof that the entry at index is in the log, in the C2SP
// tlog-proof format, with the last checkpoint. It has one hash of 45 bytes per
// level of the tree: at a million entries 936 bytes, and about 200 for the
// checkpoint.
func Prove(r store.Reader, index int64) ([]byte, error) {
	raw, err := LastCheckpoint(r)
	if err != nil {
		return nil, fmt.Errorf("reading the last checkpoint: %w", err)
	}
	c, err := ParseCheckpoint(raw)
	if err != nil {
		return nil, err
	}
	if index < 0 || index >= c.Size {
		return nil, fmt.Errorf("audit entry %d: %w: the log has the entries 0 to %d", index, store.ErrNotFound, c.Size-1)
	}
	path, err := tlog.ProveRecord(c.Size, index, hashReader(r))
	if err != nil {
		return nil, fmt.Errorf("proving audit entry %d: %w", index, err)
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, "%s\nindex %d\n", proofHeader, index)
	for _, h := range path {
		fmt.Fprintf(&out, "%s\n", h)
	}
	out.WriteByte('\n')
	out.Write(raw)
	return out.Bytes(), nil
}

// CheckProof checks that a proof made by Prove speaks for this entry, in its
// canonical bytes, under a checkpoint signed by one of the keys. It returns the
// index of the entry and the checkpoint.
func CheckProof(proof, entry []byte, keys ...string) (index int64, c Checkpoint, err error) {
	index, path, checkpoint, err := parseProof(proof)
	if err != nil {
		return 0, Checkpoint{}, err
	}
	if c, _, err = OpenCheckpoint(checkpoint, keys...); err != nil {
		return 0, Checkpoint{}, err
	}
	if index >= c.Size {
		return 0, Checkpoint{}, fmt.Errorf("the proof is for entry %d, its checkpoint covers %d entries", index, c.Size)
	}
	if err := tlog.CheckRecord(path, c.Size, c.Root, index, tlog.RecordHash(entry)); err != nil {
		return 0, Checkpoint{}, fmt.Errorf("the proof does not hold for these bytes as entry %d: they are not what was logged there, or the proof was changed", index)
	}
	return index, c, nil
}

func parseProof(proof []byte) (index int64, path tlog.RecordProof, checkpoint []byte, err error) {
	if len(proof) > 2*maxCheckpoint {
		return 0, nil, nil, fmt.Errorf("a proof of %d bytes, at most %d are allowed", len(proof), 2*maxCheckpoint)
	}
	head, checkpoint, found := bytes.Cut(proof, []byte("\n\n"))
	lines := strings.Split(string(head), "\n")
	if !found || len(lines) < 2 || lines[0] != proofHeader {
		return 0, nil, nil, fmt.Errorf("not a proof: it must begin with %q and carry a checkpoint behind a blank line", proofHeader)
	}
	lines = lines[1:]
	if strings.HasPrefix(lines[0], "extra ") {
		lines = lines[1:] // not authenticated, so nothing here may depend on it
	}
	if len(lines) == 0 {
		return 0, nil, nil, errors.New("not a proof: it has no index")
	}
	digits, ok := strings.CutPrefix(lines[0], "index ")
	index, err = strconv.ParseInt(digits, 10, 64)
	if !ok || err != nil || index < 0 || strconv.FormatInt(index, 10) != digits {
		return 0, nil, nil, fmt.Errorf("not a proof: %q is no index line", lines[0])
	}
	for _, line := range lines[1:] {
		h, err := tlog.ParseHash(line)
		if err != nil || h.String() != line {
			return 0, nil, nil, fmt.Errorf("not a proof: %q is no base64 of 32 bytes", line)
		}
		path = append(path, h)
	}
	return index, path, checkpoint, nil
}

// hashReader finds the hashes of the tree where the log keeps them: with the
// record that completed them.
func hashReader(r store.Reader) tlog.HashReader {
	return tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			level, n := tlog.SplitStoredHashIndex(index)
			h, err := readHash(r, level, (n+1)<<level-1)
			if err != nil {
				return nil, err
			}
			out[i] = h
		}
		return out, nil
	})
}
