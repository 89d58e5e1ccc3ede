package config

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// testsProject loads the project of the golden case of policy tests.
func testsProject(t testing.TB) *Project {
	t.Helper()
	a, err := txtar.ParseFile("testdata/cases/policy-tests.txtar")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, f := range a.Files {
		if f.Name == "main.hcl" {
			write(t, filepath.Join(dir, f.Name), f.Data)
		}
	}
	p, diags := Load(dir, Options{})
	if diags.HasErrors() || len(p.Policies) == 0 {
		t.Fatalf("the project: %v", diags)
	}
	return p
}

// A moment takes over what its test says, attribute by attribute, and its own
// words win.
func TestMomentsInherit(t *testing.T) {
	src := `
test "inherits" {
  policy = tier_policy.standard

  evidence {
    epoch  = 3
    judged = true
  }
  cost {
    runs_per_month = 7
  }
  gate "a" {
    failures = 1
  }
  gate "b" {
    failures = 2
  }

  at "2026-07-02T04:00:00+02:00" {
    cost {
      current = 0.5
    }
    gate "b" {
      failures = 5
    }
    expect {
      decision = "hold"
    }
  }
  at "2026-07-03T02:00:00Z" {
    pairs {
      ties = 4
    }
  }
}
`
	tests, diags := ParsePolicyTests("t.hcl", []byte(src), testsProject(t))
	if len(diags) > 0 || len(tests) != 1 || len(tests[0].Moments) != 2 {
		t.Fatalf("%v, %v", tests, diags)
	}
	first, second := tests[0].Moments[0], tests[0].Moments[1]
	if first.At.Format("15:04 MST") != "02:00 UTC" {
		t.Errorf("the time is %v, want it in UTC", first.At)
	}
	g := first.Given
	if g.Cost.Current != 500_000 || g.Cost.Candidate != 4_000 || g.Cost.RunsPerMonth != 7 || !g.Cost.Known || !g.Evidence.Judged || *g.Evidence.Epoch != 3 {
		t.Errorf("the first moment has %+v", g)
	}
	if len(g.Gates) != 2 || g.Gates[1].Failures != 5 || g.Gates[0].Failures != 1 {
		t.Errorf("its gates are %+v", g.Gates)
	}
	g = second.Given
	if g.Cost.Current != 20_000 || g.Gates[1].Failures != 2 || g.Pairs == nil || g.Pairs.Ties != 4 || first.Given.Pairs != nil {
		t.Errorf("the second moment has %+v", g)
	}
	if second.Expect != nil || first.Expect.Decision != "hold" {
		t.Error("expectations are mixed up")
	}
}

// A project that nobody loaded has presets and nothing else.
func TestTestsWithoutProject(t *testing.T) {
	src := []byte("test \"x\" {\n  policy = tier_policy.y\n  now = \"2026-07-02T02:00:00Z\"\n  expect {\n    decision = \"hold\"\n  }\n}\n")
	tests, diags := ParsePolicyTests("t.hcl", src, &Project{Dir: t.TempDir()})
	if len(tests) != 0 || !diags.HasErrors() {
		t.Errorf("%v, %v", tests, diags)
	}
}

func FuzzPolicyTests(f *testing.F) {
	seed(f)
	a, err := txtar.ParseFile("testdata/cases/policy-tests.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range a.Files {
		f.Add(file.Data)
	}
	if src, err := os.ReadFile(filepath.Join(root, "examples", "ops-desk", "policy_tests", "standard.hcl")); err == nil {
		f.Add(src)
	}
	p := testsProject(f)
	f.Fuzz(func(t *testing.T, src []byte) {
		tests, diags := ParsePolicyTests("t.hcl", src, p)
		sound(t, diags, map[string][]byte{"t.hcl": withoutBOM(src)})
		for _, test := range tests {
			if test.Policy == nil && test.Skill == "" || len(test.Moments) == 0 {
				t.Errorf("test %q is about nothing", test.Name)
			}
			expects := false
			for i, m := range test.Moments {
				expects = expects || m.Expect != nil
				if m.At.IsZero() || i > 0 && !m.At.After(test.Moments[i-1].At) {
					t.Errorf("test %q: moment %d is at %v", test.Name, i, m.At)
				}
				g := m.Given
				if g.Evidence.N != nil && *g.Evidence.N < 0 || g.Latency.Ratio <= 0 || g.Cost.Current < 0 || g.History.Moves < 0 {
					t.Errorf("test %q: moment %d is given %+v", test.Name, i, g)
				}
			}
			if !expects && !diags.HasErrors() {
				t.Errorf("test %q expects nothing", test.Name)
			}
		}
	})
}
