package trial

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/plimsoll-dev/plimsoll/hcl/config"
)

// What people look at never proves: an input in both pools, and a drafted one in
// prove, are errors with both places.
func TestPoolsAreKeptApart(t *testing.T) {
	for _, c := range []struct{ name, prove, tune, want string }{
		{"apart", `{"id": "a", "input": 1}`, `{"id": "b", "input": 2}`, ""},
		{"drafted to tune on", `{"id": "a", "input": 1}`, `{"id": "b", "input": 2, "drafted": "ladder.lab.large"}`, ""},
		{"drafted to prove with", `{"id": "a", "input": 1, "drafted": "ladder.lab.large"}`, `{"id": "b", "input": 2}`, `Item "a" was drafted by a model on ladder.lab.large`},
		{"in both, another reference", `{"id": "a", "input": {"x": 1, "y": 2}, "reference": "p"}`, `{"id": "b", "input": {"y": 2, "x": 1}, "reference": "q"}`, `Item "b" of tune has the same input as "a" of prove`},
	} {
		dir := t.TempDir()
		for name, src := range map[string]string{"prove.jsonl": c.prove, "tune.jsonl": c.tune} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(src+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		pool, diags := Load(dir, &config.Items{Prove: []string{"prove.jsonl"}, Tune: []string{"tune.jsonl"}})
		if c.want == "" {
			if diags.HasErrors() || len(pool.Prove) != 1 || len(pool.Tune) != 1 {
				t.Errorf("%s: %v", c.name, diags)
			}
			continue
		}
		if err := diags.Err(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
	}
}
