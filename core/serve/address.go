package serve

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/store/atomicfile"
)

const (
	announced  = "engine.json"
	socketName = "engine.sock"
	// maxPath of a socket: darwin has 104 bytes with the zero at the end, Linux and
	// Windows have 108.
	maxPath = 103
	// elsewhere begins the name of the folder of a socket whose own would be too
	// long a path.
	elsewhere = "plimsoll-"
)

// place finds where the socket goes: into the state folder, or into a private
// folder of the temporary one where that path would be too long.
func place(dir string) (string, error) {
	path := filepath.Join(dir, socketName)
	if len(path) <= maxPath {
		return path, nil
	}
	private, err := os.MkdirTemp("", elsewhere) // 0700
	if err != nil {
		return "", fmt.Errorf("making a folder for the engine's socket: %w", err)
	}
	short := filepath.Join(private, socketName)
	if len(short) > maxPath {
		return "", errors.Join(fmt.Errorf("the path of a socket may have %d bytes; %s and %s are both longer: set TMPDIR to a shorter folder", maxPath, path, short), os.Remove(private))
	}
	return short, nil
}

// tidy takes away what a dead engine left. The caller holds the state folder,
// so nobody else lives who could have made it.
func tidy(dir string) error {
	old, err := read(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		old = Announcement{} // unreadable, and about to be replaced
	}
	if old.Socket != "" && old.Socket != filepath.Join(dir, socketName) {
		gone(old.Socket)
	}
	for _, name := range []string{announced, socketName} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("taking away what an engine left: %w", err)
		}
	}
	return nil
}

// gone removes a socket in a folder of its own, and that folder. Anything that
// does not look like one is left alone.
func gone(socket string) {
	folder := filepath.Dir(socket)
	if filepath.Base(socket) == socketName && strings.HasPrefix(filepath.Base(folder), elsewhere) && filepath.Dir(folder) == filepath.Clean(os.TempDir()) {
		_ = os.Remove(socket)
		_ = os.Remove(folder) // empty, else it stays
	}
}

func announce(dir string, a Announcement) error {
	raw, err := json.MarshalIndent(a, "", "  ")
	if err != nil {
		return err
	}
	return atomicfile.Write(filepath.Join(dir, announced), append(raw, '\n'), 0o600)
}

func read(dir string) (Announcement, error) {
	var a Announcement
	path := filepath.Join(dir, announced)
	info, err := os.Stat(path)
	if err != nil {
		return a, err
	}
	if !info.Mode().IsRegular() || info.Size() > 64<<10 {
		return a, fmt.Errorf("%s is not what an engine leaves: remove it", path)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return a, err
	}
	if err := json.Unmarshal(raw, &a); err != nil || a.Socket == "" {
		return a, fmt.Errorf("%s is not what an engine leaves: remove it", path)
	}
	return a, nil
}

// Read is what the engine of a state folder announced, alive or not;
// fs.ErrNotExist when there was none.
func Read(dir string) (Announcement, error) { return read(dir) }

// listen opens the socket for this user alone.
func listen(path string) (*net.UnixListener, error) {
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("listening on %s: %w", path, err)
	}
	l.SetUnlinkOnClose(true)
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("closing %s to others: %w", path, err), l.Close())
	}
	return l, nil
}
