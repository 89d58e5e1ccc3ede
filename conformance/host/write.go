package host

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// file is cases.json.
type file struct {
	Format   int    `json:"format"`
	Version  string `json:"version"`
	Protocol int    `json:"protocol"`
	Well     string `json:"well"` // a module that behaves: after each case it must still answer {"output":1}
	Cases    []Case `json:"cases"`
}

// Write puts cases.json and every module into a folder, which is made if it is
// not there: for runners that do not speak the line protocol. The bytes are the
// same on every machine.
func Write(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("writing the cases: %w", err)
	}
	cases, err := write(dir)
	if err != nil {
		return fmt.Errorf("writing the cases: %w", err)
	}
	for i := range cases {
		cases[i].Bounds = cases[i].bounds()
	}
	raw, err := json.MarshalIndent(file{Format: 1, Version: Version, Protocol: Protocol, Well: "well.wasm", Cases: cases}, "", "  ")
	if err != nil {
		return fmt.Errorf("writing the cases: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "cases.json"), append(raw, '\n'), 0o644); err != nil {
		return fmt.Errorf("writing the cases: %w", err)
	}
	return nil
}

// write puts the modules alone.
func write(dir string) ([]Case, error) {
	cases := Cases()
	if err := os.WriteFile(filepath.Join(dir, "well.wasm"), well(), 0o644); err != nil {
		return nil, err
	}
	for i := range cases {
		if err := os.WriteFile(filepath.Join(dir, cases[i].Module), cases[i].wasm, 0o644); err != nil {
			return nil, err
		}
	}
	return cases, nil
}
