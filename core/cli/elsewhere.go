package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/engine"
	"github.com/plimsoll-dev/plimsoll/core/serve"
)

// at is a path of whoever gave the command, as this process must say it. Every
// command that may run on an engine opens its files by it.
func (c *command) at(path string) string {
	if c.cwd == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(c.cwd, path)
}

// elsewhere runs the command on the engine that serves the project, if there is
// one: the error then is the command's end, with its exit code, also where that
// is 0. nil means that the command goes on here.
func (c *command) elsewhere(ctx context.Context) error {
	if c.host != nil {
		return nil
	}
	client, err := serve.Find(c.stateDir(), c.Version, engine.Now())
	if err != nil || client == nil {
		return err
	}
	defer client.Close()
	for _, arg := range c.Args {
		if _, value, ok := strings.Cut(arg, "="); ok && strings.HasPrefix(arg, "-") {
			arg = value
		}
		if own(arg) {
			return usage("%s is this command's alone, and the engine that runs here (pid %d) cannot open it: write to standard input, or name a file", arg, client.Engine.PID)
		}
	}
	wd, err := os.Getwd()
	if err != nil {
		return fmt.Errorf("finding the working directory: %w", err)
	}
	code, err := client.Run(ctx, serve.Request{Args: c.Args, Dir: wd, Color: c.Color, Live: c.Live, Width: c.Width},
		serve.Streams{In: c.kept.again(), Out: c.Out, Err: c.Err, Lookup: os.LookupEnv})
	if err != nil {
		return err
	}
	return &problem{code: code, silent: true}
}

// own tells whether a path means another file in every process, as those of a
// shell's <(...) do.
func own(path string) bool {
	return path == "/dev/stdin" || strings.HasPrefix(path, "/dev/fd/") || strings.HasPrefix(path, "/proc/self/")
}

func (c *command) stateDir() string { return filepath.Join(c.at(c.dir), engine.StateDir) }

// starting bounds how long a command waits for an engine that is there and has
// no socket yet, or no more.
const starting = 3 * time.Second

// inUse is what to do when another process has the state: an engine that starts
// or ends will answer soon, or be gone. Anybody else is named.
func (c *command) inUse(ctx context.Context, err error) error {
	for range int(starting / (100 * time.Millisecond)) {
		if _, gone := serve.Read(c.stateDir()); errors.Is(gone, fs.ErrNotExist) {
			return err
		}
		if served := c.elsewhere(ctx); served != nil {
			return served
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
	return fmt.Errorf("%w.\nAn engine (plimsoll serve) that has the state does not answer on its socket: look at what it printed, and start it again", err)
}

// waitingForNight says why nothing happens.
func (c *command) waitingForNight(since time.Time) {
	what := "Another night is about to begin"
	if !since.IsZero() {
		what = "A night runs since " + since.UTC().Format("15:04:05Z")
	}
	c.note("%s; this one waits for it to end. Ctrl-C stops waiting.", what)
}

// keeping remembers what was read of standard input, so that a command which is
// handed to an engine after it has read is handed all of it.
type keeping struct {
	r    io.Reader
	seen bytes.Buffer
}

func (k *keeping) Read(p []byte) (int, error) {
	if k.r == nil {
		return 0, io.EOF
	}
	n, err := k.r.Read(p)
	k.seen.Write(p[:n])
	return n, err
}

func (k *keeping) again() io.Reader {
	if k.r == nil {
		return &k.seen
	}
	return io.MultiReader(bytes.NewReader(k.seen.Bytes()), k.r)
}
