package schema_test

import (
	"testing"

	"github.com/plimsoll-dev/plimsoll/core/topology/plan/schema"
)

// BenchmarkCheck is one plan of six objects, schemas compiled anew.
func BenchmarkCheck(b *testing.B) {
	src := []byte(manifest(b, split))
	for b.Loop() {
		if err := schema.Check(src); err != nil {
			b.Fatal(err)
		}
	}
}
