package engine

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/run"
	"github.com/plimsoll-dev/plimsoll/core/skill"
	"github.com/plimsoll-dev/plimsoll/core/store"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
)

// readings are a project with the skill pdf, and a folder of logs.
type readings struct {
	*testing.T
	e    *Engine
	logs string
}

func reading(t *testing.T) *readings {
	e := bare(t)
	e.Project.Config = &config.Project{}
	e.Project.Skills = []*skill.Skill{{Name: "pdf", Contract: &config.Contract{}}, {Name: "notes", Contract: &config.Contract{}}}
	return &readings{T: t, e: e, logs: t.TempDir()}
}

func (l *readings) write(file string, lines ...string) {
	l.Helper()
	if err := os.WriteFile(filepath.Join(l.logs, file), []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		l.Fatal(err)
	}
}

func (l *readings) load(content bool) *Imported {
	l.Helper()
	got, err := l.e.ImportRuns(l.Context(), ImportOptions{Paths: []string{l.logs}, Content: content})
	if err != nil {
		l.Fatal(err)
	}
	return got
}

// runs are those that are kept; what each costs is the sum of its calls.
func (l *readings) runs() (all []run.Record, micro int64) {
	l.Helper()
	err := l.e.store.Scan(store.Key(store.TableRun, scope), func(_, value []byte) error {
		var rec run.Record
		if err := unseal(value, &rec); err != nil {
			return err
		}
		all, micro = append(all, rec), micro+rec.Micro
		return nil
	})
	if err != nil {
		l.Fatal(err)
	}
	for _, rec := range all {
		sum := int64(0)
		for _, c := range rec.Attempts[0].Calls {
			sum += c.Micro
		}
		if sum != rec.Micro {
			l.Errorf("run %s costs %d, its calls %d", rec.ID, rec.Micro, sum)
		}
	}
	// The index of a skill has each of them once, with the same cost.
	notes, err := l.e.skillRuns("pdf", time.Time{})
	if err != nil {
		l.Fatal(err)
	}
	noted := int64(0)
	for _, n := range notes {
		noted += n.Micro
	}
	if len(notes) != len(all) || noted != micro {
		l.Errorf("%d runs of %d in the index, of %d and %d", len(notes), noted, len(all), micro)
	}
	return all, micro
}

func typed(session, text string) string {
	return fmt.Sprintf(`{"type":"user","sessionId":%q,"timestamp":"2026-06-01T09:00:00Z","message":{"content":%q}}`, session, text)
}

// spoke is an answer of haiku, of $0.0001 for each 100 tokens in and $0.0005 for
// each 100 out.
func spoke(session, id string, minute, in, out int) string {
	return fmt.Sprintf(`{"type":"assistant","sessionId":%q,"timestamp":"2026-06-01T09:%02d:00Z","requestId":"r","message":{"id":%q,"model":"claude-haiku-4-5","content":[{"type":"text","text":"said %s"}],"usage":{"input_tokens":%d,"output_tokens":%d}}}`, session, minute, id, id, in, out)
}

const pdf = "<command-name>/pdf</command-name><command-args>the task</command-args>"

// Turns of two files that are called the same are two; a night with another file
// counts nothing again.
func TestImportTwoFilesOfOneSession(t *testing.T) {
	l := reading(t)
	l.write("b.jsonl", typed("S1", pdf), spoke("S1", "m1", 1, 1000, 0), spoke("S1", "m2", 2, 1000, 0))
	l.load(false)
	if all, micro := l.runs(); len(all) != 1 || micro != 2000 {
		t.Fatalf("%d runs of %d", len(all), micro)
	}
	l.write("a.jsonl", typed("S1", pdf), spoke("S1", "m3", 3, 1000, 0))
	got := l.load(false)
	if all, micro := l.runs(); len(all) != 2 || micro != got.Spend.Micro || micro != 3000 || got.New != 1 || got.Known != 1 {
		t.Errorf("%d runs of %d, the log has %d: %+v", len(all), micro, got.Spend.Micro, got)
	}
}

// However the calls of a conversation are spread over files from night to night,
// each is in one run.
func TestImportMovedCalls(t *testing.T) {
	l := reading(t)
	one, two, three, four := spoke("S1", "m1", 1, 1000, 0), spoke("S1", "m2", 2, 1000, 0), spoke("S1", "m3", 3, 1000, 0), spoke("S1", "m4", 4, 1000, 0)
	l.write("a.jsonl", typed("S1", pdf), one, two)
	l.write("b.jsonl", typed("S1", pdf), one, two, three) // resumed
	l.load(false)
	if err := os.Remove(filepath.Join(l.logs, "a.jsonl")); err != nil {
		t.Fatal(err)
	}
	for _, x := range [][]string{{typed("S1", pdf), one, two, three}, {typed("S1", pdf), two, three, four}, {typed("S1", pdf), four, one}} {
		l.write("b.jsonl", x...)
		l.load(false)
	}
	calls := map[string]int{}
	all, micro := l.runs()
	for _, rec := range all {
		for _, c := range rec.Attempts[0].Calls {
			calls[c.ID[strings.IndexByte(c.ID, '/'):]]++
		}
	}
	if micro != 4000 || len(calls) != 4 || len(all) != 2 {
		t.Errorf("%d runs of %d with %v", len(all), micro, calls)
	}
}

// An answer that was being written when the log was read has its whole usage
// afterwards, and a cost that was not known is known once there is a price.
func TestImportGrows(t *testing.T) {
	l := reading(t)
	l.write("a.jsonl", typed("S1", pdf), spoke("S1", "m1", 1, 1000, 1))
	l.load(false)
	l.write("a.jsonl", typed("S1", pdf), spoke("S1", "m1", 1, 1000, 1), spoke("S1", "m1", 1, 1000, 1000))
	got := l.load(false)
	if _, micro := l.runs(); micro != 6000 || got.Grown != 1 {
		t.Errorf("%d, the log has %d: %+v", micro, got.Spend.Micro, got)
	}
	// A log that was cut takes nothing away.
	l.write("a.jsonl", typed("S1", pdf), spoke("S1", "m1", 1, 1000, 1))
	if got = l.load(false); got.Known != 1 {
		t.Errorf("%+v", got)
	}
	l.write("b.jsonl", strings.ReplaceAll(typed("S2", pdf)+"\n"+spoke("S2", "m9", 1, 100, 0), "claude-haiku-4-5", "claude-brand-new"))
	l.load(false)
	if all, micro := l.runs(); micro != 6000 || all[1].Priced && all[0].Priced {
		t.Errorf("%d: %+v", micro, all)
	}
	l.e.Project.Config.Ladders = []*config.Ladder{{Name: "l", Tiers: []*config.Tier{{Model: "claude-brand-new", Price: config.Price{Known: true, TokenPrice: config.TokenPrice{Input: 5_000_000, Output: 5_000_000}}}}}}
	got = l.load(false)
	if all, micro := l.runs(); micro != 6500 || !all[0].Priced || !all[1].Priced || got.Grown != 1 {
		t.Errorf("%d: %+v %+v", micro, got, all)
	}
}

// What was kept stays kept when the log is read again without content.
func TestImportKeepsContent(t *testing.T) {
	l := reading(t)
	l.write("a.jsonl", typed("S1", pdf), spoke("S1", "m1", 1, 1000, 1))
	l.load(true)
	before, _ := l.runs()
	l.write("a.jsonl", typed("S1", pdf), spoke("S1", "m1", 1, 1000, 1), spoke("S1", "m2", 2, 1000, 1))
	if got := l.load(false); got.Grown != 1 {
		t.Errorf("%+v", got)
	}
	after, _ := l.runs()
	if len(after) != 1 || after[0].Input == "" || after[0].Input != before[0].Input || after[0].Result != before[0].Result || len(after[0].Attempts[0].Calls) != 2 {
		t.Errorf("%+v", after)
	}
	if got := l.load(true); got.Grown != 1 {
		t.Errorf("%+v", got)
	}
	after, _ = l.runs()
	raw, err := l.e.store.GetBlob(after[0].Result)
	if err != nil || string(raw) != `"said m2"` {
		t.Errorf("%s %v", raw, err)
	}
	if got := l.load(true); got.Known != 1 || got.Grown != 0 {
		t.Errorf("%+v", got)
	}
}

// A model that several ladders have at different prices costs a skill what its own
// ladder says.
func TestImportPricesByOwnLadder(t *testing.T) {
	l := reading(t)
	tier := func(ladder string, usd int64) *config.Ladder {
		return &config.Ladder{Name: ladder, Tiers: []*config.Tier{{Ladder: ladder, Name: "x", Model: "claude-haiku-4-5", Price: config.Price{Known: true, TokenPrice: config.TokenPrice{Input: usd * 1_000_000, Output: 1}}}}}
	}
	own, other := tier("own", 2), tier("other", 7)
	l.e.Project.Config.Ladders = []*config.Ladder{own, other}
	l.e.Project.Skills[0].Binding.Ladder = own
	l.write("a.jsonl", typed("S1", pdf), spoke("S1", "m1", 1, 1000, 0))
	got := l.load(false)
	if all, micro := l.runs(); micro != 2000 || got.Spend.Micro != 2000 || all[0].End["main"] != own.Tiers[0].Ref() {
		t.Errorf("%d, %+v", micro, got.Spend)
	}
}
