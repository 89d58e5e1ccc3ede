package harness

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// crowd are documents of made-up words, as many as a large company has.
func crowd(n int) []Document {
	r := rand.New(rand.NewPCG(1, 2))
	word := func() string { return fmt.Sprintf("w%c%d", 'a'+r.IntN(26), int(r.ExpFloat64()*300)) }
	text := func(n int) string {
		var b strings.Builder
		for range n {
			b.WriteString(word() + " ")
		}
		return b.String()
	}
	docs := make([]Document, n)
	for i := range docs {
		docs[i] = Document{ID: fmt.Sprint(i), Kind: Tool, Name: word() + "_" + word(), Description: text(40), Parameters: text(10), Body: text(200)}
	}
	return docs
}

func BenchmarkFind(b *testing.B) {
	for _, n := range []int{2600, 10_000} {
		v := everyone(b, crowd(n)...)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				v.Find([]string{"please find me wa10 and wb20 with wc30 for we1 tomorrow"}, Options{})
			}
		})
	}
}

// BenchmarkFindWorst is the most that one find may be asked for.
func BenchmarkFindWorst(b *testing.B) {
	v := everyone(b, crowd(2600)...)
	long := ""
	for i := 0; len(long) < MaxQuery-8; i++ {
		long += fmt.Sprintf("w%c%d ", 'a'+i%26, i/26)
	}
	queries := make([]string, MaxQueries)
	for i := range queries {
		queries[i] = long
	}
	for b.Loop() {
		v.Find(queries, Options{})
	}
}

func BenchmarkBuild(b *testing.B) {
	docs := crowd(2600)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Build(docs); err != nil {
			b.Fatal(err)
		}
	}
}
