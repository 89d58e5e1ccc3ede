// Package pack makes one file of a skill's folder, and a folder of such a file.
// A pack is a plain tar of a manifest and the files that it lists, and nothing
// about it is free: order, times, rights and padding are fixed, so that equal
// folders give equal bytes and a reader needs no rules for what a tar may
// otherwise hold. README.md is the format's specification.
//
// The manifest names every file with its size and SHA-256, and is a C2SP signed
// note where its maker has a key. The package must not run or admit anything,
// nor decide whom to trust: it says who signed.
//
//	files, err := pack.Collect("skills/digest")
//	data, err := pack.Write(pack.Manifest{Name: "digest", Version: "1.0.0"}, files, key)
//	p, err := pack.Read(data)      // everything is checked, or there is an error
//	err = p.Extract("skills/digest") // which must not be there
package pack

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/store/atomicfile"
)

// Limits of a pack. Files are stored as they are, not compressed: what a pack
// unfolds to is never more than the pack itself.
const (
	MaxFiles = 2000
	MaxFile  = 64 << 20  // bytes of one file
	MaxTotal = 128 << 20 // bytes of the pack
	maxNote  = 512 << 10 // bytes of the manifest with its signature
)

// Extension of pack files.
const Extension = ".skillpack"

// File is one file of a skill's folder. Name has forward slashes.
type File struct {
	Name string
	Data []byte
}

// Pack is a pack that was read: every digest is right, and so is the signature,
// where there is one.
type Pack struct {
	Manifest Manifest
	Files    []File
	Digest   string // of name, version and files, whoever signed; see Digest
}

// skipped are folders that no skill means to hand on.
var skipped = []string{"node_modules", "target", "__pycache__"}

// Collect reads the files of a skill's folder: all but names that begin with a
// dot, what toolchains leave behind, and other packs. A symbolic link is an
// error, for what it points to is not the skill's.
func Collect(dir string) ([]File, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("reading the skill's folder: %w", err)
	}
	defer root.Close()
	var out []File
	total := int64(0)
	err = fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case name == ".":
			return nil
		case strings.HasPrefix(d.Name(), "."), d.IsDir() && slices.Contains(skipped, d.Name()):
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case d.IsDir(), strings.HasSuffix(d.Name(), Extension):
			return nil
		case d.Type()&fs.ModeSymlink != 0:
			return fmt.Errorf("%s is a symbolic link; put the file itself there", name)
		case !d.Type().IsRegular():
			return fmt.Errorf("%s is not a file", name)
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		total += info.Size()
		if info.Size() > MaxFile || total > MaxTotal || len(out) >= MaxFiles {
			return fmt.Errorf("%s makes the folder too large: at most %d files, %d MiB each, %d MiB together", name, MaxFiles, MaxFile>>20, MaxTotal>>20)
		}
		data, err := root.ReadFile(filepath.FromSlash(name))
		out = append(out, File{Name: name, Data: data})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading the skill's folder: %w", err)
	}
	slices.SortFunc(out, func(a, b File) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// Write makes the bytes of a pack. Files and signer of the manifest are filled
// in; key may be nil, and then the pack is not signed. Equal files give equal
// bytes.
func Write(m Manifest, files []File, key *Key) ([]byte, error) {
	files = slices.Clone(files)
	slices.SortFunc(files, func(a, b File) int { return strings.Compare(a.Name, b.Name) })
	m.Files, m.Signer = entries(files), ""
	if key != nil {
		m.Signer = key.Public
	}
	if err := m.validate(); err != nil {
		return nil, fmt.Errorf("packing: %w", err)
	}
	note := []byte(m.Text())
	if key != nil {
		var err error
		if note, err = key.sign(note); err != nil {
			return nil, fmt.Errorf("signing the pack: %w", err)
		}
	}
	if len(note) > maxNote {
		return nil, fmt.Errorf("packing: the list of files has %d bytes; at most %d are allowed", len(note), maxNote)
	}
	return encode(note, files), nil
}

// entries lists files by their names.
func entries(files []File) []Entry {
	out := make([]Entry, 0, len(files))
	for _, f := range files {
		out = append(out, Entry{Name: f.Name, Size: int64(len(f.Data)), Digest: digest(f.Data)})
	}
	slices.SortFunc(out, func(a, b Entry) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// Digest is the "sha256:..." that a pack of these files has, signed or not.
func Digest(name, version string, files []File) string {
	return Manifest{Name: name, Version: version, Files: entries(files)}.digest()
}

func encode(note []byte, files []File) []byte {
	var b bytes.Buffer
	add := func(name string, data []byte) {
		b.Write(header(name, int64(len(data))))
		b.Write(data)
		b.Write(make([]byte, padding(int64(len(data)))))
	}
	add(noteName, note)
	for _, f := range files {
		add(f.Name, f.Data)
	}
	b.Write(make([]byte, 2*block))
	return b.Bytes()
}

// errDamaged begins every refusal of bytes that no Write makes.
var errDamaged = errors.New("this is not a sound skill pack")

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errDamaged, fmt.Sprintf(format, args...))
}

// Read checks a pack whole: its one canonical form, every path, every digest,
// and the signature. There is no part of it that is looked at and not checked.
func Read(data []byte) (*Pack, error) {
	if len(data) > MaxTotal {
		return nil, damaged("it has %d MiB; at most %d are read", len(data)>>20, MaxTotal>>20)
	}
	rest := data
	note, rest, err := take(rest, noteName, -1)
	if err != nil {
		return nil, err
	}
	text, err := openNote(note)
	if err != nil {
		return nil, err
	}
	m, err := parseManifest(text)
	if err != nil {
		return nil, err
	}
	if err := verify(note, text, m.Signer); err != nil {
		return nil, err
	}
	p := &Pack{Manifest: m, Digest: m.digest()}
	for _, e := range m.Files {
		var body []byte
		if body, rest, err = take(rest, e.Name, e.Size); err != nil {
			return nil, err
		}
		if got := digest(body); got != e.Digest {
			return nil, damaged("the bytes of %s are not those that the manifest names", e.Name)
		}
		p.Files = append(p.Files, File{Name: e.Name, Data: body})
	}
	if len(rest) != 2*block || !zero(rest) {
		return nil, damaged("there is something behind the last file")
	}
	return p, nil
}

// take reads one entry; its header must be the one that Write makes. A size of
// -1 is any up to maxNote.
func take(data []byte, name string, size int64) (body, rest []byte, err error) {
	if len(data) < block {
		return nil, nil, damaged("it ends before %s", name)
	}
	if size < 0 {
		if size = sizeOf(data[:block]); size < 0 || size > maxNote {
			return nil, nil, damaged("it does not begin with %s", name)
		}
	}
	if !bytes.Equal(data[:block], header(name, size)) {
		return nil, nil, damaged("%s does not stand where it belongs", name)
	}
	data = data[block:]
	padded := size + padding(size)
	if int64(len(data)) < padded {
		return nil, nil, damaged("it ends inside of %s", name)
	}
	if !zero(data[size:padded]) {
		return nil, nil, damaged("there is something behind %s", name)
	}
	return data[:size], data[padded:], nil
}

func zero(b []byte) bool {
	return len(bytes.TrimLeft(b, "\x00")) == 0
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// Extract writes the files into a new folder; one that is there is an error.
// What was written is taken away again when something fails.
func (p *Pack) Extract(dir string) (err error) { return Extract(dir, p.Files) }

// Extract writes files into a new folder, whose parent it makes. Names are
// checked once more: files may come from elsewhere than a pack.
func Extract(dir string, files []File) (err error) {
	if err := checkNames(files); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return fmt.Errorf("making %s: %w", filepath.Dir(dir), err)
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("%s is there already, and nothing is ever overwritten: remove it first, or choose another folder", dir)
		}
		return fmt.Errorf("making %s: %w", dir, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(dir)) // made above, by this very call
		}
	}()
	for _, f := range files {
		to := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return fmt.Errorf("making a folder for %s: %w", f.Name, err)
		}
		if err := atomicfile.Write(to, f.Data, 0o644); err != nil {
			return fmt.Errorf("writing %s: %w", f.Name, err)
		}
	}
	return nil
}
