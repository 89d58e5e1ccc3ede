// Package harness finds the few skills and tools that a request needs among
// thousands: an index of their words in memory, ranked by BM25F, that learns
// from verified use and says "none" rather than force a match.
//
// It must not read files, a clock or a network, and must not decide who may see
// what: the caller hands over the documents, the time and the rule (core/access
// has it). What a viewer may not see takes no part in anything: not in the
// results, not in the counts, not in the statistics behind a score. So what is
// found for a viewer is to the bit what an index of only their documents finds.
//
//	index, err := harness.Build(documents)
//	view := index.View(harness.Viewer{Principal: "ann", Allowed: rules.Sees})
//	found := view.Find([]string{"open an issue", "tell the team"}, harness.Options{Limit: 5})
//	for _, hit := range found.Hits {
//		fmt.Println(hit.Document.Name, hit.Score, hit.Words)
//	}
package harness

// Kind is what a document describes.
type Kind string

const (
	Skill Kind = "skill" // a skill of the project
	Tool  Kind = "tool"  // a tool of an upstream server
)

// Document is one skill or tool as it is searched. Text may be in any language;
// it is data, and nothing in it is followed or rendered.
type Document struct {
	ID          string // unique in an index and never empty: "skill:humanizer", "tool:github_issues_create"
	Kind        Kind
	Name        string // as people and models call it; identifiers are taken apart
	Connector   string // the upstream server's name; "" for a skill
	Description string
	Parameters  string // names and descriptions of the arguments, as running text
	Body        string // SKILL.md below the front matter; the first BodyLimit characters count

	// Learned are queries of verified runs (Learned.Phrases). They are part of
	// the document, so an index with other phrases has another digest.
	Learned []Phrase
}

// Phrase is a past query that led to a verified run of the document.
type Phrase struct {
	Text      string
	Principal string // who ran it
	Weight    int64  // millionths, -1_000_000..1_000_000: what its age has left of it; negative for a run that failed
}

// BodyLimit is how many characters of a body are indexed. Whole bodies find four
// points more, within two standard errors, and make the index several times as
// large (BENCHMARKS.md, 2026-11-21); BuildDeep takes another limit.
const BodyLimit = 1500

// Viewer is for whom an index is searched.
type Viewer struct {
	// Principal is who asks. Their own past queries count for them at once;
	// those of others count as far as a quorum of people agree on a word.
	Principal string
	// Quorum is how many different principals make one; 0 means the constant. At
	// 1 everybody's uses count for everybody, and one person can move what others
	// find: for a project whose people trust each other.
	Quorum int
	// Allowed says whether they may see a document. It is asked once for each
	// document when a View is made. nil allows nothing: an absent rule is no rule
	// that allows.
	Allowed func(*Document) bool
}

// Everything allows all documents: for the owner of a project on the command
// line, and for tests.
func Everything(*Document) bool { return true }

// Quorum is how many different principals must have used a word with success
// before it counts for people other than them, and how many must have failed
// before it stops to.
const Quorum = 2
