package badgerstore

import (
	"testing"

	"github.com/plimsoll-dev/plimsoll/core/store"
	"github.com/plimsoll-dev/plimsoll/core/store/storetest"
)

func TestConformance(t *testing.T) {
	for name, config := range map[string]func(t *testing.T) Config{
		"disk":   func(t *testing.T) Config { return Config{Dir: t.TempDir()} },
		"memory": func(*testing.T) Config { return Config{InMemory: true} },
		"least memory": func(t *testing.T) Config {
			return Config{Dir: t.TempDir(), MemoryLimit: 16 << 20}
		},
	} {
		t.Run(name, func(t *testing.T) {
			storetest.Run(t, func(t *testing.T, sealer store.Sealer) store.Store {
				c := config(t)
				c.Sealer = sealer
				return mustOpen(t, c)
			})
		})
	}
}

func mustOpen(t testing.TB, c Config) *DB {
	t.Helper()
	if c.Warn == nil {
		c.Warn = func(m string) { t.Log(m) }
	}
	db, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}
