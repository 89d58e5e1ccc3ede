package store

// Reader is the reading half of a Store.
type Reader interface {
	Get(key []byte) ([]byte, error)
	Scan(prefix []byte, fn func(key, value []byte) error) error
}

// Sealer is the audit log as a driver sees it: it turns entries into puts that
// the driver commits together with the batches they came with. core/audit
// implements it.
//
// A driver calls Load once, before the first commit; Encode from any goroutine;
// Seal and Settle from its one committer, always in pairs. It may seal the
// entries of many batches at once, so that a signature is made per write to the
// disk and not per record.
type Sealer interface {
	// Load takes up the log as it stands in r. Its error keeps the store shut.
	Load(r Reader) error
	// Encode checks an entry and returns the bytes of its record. An error fails
	// the batch of that entry only.
	Encode(e Entry) ([]byte, error)
	// Seal appends the records and returns the index of the first one and the
	// puts, all in reserved tables. The log stays where it was until Settle.
	Seal(records [][]byte) (first int64, puts []Put, err error)
	// Settle tells whether the puts of the last Seal were committed. When they
	// were not, the log forgets them.
	Settle(committed bool)
}
