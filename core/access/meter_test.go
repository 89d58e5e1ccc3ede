package access_test

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/plimsoll-dev/plimsoll/core/access"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
)

func limited(t testing.TB, rules []*config.AccessRule, limits ...*config.AccessLimit) *access.Policy {
	t.Helper()
	p, diags := access.Compile(&config.Access{Unmatched: "careful", Rules: rules, Limits: limits})
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return p
}

func limit(name, per string, calls int, within time.Duration) *config.AccessLimit {
	return &config.AccessLimit{Name: name, Per: per, Calls: calls, Within: within}
}

func at(d time.Duration) func(*access.Request) {
	return func(r *access.Request) { r.At = noon.Add(d) }
}

func who(name, session string) func(*access.Request) {
	return func(r *access.Request) { r.Principal.Name, r.Session = name, session }
}

func TestLimit(t *testing.T) {
	m := access.NewMeter(limited(t, nil, limit("hourly", "principal", 3, time.Hour)), access.MeterOptions{})
	for i := range 3 {
		if d := m.Decide(call("t", at(time.Duration(i)*time.Second))); d.Effect != access.Allow {
			t.Fatalf("call %d: %+v", i, d)
		}
	}
	d := m.Decide(call("t", at(time.Minute)))
	if d.Effect != access.Deny || d.Rule != "hourly" || !d.Until.After(noon.Add(time.Hour-time.Minute)) || d.Until.After(noon.Add(time.Hour+time.Hour/8)) || !strings.Contains(d.Reason, d.Until.Format(time.RFC3339)) {
		t.Fatalf("%+v", d)
	}
	if d := m.Decide(call("t", at(time.Minute), looking)); d.Effect != access.Allow {
		t.Errorf("a limit hides a name: %+v", d)
	}
	if d := m.Decide(call("t", at(time.Minute), who("bob", "s"))); d.Effect != access.Allow {
		t.Errorf("somebody else: %+v", d)
	}
	if d := m.Decide(call("t", func(r *access.Request) { r.At = d.Until.Add(-1) })); d.Effect != access.Deny {
		t.Errorf("just before: %+v", d)
	}
	if d := m.Decide(call("t", func(r *access.Request) { r.At = d.Until })); d.Effect != access.Allow {
		t.Errorf("when it said: %+v", d)
	}
}

func TestLimitPer(t *testing.T) {
	for per, same := range map[string]func(*access.Request){"principal": who("ann", "other"), "session": who("ann", "s"), "connector": who("bob", "other")} {
		m := access.NewMeter(limited(t, nil, limit("l", per, 1, time.Hour)), access.MeterOptions{})
		m.Decide(call("t"))
		if d := m.Decide(call("t", same)); d.Effect != access.Deny {
			t.Errorf("%s: %+v", per, d)
		}
		if d := m.Decide(call("t", who("bob", "b"), func(r *access.Request) { r.Connector = "x" })); d.Effect != access.Allow {
			t.Errorf("%s, another: %+v", per, d)
		}
	}
	only := limit("l", "principal", 1, time.Hour)
	only.Tools = []string{"github_*"}
	m := access.NewMeter(limited(t, nil, only), access.MeterOptions{})
	for range 3 {
		if d := m.Decide(call("t")); d.Effect != access.Allow {
			t.Fatalf("a tool that the limit is not about: %+v", d)
		}
	}
	m.Decide(call("github_a"))
	if d := m.Decide(call("github_b")); d.Effect != access.Deny {
		t.Errorf("%+v", d)
	}
}

// What is refused or asked is not counted against a limit, and is counted for rules.
func TestSessionCounters(t *testing.T) {
	p := limited(t, []*config.AccessRule{
		rule("few", "deny", "", "session.calls >= 3"), rule("calm", "deny", "", "session.denied >= 2"), rule("k", "ask", "k", ""),
		rule("no", "deny", "no", ""), rule("after", "deny", "after", "'first' in session.tools"),
	}, limit("l", "session", 3, time.Hour))
	m := access.NewMeter(p, access.MeterOptions{})
	step := func(tool string, want access.Effect, by string) {
		t.Helper()
		if d := m.Decide(call(tool)); d.Effect != want || d.Rule != by {
			t.Fatalf("%s: %+v", tool, d)
		}
	}
	step("after", access.Allow, "")
	step("k", access.Ask, "k")
	step("first", access.Allow, "")
	step("after", access.Deny, "after")
	c := m.Counters(call("t", at(time.Minute)))
	if c.Calls != 2 || c.Denied != 1 || c.Asked != 1 || strings.Join(c.Tools, ",") != "after,first" || c.Started != noon || len(c.Spent) != 0 {
		t.Fatalf("%+v", c)
	}
	step("t", access.Allow, "")
	step("t", access.Deny, "few")
	step("t", access.Deny, "calm")
	if c := m.Counters(call("t", who("ann", "other"))); c.Calls+c.Denied+c.Asked != 0 {
		t.Errorf("another session: %+v", c)
	}
	if c := m.Counters(call("t")); len(c.Spent) != 1 || c.Spent[0].Limit != "l" {
		t.Errorf("%+v", c)
	}
}

// A name that is not remembered must not be taken for one that was not called.
func TestMoreNamesThanAreRemembered(t *testing.T) {
	p := limited(t, []*config.AccessRule{rule("after", "deny", "late", "'early' in session.tools")})
	m := access.NewMeter(p, access.MeterOptions{})
	for i := range access.MaxSessionTools {
		m.Decide(call(fmt.Sprintf("t%d", i)))
	}
	if d := m.Decide(call("late")); d.Effect != access.Allow {
		t.Fatalf("%+v", d)
	}
	if d := m.Decide(call("early")); d.Effect != access.Allow {
		t.Fatalf("a rule that reads nothing of the session: %+v", d)
	}
	again := access.NewMeter(p, access.MeterOptions{})
	raw, err := m.Save()
	if err != nil || again.Restore(raw) != nil {
		t.Fatal(err)
	}
	for _, m := range []*access.Meter{m, again} {
		if d := m.Decide(call("late")); d.Effect != access.Deny || d.Rule != "after" || !strings.Contains(d.Detail, "more names than are remembered") {
			t.Errorf("%+v", d)
		}
		if c := m.Counters(call("t")); !c.Lost || len(c.Tools) != access.MaxSessionTools {
			t.Errorf("%+v", c)
		}
	}
}

// In no stretch of the window are there more calls than allowed, whatever the pace and
// however the clock jumps back; and none waits longer than the window and a step.
func TestWindowProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const within = time.Hour
		most := rapid.IntRange(1, 5).Draw(t, "calls")
		p, diags := access.Compile(&config.Access{Unmatched: "careful", Limits: []*config.AccessLimit{limit("l", "principal", most, within)}})
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		m := access.NewMeter(p, access.MeterOptions{})
		now := noon
		var calls []time.Time
		for range rapid.IntRange(1, 60).Draw(t, "n") {
			now = now.Add(time.Duration(rapid.IntRange(0, 40).Draw(t, "minutes")) * time.Minute)
			d := m.Decide(call("t", func(r *access.Request) { r.At = now }))
			recent, settled := 0, 0
			for _, c := range calls {
				if now.Sub(c) < within {
					recent++
				}
				if now.Sub(c) < within+within/8 {
					settled++
				}
			}
			switch {
			case d.Effect == access.Allow && recent >= most:
				t.Fatalf("%d calls in an hour, and one more at %s: %v", recent, now, calls)
			case d.Effect != access.Allow && settled < most:
				t.Fatalf("refused at %s after %d: %v", now, settled, calls)
			case d.Effect == access.Allow:
				calls = append(calls, now)
			}
		}
	})
}

func TestClockGoesBack(t *testing.T) {
	m := access.NewMeter(limited(t, nil, limit("l", "principal", 2, time.Hour)), access.MeterOptions{})
	m.Decide(call("t", at(1000*time.Hour)))
	m.Decide(call("t", at(1000*time.Hour)))
	for _, back := range []time.Duration{time.Hour * 999, 0, time.Minute} {
		if d := m.Decide(call("t", at(back))); d.Effect != access.Deny {
			t.Fatalf("%s: %+v", back, d)
		}
	}
	if d := m.Decide(call("t", at(2*time.Hour))); d.Effect != access.Allow {
		t.Errorf("a clock that is right again is believed after one window: %+v", d)
	}
}

// A call that was overtaken moves no other call into the past.
func TestACallThatComesLate(t *testing.T) {
	m := access.NewMeter(limited(t, nil, limit("l", "principal", 3, 10*time.Second)), access.MeterOptions{})
	for range 3 {
		m.Decide(call("t", at(100*time.Second)))
	}
	if d := m.Decide(call("t", func(r *access.Request) { r.At = time.Time{} })); d.Effect != access.Deny {
		t.Errorf("at no time: %+v", d)
	}
	for _, s := range []int{95, 106, 60, 109} {
		if d := m.Decide(call("t", at(time.Duration(s)*time.Second))); d.Effect != access.Deny {
			t.Errorf("at %d: %+v", s, d)
		}
	}
	if d := m.Decide(call("t", at(111*time.Second))); d.Effect != access.Allow {
		t.Errorf("%+v", d)
	}
}

func TestNoLimitIsPassedTogether(t *testing.T) {
	const most, callers = 50, 16
	m := access.NewMeter(limited(t, []*config.AccessRule{rule("few", "deny", "", "session.calls >= 30")}, limit("l", "principal", most, time.Hour)), access.MeterOptions{})
	var mu sync.Mutex
	allowed := map[string]int{}
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			session := fmt.Sprint("s", i%2)
			for range 20 {
				if m.Decide(call("t", who("ann", session))).Effect == access.Allow {
					mu.Lock()
					allowed[session]++
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	if allowed["s0"] > 30 || allowed["s1"] > 30 || allowed["s0"]+allowed["s1"] > most || allowed["s0"]+allowed["s1"] < 20 {
		t.Errorf("%v", allowed)
	}
	c := m.Counters(call("t", who("ann", "s0")))
	if c.Calls != allowed["s0"] || c.Calls+c.Denied != callers/2*20 {
		t.Errorf("%+v, %v", c, allowed)
	}
}

// A hundred times more principals than fit: what they cost is bounded, and those who do
// not fit are counted together rather than not at all.
func TestMemoryIsBounded(t *testing.T) {
	p := limited(t, nil, limit("l", "principal", 3, time.Hour), limit("s", "session", 3, time.Hour))
	m := access.NewMeter(p, access.MeterOptions{Keys: 1000, Sessions: 1000})
	heap := func() uint64 {
		var s runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&s)
		return s.HeapAlloc
	}
	before := heap()
	allowed := 0
	for i := range 100_000 {
		if m.Decide(call("t", who(fmt.Sprint("p", i), fmt.Sprint("s", i)))).Effect == access.Allow {
			allowed++
		}
	}
	after := heap()
	if allowed != 1000+3 {
		t.Errorf("%d calls were allowed; 1000 callers fit, and all others share 3", allowed)
	}
	if after > before+16<<20 {
		t.Errorf("the meter has %d bytes", after-before)
	}
	if d := m.Decide(call("t", who("p99999", "x"), at(3*time.Hour))); d.Effect != access.Allow {
		t.Errorf("once the window is over there is room again: %+v", d)
	}
	runtime.KeepAlive(m)
}

func TestSaveAndRestore(t *testing.T) {
	rules := []*config.AccessRule{rule("after", "deny", "after", "'first' in session.tools")}
	p := limited(t, rules, limit("l", "principal", 3, time.Hour), limit("gone", "connector", 9, time.Hour))
	m := access.NewMeter(p, access.MeterOptions{})
	m.Decide(call("first"))
	m.Decide(call("t", at(time.Minute)))
	m.Decide(call("after", at(time.Minute)))
	raw, err := m.Save()
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := m.Save(); string(again) != string(raw) {
		t.Error("the same counts have two forms")
	}
	n := access.NewMeter(limited(t, rules, limit("l", "principal", 3, time.Hour)), access.MeterOptions{})
	if err := n.Restore(raw); err != nil {
		t.Fatal(err)
	}
	c := n.Counters(call("t", at(2*time.Minute)))
	if c.Calls != 2 || c.Denied != 1 || len(c.Tools) != 2 || !c.Started.Equal(noon) {
		t.Errorf("%+v", c)
	}
	if d := n.Decide(call("after", at(2*time.Minute))); d.Effect != access.Deny || d.Rule != "after" {
		t.Errorf("%+v", d)
	}
	if d := n.Decide(call("t", at(2*time.Minute))); d.Effect != access.Allow {
		t.Errorf("%+v", d)
	}
	if d := n.Decide(call("t", at(2*time.Minute))); d.Effect != access.Deny || d.Rule != "l" {
		t.Errorf("a restart forgets calls: %+v", d)
	}
	for _, bad := range []string{"", "null", "{}", `{"version":2}`, `{"version":1,"x":1}`, `{"version":1,"limits":[{"limit":"l","windows":[{"key":"k","used":"2026-01-01T00:00:00Z","calls":-5}]}]}`, strings.Replace(string(raw), `"calls":2`, `"calls":-2`, 1)} {
		if err := access.NewMeter(p, access.MeterOptions{}).Restore([]byte(bad)); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}

func FuzzRestore(f *testing.F) {
	p := limited(f, nil, limit("l", "principal", 3, time.Hour))
	m := access.NewMeter(p, access.MeterOptions{})
	m.Decide(call("first"))
	raw, _ := m.Save()
	f.Add(raw)
	f.Add([]byte(`{"version":1,"sessions":[{"key":"","used":"9999-12-31T23:59:59Z","calls":1,"denied":0,"asked":0}],"limits":[]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m := access.NewMeter(p, access.MeterOptions{Keys: 4, Sessions: 4})
		if m.Restore(raw) != nil {
			return
		}
		for i := range 8 {
			m.Decide(call("t", at(time.Duration(i)*time.Hour)))
		}
		out, err := m.Save()
		if err != nil {
			return // a key that is no UTF-8 cannot come from Save
		}
		if err := access.NewMeter(p, access.MeterOptions{}).Restore(out); err != nil {
			t.Fatalf("%s: %v", out, err)
		}
	})
}
