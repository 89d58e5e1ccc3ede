package witness

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/note"

	"github.com/plimsoll-dev/plimsoll/core/store/atomicfile"
)

// algCosignature is the signature type of timestamped Ed25519 cosignatures in
// C2SP signed-note. The note package knows type 1 alone, so that keys and
// signatures of this type are read here.
const algCosignature = 4

const privatePrefix = "PRIVATE+KEY+"

// Key is the key of a witness. Whoever reads its file can cosign in its name.
type Key struct {
	Name    string
	private ed25519.PrivateKey
}

// NewKey makes a key from the machine's random source. The name should be a URL
// without a scheme that tells whose witness it is: "witness.example.com/audit".
func NewKey(name string) (*Key, error) {
	if !isName(name) {
		return nil, fmt.Errorf("the name of a witness %q must not be empty, and have no space and no '+'", name)
	}
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making a witness key: %w", err)
	}
	return &Key{Name: name, private: private}, nil
}

func isName(s string) bool {
	return s != "" && len(s) <= 255 && utf8.ValidString(s) && !strings.Contains(s, "+") &&
		!strings.ContainsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) })
}

// Public is the verifier key, "name+hash+base64": publish this line.
func (k *Key) Public() string {
	return formatKey(k.Name, k.private.Public().(ed25519.PublicKey))
}

func formatKey(name string, public ed25519.PublicKey) string {
	data := append([]byte{algCosignature}, public...)
	return fmt.Sprintf("%s+%08x+%s", name, keyID(name, data), base64.StdEncoding.EncodeToString(data))
}

// keyID is SHA-256(name, newline, type, key)[:4] (C2SP signed-note).
func keyID(name string, data []byte) uint32 {
	h := sha256.New()
	h.Write([]byte(name + "\n"))
	h.Write(data)
	return binary.BigEndian.Uint32(h.Sum(nil))
}

// WriteKey writes the key to a new file that its owner alone can read.
func WriteKey(path string, k *Key) error {
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is there already: a witness keeps its key", path)
	}
	data := append([]byte{algCosignature}, k.private.Seed()...)
	name, rest, _ := strings.Cut(k.Public(), "+")
	id, _, _ := strings.Cut(rest, "+")
	line := privatePrefix + name + "+" + id + "+" + base64.StdEncoding.EncodeToString(data) + "\n"
	if err := atomicfile.Write(path, []byte(line), 0o600); err != nil {
		return fmt.Errorf("writing the witness key: %w", err)
	}
	return nil
}

// ReadKey reads what WriteKey wrote. Errors never say what the file holds.
func ReadKey(path string) (*Key, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the witness key: %w", err)
	}
	k, err := parsePrivate(strings.TrimSpace(string(raw)))
	if err != nil {
		return nil, fmt.Errorf("the file %s: %w", path, err)
	}
	return k, nil
}

func parsePrivate(line string) (*Key, error) {
	name, data, err := parseKeyLine(strings.TrimPrefix(line, privatePrefix))
	if !strings.HasPrefix(line, privatePrefix) || err != nil || len(data.bytes) != 1+ed25519.SeedSize || data.bytes[0] != algCosignature {
		return nil, errors.New("it is no key of a witness: put it back from a copy, or make one with `plimsoll audit witness init`")
	}
	k := &Key{Name: name, private: ed25519.NewKeyFromSeed(data.bytes[1:])}
	if keyID(name, append([]byte{algCosignature}, k.private.Public().(ed25519.PublicKey)...)) != data.id {
		return nil, errors.New("it was changed: its key is not the one that its line names")
	}
	return k, nil
}

type keyData struct {
	id    uint32
	bytes []byte
}

func parseKeyLine(line string) (name string, d keyData, err error) {
	name, rest, _ := strings.Cut(line, "+")
	id, encoded, ok := strings.Cut(rest, "+")
	d.bytes, err = base64.StdEncoding.DecodeString(encoded)
	if !ok || err != nil || !isName(name) || len(id) != 8 {
		return "", d, errors.New("no key of the form name+hash+base64")
	}
	if _, err := fmt.Sscanf(id, "%08x", &d.id); err != nil || fmt.Sprintf("%08x", d.id) != id {
		return "", d, errors.New("no key of the form name+hash+base64")
	}
	return name, d, nil
}

// cosigner checks the cosignatures of one witness. It is a note.Verifier.
type cosigner struct {
	name   string
	id     uint32
	public ed25519.PublicKey
	line   string
}

var _ note.Verifier = (*cosigner)(nil)

// parsePublic reads a verifier key of a witness.
func parsePublic(line string) (*cosigner, error) {
	name, d, err := parseKeyLine(line)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%q: %w", line, err)
	case len(d.bytes) == 0 || d.bytes[0] != algCosignature:
		return nil, fmt.Errorf("%q is no key of a witness: its type is not that of cosignatures; the key of a log goes with --key or --log", line)
	case len(d.bytes) != 1+ed25519.PublicKeySize || keyID(name, d.bytes) != d.id:
		return nil, fmt.Errorf("%q is no key of a witness: it was cut off or changed", line)
	}
	return &cosigner{name: name, id: d.id, public: d.bytes[1:], line: line}, nil
}

func (c *cosigner) Name() string    { return c.name }
func (c *cosigner) KeyHash() uint32 { return c.id }

// Verify checks a timestamped_signature (C2SP tlog-cosignature): eight bytes of
// seconds, then the signature of them and of the text.
func (c *cosigner) Verify(text, sig []byte) bool {
	if len(sig) != 8+ed25519.SignatureSize {
		return false
	}
	at := binary.BigEndian.Uint64(sig)
	return at < 1<<63 && ed25519.Verify(c.public, cosignedText(at, text), sig[8:])
}

func cosignedText(at uint64, text []byte) []byte {
	return append(fmt.Appendf(nil, "cosignature/v1\ntime %d\n", at), text...)
}

// cosign makes the signature line over the text of a checkpoint.
func (k *Key) cosign(text []byte, at time.Time) string {
	seconds := uint64(max(at.Unix(), 0))
	data := append([]byte{algCosignature}, k.private.Public().(ed25519.PublicKey)...)
	out := binary.BigEndian.AppendUint32(nil, keyID(k.Name, data))
	out = binary.BigEndian.AppendUint64(out, seconds)
	out = append(out, ed25519.Sign(k.private, cosignedText(seconds, text))...)
	return "— " + k.Name + " " + base64.StdEncoding.EncodeToString(out) + "\n"
}
