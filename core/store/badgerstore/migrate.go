package badgerstore

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/dgraph-io/badger/v4"

	"github.com/plimsoll-dev/plimsoll/core/store"
)

// schema is the shape of the key space that this program writes. It counts from
// 1 and stands in the database. Records change shape by their own schema byte;
// this number moves when keys, tables or indexes do. With every number comes a
// migration from the one before, and a golden database of the one before in
// testdata (a backup, made by `go test -update`).
const schema = 1

func migrations() []migration { return nil }

// plan is where the schema should be and how to get there.
type plan struct {
	schema int
	steps  []migration
}

// migration moves a database from schema to-1 to schema to. It may be cut short
// at any point and is then run again from its start, so doing it twice must do
// no harm. There is no way back; a backup is.
type migration struct {
	to    int
	apply func(m *mover) error
}

func schemaKey() []byte { return store.Key(store.TableDriver, "", "schema") }

// migrate brings the database to the plan's schema, one step at a time.
func (d *DB) migrate(p plan) error {
	at, err := d.schema()
	if errors.Is(err, store.ErrNotFound) {
		if err := d.checkEmpty(); err != nil {
			return err
		}
		return d.setSchema(p.schema)
	}
	if err != nil {
		return err
	}
	if at > p.schema {
		return &fault{store.ErrSchema, fmt.Sprintf("the state has schema %d, this program knows schemas up to %d: use the newer plimsoll that wrote it, or restore a backup from before", at, p.schema), nil}
	}
	for at < p.schema {
		step, ok := p.step(at + 1)
		if !ok {
			return &fault{store.ErrSchema, fmt.Sprintf("the state has schema %d, and this program has no way from it to schema %d: open it with an older plimsoll first", at, at+1), nil}
		}
		if err := d.run(step); err != nil {
			return fmt.Errorf("moving the state from schema %d to %d: %w", at, step.to, err)
		}
		at = step.to
	}
	return nil
}

func (p plan) step(to int) (migration, bool) {
	for _, s := range p.steps {
		if s.to == to {
			return s, true
		}
	}
	return migration{}, false
}

func (d *DB) run(step migration) error {
	if err := d.checkSpace(0); err != nil {
		return err
	}
	m := &mover{d: d}
	if err := step.apply(m); err != nil {
		return err
	}
	if err := m.flush(); err != nil {
		return err
	}
	return d.setSchema(step.to)
}

func (d *DB) schema() (int, error) {
	raw, err := d.Get(schemaKey())
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(string(raw))
	if err != nil || n < 1 {
		return 0, &fault{store.ErrCorrupt, fmt.Sprintf("the state's schema is %q, which is no number: restore a backup", raw), nil}
	}
	return n, nil
}

func (d *DB) setSchema(n int) error {
	err := d.db.Update(func(txn *badger.Txn) error {
		return set(txn, write{key: schemaKey(), value: []byte(strconv.Itoa(n))})
	})
	if err != nil {
		return fmt.Errorf("writing the schema: %w", err)
	}
	return nil
}

// checkEmpty guards against calling a database new that has lost its schema.
func (d *DB) checkEmpty() error {
	err := d.scan(nil, func(key, _ []byte) error {
		return &fault{store.ErrCorrupt, fmt.Sprintf("the state has records (first key %q) but no schema: restore a backup", key), nil}
	})
	return err
}

// mover is what a migration works with. It writes in parts as it goes.
type mover struct {
	d     *DB
	parts []write
	size  int64
}

// scan sees the database as of the last part written before it began.
func (m *mover) scan(prefix []byte, fn func(key, value []byte) error) error {
	return m.d.scan(prefix, fn)
}

func (m *mover) put(key, value []byte) error {
	writes, err := m.d.place([]store.Put{{Key: key, Value: value}})
	if err != nil {
		return err
	}
	return m.add(writes[0])
}

func (m *mover) remove(key []byte) error { return m.add(write{key: key, remove: true}) }

func (m *mover) add(w write) error {
	cost := int64(len(w.key)+len(w.value)) + putCost
	if m.size+cost > m.d.limit.txnBytes || int64(len(m.parts)) >= m.d.limit.txnCount {
		if err := m.flush(); err != nil {
			return err
		}
	}
	w.key = append([]byte(nil), w.key...)
	w.value = append([]byte(nil), w.value...)
	m.parts, m.size = append(m.parts, w), m.size+cost
	return nil
}

func (m *mover) flush() error {
	err := m.d.db.Update(func(txn *badger.Txn) error {
		for _, w := range m.parts {
			if err := set(txn, w); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("writing %d records: %w", len(m.parts), err)
	}
	m.parts, m.size = nil, 0
	return nil
}
