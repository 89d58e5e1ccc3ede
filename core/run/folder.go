package run

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/plimsoll-dev/plimsoll/core/store"
	"github.com/plimsoll-dev/plimsoll/sdk/backend/fixture"
	"github.com/plimsoll-dev/plimsoll/sdk/canonjson"
)

// File is a file that an agent left different.
type File struct {
	Path   string // below the folder, with slashes
	Change string // added, changed or removed
	Size   int64
	Data   []byte // nil where it is too large
}

// OutputFile is a changed file in an output. Gates, references and judges read
// it as they read anything else there, and what a gate saw can be computed again
// from the output alone: that is why the content stands in it.
type OutputFile struct {
	Path    string  `json:"path"`
	Change  string  `json:"change"`
	Size    int64   `json:"size"`
	Digest  string  `json:"digest,omitempty"` // of the bytes; not of a removed file, nor of one that is too large
	Text    *string `json:"text,omitempty"`
	Base64  string  `json:"base64,omitempty"` // of what is no text
	LeftOut bool    `json:"left_out,omitempty"`
}

// Bounds of what of files an output carries. More than this is a repository, not
// an answer; what is larger is listed with its size and said to be left out.
const (
	maxFileText   = 1 << 20
	maxFileBinary = 256 << 10
	maxFilesTotal = 4 << 20
)

// WithFiles adds files to an output: to an object as its member "files", whatever
// the agent put there itself; a text becomes {"text", "files"}.
func WithFiles(output json.RawMessage, files []File) (json.RawMessage, error) {
	slices.SortFunc(files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	list, room := []OutputFile{}, maxFilesTotal
	for _, f := range files {
		o := OutputFile{Path: f.Path, Change: f.Change, Size: f.Size}
		if f.Change != string(fixture.Removed) {
			o.carry(f, &room)
		}
		list = append(list, o)
	}
	raw, err := json.Marshal(list)
	if err != nil {
		return nil, err
	}
	var doc map[string]json.RawMessage
	var text string
	switch {
	case json.Unmarshal(output, &text) == nil:
		doc = map[string]json.RawMessage{"text": output}
	case json.Unmarshal(output, &doc) != nil || doc == nil:
		return nil, errors.New("the answer is neither text nor an object, so there is no place for the files that the runner declares")
	}
	doc["files"] = raw
	return canonjson.Marshal(doc)
}

func (o *OutputFile) carry(f File, room *int) {
	if f.Data == nil && f.Size > 0 {
		o.LeftOut = true
		return
	}
	o.Digest = store.Digest(f.Data)
	plain := utf8.Valid(f.Data) && !slices.Contains(f.Data, 0)
	switch {
	case len(f.Data) > *room, plain && len(f.Data) > maxFileText, !plain && len(f.Data) > maxFileBinary:
		o.LeftOut = true
		return
	case plain:
		text := string(f.Data)
		o.Text = &text
	default:
		o.Base64 = base64.StdEncoding.EncodeToString(f.Data)
	}
	*room -= len(f.Data)
}

// filesOf reads the files of an output back.
func filesOf(output json.RawMessage) ([]OutputFile, error) {
	var doc struct {
		Files []OutputFile `json:"files"`
	}
	if err := json.Unmarshal(output, &doc); err != nil {
		return nil, fmt.Errorf("the files of the output cannot be read: %w", err)
	}
	return doc.Files, nil
}

// restore makes the folder that the agent left, as far as the output has it: the
// one it began with, and what it changed.
func (r *Runner) restore(dir string, output json.RawMessage) error {
	if _, err := fixture.Copy(r.Fixture, dir); err != nil {
		return err
	}
	files, err := filesOf(output)
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, f := range files {
		name := filepath.FromSlash(f.Path)
		switch {
		case !filepath.IsLocal(name):
			return fmt.Errorf("the output names a file outside of the folder: %q", f.Path)
		case f.LeftOut:
			return fmt.Errorf("%s has %d bytes and is left out of the output, so no command can look at it; texts up to %d KiB and others up to %d KiB are carried", f.Path, f.Size, maxFileText>>10, maxFileBinary>>10)
		case f.Change == string(fixture.Removed):
			if err := root.RemoveAll(name); err != nil {
				return err
			}
			continue
		}
		data, err := f.bytes()
		if err != nil {
			return err
		}
		if parent := filepath.Dir(name); parent != "." {
			if err := root.MkdirAll(parent, 0o700); err != nil {
				return err
			}
		}
		if err := root.WriteFile(name, data, 0o600); err != nil { // an executable bit that it had stays
			return err
		}
	}
	return nil
}

func (o OutputFile) bytes() ([]byte, error) {
	if o.Text != nil {
		return []byte(*o.Text), nil
	}
	data, err := base64.StdEncoding.DecodeString(o.Base64)
	if err != nil {
		return nil, fmt.Errorf("the content of %s cannot be read: %w", o.Path, err)
	}
	return data, nil
}
