package audit

import "fmt"

// Fault is the first thing that verification found wrong.
type Fault struct {
	// First and Last are the records that it may be about, counted from 0; both
	// the same when it is known which one. -1 when no record is meant.
	First, Last int64
	What        string // what is wrong
	Means       string // what that means
	Do          string // what to do
}

func (f *Fault) Error() string {
	where := "the audit log"
	switch {
	case f.First >= 0 && f.First == f.Last:
		where = fmt.Sprintf("record %d of the audit log", f.First)
	case f.First >= 0:
		where = fmt.Sprintf("records %d to %d of the audit log", f.First, f.Last)
	}
	return fmt.Sprintf("%s: %s. %s. %s.", where, f.What, f.Means, f.Do)
}

const (
	doCompare = "Keep a copy of this state, and compare it with your last backup or export"
	doTrust   = "Trust nothing that this log says until you know why"
)

func changed(n int64) *Fault {
	return &Fault{n, n, "its bytes do not have the hash that was logged for it",
		"It was changed, or another record was put in its place, after it was written; all records before it are as they were", doCompare}
}

func missing(n int64) *Fault {
	return &Fault{n, n, "it is missing", "It was removed after it was written; all records before it are as they were", doCompare}
}

func notHashed(n int64) *Fault {
	return &Fault{n, n, "its hashes are missing or cut off", "The log was changed beside its records, or the storage is damaged", doCompare}
}

// subtree is about the records under an inner node: their bytes agree with their
// own hashes, so somebody changed both.
func subtree(n int64, level int) *Fault {
	return &Fault{n + 1 - 1<<level, n, "their hashes do not lead to the hash that was logged over them",
		"One of them was changed, swapped or removed together with its own hash", doCompare}
}

func noRecord(what, means, do string) *Fault { return &Fault{-1, -1, what, means, do} }
