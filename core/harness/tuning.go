package harness

// tuning is what the ranking is made of.
type tuning struct {
	weight [fields]float64
	b      [fields]float64
	k1     float64
	pair   float64 // what two words of the query that follow each other count, as a share of one word
	learnt float64 // what a verified run counts for a word, as if it stood that often in the description
}

// tuned are the weights of the design, with what the benchmark settled
// (BENCHMARKS.md).
var tuned = tuning{
	weight: [fields]float64{inName: 3, inDescription: 1, inParameters: .5, inBody: .5, inConnector: 1},
	b:      [fields]float64{inName: .75, inDescription: .75, inParameters: .75, inBody: .75, inConnector: .75},
	k1:     1.2,
	pair:   .4,
	learnt: .5,
}
