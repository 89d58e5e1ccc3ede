package backend

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	sdk "github.com/plimsoll-dev/plimsoll/sdk/backend"
)

// Target is what is tested: a command that the kit starts, or an address.
type Target struct {
	Command []string // a program and its arguments
	Address string   // HOST:PORT or unix:///PATH
	TLS     *sdk.TLS // of an address; nil speaks in the clear, with this machine alone
	Name    string   // in the report; "" is made of the others
}

// serveArg is the argument with which the plimsoll binary serves one of the
// backends inside it.
const serveArg = "plugin-serve"

// ParseTarget reads what a user wrote: an address, a file, or, with the path of
// a plimsoll binary, the name of one of the backends in it.
func ParseTarget(text, plimsoll string) (Target, error) {
	switch info, err := os.Stat(text); {
	case plimsoll != "":
		if strings.ContainsAny(text, `/\:`) || text == "" {
			return Target{}, fmt.Errorf("%q is no name of a backend in the plimsoll binary; leave -plimsoll out to test a file or an address", text)
		}
		return Target{Command: []string{plimsoll, serveArg, text}, Name: "plimsoll " + text}, nil
	case err == nil && info.IsDir():
		return Target{}, fmt.Errorf("%s is a folder; name the backend's file", text)
	case err == nil:
		absolute, err := filepath.Abs(text)
		return Target{Command: []string{absolute}}, err
	case strings.HasPrefix(text, "unix:") || strings.Contains(text, ":"):
		return Target{Address: text}, sdk.CheckAddress(text, false)
	}
	return Target{}, fmt.Errorf("there is no file %s, and it is no address (HOST:PORT, unix:///PATH); to test a backend inside the plimsoll binary, say where that is: -plimsoll PATH", text)
}

// String is what the report calls it.
func (t Target) String() string {
	switch {
	case t.Name != "":
		return t.Name
	case t.Address != "":
		return t.Address
	case len(t.Command) == 0:
		return ""
	}
	return strings.TrimSpace(filepath.Base(t.Command[0]) + " " + strings.Join(t.Command[1:], " "))
}

// check finds the file, so that a mistake in the command line is told apart from
// a backend that does not start.
func (t Target) check() error {
	if t.Address != "" {
		return sdk.CheckAddress(t.Address, t.TLS == nil)
	}
	if len(t.Command) == 0 {
		return errors.New("there is no target")
	}
	if _, err := exec.LookPath(t.Command[0]); err != nil {
		return fmt.Errorf("the target cannot be started: %w", err)
	}
	return nil
}

// digest is that of the program's file; an address has none.
func (t Target) digest() (string, error) {
	if t.Address != "" {
		return "", nil
	}
	file, err := exec.LookPath(t.Command[0])
	if err != nil {
		return "", err
	}
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("reading %s: %w", filepath.Base(file), err)
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil)), nil
}
