package store

// Table is the first byte of a key. A value is never given to another table, not
// even after its table is gone: old databases and backups still carry it. The
// package comment lists the parts of the keys of each table.
type Table byte

const (
	// TableMeta holds what the engine remembers about itself: one value per name.
	TableMeta Table = 0x01
	// TableIntent holds writes to files that were announced and not yet recorded
	// as done; start-up reconciles them.
	TableIntent Table = 0x02
	// TableBudget holds what has been spent, in micro-dollars, per name and day.
	TableBudget Table = 0x03
	// TableApproval holds the calls that a person is, or was, asked about.
	TableApproval Table = 0x04
	// TableOutbox holds messages that are to be sent and were not yet, in order of
	// time.
	TableOutbox Table = 0x05
	// TableBlob holds content by digest; its scope is empty, since equal content
	// of two scopes is kept once and only its digest leads to it.
	TableBlob Table = 0x08
	// TableRedactable holds the secret values and salts behind the salted hashes
	// in audit entries; deleting one redacts it (see audit.Redactable).
	TableRedactable Table = 0x09
	// TableCosigned holds checkpoints of the audit log with the cosignature of a
	// witness; its scope is empty, like the log's. It is not reserved: what a
	// witness signed proves itself.
	TableCosigned Table = 0x0a

	// TableRun holds one request for a skill per key.
	TableRun Table = 0x10
	// TableRunBySkill finds the runs of a (skill, step) in order of time.
	TableRunBySkill Table = 0x11
	// TableRunByTime finds the runs of a scope in order of time.
	TableRunByTime Table = 0x12
	// TableAttempt holds one try of a run on one tier per key.
	TableAttempt Table = 0x13
	// TableCall holds one model call per key.
	TableCall Table = 0x14

	// TableItem holds the items that came from logs rather than from files.
	TableItem Table = 0x20
	// TableTrial holds an item tried on a tier for measurement.
	TableTrial Table = 0x21
	// TableTrialByEpoch finds the trials of an epoch by tier and item.
	TableTrialByEpoch Table = 0x22
	// TablePair holds one pair of trials: the evidence of a verdict.
	TablePair Table = 0x23
	// TablePairByEpoch finds the pairs of an epoch in order of time.
	TablePairByEpoch Table = 0x24
	// TableLabel holds what people said about outputs that a judge scored.
	TableLabel Table = 0x25

	// TableShadow holds production runs that were chosen for the watch over a
	// moved step and not tried on the former tier yet.
	TableShadow Table = 0x26

	// TableEpoch holds the epochs of a (skill, step).
	TableEpoch Table = 0x30
	// TableDecision holds verdicts with the rules that were applied.
	TableDecision Table = 0x31
	// TableOverride holds runtime escalations that nightly has not folded yet.
	TableOverride Table = 0x32

	// TableWatch holds how a moved step is watched: share, fuse, what is promised.
	TableWatch Table = 0x33

	// TableKey holds what skills stored under keys of their own.
	TableKey Table = 0x40
	// TableGrant holds what each skill was last granted, so that a change is
	// written down once.
	TableGrant Table = 0x41

	// TableLearned holds verified uses of skills and tools, by which search learns.
	TableLearned Table = 0x50
	// TableVector holds embeddings by the digest of model and text. Losing them costs
	// time only.
	TableVector Table = 0x51
	// TableConnector holds the digest of the last good catalogue of a connector.
	TableConnector Table = 0x52

	// TableResult holds whose results were too long and are kept: the digest leads to
	// the blob.
	TableResult Table = 0x53

	// TableAuditEntry holds the entries of the audit log: key Seq(index), scope
	// "", value the canonical JSON itself, since the log fixes its bytes.
	TableAuditEntry Table = 0xf0
	// TableAuditHash holds the hashes that the entry with that index completed.
	TableAuditHash Table = 0xf1
	// TableAuditState holds the log's origin, keys and last signed checkpoint.
	TableAuditState Table = 0xf2
	// TableDriver belongs to the driver: schema, unfinished work.
	TableDriver Table = 0xff
)

// Reserved tells whether only the sealer and the driver may write the table.
// They begin at TableAuditEntry.
func (t Table) Reserved() bool { return t >= TableAuditEntry }
