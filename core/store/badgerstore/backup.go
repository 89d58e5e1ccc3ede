package badgerstore

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"

	"github.com/plimsoll-dev/plimsoll/core/store"
)

// A backup is a stream: the line below, then per key <length><key><length><value>
// with uvarint lengths and large values in full, then a length of 0, the number
// of keys as a uvarint, and the SHA-256 of all bytes before it. It is a copy of
// the key space and not of Badger's files, so another driver can read it and a
// damaged one is found before it is believed.
const backupHeader = "plimsoll-backup 1\n"

// restoreKey stands in a database while a restore is under way.
func restoreKey() []byte { return store.Key(store.TableDriver, "", "restoring") }

// Backup writes everything, as of one moment, while the state stays in use. The
// audit key is not part of the state and needs a copy of its own. Keep the last
// checkpoint beside the backup: it shows later that the log in it is the one.
func (d *DB) Backup(ctx context.Context, w io.Writer) error {
	sum := sha256.New()
	out := bufio.NewWriterSize(io.MultiWriter(w, sum), 1<<16)
	if _, err := out.WriteString(backupHeader); err != nil {
		return fmt.Errorf("writing the backup: %w", err)
	}
	var count uint64
	err := d.Scan(nil, func(key, value []byte) error {
		if bytes.Equal(key, redoKey()) {
			return nil // a view never sees one; see decide
		}
		count++
		if err := ctx.Err(); err != nil {
			return err
		}
		for _, field := range [][]byte{key, value} {
			if _, err := out.Write(binary.AppendUvarint(nil, uint64(len(field)))); err != nil {
				return err
			}
			if _, err := out.Write(field); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("writing the backup: %w", err)
	}
	if _, err := out.Write(binary.AppendUvarint([]byte{0}, count)); err != nil {
		return fmt.Errorf("writing the backup: %w", err)
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("writing the backup: %w", err)
	}
	if _, err := w.Write(sum.Sum(nil)); err != nil {
		return fmt.Errorf("writing the backup: %w", err)
	}
	return nil
}

// Restore makes the state of c.Dir, which must not exist or be empty, from a
// backup. A backup of an older schema is moved forward when the state opens.
// After an error the folder holds an unfinished state that does not open.
func Restore(ctx context.Context, r io.Reader, c Config) error {
	if names, err := os.ReadDir(c.Dir); err == nil && len(names) > 0 {
		return fmt.Errorf("restoring to %s: the folder is not empty: give a new one, so that nothing is overwritten", c.Dir)
	}
	c.Sealer = nil
	d, err := openRaw(c)
	if err != nil {
		return err
	}
	err = d.restore(ctx, r)
	if err != nil {
		err = fmt.Errorf("restoring to %s: %w", c.Dir, err)
	}
	return errors.Join(err, d.shut())
}

func (d *DB) restore(ctx context.Context, r io.Reader) error {
	m := &mover{d: d}
	if err := errors.Join(m.put(restoreKey(), []byte("1")), m.flush()); err != nil {
		return err
	}
	if err := readBackup(ctx, r, m.put); err != nil {
		return err
	}
	return errors.Join(m.remove(restoreKey()), m.flush())
}

// checkRestored refuses what a restore has left half done.
func (d *DB) checkRestored() error {
	_, err := d.Get(restoreKey())
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return &fault{store.ErrCorrupt, d.config.Dir + " is a restore that did not finish: delete the folder and restore the backup again", nil}
}

// readBackup calls put for every key of a backup. Only its nil error says that
// the backup is whole.
func readBackup(ctx context.Context, r io.Reader, put func(key, value []byte) error) error {
	b := &backupReader{in: bufio.NewReaderSize(r, 1<<16), sum: sha256.New()}
	header, err := b.bytes(uint64(len(backupHeader)))
	if err != nil || string(header) != backupHeader {
		return errors.New("this is not a backup, or one of another version")
	}
	var count uint64
	for ; ; count++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		key, err := b.field(store.MaxKey)
		if err != nil {
			return err
		}
		if len(key) == 0 {
			break
		}
		value, err := b.field(store.MaxValue)
		if err != nil {
			return err
		}
		if err := put(key, value); err != nil {
			return err
		}
	}
	if want, err := binary.ReadUvarint(b); err != nil || want != count {
		return fmt.Errorf("%w: the backup has %d records and claims %d: take another one", store.ErrCorrupt, count, want)
	}
	want := b.sum.Sum(nil)
	got := make([]byte, len(want))
	if _, err := io.ReadFull(b.in, got); err != nil || !bytes.Equal(got, want) {
		return fmt.Errorf("%w: the backup does not have the checksum that it ends with: take another one", store.ErrCorrupt)
	}
	return nil
}

// backupReader sums what it reads.
type backupReader struct {
	in  *bufio.Reader
	sum hash.Hash
}

func (b *backupReader) ReadByte() (byte, error) {
	c, err := b.in.ReadByte()
	if err == nil {
		b.sum.Write([]byte{c})
	}
	return c, err
}

func (b *backupReader) field(limit uint64) ([]byte, error) {
	n, err := binary.ReadUvarint(b)
	if err != nil {
		return nil, fmt.Errorf("%w: the backup is cut off: take another one", store.ErrCorrupt)
	}
	if n > limit {
		return nil, fmt.Errorf("%w: the backup has a field of %d bytes, at most %d are right: take another one", store.ErrCorrupt, n, limit)
	}
	return b.bytes(n)
}

// bytes reads n bytes, and takes memory only as they come, whatever n claims.
func (b *backupReader) bytes(n uint64) ([]byte, error) {
	var out bytes.Buffer
	if _, err := io.CopyN(io.MultiWriter(&out, b.sum), b.in, int64(n)); err != nil {
		return nil, fmt.Errorf("%w: the backup is cut off: take another one", store.ErrCorrupt)
	}
	return out.Bytes(), nil
}
