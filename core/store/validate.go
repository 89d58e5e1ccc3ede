package store

import "fmt"

// Validate tells what is wrong with a batch before anything is done with it:
// keys that Key did not make, reserved tables, sizes, values on deletes.
// Drivers call it first, so that all of them refuse the same batches.
func (b Batch) Validate() error {
	for i, c := range b.Checks {
		if err := checkKey(c.Key); err != nil {
			return fmt.Errorf("check %d of the batch: %w", i, err)
		}
	}
	for i, p := range b.Puts {
		if err := p.validate(); err != nil {
			return fmt.Errorf("put %d of the batch: %w", i, err)
		}
	}
	for i, e := range b.Entries {
		if e.Kind == "" || e.Time.IsZero() {
			return fmt.Errorf("audit entry %d of the batch: it needs a kind and a time", i)
		}
		if len(e.Data) > MaxEntry {
			return fmt.Errorf("audit entry %d of the batch (%s): its data has %d bytes, at most %d are allowed; keep the rest as a blob and log its digest",
				i, e.Kind, len(e.Data), MaxEntry)
		}
	}
	return nil
}

func (p Put) validate() error {
	if err := checkKey(p.Key); err != nil {
		return err
	}
	if t := Table(p.Key[0]); t.Reserved() {
		return fmt.Errorf("table %#x is written by the audit log and the driver only", byte(t))
	}
	if len(p.Value) > MaxValue {
		return fmt.Errorf("its value has %d bytes, at most %d are allowed", len(p.Value), MaxValue)
	}
	if p.Delete && len(p.Value) > 0 {
		return fmt.Errorf("it deletes and carries a value of %d bytes: one of the two is a mistake", len(p.Value))
	}
	return nil
}

func checkKey(key []byte) error {
	if len(key) > MaxKey {
		return fmt.Errorf("its key has %d bytes, at most %d are allowed", len(key), MaxKey)
	}
	_, _, _, err := ParseKey(key)
	return err
}
