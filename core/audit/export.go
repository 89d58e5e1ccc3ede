package audit

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/plimsoll-dev/plimsoll/core/store"
	"github.com/plimsoll-dev/plimsoll/core/store/atomicfile"
)

// The files of an export.
const (
	entriesFile    = "entries.jsonl" // one entry per line, in its canonical bytes
	leavesFile     = "leaves"        // 32 bytes per entry: the hashes that were logged
	keysFile       = "keys"          // the verifier keys in order of use, one per line
	rotationsDir   = "rotations"     // <size of the tree>: the last checkpoint of a key
	checkpointFile = "checkpoint"    // written last: without it the export is not whole
	maxLine        = 16 << 20        // bytes; an entry's data has at most store.MaxEntry
)

// Export writes the log, as of its last checkpoint, to dir, which must not exist
// or be empty: what VerifyExport and the stand-alone verifier need, and nothing
// secret. The log must have entries.
func Export(r store.Reader, dir string) (Checkpoint, error) {
	h, err := readHead(r)
	if err != nil {
		return Checkpoint{}, err
	}
	if h.checkpoint == nil {
		return Checkpoint{}, fmt.Errorf("exporting the audit log: it has no entries: %w", store.ErrNotFound)
	}
	c, err := ParseCheckpoint(h.checkpoint)
	if err != nil {
		return Checkpoint{}, err
	}
	if names, err := os.ReadDir(dir); err == nil && len(names) > 0 {
		return Checkpoint{}, fmt.Errorf("exporting the audit log: %s is not empty: give a new folder", dir)
	}
	if err := os.MkdirAll(filepath.Join(dir, rotationsDir), 0o755); err != nil {
		return Checkpoint{}, fmt.Errorf("exporting the audit log: %w", err)
	}
	if err := exportRecords(r, dir, c.Size); err != nil {
		return Checkpoint{}, fmt.Errorf("exporting the audit log: %w", err)
	}
	files := map[string][]byte{keysFile: []byte(strings.Join(h.keys, "\n") + "\n")}
	for size, raw := range h.rotations {
		files[filepath.Join(rotationsDir, strconv.FormatInt(size, 10))] = raw
	}
	for name, data := range files {
		if err := atomicfile.Write(filepath.Join(dir, name), data, 0o644); err != nil {
			return Checkpoint{}, fmt.Errorf("exporting the audit log: %w", err)
		}
	}
	if err := atomicfile.Write(filepath.Join(dir, checkpointFile), h.checkpoint, 0o644); err != nil {
		return Checkpoint{}, fmt.Errorf("exporting the audit log: %w", err)
	}
	return c, nil
}

func exportRecords(r store.Reader, dir string, size int64) error {
	var n int64
	err := writeFile(filepath.Join(dir, entriesFile), func(w *bufio.Writer) error {
		return r.Scan(store.Key(store.TableAuditEntry, ""), func(key, data []byte) error {
			if n == size {
				return store.Stop
			}
			if at, err := indexOf(key); err != nil || at != n {
				return errors.Join(err, missing(n))
			}
			n++
			_, err := w.Write(append(data[:len(data):len(data)], '\n'))
			return err
		})
	})
	if err != nil {
		return err
	}
	if n < size {
		return missing(n)
	}
	return writeFile(filepath.Join(dir, leavesFile), func(w *bufio.Writer) error {
		n = 0
		return r.Scan(store.Key(store.TableAuditHash, ""), func(_, raw []byte) error {
			if n == size {
				return store.Stop
			}
			if len(raw) < tlog.HashSize {
				return notHashed(n)
			}
			n++
			_, err := w.Write(raw[:tlog.HashSize])
			return err
		})
	})
}

// writeFile streams to a new file and syncs it. Not atomicfile: the files may be
// large, and an export without its checkpoint is not taken for one.
func writeFile(path string, fill func(w *bufio.Writer) error) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<18)
	if err := fill(w); err != nil {
		return errors.Join(err, f.Close())
	}
	return errors.Join(w.Flush(), f.Sync(), f.Close())
}

// VerifyExport checks an export as Verify checks a store. It trusts nothing in
// the folder: not its keys unless Options.Key is among them, and no hash that it
// has not made itself.
func VerifyExport(dir string, o Options) (*Result, error) { return verifyExport(os.DirFS(dir), o) }

func verifyExport(dir fs.FS, o Options) (*Result, error) {
	h, err := readExportHead(dir)
	if err != nil {
		return nil, err
	}
	c, err := newChecker(h, o)
	if err != nil {
		return nil, err
	}
	entries, err := dir.Open(entriesFile)
	if err != nil {
		return nil, exportPart(entriesFile, err)
	}
	defer entries.Close()
	leaves, err := dir.Open(leavesFile)
	if err != nil {
		return nil, exportPart(leavesFile, err)
	}
	defer leaves.Close()
	if err := c.lines(entries, leaves); err != nil {
		return nil, err
	}
	return c.finish(o)
}

func (c *checker) lines(entries, leaves io.Reader) error {
	scan := bufio.NewScanner(entries)
	scan.Buffer(make([]byte, 1<<18), maxLine)
	hashes := bufio.NewReaderSize(leaves, 1<<16)
	var leaf tlog.Hash
	for scan.Scan() {
		if _, err := io.ReadFull(hashes, leaf[:]); err != nil {
			return notHashed(c.tree.size)
		}
		if err := c.add(scan.Bytes(), leaf[:], false); err != nil {
			return err
		}
	}
	if err := scan.Err(); err != nil {
		return fmt.Errorf("reading record %d of the export: %w", c.tree.size, err)
	}
	if _, err := io.ReadFull(hashes, leaf[:]); !errors.Is(err, io.EOF) {
		return missing(c.tree.size)
	}
	return nil
}

func readExportHead(dir fs.FS) (head, error) {
	h := head{rotations: map[int64][]byte{}}
	var err error
	if h.checkpoint, err = fs.ReadFile(dir, checkpointFile); err != nil {
		return h, exportPart(checkpointFile, err)
	}
	keys, err := fs.ReadFile(dir, keysFile)
	if err != nil {
		return h, exportPart(keysFile, err)
	}
	h.keys = strings.Fields(string(keys))
	if len(h.keys) == 0 {
		return h, noRecord("the export names no key", "The file "+keysFile+" was changed", "Export the log again, or take another copy")
	}
	names, err := fs.ReadDir(dir, rotationsDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return h, exportPart(rotationsDir, err)
	}
	for _, name := range names {
		size, err := strconv.ParseInt(name.Name(), 10, 64)
		if err != nil {
			return h, fmt.Errorf("the export has a file %s/%s, which is no rotation: take another copy", rotationsDir, name.Name())
		}
		if h.rotations[size], err = fs.ReadFile(dir, rotationsDir+"/"+name.Name()); err != nil {
			return h, exportPart(rotationsDir, err)
		}
	}
	return h, nil
}

func exportPart(name string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("the export is not whole, %s is missing: export the log again, or take another copy (%w)", name, err)
	}
	return fmt.Errorf("reading the export: %w", err)
}
