package harness

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

var vocabulary = []string{"issue", "issues", "create", "weather", "city", "mail", "mailbox", "send", "the", "how", "Rechnung", "für", "und", "날씨", "发票", "GitHub", "github", "s3", "read", "pdf"}

func phrase(t *rapid.T, name string, most int) string {
	text := ""
	for _, w := range rapid.SliceOfN(rapid.SampledFrom(vocabulary), 1, most).Draw(t, name) {
		text += w + " "
	}
	return text
}

func drawDocs(t *rapid.T) []Document {
	n := rapid.IntRange(1, 12).Draw(t, "documents")
	docs := make([]Document, n)
	for i := range docs {
		docs[i] = Document{
			ID:          fmt.Sprint("id", i),
			Kind:        rapid.SampledFrom([]Kind{Skill, Tool}).Draw(t, "kind"),
			Name:        rapid.SampledFrom([]string{"create_issue", "sendMail", "weather", "same", "rechnung"}).Draw(t, "name"),
			Connector:   rapid.SampledFrom([]string{"", "github"}).Draw(t, "connector"),
			Description: phrase(t, "description", 12),
			Parameters:  phrase(t, "parameters", 4),
			Body:        phrase(t, "body", 20),
		}
		for range rapid.IntRange(0, 3).Draw(t, "learned") {
			docs[i].Learned = append(docs[i].Learned, Phrase{
				Text:      phrase(t, "past query", 4),
				Principal: rapid.SampledFrom([]string{"ann", "bob", "eve"}).Draw(t, "principal"),
				Weight:    rapid.Int64Range(-million, million).Draw(t, "weight"),
			})
		}
	}
	return docs
}

// plain is everything in a Found that a caller can see, as bytes.
func plainBytes(t *rapid.T, f Found) string {
	b, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// What may not be seen changes nothing: a find is to the bit that of an index
// which never had it.
func TestPropertyDeniedDocumentsChangeNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		docs := drawDocs(t)
		denied := map[string]bool{}
		var left []Document
		for _, d := range docs {
			denied[d.ID] = rapid.Bool().Draw(t, "denied")
			if !denied[d.ID] {
				left = append(left, d)
			}
		}
		viewer := Viewer{Principal: rapid.SampledFrom([]string{"ann", "zoe"}).Draw(t, "viewer"), Allowed: func(d *Document) bool { return !denied[d.ID] }}
		queries := []string{phrase(t, "query", 5), phrase(t, "query", 5)}
		o := Options{Limit: 10, Confidence: rapid.SampledFrom([]int64{-1, 0}).Draw(t, "confidence")}
		some, err := Build(docs)
		if err != nil {
			t.Fatal(err)
		}
		few, err := Build(left)
		if err != nil {
			t.Fatal(err)
		}
		got, want := some.Find(viewer, queries, o), few.Find(Viewer{Principal: viewer.Principal, Allowed: Everything}, queries, o)
		for _, h := range got.Hits {
			if denied[h.Document.ID] {
				t.Fatalf("%s is denied and was found", h.Document.ID)
			}
		}
		if a, b := plainBytes(t, got), plainBytes(t, want); a != b {
			t.Fatalf("with denied documents:\n%s\nwithout them:\n%s", a, b)
		}
	})
}

// The order in which documents come in makes no difference to any byte.
func TestPropertyOrderMakesNoDifference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		docs := drawDocs(t)
		turned := rapid.Permutation(docs).Draw(t, "order")
		for i := range turned {
			turned[i].Learned = rapid.Permutation(turned[i].Learned).Draw(t, "order of what was learned")
		}
		a, err := Build(docs)
		if err != nil {
			t.Fatal(err)
		}
		b, err := Build(turned)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(a, b) {
			t.Fatal("the indexes differ")
		}
	})
}

// A verified query never lowers its document for that query: not its score and
// not its place, for whoever asks.
func TestPropertyLearningNeverLowers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		docs := drawDocs(t)
		at := rapid.IntRange(0, len(docs)-1).Draw(t, "document")
		query := phrase(t, "query", 5)
		viewer := Viewer{Principal: rapid.SampledFrom([]string{"ann", "zoe"}).Draw(t, "viewer"), Quorum: rapid.IntRange(0, 3).Draw(t, "quorum"), Allowed: Everything}
		rank := func(docs []Document) (place int, score int64) {
			x, err := Build(docs)
			if err != nil {
				t.Fatal(err)
			}
			hits := x.Find(viewer, []string{query}, Options{Limit: 50, Confidence: -1}).Hits
			i := slices.IndexFunc(hits, func(h Hit) bool { return h.Document.ID == docs[at].ID })
			if i < 0 {
				return len(docs) + 1, 0
			}
			return i + 1, hits[i].Score
		}
		place, score := rank(docs)
		taught := slices.Clone(docs)
		taught[at].Learned = append(slices.Clone(docs[at].Learned), Phrase{Text: query, Principal: rapid.SampledFrom([]string{"ann", "bob", "new"}).Draw(t, "who"), Weight: rapid.Int64Range(1, million).Draw(t, "weight")})
		if p, s := rank(taught); p > place || s < score {
			t.Fatalf("%q: from place %d with %d to place %d with %d", query, place, score, p, s)
		}
	})
}

// Whatever one principal adds, by successes or failures, changes nothing for
// others as long as nobody else has used the words.
func TestPropertyNobodyMovesOthersAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		docs := drawDocs(t)
		poisoned := slices.Clone(docs)
		for i := range docs {
			docs[i].Learned = nil
			poisoned[i].Learned = nil
			for range rapid.IntRange(0, 30).Draw(t, "phrases") {
				poisoned[i].Learned = append(poisoned[i].Learned, Phrase{Text: phrase(t, "poison", 8), Principal: "eve", Weight: rapid.Int64Range(-million, million).Draw(t, "weight")})
			}
		}
		query := []string{phrase(t, "query", 5)}
		find := func(docs []Document) []Hit {
			x, err := Build(docs)
			if err != nil {
				t.Fatal(err)
			}
			return x.Find(Viewer{Principal: "ann", Allowed: Everything}, query, Options{Limit: 50, Confidence: -1}).Hits
		}
		a, b := find(docs), find(poisoned)
		if len(a) != len(b) {
			t.Fatalf("%d hits and %d", len(a), len(b))
		}
		for i := range a {
			if a[i].Document.ID != b[i].Document.ID || a[i].Score != b[i].Score || b[i].Learned {
				t.Fatalf("place %d: %s %d and %s %d", i+1, a[i].Document.ID, a[i].Score, b[i].Document.ID, b[i].Score)
			}
		}
	})
}
