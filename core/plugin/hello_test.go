package plugin

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/plimsoll-dev/plimsoll/sdk/backend"
)

// The example is what authors copy: it is built in its own module, locked and
// used, with nothing but what its README says.
func TestHelloBackendExample(t *testing.T) {
	dir := filepath.Join("..", "..", "examples", "hello-backend")
	// Read here, so that the test cache notices a change of them.
	for _, name := range []string{"main.go", "go.mod", "go.sum"} {
		if _, err := os.ReadFile(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	dist := t.TempDir()
	name := "hello"
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	build := exec.Command("go", "build", "-o", filepath.Join(dist, name), ".")
	build.Dir = dir
	build.Env = append(os.Environ(), "GOPROXY=off", "GOWORK=off")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the example: %v\n%s", err, out)
	}
	// Started by hand it says what it is, and does not hang.
	byHand, err := exec.Command(filepath.Join(dist, name)).CombinedOutput()
	if err == nil || !strings.Contains(string(byHand), "plimsoll plugin lock") {
		t.Errorf("by hand: %v, %s", err, byHand)
	}
	locked, err := newManager(t).LockDir(t.Context(), dist)
	if err != nil {
		t.Fatal(err)
	}
	if locked.Name != "hello" || locked.Version == "" || len(locked.ConfigSchema) != 1 {
		t.Errorf("locked: %+v", locked)
	}
	m := newManager(t, func(c *Config) { c.Lock = []Locked{locked} })
	c := client(t, m, Spec{Plugin: "hello", Config: map[string]any{"greeting": "Ahoy"}})
	resp, err := backend.Collect(t.Context(), c, say("sailor"))
	if err != nil {
		t.Fatal(err)
	}
	if got := resp.Message.String(); got != "Ahoy, sailor!" {
		t.Errorf("got %q", got)
	}
}
