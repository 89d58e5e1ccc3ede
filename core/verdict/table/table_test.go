package table

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/plimsoll-dev/plimsoll/core/verdict"
)

func read(t *testing.T, src string) *Table {
	t.Helper()
	table, err := Read("scores.csv", strings.NewReader(src))
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func TestRead(t *testing.T) {
	wide := read(t, "\xef\xbb\xbfitem,skill,opus,haiku\r\na,digest,1,0.5\r\nb,digest, ,1e-1\nc,brief,0,.25\n")
	long := read(t, "item,skill,tier,score\na,digest,opus,1\na,digest,haiku,0.5\nb,digest,haiku,0.1\nc,brief,haiku,.25\nc,brief,opus,0\n")
	for name, table := range map[string]*Table{"wide": wide, "long": long} {
		if !slices.Equal(table.Models, []string{"opus", "haiku"}) || !slices.Equal(table.Skills, []string{"digest", "brief"}) {
			t.Errorf("%s: models %q, skills %q", name, table.Models, table.Skills)
		}
		for skill, want := range map[string]string{"digest": "[[1000000 500000] [-1 100000]]", "brief": "[[0 250000]]"} {
			var got [][]int64
			for _, r := range table.rows[skill] {
				got = append(got, r.scores)
			}
			if fmt.Sprint(got) != want {
				t.Errorf("%s: %s has scores %v, want %s", name, skill, got, want)
			}
		}
	}
	if one := read(t, "item,a,b\nx,1,1\n"); !slices.Equal(one.Skills, []string{"scores.csv"}) {
		t.Errorf("without a skill column the skills are %q", one.Skills)
	}
}

func TestReadErrors(t *testing.T) {
	for _, c := range []struct{ name, src, want string }{
		{"empty", "", "scores.csv:1:1: the file is empty"},
		{"no rows", "item,skill,a,b\n", "scores.csv:2:1: there are no rows"},
		{"no item", "id,skill,a\nx,y,1\n", `there is no column item`},
		{"no models", "item,skill\nx,y\n", "there is no column of scores"},
		{"unnamed column", "item,skill,a,\nx,y,1,1\n", "scores.csv:1:14: column 4 has no name"},
		{"same column", "item,skill,a,a\nx,y,1,1\n", `column "a" is there twice`},
		{"NaN", "item,skill,a\nx,y,NaN\n", `scores.csv:2:5: item "x", column a: "NaN" is not a number of 0..1`},
		{"infinity", "item,skill,a\nx,y,+Inf\n", "not a number"},
		{"overflow", "item,skill,a\nx,y,1e999\n", "not a number"},
		{"hexadecimal", "item,skill,a\nx,y,0x1p-2\n", "not a number"},
		{"a word", "item,skill,a\nx,y,pass\n", "leave the cell empty where a score is missing"},
		{"scale of ten", "item,skill,a\nx,y,7\n", "write (score-1)/9"},
		{"scale of five", "item,skill,a\nx,y,4\n", "write (score-1)/4"},
		{"percent", "item,skill,a\nx,y,88\n", "write score/100"},
		{"negative", "item,skill,a\nx,y,-0.1\n", "below 0"},
		{"twice", "item,skill,a\nx,y,1\nz,y,1\nx,y,1\n", `scores.csv:4:1: item "x" of skill "y" is there twice, first on line 2`},
		{"twice in long", "item,skill,tier,score\nx,y,a,1\nx,y,a,1\n", `scores.csv:3:1: item "x" of skill "y" has a score on tier "a" twice, first on line 2`},
		{"short row", "item,skill,a\nx,y\n", "scores.csv:2:1: this row has 2 columns and the first line has 3"},
		{"no item in row", "item,skill,a\n ,y,1\n", "names no item"},
		{"no skill in row", "item,skill,a\nx,,1\n", `item "x" names no skill`},
		{"no tier in row", "item,skill,tier,score\nx,y,,1\n", "names no tier"},
		{"long with more", "item,skill,tier,score,note\nx,y,a,1,b\n", "one row per score"},
		{"bare quote", "item,skill,a\nx\",y,1\n", "scores.csv:2:2: this is not CSV"},
		{"not UTF-8", "item,skill,a\n\xff,y,1\n", "not UTF-8"},
		{"two errors", "item,skill,a\nx,y,2\nz,y,3\n", "scores.csv:3:5"},
		{"many errors", "item,skill,a\n" + strings.Repeat("x,y,7\n", 50), "scores.csv: and 30 more"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Read("scores.csv", strings.NewReader(c.src))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q in it", err, c.want)
			}
		})
	}
}

// rows makes a skill in which the candidate fails every nth item.
func rows(skill string, n, every int) string {
	var b strings.Builder
	for i := range n {
		score := 1
		if every > 0 && i%every == 0 {
			score = 0
		}
		fmt.Fprintf(&b, "%s-%d,%s,1,%d\n", skill, i, skill, score)
	}
	return b.String()
}

func TestVerdicts(t *testing.T) {
	table := read(t, "item,skill,opus,haiku\n"+rows("same", 120, 0)+rows("bad", 120, 3)+rows("tiny", 12, 0)+rows("close", 100, 20))
	records, sum, err := table.Verdicts("opus", "haiku", Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]verdict.Decision{"same": verdict.Downgrade, "bad": verdict.Hold, "tiny": verdict.Hold, "close": verdict.Undecided}
	for _, r := range records {
		if r.Decision != want[r.Skill] {
			t.Errorf("%s: %s, want %s: %s", r.Skill, r.Decision, want[r.Skill], r.Reason)
		}
		if r.Evidence != "scores.csv" || r.Alpha != 50_000 || r.Threshold != 20_000_000 || r.Method != verdict.Pool2 {
			t.Errorf("%s: %+v", r.Skill, r)
		}
	}
	if sum != (Summary{Skills: 4, Downgrade: 1, Hold: 2, Inconclusive: 1, Items: 352, Gap: -127840}) {
		t.Errorf("summary %+v", sum)
	}
	if records[0].Claim != "this pool of 120 items" || !strings.Contains(records[0].Reason, "this pool of 120 items") {
		t.Errorf("claim %q, reason %q", records[0].Claim, records[0].Reason)
	}
}

func TestVerdictsStop(t *testing.T) {
	table := read(t, "item,skill,opus,haiku\n"+rows("same", 400, 0))
	for _, c := range []struct {
		o        Options
		decision verdict.Decision
		n        int
		claim    string
	}{
		{Options{MaxItems: 60}, verdict.Undecided, 60, "this pool of 400 items"},
		{Options{MaxItems: 61}, verdict.Downgrade, 61, "this pool of 400 items"},
		{Options{Method: verdict.Pool1, MaxItems: 90}, verdict.Downgrade, 84, "this pool of 400 items"},
		{Options{Method: verdict.Star2}, verdict.Downgrade, 80, "future runs"},
		{Options{Method: verdict.Star1}, verdict.Downgrade, 130, "future runs"},
		{Options{Method: verdict.Star1, MaxItems: 62}, verdict.Downgrade, 62, "future runs"},
		{Options{Method: verdict.Grid8, MaxItems: 90}, verdict.Hold, 90, "future runs"},
		{Options{Method: verdict.Grid8, MaxItems: 9000}, verdict.Downgrade, 94, "future runs"},
	} {
		records, _, err := table.Verdicts("opus", "haiku", c.o)
		if err != nil {
			t.Fatal(err)
		}
		if r := records[0]; r.Decision != c.decision || r.N != c.n || r.Claim != c.claim {
			t.Errorf("%+v: %s after %d (%s), want %s after %d (%s)", c.o, r.Decision, r.N, r.Claim, c.decision, c.n, c.claim)
		}
	}
}

func TestVerdictsErrors(t *testing.T) {
	table := read(t, "item,skill,opus,haiku\nx,y,1,1\n")
	for _, c := range []struct {
		current, candidate string
		o                  Options
		want               string
	}{
		{"opsu", "haiku", Options{}, `scores.csv has no column "opsu" for the current side; did you mean "opus"? it has "opus", "haiku"`},
		{"opus", "gemma-27b", Options{}, `for the candidate side; it has "opus", "haiku"`},
		{"opus", "haiku", Options{MaxItems: -1}, "max-items is -1"},
		{"opus", "haiku", Options{Margin: 5_000_000}, "a margin of 5000000 millionths"},
		{"opus", "haiku", Options{Method: "ttest"}, `method "ttest" is unknown`},
	} {
		_, _, err := table.Verdicts(c.current, c.candidate, c.o)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want %q in it", err, c.want)
		}
	}
	if _, err := table.Pairs("z", "opus", "haiku", ""); err == nil || !strings.Contains(err.Error(), `no skill "z"`) {
		t.Errorf("error %v for a skill that is not there", err)
	}
}

// The order depends on the seed and the items alone, not on the lines.
func TestOrder(t *testing.T) {
	lines := strings.SplitAfter(strings.TrimSuffix(rows("s", 50, 4), "\n"), "\n")
	lines[49] += "\n"
	a := read(t, "item,skill,opus,haiku\n"+strings.Join(lines, ""))
	slices.Reverse(lines)
	b := read(t, "item,skill,opus,haiku\n"+strings.Join(lines, ""))
	names := func(table *Table, seed string) []string {
		pairs, err := table.Pairs("s", "opus", "haiku", seed)
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for i, p := range pairs {
			if p.Order != i {
				t.Fatalf("pair %d has order %d", i, p.Order)
			}
			out = append(out, p.Item)
		}
		return out
	}
	if !slices.Equal(names(a, "1"), names(b, "1")) {
		t.Error("the order of the lines changes the order of the items")
	}
	if slices.Equal(names(a, "1"), names(a, "2")) {
		t.Error("another seed gives the same order")
	}
}

// Whatever the bytes, Read answers with a table of scores in 0..1 or with an
// error, and a table can be judged without a panic.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{
		"item,skill,opus,haiku\na,s,1,0\nb,s,,0.5\n", "item,skill,tier,score\na,s,x,1\na,s,y,0\n", "\xef\xbb\xbfitem,a\nx,1\n",
		"item,skill,a\nx,y,NaN\n", "item,skill,a\nx,y,7\n", "item,\"skill\n", "", "item,skill,a\nx,y,0x1p-2\n", "item,skill,a,b\nx,y,1e-400,-0\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		table, err := Read("f", strings.NewReader(string(src)))
		if (err == nil) == (table == nil) {
			t.Fatalf("a table and an error: %v", err)
		}
		if err != nil {
			return
		}
		for _, skill := range table.Skills {
			for _, r := range table.rows[skill] {
				if len(r.scores) != len(table.Models) {
					t.Fatalf("item %q has %d scores of %d", r.item, len(r.scores), len(table.Models))
				}
				for _, s := range r.scores {
					if s != missing && (s < 0 || s > verdict.Million) {
						t.Fatalf("item %q has a score of %d", r.item, s)
					}
				}
			}
		}
		records, _, err := table.Verdicts(table.Models[0], table.Models[len(table.Models)-1], Options{Margin: 300_000, MaxItems: 200})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range records {
			if r.Decision == verdict.Downgrade && r.N < verdict.Floor(300_000, .05) {
				t.Fatalf("moved on %d items", r.N)
			}
		}
	})
}
