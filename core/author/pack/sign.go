package pack

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/plimsoll-dev/plimsoll/core/audit"
	"github.com/plimsoll-dev/plimsoll/core/store/atomicfile"
)

// Key signs packs.
type Key struct {
	Name    string
	Public  string // verifier key, "name+hash+base64": what to hand out
	Exposed bool   // other accounts of this machine may read the file
	signer  note.Signer
}

var keyName = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z./@_-]{0,63}$`)

// CreateKey makes a key file, readable by its owner only. A file that is there
// is an error: a lost key cannot be made again.
func CreateKey(path, name string) (*Key, error) {
	if !keyName.MatchString(name) {
		return nil, fmt.Errorf("%q cannot be a signer's name: write who you are, such as acme.example/tools (letters, digits, '.', '/', '@', '-', '_')", name)
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is there already; a key is never overwritten", path)
	}
	private, _, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		return nil, fmt.Errorf("making a key: %w", err)
	}
	if err := atomicfile.Write(path, []byte(private+"\n"), 0o600); err != nil {
		return nil, fmt.Errorf("writing the key: %w", err)
	}
	return OpenKey(path)
}

// OpenKey reads a key file: one line in the encoding of the note package,
// "PRIVATE+KEY+name+hash+base64". It is never made here.
func OpenKey(path string) (*Key, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the key: %w", err)
	}
	signer, err := note.NewSigner(strings.TrimSpace(string(raw)))
	if err != nil {
		return nil, fmt.Errorf("%s holds no private key of the note format (PRIVATE+KEY+name+hash+base64)", path)
	}
	file, err := audit.OpenKey(path) // the same format; it knows the public half
	if err != nil {
		return nil, fmt.Errorf("%s holds no private key of the note format (PRIVATE+KEY+name+hash+base64)", path)
	}
	public, err := audit.VerifierKey(file.Origin, file.Signer.Public())
	if err != nil {
		return nil, fmt.Errorf("reading the key: %w", err)
	}
	return &Key{Name: signer.Name(), Public: public, signer: signer, Exposed: file.Exposed && runtime.GOOS != "windows"}, nil
}

func (k *Key) sign(text []byte) ([]byte, error) {
	return note.Sign(&note.Note{Text: string(text)}, k.signer)
}

// openNote cuts the manifest's text off the signature, without believing it yet.
func openNote(data []byte) (text string, err error) {
	for _, c := range data {
		if c < ' ' && c != '\n' || c == 0x7f {
			return "", damaged("its manifest is not text")
		}
	}
	body := data
	if i := bytes.Index(data, []byte("\n\n")); i >= 0 {
		body = data[:i+1]
	}
	if len(body) == 0 || body[len(body)-1] != '\n' {
		return "", damaged("its manifest does not end with a line")
	}
	return string(body), nil
}

// verify checks the signature by the key that the manifest itself names; whether
// that key is anybody's is for a Trust to say. The manifest names it so that
// somebody can look at an unknown signer's work and at the key, and decide.
func verify(data []byte, text, signer string) error {
	signed := len(data) != len(text)
	switch {
	case signer == "" && !signed:
		return nil
	case signer == "":
		return damaged("it has a signature, and its manifest names no signer")
	case !signed:
		return damaged("its manifest names the signer %.100q, and there is no signature: it was taken off", signer)
	}
	v, err := note.NewVerifier(signer)
	if err != nil {
		return damaged("its signer %.100q is no verifier key", signer)
	}
	n, err := note.Open(data, note.VerifierList(v))
	if err != nil || n.Text != text || len(n.Sigs) != 1 || len(n.UnverifiedSigs) != 0 {
		return damaged("the signature of %.100s is not good: the pack was changed after it was signed", v.Name())
	}
	// One key gives one signature of a text, and one way to write it down.
	if want := text + "\n— " + v.Name() + " " + n.Sigs[0].Base64 + "\n"; want != string(data) {
		return damaged("the signature is not in the one form that there is")
	}
	return nil
}

// SignerName is the name in a verifier key.
func SignerName(key string) string {
	name, _, _ := strings.Cut(key, "+")
	return name
}

// Standing is what a Trust knows of a signer.
type Standing string

// The standings. An impostor has the name of a trusted signer and another key.
const (
	Unsigned Standing = "unsigned"
	Unknown  Standing = "unknown"
	Known    Standing = "known"
	Impostor Standing = "impostor"
)

// Trust is the list of keys whose signatures count in a project: one verifier
// key on a line, # begins a remark.
type Trust struct{ keys []string }

// ParseTrust reads a trust file.
func ParseTrust(name string, src []byte) (Trust, error) {
	var t Trust
	for i, line := range strings.Split(string(src), "\n") {
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		if _, err := note.NewVerifier(line); err != nil {
			return Trust{}, fmt.Errorf("%s:%d: %.100q is no verifier key (name+hash+base64); `plimsoll skill pack` prints the signer's", name, i+1, line)
		}
		t.keys = append(t.keys, line)
	}
	return t, nil
}

// Of tells what is known of a signer's key.
func (t Trust) Of(signer string) Standing {
	switch {
	case signer == "":
		return Unsigned
	case slices.Contains(t.keys, signer):
		return Known
	case slices.ContainsFunc(t.keys, func(k string) bool { return SignerName(k) == SignerName(signer) }):
		return Impostor
	}
	return Unknown
}
