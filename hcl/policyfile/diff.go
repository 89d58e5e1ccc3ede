package policyfile

import (
	"bytes"
	"fmt"
	"sort"
	"strings"
)

const (
	// around is how many unchanged lines stand around a change.
	around = 3
	// maxTable bounds the memory for comparing one stretch between two lines that
	// both sides have once: 4 million cells of 4 bytes. A larger one is shown as
	// removed and added whole, which is true, if not the shortest.
	maxTable = 4 << 20
)

// Diff is the unified diff between two versions of the file called name, with
// three lines of context, as git writes and patch reads it; "" when they are
// equal. It serves any text, the policy and formatted config alike.
func Diff(before, after []byte, name string) string {
	if bytes.Equal(before, after) {
		return ""
	}
	lines := compare(split(before), split(after))
	var out strings.Builder
	fmt.Fprintf(&out, "--- a/%s\n+++ b/%s\n", name, name)
	for start := 0; start < len(lines); {
		first := start
		for first < len(lines) && lines[first].mark == ' ' {
			first++
		}
		if first == len(lines) {
			break
		}
		end := first
		for i := first; i < len(lines) && i <= end+2*around+1; i++ {
			if lines[i].mark != ' ' {
				end = i
			}
		}
		from, to := max(start, first-around), min(len(lines), end+1+around)
		writeHunk(&out, lines, from, to)
		start = to
	}
	return out.String()
}

// line is one line of a diff; a and b count the lines of each side before it.
type line struct {
	mark byte // ' ', '-' or '+'
	text string
	a, b int
}

func writeHunk(out *strings.Builder, lines []line, from, to int) {
	var removed, added int
	for _, l := range lines[from:to] {
		if l.mark != '+' {
			removed++
		}
		if l.mark != '-' {
			added++
		}
	}
	fmt.Fprintf(out, "@@ -%s +%s @@\n", span(lines[from].a, removed), span(lines[from].b, added))
	for _, l := range lines[from:to] {
		out.WriteByte(l.mark)
		out.WriteString(l.text)
		if !strings.HasSuffix(l.text, "\n") {
			out.WriteString("\n\\ No newline at end of file\n")
		}
	}
}

// span is how a hunk names count lines that follow the first before lines.
func span(before, count int) string {
	switch count {
	case 0:
		return fmt.Sprintf("%d,0", before)
	case 1:
		return fmt.Sprint(before + 1)
	}
	return fmt.Sprintf("%d,%d", before+1, count)
}

// split keeps the line ends, so that a change of them is a change.
func split(src []byte) []string {
	lines := strings.SplitAfter(string(src), "\n")
	if lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	return lines
}

// compare marks every line of both sides.
func compare(a, b []string) []line {
	d := differ{a: a, b: b}
	i, j := 0, 0
	for _, m := range anchors(a, b) {
		d.between(i, m[0], j, m[1])
		d.same(m[0], m[1], 1)
		i, j = m[0]+1, m[1]+1
	}
	d.between(i, len(a), j, len(b))
	return d.out
}

type differ struct {
	a, b []string
	out  []line
}

func (d *differ) same(i, j, n int) {
	for k := range n {
		d.out = append(d.out, line{' ', d.a[i+k], i + k, j + k})
	}
}

func (d *differ) changed(i0, i1, j0, j1 int) {
	for i := i0; i < i1; i++ {
		d.out = append(d.out, line{'-', d.a[i], i, j0})
	}
	for j := j0; j < j1; j++ {
		d.out = append(d.out, line{'+', d.b[j], i1, j})
	}
}

// between compares two stretches by their longest common subsequence.
func (d *differ) between(i0, i1, j0, j1 int) {
	for i0 < i1 && j0 < j1 && d.a[i0] == d.b[j0] {
		d.same(i0, j0, 1)
		i0, j0 = i0+1, j0+1
	}
	tail := 0
	for i0 < i1 && j0 < j1 && d.a[i1-1] == d.b[j1-1] {
		i1, j1, tail = i1-1, j1-1, tail+1
	}
	n, m := i1-i0, j1-j0
	if n == 0 || m == 0 || (n+1)*(m+1) > maxTable {
		d.changed(i0, i1, j0, j1)
		d.same(i1, j1, tail)
		return
	}
	// common[i*(m+1)+j] is the length of the best match of a[i0+i:] and b[j0+j:].
	common := make([]int32, (n+1)*(m+1))
	at := func(i, j int) *int32 { return &common[i*(m+1)+j] }
	for i := n - 1; i >= 0; i-- {
		for j := m - 1; j >= 0; j-- {
			if d.a[i0+i] == d.b[j0+j] {
				*at(i, j) = *at(i+1, j+1) + 1
			} else {
				*at(i, j) = max(*at(i+1, j), *at(i, j+1))
			}
		}
	}
	i, j := 0, 0
	for i < n && j < m {
		i2, j2 := i, j
		for i2 < n && j2 < m && d.a[i0+i2] != d.b[j0+j2] {
			if *at(i2+1, j2) >= *at(i2, j2+1) {
				i2++
			} else {
				j2++
			}
		}
		if i2 == n || j2 == m {
			break
		}
		d.changed(i0+i, i0+i2, j0+j, j0+j2)
		d.same(i0+i2, j0+j2, 1)
		i, j = i2+1, j2+1
	}
	d.changed(i0+i, i1, j0+j, j1)
	d.same(i1, j1, tail)
}

// anchors are pairs of equal lines that each side has exactly once, as many as
// keep their order on both sides (patience diff): the heads of blocks, mostly.
// They cut a large file into stretches that are small enough to compare.
func anchors(a, b []string) [][2]int {
	type place struct{ inA, inB, at int }
	count := map[string]*place{}
	get := func(s string) *place {
		p := count[s]
		if p == nil {
			p = &place{}
			count[s] = p
		}
		return p
	}
	for _, s := range a {
		get(s).inA++
	}
	for j, s := range b {
		p := get(s)
		p.inB, p.at = p.inB+1, j
	}
	// The longest rising sequence of places in b: piles[k] is the pair that ends
	// the one of length k+1 lowest.
	type pair struct {
		i, j int
		prev *pair
	}
	var piles []*pair
	for i, s := range a {
		p := count[s]
		if p.inA != 1 || p.inB != 1 {
			continue
		}
		k := sort.Search(len(piles), func(k int) bool { return piles[k].j >= p.at })
		next := &pair{i: i, j: p.at}
		if k > 0 {
			next.prev = piles[k-1]
		}
		if k == len(piles) {
			piles = append(piles, nil)
		}
		piles[k] = next
	}
	if len(piles) == 0 {
		return nil
	}
	out := make([][2]int, len(piles))
	for k, p := len(piles)-1, piles[len(piles)-1]; p != nil; k, p = k-1, p.prev {
		out[k] = [2]int{p.i, p.j}
	}
	return out
}
