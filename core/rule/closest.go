package rule

// closest is the name among those that a typing slip may have meant, or "".
// A slip is at most a third of the name, counted in edits.
func closest(name string, among []string) string {
	best, found := 1+max(1, len(name)/3), ""
	for _, a := range among {
		if d := edits(name, a); d < best {
			best, found = d, a
		}
	}
	return found
}

// edits is the Levenshtein distance, in bytes: names are short and mostly ASCII.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
