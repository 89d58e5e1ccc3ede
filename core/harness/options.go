package harness

import "fmt"

// The bounds of one find. Beyond them nothing is searched and the outcome says
// so: a query that is cut off in silence finds something else than was asked.
const (
	MaxQueries = 16
	MaxQuery   = 4 << 10 // bytes of one query
	MaxLimit   = 50
)

// DefaultLimit is the number of hits when Options does not say: a choice among
// five is one that a small model still makes well.
const DefaultLimit = 5

// Options of one find.
type Options struct {
	Limit int  // hits in all, 1..MaxLimit; 0 means DefaultLimit, more is MaxLimit
	Kind  Kind // only these; "" both
	// Confidence is the least confidence of a first hit, in millionths: below it
	// the outcome is NoMatch. 0 means DefaultConfidence, negative never abstains.
	Confidence int64
}

// Outcome is how a query ended.
type Outcome string

const (
	Matched   Outcome = "matched"   // there are hits
	NoMatch   Outcome = "no_match"  // nothing fits well enough; a forced match is worse than none
	Empty     Outcome = "empty"     // no query, or nothing but white space
	NoWords   Outcome = "no_words"  // signs, control characters or stop words only
	TooLong   Outcome = "too_long"  // more than MaxQuery bytes
	TooMany   Outcome = "too_many"  // more than MaxQueries queries
	Unstocked Outcome = "unstocked" // there is nothing to find: an empty catalogue, or nothing of it is allowed
)

// Advice is what to tell whoever asked: one sentence of what is so and one of
// what to do. It names no document.
func (o Outcome) Advice() string {
	switch o {
	case Matched:
		return "These fit best. Describe one before you run it."
	case NoMatch:
		return "No skill or tool fits well enough. Say it in other words or in smaller steps, or go on without one."
	case Empty:
		return "The query is empty. Say in a few words what is to be done."
	case NoWords:
		return "The query has no words to search for. Say in a few words what is to be done."
	case TooLong:
		return fmt.Sprintf("The query is longer than %d bytes. Say in a few words what is to be done, and pass content as input.", MaxQuery)
	case TooMany:
		return fmt.Sprintf("There are more than %d queries. Ask for what the next step needs.", MaxQueries)
	case Unstocked:
		return "There are no skills or tools here that you may use."
	}
	return ""
}

// Found is the answer to one find.
type Found struct {
	// Outcome is Matched when any query has hits; else what the first query
	// ended with.
	Outcome Outcome
	// Hits of all queries: the first of each query in the order of the queries,
	// then the second of each, and so on; each document once. So every step that
	// was asked for has its best match near the top, however the scores of
	// different queries compare.
	Hits    []Hit
	Answers []Answer // one for each query, in order; none for TooMany
	// Vectors says whether embeddings took part; a reason in it means that they
	// were asked for and words alone answered.
	Vectors Vectors
}

// Answer is how one query ended.
type Answer struct {
	Outcome    Outcome
	Confidence int64 // of its best hit, in millionths; 0 without one
	Candidates int   // documents that share a word with it, of those that may be seen
}

// Hit is one document that was found.
type Hit struct {
	Document *Document // shared with the index: read it only
	Query    int       // which query found it (the one where it ranks best)
	Score    int64     // BM25F in millionths; comparable within one query only
	// Confidence in millionths, 0..1_000_000, compares between queries and
	// catalogues.
	Confidence int64
	// Words are those of the query that the document has, as they were typed,
	// best first: so that a person sees why. Empty for a match by vectors alone.
	Words   []string
	Learned bool // verified use of this document has raised its score
}

// Vectors is what embeddings did for a find.
type Vectors struct {
	Used   bool
	Reason string // why not, when they were asked for; a sentence
}
