package gate

import (
	"slices"
	"strings"
	"testing"

	"github.com/rivo/uniseg"
	"pgregory.net/rapid"
)

// texts mixes what breaks naive counting: joiners, flags, CR LF, combining
// marks, Hangul, Indic conjuncts, plain words.
func texts() *rapid.Generator[string] {
	part := rapid.OneOf(
		rapid.SampledFrom([]string{"👩‍👩‍👧", "🇩🇪", "🇩", "\r\n", "\r", "\n", "e\u0301", "\u0301", "각", "ᄀ", "ᅡ", "क्षि", " ", "word", "longer-word", "…", "\u200d", "1️⃣", "#", "https://a.example/x", "\u0600"}),
		rapid.String(),
	)
	return rapid.Custom(func(t *rapid.T) string { return strings.Join(rapid.SliceOfN(part, 0, 12).Draw(t, "parts"), "") })
}

// The shortcut for ASCII counts what the full algorithm counts.
func TestClustersAgreeWithTheStandard(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := texts().Draw(t, "s")
		if got, want := clusters(s), uniseg.GraphemeClusterCount(s); got != want {
			t.Fatalf("%q: got %d, want %d", s, got, want)
		}
	})
}

func TestTruncateKeepsTheLimit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, n := texts().Draw(t, "s"), rapid.IntRange(0, 20).Draw(t, "n")
		cut := truncate(s, n)
		switch {
		case clusters(cut) > n:
			t.Fatalf("%q at %d: %q has %d", s, n, cut, clusters(cut))
		case clusters(s) <= n && cut != s:
			t.Fatalf("%q at %d: fits, and yet became %q", s, n, cut)
		case truncate(cut, n) != cut:
			t.Fatalf("%q at %d: cut twice is %q", s, n, truncate(cut, n))
		case cut != s && n > 0 && !strings.HasPrefix(s, strings.TrimSuffix(cut, ellipsis)):
			t.Fatalf("%q at %d: %q is no beginning", s, n, cut)
		}
	})
}

func TestTruncate(t *testing.T) {
	for _, c := range []struct {
		s    string
		n    int
		want string
	}{
		{"the quick brown fox", 19, "the quick brown fox"},
		{"the quick brown fox", 18, "the quick brown…"},
		{"the quick brown fox", 16, "the quick brown…"},
		{"the quick, brown fox", 12, "the quick…"},
		{"antidisestablishmentarianism", 10, "antidises…"},
		{"a antidisestablishmentarianism", 10, "a antidis…"},
		{"日本語の長い文章です", 5, "日本語の…"},
		{"👩‍👩‍👧👩‍👩‍👧👩‍👩‍👧", 2, "👩‍👩‍👧…"},
		{"word", 1, "…"},
		{"word", 0, ""},
	} {
		if got := truncate(c.s, c.n); got != c.want {
			t.Errorf("%q at %d: got %q, want %q", c.s, c.n, got, c.want)
		}
	}
}

func TestLinks(t *testing.T) {
	for _, c := range []struct {
		text string
		want []string
	}{
		{"no link, not even www.example.com or ftp://x.example", nil},
		{"see https://a.example/x?y=1&z=2#f.", []string{"https://a.example/x?y=1&z=2#f"}},
		{"HTTPS://A.example!", []string{"HTTPS://A.example"}},
		{"(http://a.example)", []string{"http://a.example"}},
		{"https://en.example/wiki/Plimsoll_(line), they say", []string{"https://en.example/wiki/Plimsoll_(line)"}},
		{"[text](https://a.example/x)", []string{"https://a.example/x"}},
		{"[https://a.example](https://a.example)", []string{"https://a.example"}},
		{"![](https://a.example/i.png)", []string{"https://a.example/i.png"}},
		{"<https://a.example> and \"https://b.example\"", []string{"https://a.example", "https://b.example"}},
		{"https://a.example https://a.example", []string{"https://a.example", "https://a.example"}},
		{"https://a.example,https://b.example;http://c.example", []string{"https://a.example", "https://b.example", "http://c.example"}},
		{"https://a.example/x,y;z", []string{"https://a.example/x,y;z"}},
		{"https://web.example/2020/http://b.example", []string{"https://web.example/2020/http://b.example"}},
		{"xhttp://a.example", nil},
		{"http:// http://. http://- https://", nil},
		{"**https://a.example**", []string{"https://a.example"}},
		{"http://[::1]:80/x", []string{"http://[::1]:80/x"}},
		{"見る https://a.example。次", []string{"https://a.example"}},
		{"“https://a.example”", []string{"https://a.example"}},
		{"https://münchen.example/ä", []string{"https://münchen.example/ä"}},
		{"| https://a.example | https://b.example |", []string{"https://a.example", "https://b.example"}},
		{"https://a.example\nhttps://b.example…", []string{"https://a.example", "https://b.example"}},
	} {
		if got := links(c.text); !slices.Equal(got, c.want) {
			t.Errorf("%q:\n got %q\nwant %q", c.text, got, c.want)
		}
	}
}

func FuzzLinks(f *testing.F) {
	for _, s := range []string{"https://a.example", "[x](http://a.example)", "http://[", "https://a,http://b", "://", "http://\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		found := links(s)
		for _, l := range found {
			if !strings.Contains(s, l) || !strings.Contains(strings.ToLower(l), "http") {
				t.Fatalf("%q: %q is not in it", s, l)
			}
			if again := links(l); len(again) != 1 {
				t.Fatalf("%q: the link %q reads as %q", s, l, again)
			}
		}
	})
}

func TestFold(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"follow_up", "  Follow Up ", true}, {"follow_up", "follow--up", true}, {"follow_up", "FOLLOW‑UP", true},
		{"über", "U\u0308BER", true}, {"straße", "STRASSE", false}, {"k", "\u212a", true}, {"ab", "a b", false}, {"new", "now", false}, {"_x_", "x", true},
	} {
		if got := fold(c.a) == fold(c.b); got != c.same {
			t.Errorf("%q and %q: got %v, want %v", c.a, c.b, got, c.same)
		}
	}
}
