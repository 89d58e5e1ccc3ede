package harness

import (
	"strings"
	"testing"
	"unicode/utf8"
)

var seeds = []string{
	"", " ", "create_issue", "HTTPServer2Go", "날씨를 알려줘", "天气", "ホテルの予約", "ﾎﾃﾙ", "الفَاتُورَة والاجتماعات", "Straße für die Größe", "l'été", "сделать всё",
	"\x00\x01\x7f", "\xff\xfe", "a\u0301\u0301\u0301", "\u0640\u200d\u202e", "İıŁø", "👩\u200d👩\u200d👧", "۱۲۳४५", strings.Repeat("x", 200), strings.Repeat("Aa1", 100), "ǅ ŉ ﬃ", "é\u0327", "ya\u200cmi", "가", "어을", "ืa", "'s ' '",
}

// FuzzSplit: tokens are never empty, never longer than they may be, and folded
// text that is split again gives the same stems.
func FuzzSplit(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n := 0
		split(text, func(k token) {
			n++
			if k.text == "" || !utf8.ValidString(k.text) || utf8.RuneCountInString(k.text) > maxWord*2 {
				t.Fatalf("%q: token %q", text, k.text)
			}
			for lang := range languages {
				if s := stem(k, lang); !utf8.ValidString(s) {
					t.Fatalf("%q: stem %q of %q", text, s, k.text)
				}
			}
		})
		if n > 5*len(text) {
			t.Fatalf("%q: %d tokens", text, n)
		}
	})
}

// FuzzFind: any documents and any query have an outcome, the hits are of the
// view, and a document is found by its own description.
func FuzzFind(f *testing.F) {
	for i, s := range seeds {
		f.Add(s, seeds[(i+7)%len(seeds)], seeds[(i+13)%len(seeds)])
	}
	f.Fuzz(func(t *testing.T, name, description, query string) {
		docs := []Document{{ID: "a", Name: name, Description: description, Learned: []Phrase{{Text: query, Principal: "ann", Weight: million}}}, {ID: "b", Name: description, Body: name}, {ID: "c", Name: "hidden", Description: query}}
		x, err := Build(docs)
		if err != nil {
			t.Fatal(err)
		}
		v := x.View(Viewer{Principal: "ann", Allowed: func(d *Document) bool { return d.ID != "c" }})
		for _, q := range []string{query, description} {
			found := v.Find([]string{q}, Options{Confidence: -1})
			if found.Outcome.Advice() == "" || (found.Outcome == Matched) != (len(found.Hits) > 0) {
				t.Fatalf("%+v", found)
			}
			for _, h := range found.Hits {
				if h.Document.ID == "c" || h.Score <= 0 || h.Confidence < 0 || h.Confidence > million {
					t.Fatalf("%+v", h)
				}
			}
		}
		l := &Learned{}
		if err := l.Add(Use{Document: "a", Query: query, Run: "1", Principal: "ann", At: today}); err == nil {
			if _, err := ParseLearned(l.Bytes()); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`[{"query":"a","should_trigger":true}]`))
	f.Add([]byte(`{"document":"a","query":"b","run":"c","principal":"d","at":"2026-11-21T12:00:00Z","succeeded":true}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if cases, err := ParseCases(data); err == nil {
			for _, c := range cases {
				if strings.TrimSpace(c.Query) == "" {
					t.Fatal("an empty query was taken")
				}
			}
		}
		if l, err := ParseLearned(data); err == nil {
			if again, err := ParseLearned(l.Bytes()); err != nil || string(again.Bytes()) != string(l.Bytes()) {
				t.Fatalf("%v", err)
			}
		}
	})
}
