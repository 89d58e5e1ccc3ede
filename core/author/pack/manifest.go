package pack

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/skill"
)

// firstLine says what the text is; the number is the format's version.
const firstLine = "plimsoll skill pack 1"

// Manifest is the list of what is in a pack.
type Manifest struct {
	Name    string // as in SKILL.md
	Version string // free text without spaces
	Signer  string // verifier key of whoever signed, "name+hash+base64"; "" without a signature
	Files   []Entry
}

// Entry is a file.
type Entry struct {
	Name   string
	Size   int64
	Digest string // "sha256:..."
}

var (
	versionShape = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z.+_-]{0,63}$`)
	digestShape  = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
	signerShape  = regexp.MustCompile(`^([!-*,-~]+)\+[0-9a-f]{8}\+([0-9A-Za-z+/=]+)$`)
)

// Text is the manifest as it is digested and signed: one line for each thing,
// in one order.
func (m Manifest) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\nname %s\nversion %s\n", firstLine, m.Name, m.Version)
	if m.Signer != "" {
		fmt.Fprintf(&b, "signer %s\n", m.Signer)
	}
	for _, f := range m.Files {
		fmt.Fprintf(&b, "file %d %s %s\n", f.Size, f.Digest, f.Name)
	}
	return b.String()
}

// digest is that of the text without the signer: who signed is not what was
// signed, and a folder does not know it any more.
func (m Manifest) digest() string {
	m.Signer = ""
	return digest([]byte(m.Text()))
}

func (m Manifest) validate() error {
	switch {
	case !skill.NameOK(m.Name):
		return fmt.Errorf("%q cannot be a skill's name", m.Name)
	case !versionShape.MatchString(m.Version):
		return fmt.Errorf("%q cannot be a version: write up to 64 letters, digits, '.', '-', '+' and '_'", m.Version)
	case m.Signer != "" && !signerOK(m.Signer):
		return fmt.Errorf("%q is no verifier key", m.Signer)
	case len(m.Files) > MaxFiles:
		return fmt.Errorf("there are %d files; at most %d are allowed", len(m.Files), MaxFiles)
	}
	var names []string
	total, skillMD := int64(0), false
	for i, f := range m.Files {
		if i > 0 && m.Files[i-1].Name >= f.Name {
			return fmt.Errorf("the files are not in order at %q", f.Name)
		}
		total += f.Size
		if f.Size < 0 || f.Size > MaxFile || total > MaxTotal {
			return fmt.Errorf("%s makes it too large: at most %d MiB a file, %d MiB together", f.Name, MaxFile>>20, MaxTotal>>20)
		}
		if !digestShape.MatchString(f.Digest) {
			return fmt.Errorf("%q is no digest", f.Digest)
		}
		names = append(names, f.Name)
		skillMD = skillMD || f.Name == "SKILL.md"
	}
	if !skillMD {
		return fmt.Errorf("there is no SKILL.md in it")
	}
	return checkPaths(names)
}

// parseManifest reads the text; it must be the very text that the manifest would
// be written as.
func parseManifest(text string) (Manifest, error) {
	var m Manifest
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if lines[0] != firstLine {
		if strings.HasPrefix(lines[0], "plimsoll skill pack ") {
			return m, damaged("it is a pack of another version (%.40q); a newer plimsoll may read it", lines[0])
		}
		return m, damaged("its manifest does not begin with %q", firstLine)
	}
	for _, line := range lines[1:] {
		word, rest, _ := strings.Cut(line, " ")
		switch word {
		case "name":
			m.Name = rest
		case "version":
			m.Version = rest
		case "signer":
			m.Signer = rest
		case "file":
			parts := strings.SplitN(rest, " ", 3)
			if len(parts) != 3 {
				return m, damaged("the manifest's line %.100q cannot be read", line)
			}
			size, err := strconv.ParseInt(parts[0], 10, 64)
			if err != nil {
				return m, damaged("the manifest's line %.100q cannot be read", line)
			}
			m.Files = append(m.Files, Entry{Name: parts[2], Size: size, Digest: parts[1]})
		default:
			return m, damaged("the manifest's line %.100q cannot be read", line)
		}
	}
	if err := m.validate(); err != nil {
		return m, damaged("%v", err)
	}
	if m.Text() != text {
		return m, damaged("its manifest is not in the one form that there is")
	}
	return m, nil
}

// signerOK holds a verifier key to its shape. The lengths are counted here: an
// expression with {1,100} is unrolled when the program starts, every time.
func signerOK(key string) bool {
	parts := signerShape.FindStringSubmatch(key)
	return parts != nil && len(parts[1]) <= 100 && len(parts[2]) <= 100
}
