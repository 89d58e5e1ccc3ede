package badgerstore

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
	"github.com/dgraph-io/badger/v4/table"

	"github.com/plimsoll-dev/plimsoll/core/store"
)

// checkTables reads every table of the database and checks the checksum of every
// block before Badger opens. Badger 4.9.6 has a mode for it (OnTableAndBlockRead),
// but on a damaged block it dereferences nil in a goroutine of its own
// (table.VerifyChecksum), which kills the process without a word; and later, an
// iterator that meets a damaged block just ends, so a scan would be short and
// silent. Here damage is an error that names the file.
func checkTables(dir string, opt badger.Options) error {
	live, err := liveTables(dir, opt)
	if err != nil {
		return err
	}
	work := make(chan uint64)
	var wg sync.WaitGroup
	var mu sync.Mutex
	var found []error
	for range min(len(live), runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			for id := range work {
				if err := checkTable(table.NewFilename(id, dir), id, live[id].Compression, opt); err != nil {
					mu.Lock()
					found = append(found, err)
					mu.Unlock()
				}
			}
		})
	}
	for id := range live {
		work <- id
	}
	close(work)
	wg.Wait()
	slices.SortFunc(found, func(a, b error) int { return cmp.Compare(a.Error(), b.Error()) })
	return errors.Join(found...)
}

// liveTables are those that the manifest names: a crash may leave others, half
// written, which Badger removes.
func liveTables(dir string, opt badger.Options) (map[uint64]badger.TableManifest, error) {
	f, err := os.Open(filepath.Join(dir, badger.ManifestFilename))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // a new database
	}
	if err != nil {
		return nil, fmt.Errorf("checking the state: %w", err)
	}
	defer f.Close()
	m, end, err := badger.ReplayManifestFile(f, opt.ExternalMagicVersion, opt)
	if err != nil {
		return nil, damaged(f.Name(), err)
	}
	rest, err := io.ReadAll(io.NewSectionReader(f, end, 1<<62))
	if err != nil {
		return nil, fmt.Errorf("checking the state: %w", err)
	}
	if !tornRecord(rest) {
		return nil, damaged(f.Name(), fmt.Errorf("the length of its record at %d is wrong", end))
	}
	return m.Tables, nil
}

// tornRecord tells whether what stands behind the last whole record of a manifest
// is one that a crash cut off. Badger takes it for that whatever it is, cuts the
// manifest there and deletes the tables that are then no longer named: one
// flipped bit in a length, and the state is empty without an error. A record that
// was written whole gives itself away: its checksum holds at another length.
// Layout: length and CRC-32C, both big-endian in four bytes, then the data.
func tornRecord(rest []byte) bool {
	if len(rest) < 8 {
		return true
	}
	want := binary.BigEndian.Uint32(rest[4:8])
	sum := uint32(0)
	castagnoli := crc32.MakeTable(crc32.Castagnoli)
	for i := 8; i < len(rest); i++ {
		if sum = crc32.Update(sum, castagnoli, rest[i:i+1]); sum == want {
			return false
		}
	}
	return true
}

func checkTable(path string, id uint64, compression options.CompressionType, opt badger.Options) (err error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return damaged(path, err)
	}
	// The table package panics on damage: on a block, as above, and on an index
	// that leads nowhere.
	defer func() {
		if r := recover(); r != nil {
			err = damaged(path, fmt.Errorf("a block or the index does not have its checksum: %v", r))
		}
	}()
	t, err := table.OpenInMemoryTable(data, id, &table.Options{
		ChkMode: options.OnBlockRead, Compression: compression, BlockSize: opt.BlockSize,
		TableSize: uint64(opt.BaseTableSize), BloomFalsePositive: opt.BloomFalsePositive,
	})
	if err != nil {
		return damaged(path, err)
	}
	if err := t.VerifyChecksum(); err != nil {
		return damaged(path, err)
	}
	return nil
}

func damaged(path string, err error) error {
	return &fault{store.ErrCorrupt, path + " is damaged: keep a copy of the state, then restore a backup", err}
}

// removeEmpty removes log files without a byte. A process that was killed between
// making such a file and giving it its size leaves one, and Badger 4.9.6 then
// refuses to open ("Create a new file"). Found by audit's TestKill, about once in
// a hundred kills.
func removeEmpty(dir string) error {
	for _, pattern := range []string{"*.vlog", "*.mem"} {
		names, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return fmt.Errorf("checking the state: %w", err)
		}
		for _, name := range names {
			info, err := os.Stat(name)
			if err != nil {
				return fmt.Errorf("checking the state: %w", err)
			}
			if info.Size() > 0 {
				continue
			}
			if err := os.Remove(name); err != nil {
				return fmt.Errorf("removing an empty log of the state: %w", err)
			}
		}
	}
	return nil
}
