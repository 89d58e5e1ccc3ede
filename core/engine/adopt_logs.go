package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/adopt/transcript"
)

// LogFiles counts the files of logs.
type LogFiles struct {
	Read    int   `json:"read"`
	Bytes   int64 `json:"bytes"`
	Skipped int   `json:"skipped"` // in the folders, with another ending
}

// logEndings are those of files that are read in a folder; a file that is named
// itself is read whatever it is called.
var logEndings = []string{".jsonl", ".ndjson", ".json", ".log"}

// readLogs reads files, and every log below folders, in order of their names.
// Links below a folder are not followed: what is read is what was pointed at.
func readLogs(ctx context.Context, places []string, r *transcript.Reader, each func(transcript.Call) error) (LogFiles, error) {
	var out LogFiles
	for _, place := range places {
		before := out.Read
		if _, err := os.Stat(place); errors.Is(err, fs.ErrNotExist) {
			return out, fmt.Errorf("reading logs: there is no %s", place)
		}
		root := place
		if linked, err := filepath.EvalSymlinks(place); err == nil {
			root = linked
		}
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case ctx.Err() != nil:
				return ctx.Err()
			case d.IsDir() && path != root && d.Name() == ".git":
				return filepath.SkipDir
			case !d.Type().IsRegular() && path != root, d.IsDir():
				return nil
			case path != root && !slices.Contains(logEndings, strings.ToLower(filepath.Ext(path))):
				out.Skipped++
				return nil
			}
			n, err := readLog(ctx, path, r, each)
			out.Read++
			out.Bytes += n
			return err
		})
		if err != nil {
			return out, fmt.Errorf("reading logs: %w", err)
		}
		if out.Read == before {
			return out, fmt.Errorf("reading logs: there is no file that ends in %s in %s", strings.Join(logEndings, ", "), place)
		}
	}
	return out, nil
}

func readLog(ctx context.Context, path string, r *transcript.Reader, each func(transcript.Call) error) (int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	src := &stoppable{ctx: ctx, f: f}
	// A session's file has its id as its name.
	err = r.Read(src, strings.TrimSuffix(filepath.Base(path), filepath.Ext(path)), each)
	return src.n, err
}

// stoppable ends the reading of a long file when the command is cancelled.
type stoppable struct {
	ctx context.Context
	f   *os.File
	n   int64
}

func (s *stoppable) Read(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := s.f.Read(p)
	s.n += int64(n)
	return n, err
}
