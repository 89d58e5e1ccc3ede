package vllm

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/plimsoll-dev/plimsoll/sdk/backend"
)

// A container that somebody else made is neither stopped nor removed because it has
// the name that a plan wanted: not when the runtime knows it beforehand, and not
// when it says so only to the command that runs ours.
func TestTheirContainersAreLeftAlone(t *testing.T) {
	for name, c := range map[string]struct{ inspect, says string }{
		"known":    {"[ -e \"$HOME/$5\" ] && echo 0123456789ab", "To do: see whose it is (podman ps -a --filter name=c), and if nobody needs it: podman rm -f c"},
		"too late": {"exit 1", "a container of this name is still there"},
	} {
		t.Run(name, func(t *testing.T) {
			x, home := container(t, "c")
			script := strings.Replace(podman, "case $1 in\n", "case $1 in\ncontainer)\n  "+c.inspect+" ;;\nrm)\n  echo \"$@\" >> \"$HOME/stops\" ;;\n", 1)
			if err := os.WriteFile(filepath.Join(home, "podman"), []byte(script), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(home, "c"), []byte("999999999\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			h := newBackend(t, nil)
			launch(t, h, planOf(t, x))
			if s := until(t, h, backend.Failed); !strings.Contains(s.Message, c.says) {
				t.Errorf("it says %q", s.Message)
			}
			if err := h.Stop(t.Context(), "p", 0); err != nil {
				t.Error(err)
			}
			if stops, err := os.ReadFile(filepath.Join(home, "stops")); err == nil {
				t.Errorf("their container was told %q", stops)
			}
			if _, err := os.Stat(filepath.Join(home, "c")); err != nil {
				t.Errorf("their container is gone: %v", err)
			}
		})
	}
}

// A container that ended and is just being removed holds a start up, and no more.
func TestANameThatGetsFree(t *testing.T) {
	x, home := container(t, "c")
	script := strings.Replace(podman, "case $1 in\n", "case $1 in\ncontainer)\n  [ -e \"$HOME/c\" ] && echo 0123456789ab; rm -f \"$HOME/c\" ;;\n", 1)
	if err := os.WriteFile(filepath.Join(home, "podman"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(home, "c"), []byte("999999999\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	h := newBackend(t, nil)
	launch(t, h, planOf(t, x))
	until(t, h, backend.Ready)
}
