package secret

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// random text of an alphabet; the seed makes it the same every time. Nothing
// that looks like a key stands in this file.
func random(n int, alphabet string) string {
	r := rand.New(rand.NewPCG(7, uint64(n)))
	var b strings.Builder
	for range n {
		b.WriteByte(alphabet[r.IntN(len(alphabet))])
	}
	return b.String()
}

const (
	alnum = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	upper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
)

func TestFind(t *testing.T) {
	for _, c := range []struct{ name, text, kind string }{
		{"aws", "AKIA" + random(16, upper), "AWS access key"},
		{"github", "ghp_" + random(36, alnum), "GitHub token"},
		{"fine-grained", "github_pat_" + random(82, alnum), "GitHub token"},
		{"gitlab", "glpat-" + random(20, alnum), "GitLab token"},
		{"slack", "xoxb-" + random(40, alnum), "Slack token"},
		{"api", "sk-" + random(48, alnum), "API key"},
		{"api of a vendor", "sk-ant-api03-" + random(60, alnum), "API key"},
		{"stripe", "sk_live_" + random(24, alnum), "Stripe key"},
		{"google", "AIza" + random(35, alnum), "Google API key"},
		{"hf", "hf_" + random(34, alnum), "Hugging Face token"},
		{"azure", "AccountKey=" + random(86, alnum) + "==", "Azure storage key"},
		{"jwt", "eyJ" + random(30, alnum) + ".eyJ" + random(60, alnum) + "." + random(43, alnum), "JSON Web Token"},
		{"pem", "-----BEGIN RSA PRIVATE KEY-----\n" + random(64, alnum), "private key"},
		{"pem without a kind", "-----BEGIN PRIVATE KEY-----\n" + random(64, alnum), "private key"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, text := range []string{c.text, "key = \"" + c.text + "\"", strings.Repeat("é ", 50) + c.text + " and more"} {
				got := Find(text)
				if len(got) != 1 || got[0].Kind != c.kind || text[got[0].Start:got[0].End] != c.text {
					t.Errorf("Find(%q) = %+v", text, got)
				}
			}
			if got := Find(c.text + " " + c.text); len(got) != 2 {
				t.Errorf("two of them: %+v", got)
			}
		})
	}
}

func TestNoSecrets(t *testing.T) {
	for _, text := range []string{
		"", "AKIAIOSFODNN7EXAMPLE", "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "sk-your-api-key-goes-here-please",
		"task-management-and-project-planning-tools", "sk-learn-like-estimators-with-pipelines", "ask-" + random(40, alnum),
		"sk-00000000000000000000000000000000", "hf_" + strings.Repeat("a1", 17), "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----",
		"-----BEGIN PUBLIC KEY-----\n" + random(64, alnum), "eyJhbGciOi", "AIza", "SG.",
	} {
		if got := Find(text); len(got) > 0 {
			t.Errorf("%q: %+v", text, got)
		}
	}
}

func FuzzFind(f *testing.F) {
	f.Add("key ghp_" + random(36, alnum) + " and sk-" + random(30, alnum))
	f.Add("-----BEGIN PRIVATE KEY-----\n\xff\xfe")
	f.Fuzz(func(t *testing.T, text string) {
		last := 0
		for _, m := range Find(text) {
			if m.Start < last || m.End <= m.Start || m.End > len(text) || m.Kind == "" {
				t.Fatalf("%+v in %q", m, text)
			}
			last = m.Start
		}
		if In(text) != (len(Find(text)) > 0) {
			t.Fatal("In and Find disagree")
		}
	})
}

// A text of nothing but beginnings is the worst case.
func BenchmarkFind(b *testing.B) {
	for name, text := range map[string]string{
		"prose": strings.Repeat("Reads a page of the archive and says what stands there. ", 1<<20/56),
		"heads": strings.Repeat("eyJ", 1<<20/3),
		"jwt":   strings.Repeat("eyJ"+strings.Repeat("a", 700)+" ", 1<<20/704),
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				Find(text)
			}
		})
	}
}
