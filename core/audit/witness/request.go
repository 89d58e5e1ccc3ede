package witness

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/plimsoll-dev/plimsoll/core/audit"
)

// maxRequest bounds a request: 63 hashes, and a checkpoint of at most 64 KiB.
const (
	maxHashes  = 63
	maxRequest = 64<<10 + 4<<10
)

// Request asks a witness to cosign a checkpoint, in the form of add-checkpoint of
// C2SP tlog-witness: in a file as over HTTP.
type Request struct {
	Old        int64          // entries that the witness has seen; 0 for none
	Proof      tlog.TreeProof // from Old to the checkpoint; empty for 0 and for no growth
	Checkpoint []byte         // signed by the log
}

// Bytes is the request as it is sent.
func (r Request) Bytes() []byte {
	out := fmt.Appendf(nil, "old %d\n", r.Old)
	for _, h := range r.Proof {
		out = fmt.Appendf(out, "%s\n", h)
	}
	return append(append(out, '\n'), r.Checkpoint...)
}

// ParseRequest reads a request. It checks the form alone.
func ParseRequest(raw []byte) (Request, error) {
	if len(raw) > maxRequest {
		return Request{}, fmt.Errorf("a request of %d bytes, at most %d are read", len(raw), maxRequest)
	}
	head, checkpoint, found := bytes.Cut(raw, []byte("\n\n"))
	if !found {
		return Request{}, errors.New("not a request: there is no blank line before the checkpoint")
	}
	old, proof, err := ParseProof(append(head, '\n'))
	if err != nil {
		return Request{}, err
	}
	if _, err := audit.ParseCheckpoint(checkpoint); err != nil {
		return Request{}, err
	}
	return Request{Old: old, Proof: proof, Checkpoint: checkpoint}, nil
}

// ParseProof reads the part of a request before the blank line: "old" and a size,
// then one hash on each line.
func ParseProof(raw []byte) (old int64, proof tlog.TreeProof, err error) {
	text, ok := strings.CutSuffix(string(raw), "\n")
	lines := strings.Split(text, "\n")
	digits, first := strings.CutPrefix(lines[0], "old ")
	old, err = strconv.ParseInt(digits, 10, 64)
	if !ok || !first || err != nil || old < 0 || strconv.FormatInt(old, 10) != digits {
		return 0, nil, errors.New(`not a consistency proof: the first line must be "old" and a number of entries`)
	}
	lines = lines[1:]
	if len(lines) > maxHashes {
		return 0, nil, fmt.Errorf("not a consistency proof: it has %d hashes, %d are the most", len(lines), maxHashes)
	}
	for i, line := range lines {
		h, err := tlog.ParseHash(line)
		if err != nil || h.String() != line {
			return 0, nil, fmt.Errorf("not a consistency proof: line %d is no base64 of 32 bytes", i+2)
		}
		proof = append(proof, h)
	}
	return old, proof, nil
}
