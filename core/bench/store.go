package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/audit"
	"github.com/plimsoll-dev/plimsoll/core/store"
	"github.com/plimsoll-dev/plimsoll/core/store/badgerstore"
)

// audits measures the log: many writers at once against one after the other,
// both synced before they are acknowledged.
func audits(string) ([]figure, error) {
	dir, err := os.MkdirTemp("", "plimsoll-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	key, err := audit.OpenKey(filepath.Join(dir, "audit.key"))
	if err != nil {
		return nil, err
	}
	log := audit.New(audit.Config{Signer: key.Signer, Origin: key.Origin})
	db, err := badgerstore.Open(badgerstore.Config{Dir: filepath.Join(dir, "state"), Sealer: log})
	if err != nil {
		return nil, err
	}
	defer db.Close()
	at := time.Date(2026, 7, 2, 2, 0, 0, 0, time.UTC)
	add := func(i int) error {
		_, err := db.Commit(context.Background(), store.Batch{Entries: []store.Entry{{Time: at, Kind: "bench", Scope: "default", Data: json.RawMessage(fmt.Sprintf(`{"n":%d}`, i))}}})
		return err
	}
	const alone, together, writers = 300, 60_000, 512
	began := time.Now()
	for i := range alone {
		if err := add(i); err != nil {
			return nil, err
		}
	}
	one := float64(alone) / time.Since(began).Seconds()
	began = time.Now()
	errs := make([]error, writers)
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range together / writers {
				if err := add(i); err != nil {
					errs[w] = err
				}
			}
		})
	}
	wg.Wait()
	many := float64(together/writers*writers) / time.Since(began).Seconds()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return []figure{
		{"acknowledged records a second, one writer", "", fmt.Sprintf("%.0f", one), true},
		{fmt.Sprintf("acknowledged records a second, %d writers", writers), ">= 20 x", fmt.Sprintf("%.0f, %.0f x one writer", many, many/one), many >= 20*one},
	}, nil
}
