package plugin

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/store/atomicfile"
)

// Health is what a host last knew of its backends. It lies in the state folder,
// because who asks (`plugin list`) is another process than the one that knows.
type Health struct {
	Host     int       `json:"host"` // process id
	At       time.Time `json:"at"`
	Backends []Status  `json:"backends"`
}

// maxHealth bounds the file: a thousand backends, each with its last lines.
const maxHealth = 8 << 20

func healthFile(stateDir string) string { return filepath.Join(stateDir, "plugins", "health.json") }

// ReadHealth is the health that the last host with a running backend left below
// stateDir, zero when there was none. Backends of a host that was killed are not
// running any more, whatever it wrote last.
func ReadHealth(stateDir string) (Health, error) {
	var h Health
	path := healthFile(stateDir)
	info, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		return h, nil
	}
	if err == nil && info.Size() > maxHealth {
		err = fmt.Errorf("it has more than %d MiB", maxHealth>>20)
	}
	var raw []byte
	if err == nil {
		raw, err = os.ReadFile(path)
	}
	if err == nil {
		err = json.Unmarshal(raw, &h)
	}
	if err != nil {
		return Health{}, fmt.Errorf("reading %s (it can be deleted; the next run writes it anew): %w", path, err)
	}
	if !processAlive(h.Host) {
		for i := range h.Backends {
			if b := &h.Backends[i]; b.State == Running {
				b.State, b.PID = Idle, 0
			}
		}
	}
	return h, nil
}

// note writes the health down after a change. The file informs people and
// decides nothing, so that a change is not held up by a disk that is full; Close
// tells of that.
func (m *Manager) note() error {
	m.health.Lock()
	defer m.health.Unlock()
	if m.noted == closedBook {
		return nil
	}
	m.noted = writtenBook
	return m.writeHealth()
}

// lastNote writes down how things ended, and ends notes: a process that is
// reaped later finds a state folder that may be gone. A host that never launched
// anything leaves the note of the one before it.
func (m *Manager) lastNote() error {
	m.health.Lock()
	defer m.health.Unlock()
	written := m.noted == writtenBook
	m.noted = closedBook
	if !written {
		return nil
	}
	return m.writeHealth()
}

// book is what became of the health file.
type book int

const (
	blankBook book = iota
	writtenBook
	closedBook
)

func (m *Manager) writeHealth() error {
	raw, err := json.MarshalIndent(Health{Host: os.Getpid(), At: m.cfg.Clock().UTC(), Backends: m.Status()}, "", "  ")
	if err != nil {
		return fmt.Errorf("writing down the health of plugins: %w", err)
	}
	path := healthFile(m.cfg.StateDir)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("writing down the health of plugins: %w", err)
	}
	if err := atomicfile.Write(path, append(raw, '\n'), 0o600); err != nil {
		return fmt.Errorf("writing down the health of plugins: %w", err)
	}
	return nil
}
