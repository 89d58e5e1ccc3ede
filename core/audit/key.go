package audit

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/plimsoll-dev/plimsoll/core/store/atomicfile"
)

// Signer signs checkpoints with Ed25519. The key file is one; a hardware module
// or an agent can be another.
type Signer interface {
	Public() ed25519.PublicKey
	// Sign returns the 64 bytes of the Ed25519 signature of message (RFC 8032,
	// not pre-hashed).
	Sign(message []byte) ([]byte, error)
}

// identity is a Signer under the log's origin, as the note package wants it.
type identity struct {
	note.Verifier
	signer Signer
	vkey   string
}

var _ note.Signer = (*identity)(nil)

func newIdentity(origin string, s Signer) (*identity, error) {
	if s == nil {
		return nil, errors.New("the audit log has no signer")
	}
	vkey, err := VerifierKey(origin, s.Public())
	if err != nil {
		return nil, err
	}
	v, err := note.NewVerifier(vkey)
	if err != nil {
		return nil, fmt.Errorf("audit key of %q: %w", origin, err)
	}
	return &identity{Verifier: v, signer: s, vkey: vkey}, nil
}

func (i *identity) Sign(msg []byte) ([]byte, error) { return i.signer.Sign(msg) }

// VerifierKey is the public key as one line of text, "origin+hash+base64", in
// the encoding of golang.org/x/mod/sumdb/note and C2SP signed-note. This line is
// what to publish, and what Options.Key takes.
func VerifierKey(origin string, public ed25519.PublicKey) (string, error) {
	if origin == "" || strings.ContainsAny(origin, "+ \t\r\n") {
		return "", fmt.Errorf("audit origin %q: it must not be empty and not contain spaces or '+'", origin)
	}
	vkey, err := note.NewEd25519VerifierKey(origin, public)
	if err != nil {
		return "", fmt.Errorf("audit key of %q: %w", origin, err)
	}
	return vkey, nil
}

// KeyFile is the private key of a log in a file of its own: one line per key in
// the encoding of the note package, "PRIVATE+KEY+origin+hash+base64". The first
// line is the key in use; a second one stands there while a rotation is under
// way. Whoever reads the file can sign in the name of the log.
type KeyFile struct {
	Path   string
	Origin string
	Signer Signer
	Next   Signer // nil outside a rotation
	// Exposed tells that other accounts of this machine may read the file (not
	// known on Windows); `chmod 600` mends it, rotation undoes the harm.
	Exposed bool
	Created bool // by this call
}

type seedSigner struct{ key ed25519.PrivateKey }

func (s seedSigner) Public() ed25519.PublicKey           { return s.key.Public().(ed25519.PublicKey) }
func (s seedSigner) Sign(message []byte) ([]byte, error) { return ed25519.Sign(s.key, message), nil }

// NewSigner makes a key from the machine's random source.
func NewSigner() (Signer, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making an audit key: %w", err)
	}
	return seedSigner{private}, nil
}

// OpenKey reads the key file, and on first use makes it (readable by its owner
// only), with a new key and a new random origin "plimsoll/<16 hex digits>". The
// folder must exist.
func OpenKey(path string) (*KeyFile, error) {
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return createKey(path)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the audit key: %w", err)
	}
	k := &KeyFile{Path: path}
	lines := strings.Fields(string(raw))
	if len(lines) < 1 || len(lines) > 2 {
		return nil, fmt.Errorf("the audit key file %s has %d lines, one or two are right: put it back from a backup", path, len(lines))
	}
	for i, line := range lines {
		origin, signer, err := parsePrivate(line)
		if err != nil {
			return nil, fmt.Errorf("the audit key file %s, line %d: %w: put it back from a backup", path, i+1, err)
		}
		if i == 0 {
			k.Origin, k.Signer = origin, signer
		} else if k.Next = signer; origin != k.Origin {
			return nil, fmt.Errorf("the audit key file %s has keys of two logs, %q and %q: leave only the line of this state's log", path, k.Origin, origin)
		}
	}
	if info, err := os.Stat(path); err == nil && runtime.GOOS != "windows" {
		k.Exposed = info.Mode().Perm()&0o077 != 0
	}
	return k, nil
}

func createKey(path string) (*KeyFile, error) {
	if _, err := os.Stat(filepath.Dir(path)); err != nil {
		return nil, fmt.Errorf("making the audit key: %w", err)
	}
	var id [8]byte
	if _, err := rand.Read(id[:]); err != nil {
		return nil, fmt.Errorf("making the audit key: %w", err)
	}
	signer, err := NewSigner()
	if err != nil {
		return nil, err
	}
	k := &KeyFile{Path: path, Origin: "plimsoll/" + hex.EncodeToString(id[:]), Signer: signer, Created: true}
	if err := k.write(signer); err != nil {
		return nil, err
	}
	return k, nil
}

func (k *KeyFile) write(signers ...Signer) error {
	var text strings.Builder
	for _, s := range signers {
		seed, ok := s.(seedSigner)
		if !ok {
			return fmt.Errorf("a %T does not give its key away: it cannot be kept in %s", s, k.Path)
		}
		line, err := formatPrivate(k.Origin, seed.key)
		if err != nil {
			return err
		}
		text.WriteString(line + "\n")
	}
	if err := atomicfile.Write(k.Path, []byte(text.String()), 0o600); err != nil {
		return fmt.Errorf("writing the audit key: %w", err)
	}
	return nil
}

const privatePrefix = "PRIVATE+KEY+"

// formatPrivate writes the encoding of note.GenerateKey: algorithm byte 1, then
// the seed (C2SP signed-note, "Ed25519").
func formatPrivate(origin string, key ed25519.PrivateKey) (string, error) {
	vkey, err := VerifierKey(origin, key.Public().(ed25519.PublicKey))
	if err != nil {
		return "", err
	}
	name, rest, _ := strings.Cut(vkey, "+")
	hash, _, _ := strings.Cut(rest, "+")
	return privatePrefix + name + "+" + hash + "+" + base64.StdEncoding.EncodeToString(append([]byte{1}, key.Seed()...)), nil
}

func parsePrivate(line string) (origin string, s Signer, err error) {
	// The note package checks the hash and the shape; it keeps the seed to itself.
	if _, err := note.NewSigner(line); err != nil {
		return "", nil, errors.New("not a private key of the note format")
	}
	parts := strings.SplitN(strings.TrimPrefix(line, privatePrefix), "+", 3)
	seed, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || len(seed) != 1+ed25519.SeedSize {
		return "", nil, errors.New("not an Ed25519 private key")
	}
	return parts[0], seedSigner{ed25519.NewKeyFromSeed(seed[1:])}, nil
}
