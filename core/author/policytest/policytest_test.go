package policytest_test

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/plimsoll-dev/plimsoll/core/author/policytest"
	"github.com/plimsoll-dev/plimsoll/core/engine"
	"github.com/plimsoll-dev/plimsoll/core/verdict"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
)

const project = `
backend "lab" {
  plugin = "sim"
}

ladder "lab" {
  tier "small" {
    backend = backend.lab
    model   = "s"
    family  = "lab"
    price   = { input = 1, output = 5 }
  }
  tier "medium" {
    backend = backend.lab
    model   = "m"
    family  = "lab"
    price   = { input = 2, output = 10 }
  }
  tier "large" {
    backend = backend.lab
    model   = "l"
    family  = "lab"
    price   = { input = 5, output = 25 }
  }
}

tier_policy "plain" {
  ladder   = ladder.lab
  method   = "METHOD"
  cooldown = "72h"
}

tier_policy "strict" {
  ladder         = ladder.lab
  method         = "METHOD"
  cooldown       = "72h"
  downgrade_when = "evidence.proved && latency.ratio < 1.5"

  hold "customers" {
    when   = "'customer-facing' in skill.tags"
    reason = "customers read it"
  }
}

tier_policy "hopeless" {
  ladder    = ladder.lab
  method    = "star1"
  max_items = 20
}
`

// house is a project in a folder of its own.
func house(t testing.TB, method verdict.Method) (*engine.Project, policytest.House) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "main.hcl"), []byte(strings.ReplaceAll(project, "METHOD", string(method))), 0o600); err != nil {
		t.Fatal(err)
	}
	p, diags := engine.LoadProject(engine.LoadOptions{Dir: dir})
	if err := diags.Err(); err != nil {
		t.Fatal(err)
	}
	h, diags := p.Rehearsals()
	if err := diags.Err(); err != nil {
		t.Fatal(err)
	}
	return p, h
}

// parse reads one test.
func parse(t testing.TB, p *engine.Project, src string) *config.PolicyTest {
	t.Helper()
	tests, diags := config.ParsePolicyTests("t.hcl", []byte(src), p.Config)
	if len(diags) > 0 || len(tests) != 1 {
		t.Fatalf("%v\n%s", diags, src)
	}
	return tests[0]
}

// simple is a test of one night that expects something which no night is, so
// that nothing of it is left out.
func simple(body string) string {
	return "test \"t\" {\n  now = \"2026-07-02T02:00:00Z\"\n" + body + "\n  expect {\n    check = \"true\"\n  }\n}\n"
}

// one runs a test of one night.
func one(t testing.TB, p *engine.Project, h policytest.House, body string) policytest.Night {
	t.Helper()
	r := policytest.Run(parse(t, p, simple(body)), h, policytest.Options{})
	if len(r.Nights) != 1 {
		t.Fatalf("%v\n%s", r.Problems, body)
	}
	return r.Nights[0]
}

func codesOf(n policytest.Night) []string {
	out := []string{}
	for _, c := range n.Causes() {
		out = append(out, c.Code)
	}
	return out
}

// Each reason can be brought about, and the sound case has none.
func TestEveryReason(t *testing.T) {
	p, h := house(t, verdict.Pool1)
	seen := map[string]bool{}
	for _, c := range []struct {
		body string
		want []string
	}{
		{`policy = tier_policy.plain`, []string{}},
		{`policy = tier_policy.strict`, []string{}},
		{"policy = tier_policy.strict\n tags = [\"customer-facing\"]", []string{"hold"}},
		{"policy = tier_policy.plain\n pinned = true", []string{"pin"}},
		{"policy = tier_policy.plain\n cooldown_until = \"2026-07-03T02:00:00Z\"", []string{"cooldown"}},
		{"policy = tier_policy.plain\n cooldown_until = \"2026-07-02T02:00:00Z\"", []string{}},
		{"policy = tier_policy.plain\n tier = ladder.lab.small", []string{"cheapest"}},
		{"policy = tier_policy.plain\n evidence {\n content = \"none\"\n}", []string{"content"}},
		{"policy = tier_policy.plain\n evidence {\n disproved = true\n}", []string{"disproved"}},
		{"policy = tier_policy.plain\n evidence {\n proved = false\n}", []string{"open"}},
		{"policy = tier_policy.plain\n evidence {\n n = 0\n}", []string{"open"}},
		{"policy = tier_policy.plain\n evidence {\n e = 2\n}", []string{"open"}},
		{"policy = tier_policy.plain\n evidence {\n e = 20000\n n = 30\n}", []string{"floor"}},
		{"policy = tier_policy.plain\n evidence {\n e_worse = 2000\n}", []string{"disproved"}},
		{"policy = tier_policy.plain\n evidence {\n judged = true\n}", []string{"judge"}},
		{"policy = tier_policy.plain\n evidence {\n planted = false\n}", []string{"planted"}},
		{"policy = tier_policy.plain\n evidence {\n recent = false\n}", []string{"recency"}},
		{"policy = tier_policy.plain\n evidence {\n proved = true\n n = 5\n}", []string{"floor"}},
		{"policy = tier_policy.plain\n gate \"g\" {\n failures = 40\n}", []string{"gate"}},
		{"policy = tier_policy.plain\n gate \"g\" {\n failures = 1\n}", []string{}},
		{"policy = tier_policy.plain\n gate \"g\" {\n failures = 1\n worse = true\n}", []string{"gate"}},
		{"policy = tier_policy.plain\n gate \"g\" {\n worse = true\n}", []string{"gate"}},
		{"policy = tier_policy.plain\n gate \"g\" {\n failures = 40\n worse = false\n}", []string{}},
		{"policy = tier_policy.plain\n gate \"g\" {\n failures = 1\n never = true\n}", []string{"never"}},
		{"policy = tier_policy.plain\n dimension \"d\" {\n loss = 0.5\n}", []string{"dimension"}},
		{"policy = tier_policy.plain\n dimension \"d\" {\n loss = -0.5\n}", []string{}},
		{"policy = tier_policy.plain\n dimension \"d\" {\n worse = true\n kind = \"format\"\n}", []string{"format"}},
		{"policy = tier_policy.plain\n latency {\n ratio = 2.5\n}", []string{"latency"}},
		{"policy = tier_policy.strict\n latency {\n ratio = 1.7\n}", []string{"downgrade_when"}},
		{"policy = tier_policy.strict\n latency {\n known = false\n}", []string{"rule", "downgrade_when"}},
		{"policy = tier_policy.hopeless\n evidence {\n n = 20\n}", []string{"reach", "open"}},
		{"policy = tier_policy.plain\n pairs {\n ties = 300\n losses = 40\n}", []string{"disproved"}},
		{"policy = tier_policy.plain\n pairs {\n ties = 10\n}", []string{"floor"}},
	} {
		n := one(t, p, h, c.body)
		if got := codesOf(n); !slices.Equal(got, c.want) {
			t.Errorf("%s\nis held by %q, want %q: %s", c.body, got, c.want, n.Reason())
		}
		if moves := n.Decision() == verdict.Downgrade; moves != (len(c.want) == 0) || moves != (n.To != n.From) {
			t.Errorf("%s\nis decided %s, and the step goes from %s to %s", c.body, n.Decision(), n.From, n.To)
		}
		for _, code := range c.want {
			seen[code] = true
		}
	}
	seen["reverted"] = true // takes a life: TestHands
	seen["evidence"] = true // takes evidence that cannot be true, which a test cannot write
	seen["part"] = true     // takes a judge's labels, which a test has none of
	seen["drafted"] = true  // takes drafted items, likewise
	for _, b := range policytest.Becauses() {
		if !seen[b.Code] {
			t.Errorf("no case shows %s", b.Code)
		}
	}
}

// A reason that core/verdict gains has to be one that tests can name, and the
// page has to explain all of them.
func TestReasonsAreComplete(t *testing.T) {
	known := map[string]bool{}
	page, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "policies.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range policytest.Becauses() {
		known[b.Code] = true
		if row := fmt.Sprintf("| `%s` | %s |", b.Code, b.Means); !strings.Contains(string(page), row) {
			t.Errorf("docs/policies.md lacks the row %s", row)
		}
	}
	files, _ := filepath.Glob(filepath.Join("..", "..", "verdict", "*.go"))
	found := 0
	for _, f := range files {
		src, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(f, "_test.go") {
			continue
		}
		for _, m := range regexp.MustCompile(`(?:\badd\(|Cause\{(?:Code: )?)"([a-z_]+)",`).FindAllStringSubmatch(string(src), -1) {
			found++
			if !known[m[1]] {
				t.Errorf("%s has a cause %q that because cannot name", filepath.Base(f), m[1])
			}
		}
	}
	if found < 15 {
		t.Errorf("found only %d causes: the search is broken", found)
	}
}

// Whatever items a test makes up, the night decides as core/verdict decides about
// the same items: nothing of the statistics is computed a second time here.
func TestItemsAreDecidedByVerdict(t *testing.T) {
	for _, method := range verdict.Methods() {
		p, h := house(t, method)
		rapid.Check(t, func(t *rapid.T) {
			counts := map[string]int{}
			var body strings.Builder
			body.WriteString("policy = tier_policy.plain\n source = \"traffic\"\n pairs {\n")
			total := 0
			for _, kind := range []string{"ties", "wins", "losses", "missing"} {
				most := 150
				if kind != "ties" {
					most = 15
				}
				counts[kind] = rapid.IntRange(0, most).Draw(t, kind)
				total += counts[kind]
				fmt.Fprintf(&body, "  %s = %d\n", kind, counts[kind])
			}
			body.WriteString("}\n")
			tests, diags := config.ParsePolicyTests("t.hcl", []byte(simple(body.String())), p.Config)
			if len(diags) > 0 {
				t.Fatal(diags)
			}
			r := policytest.Run(tests[0], h, policytest.Options{})
			if len(r.Nights) != 1 {
				t.Fatalf("%v", r.Problems)
			}
			got := *r.Nights[0].Record
			n := 400
			if method.Pool() {
				n = max(1, total)
			}
			if got.N > total || got.Deadline != n || got.Method != method || got.Epoch != 1 {
				t.Fatalf("%d items are a verdict over %d of %d by %s in epoch %d", total, got.N, got.Deadline, got.Method, got.Epoch)
			}
			if got.N == total && got.Outcome != verdict.Proved {
				// Then the test saw all items, and their order changes no mean. A proof may
				// stand on fewer than count towards the floor.
				want := int64(0)
				for kind, d := range map[string]int64{"wins": 1_000_000, "losses": -1_000_000, "missing": missingAt(got.Outcome)} {
					want += d * int64(counts[kind])
				}
				if total > 0 && abs(got.HeadlineGap-want/int64(total)) > 1 {
					t.Fatalf("%v: the mean gap is %d, want %d", counts, got.HeadlineGap, want/int64(total))
				}
			}
			proof := got.Outcome == verdict.Proved
			if (got.Decision == verdict.Downgrade) != (proof && len(got.Causes) == 0) {
				t.Fatalf("%s with outcome %q and causes %v", got.Decision, got.Outcome, got.Causes)
			}
			if losses := counts["losses"] + counts["missing"] - counts["wins"]; proof && method.Pool() && total > 0 && float64(losses)/float64(total) > 0.05 {
				t.Fatalf("%v is proved not worse by 5 points", counts)
			}
		})
	}
}

// missingAt is the D of an item without a candidate's score as the null at stake
// reads it: the current side scores 1.
func missingAt(o verdict.Outcome) int64 {
	if o == verdict.Disproved {
		return 0
	}
	return -1_000_000
}

func abs(x int64) int64 {
	if x < 0 {
		return -x
	}
	return x
}

// Rules only narrow: what moves under a policy with rules moves under the same
// policy without them, whatever else a test says.
func TestRulesOnlyNarrow(t *testing.T) {
	p, h := house(t, verdict.Pool1)
	rapid.Check(t, func(t *rapid.T) {
		var b strings.Builder
		if rapid.Bool().Draw(t, "customers") {
			b.WriteString("tags = [\"customer-facing\"]\n")
		}
		fmt.Fprintf(&b, "latency {\n ratio = %.1f\n known = %v\n}\n", rapid.Float64Range(0.1, 3).Draw(t, "ratio"), rapid.Bool().Draw(t, "known"))
		b.WriteString("evidence {\n")
		if rapid.Bool().Draw(t, "says n") {
			fmt.Fprintf(&b, " n = %d\n", rapid.IntRange(0, 400).Draw(t, "n"))
		}
		if rapid.Bool().Draw(t, "says e") {
			fmt.Fprintf(&b, " e = %.2f\n", rapid.Float64Range(0, 90).Draw(t, "e"))
		}
		if rapid.Bool().Draw(t, "says planted") {
			fmt.Fprintf(&b, " planted = %v\n", rapid.Bool().Draw(t, "planted"))
		}
		fmt.Fprintf(&b, " epoch = %d\n}\n", rapid.IntRange(1, 20).Draw(t, "epoch"))
		decide := func(policy string) policytest.Night {
			tests, diags := config.ParsePolicyTests("t.hcl", []byte(simple("policy = tier_policy."+policy+"\n"+b.String())), p.Config)
			if len(diags) > 0 {
				t.Fatal(diags)
			}
			return policytest.Run(tests[0], h, policytest.Options{}).Nights[0]
		}
		ruled, free := decide("strict"), decide("plain")
		if ruled.Decision() == verdict.Downgrade && free.Decision() != verdict.Downgrade {
			t.Fatalf("moves under rules, and without them: %s", free.Reason())
		}
		if a, b := ruled.Record, free.Record; a.EValue != b.EValue || a.N != b.N || a.Threshold != b.Threshold {
			t.Fatal("rules change what was measured")
		}
		for _, a := range ruled.Asked {
			if a.Err != nil && ruled.Decision() == verdict.Downgrade {
				t.Fatalf("moves with a rule that failed: %v", a.Err)
			}
		}
	})
}

// A move starts the cooldown, to the second.
func TestCooldownEnds(t *testing.T) {
	p, h := house(t, verdict.Pool1)
	start := time.Date(2026, 7, 2, 2, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		after time.Duration
		want  string
	}{{time.Second, "cooldown"}, {72*time.Hour - time.Second, "cooldown"}, {72 * time.Hour, ""}, {900 * time.Hour, ""}} {
		r := policytest.Run(parse(t, p, fmt.Sprintf(`
test "t" {
  policy = tier_policy.plain
  at %q {
    expect {
      decision       = "downgrade"
      tier           = ladder.lab.medium
      cooldown_until = "2026-07-05T02:00:00Z"
    }
  }
  at %q {
    expect {
      check = "true"
    }
  }
}`, start.Format(time.RFC3339), start.Add(c.after).Format(time.RFC3339))), h, policytest.Options{})
		if !r.Passed() {
			t.Fatal(r.Problems)
		}
		n := r.Nights[1]
		if held := slices.Equal(codesOf(n), []string{"cooldown"}); held != (c.want != "") {
			t.Errorf("%v later: %s: %s", c.after, n.Decision(), n.Reason())
		}
	}
}

// What people do to the policy file is what it is to a night.
func TestHands(t *testing.T) {
	p, h := house(t, verdict.Pool1)
	r := policytest.Run(parse(t, p, `
test "t" {
  policy = tier_policy.plain

  at "2026-07-02T02:00:00Z" {
    expect {
      decision = "downgrade"
      epoch    = 1
    }
  }
  at "2026-07-06T02:00:00Z" {
    tier = ladder.lab.large
    expect {
      because = "reverted"
      tier    = ladder.lab.large
    }
  }
  at "2026-07-07T02:00:00Z" {
    pinned = false
    expect {
      decision = "downgrade"
      epoch    = 1
      check    = "history.moves == 1"
    }
  }
  at "2026-07-07T09:00:00Z" {
    escalate = "first"
  }
  at "2026-07-07T10:00:00Z" {
    pinned = true
  }
  at "2026-07-20T02:00:00Z" {
    expect {
      because = "pin"
      tier    = ladder.lab.large
    }
  }
}`), h, policytest.Options{})
	// The pin came before a night wrote the escalation down, and holds the step
	// where it stood by then.
	for _, x := range r.Problems {
		t.Errorf("%s: %s %q", x.Diagnostic.Range, x.Diagnostic.Detail, x.Notes)
	}
}

// What a test names has to be there.
func TestMisfits(t *testing.T) {
	p, h := house(t, verdict.Pool1)
	for _, c := range []struct{ body, want string }{
		{`skill = "nobody"`, "no skills"},
		{"policy = tier_policy.plain\n recorded {}", "names no skill"},
		{"policy = tier_policy.plain\n recorded {\n skill = \"x\"\n}", "no skills"},
		{"policy = tier_policy.plain\n evidence {\n n = 401\n}", "closes the test at 400"},
		{"policy = tier_policy.plain\n gate \"g\" {\n failures = 300\n}", "fails on 300 items"},
		{"policy = tier_policy.plain\n latency {\n timeouts = 300\n}", "out of time on 300"},
		{"policy = tier_policy.plain\n scores {\n file = \"../x.csv\"\n current = \"a\"\n candidate = \"b\"\n}", "cannot be read here"},
	} {
		r := policytest.Run(parse(t, p, simple(c.body)), h, policytest.Options{})
		if len(r.Problems) != 1 || !strings.Contains(r.Problems[0].Diagnostic.Detail, c.want) || r.Problems[0].Diagnostic.Range.Start.Line == 0 {
			t.Errorf("%s\ngives %+v, want %q", c.body, r.Problems, c.want)
		}
	}
}

// What is shown is what rules see, and what is not known is no number.
func TestSaw(t *testing.T) {
	p, h := house(t, verdict.Pool1)
	n := one(t, p, h, "policy = tier_policy.strict\n cost {\n known = false\n}\n evidence {\n n = 0\n}")
	doc, err := policytest.Saw(n)
	if err != nil {
		t.Fatal(err)
	}
	lines := policytest.Lines(doc)
	for _, want := range []string{"cost.current = unknown", "cost.known = false", "evidence.n = 0", "gap.bound = unknown", `record.decision = "inconclusive"`, `skill.policy = "strict"`} {
		if !slices.Contains(lines, want) {
			t.Errorf("there is no line %q in\n%s", want, strings.Join(lines, "\n"))
		}
	}
	if !slices.IsSorted(lines) {
		t.Error("the lines are not sorted")
	}
	if !math.IsNaN(n.Saw.Cost.Current) {
		t.Error("the cost is known after all")
	}
}

func TestCover(t *testing.T) {
	p, h := house(t, verdict.Pool1)
	c := policytest.NewCover(p.Config.Policies)
	if got := c.Hints(); len(got) != 2 || !strings.Contains(got[0], "no test asks downgrade_when of tier_policy strict") {
		t.Errorf("without a test: %q", got)
	}
	add := func(body string) {
		c.Add(policytest.Run(parse(t, p, simple("policy = tier_policy.strict\n"+body)), h, policytest.Options{}))
	}
	add("")
	if got := c.Hints(); len(got) != 2 || !strings.Contains(got[0], "no test makes false") || !strings.Contains(got[1], "no test is held by hold customers") {
		t.Errorf("after a sound test: %q", got)
	}
	add("latency {\n ratio = 1.7\n}\n tags = [\"customer-facing\"]")
	if got := c.Hints(); len(got) != 0 {
		t.Errorf("after both sides: %q", got)
	}
	add("latency {\n known = false\n}")
	if got := *c.Rules()[0]; got.True != 1 || got.False != 1 || got.Failed != 1 {
		t.Errorf("counted %+v", got)
	}
}
