package plugins

import (
	"testing"

	"github.com/plimsoll-dev/plimsoll/sdk/backend"
)

// The host asks every bundled backend for its config schema without a config,
// and refuses one that calls itself something else.
func TestEveryBundledBackendDescribesItself(t *testing.T) {
	for name, factory := range Bundled() {
		d, err := backend.Unconfigured(t, factory).Describe(t.Context())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if d.Name != name || d.Version == "" || len(d.ConfigSchema) == 0 {
			t.Errorf("%s describes itself as %+v", name, d)
		}
		for _, f := range d.ConfigSchema {
			if f.Doc == "" {
				t.Errorf("%s: config key %s is not explained", name, f.Name)
			}
		}
	}
}
