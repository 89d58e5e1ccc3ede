package audit

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

var emptyRoot = tlog.Hash(sha256.Sum256(nil)) // RFC 6962, section 2.1

// maxCheckpoint bounds what is parsed: three lines and a hundred signatures.
const maxCheckpoint = 64 << 10

// Checkpoint is the head of a log in the C2SP tlog-checkpoint format: origin,
// number of entries, root hash.
type Checkpoint struct {
	Origin string
	Size   int64
	Root   tlog.Hash
}

// text is the body of the signed note.
func (c Checkpoint) text() string {
	return fmt.Sprintf("%s\n%d\n%s\n", c.Origin, c.Size, c.Root)
}

func (c Checkpoint) sign(signers ...note.Signer) ([]byte, error) {
	msg, err := note.Sign(&note.Note{Text: c.text()}, signers...)
	if err != nil {
		return nil, fmt.Errorf("signing the checkpoint at %d: %w", c.Size, err)
	}
	return msg, nil
}

// ParseCheckpoint reads a signed checkpoint without checking its signatures.
// Trust what it says only after OpenCheckpoint.
func ParseCheckpoint(msg []byte) (Checkpoint, error) {
	if len(msg) > maxCheckpoint {
		return Checkpoint{}, fmt.Errorf("a checkpoint of %d bytes, at most %d are allowed", len(msg), maxCheckpoint)
	}
	// The last blank line divides text and signatures (C2SP signed-note).
	end := bytes.LastIndex(msg, []byte("\n\n"))
	if end < 0 {
		return Checkpoint{}, errors.New("not a checkpoint: there is no blank line before the signatures")
	}
	return parseText(string(msg[:end+1]))
}

func parseText(text string) (Checkpoint, error) {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if len(lines) < 3 || !strings.HasSuffix(text, "\n") {
		return Checkpoint{}, fmt.Errorf("not a checkpoint: %d lines, at least origin, size and root are needed", len(lines))
	}
	for i, line := range lines {
		if line == "" {
			return Checkpoint{}, fmt.Errorf("not a checkpoint: line %d is empty", i+1)
		}
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 || strconv.FormatInt(size, 10) != lines[1] {
		return Checkpoint{}, fmt.Errorf("not a checkpoint: the size %q is no decimal number", lines[1])
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil || root.String() != lines[2] {
		return Checkpoint{}, fmt.Errorf("not a checkpoint: the root %q is no base64 of 32 bytes", lines[2])
	}
	return Checkpoint{Origin: lines[0], Size: size, Root: root}, nil
}

// OpenCheckpoint reads a checkpoint and checks that one of the verifier keys
// signed it and that it speaks for that key's log. by is the key that did.
// Signatures of other keys, such as witnesses, are passed over.
func OpenCheckpoint(msg []byte, keys ...string) (c Checkpoint, by string, err error) {
	if c, err = ParseCheckpoint(msg); err != nil {
		return c, "", err
	}
	verifiers := make([]note.Verifier, 0, len(keys))
	for _, key := range keys {
		v, err := note.NewVerifier(key)
		if err != nil {
			return c, "", fmt.Errorf("the key %q is no verifier key (origin+hash+base64): %w", key, err)
		}
		verifiers = append(verifiers, v)
	}
	n, err := note.Open(msg, note.VerifierList(verifiers...))
	if err != nil {
		return c, "", fmt.Errorf("the checkpoint of %q at %d: %w", c.Origin, c.Size, err)
	}
	for _, sig := range n.Sigs {
		if sig.Name != c.Origin {
			continue
		}
		for i, v := range verifiers {
			if v.Name() == sig.Name && v.KeyHash() == sig.Hash {
				return c, keys[i], nil
			}
		}
	}
	return c, "", fmt.Errorf("the checkpoint of %q at %d is signed by %q: a key speaks only for its own log", c.Origin, c.Size, n.Sigs[0].Name)
}
