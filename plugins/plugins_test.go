package plugins

import (
	"slices"
	"strings"
	"testing"

	"github.com/plimsoll-dev/plimsoll/sdk/backend"
)

// The host asks every bundled backend for its config schema without a config,
// and refuses one that calls itself something else.
func TestEveryBundledBackendDescribesItself(t *testing.T) {
	if !slices.IsSorted(Names()) || len(Names()) == 0 {
		t.Errorf("names: %v", Names())
	}
	for _, b := range all() {
		d, err := backend.Unconfigured(t, b.factory).Describe(t.Context())
		if err != nil {
			t.Errorf("%s: %v", b.name, err)
			continue
		}
		if d.Name != b.name || d.Version == "" || len(d.ConfigSchema) == 0 {
			t.Errorf("%s describes itself as %+v", b.name, d)
		}
		for _, f := range d.ConfigSchema {
			if f.Doc == "" {
				t.Errorf("%s: config key %s is not explained", b.name, f.Name)
			}
		}
	}
}

func TestUnknownBackend(t *testing.T) {
	if err := Main("simm"); err == nil || !strings.Contains(err.Error(), "replay, sim") {
		t.Errorf("%v", err)
	}
}
