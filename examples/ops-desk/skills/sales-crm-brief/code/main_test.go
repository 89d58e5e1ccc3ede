package main

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

type item struct {
	ID        string `json:"id"`
	Input     Week   `json:"input"`
	Reference Output `json:"reference"`
}

func items(t *testing.T) []item {
	t.Helper()
	files, err := filepath.Glob("../items/*.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	var out []item
	for _, f := range files {
		src, err := os.Open(f)
		if err != nil {
			t.Fatal(err)
		}
		defer src.Close()
		lines := bufio.NewScanner(src)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			var it item
			if err := json.Unmarshal(lines.Bytes(), &it); err != nil {
				t.Fatalf("%s: %v", f, err)
			}
			out = append(out, it)
		}
		if err := lines.Err(); err != nil {
			t.Fatal(err)
		}
	}
	if len(out) < 110 {
		t.Fatalf("%d items; a proof on this pool needs 110", len(out))
	}
	return out
}

// Every reference passes its own gate, and every account of the events is in it.
func TestReferencesPass(t *testing.T) {
	for _, it := range items(t) {
		v, err := knownAccounts(it.Input, it.Reference)
		if err != nil || !v.Passed {
			t.Errorf("%s: %+v %v", it.ID, v, err)
		}
		have := map[string]bool{}
		for _, a := range it.Reference.Brief.Accounts {
			have[key(a.Name)] = true
		}
		for _, e := range it.Input.Events {
			if !have[key(e.Account)] {
				t.Errorf("%s: nothing about %s", it.ID, e.Account)
			}
		}
		if !have[key(it.Input.WriteTo)] {
			t.Errorf("%s: a note to %s, of whom nothing is known", it.ID, it.Input.WriteTo)
		}
	}
}

func amount(f float64) *float64 { return &f }

var week = Week{Week: "2026-W26", WriteTo: "Nut & Bolt", Events: []Event{
	{Account: "Nut & Bolt", Type: "quote", Date: "2026-06-22", Owner: "Ada", Amount: amount(31200)},
	{Account: "nut and  bolt", Type: "email", Date: "2026-06-23", Owner: "Ada", Amount: amount(30900.5)},
	{Account: "Quiet Co", Type: "call", Date: "2026-06-24", Owner: "Bo"},
}}

func TestKnownAccounts(t *testing.T) {
	for name, c := range map[string]struct {
		account Account
		reason  string
	}{
		"as written":         {Account{Name: "Nut & Bolt", Owner: "Ada", Amount: amount(31200)}, ""},
		"other spelling":     {Account{Name: "Nut and Bolt", Owner: "Ada", Amount: amount(30900.5)}, ""},
		"no figure":          {Account{Name: "Quiet Co", Owner: "Bo"}, ""},
		"a colleague's":      {Account{Name: "Quiet Co", Owner: "Ada"}, ""},
		"invented account":   {Account{Name: "Loud Co", Owner: "Bo"}, "no event is about"},
		"invented owner":     {Account{Name: "Quiet Co", Owner: "Cy"}, "no event names"},
		"invented figure":    {Account{Name: "Nut & Bolt", Owner: "Ada", Amount: amount(31201)}, "gives the figure 31,201"},
		"another's figure":   {Account{Name: "Quiet Co", Owner: "Bo", Amount: amount(31200)}, "gives the figure"},
		"everything is made": {Account{Name: "", Owner: "", Amount: amount(0)}, "no event is about"},
	} {
		v, err := knownAccounts(week, Output{Brief: Brief{Accounts: []Account{c.account}}})
		if err != nil {
			t.Fatal(err)
		}
		if v.Passed != (c.reason == "") || !strings.Contains(v.Reason, c.reason) {
			t.Errorf("%s: %+v", name, v)
		}
		if !v.Passed && (len(v.FailedIDs) != 1 || v.FailedIDs[0] != c.account.Name) {
			t.Errorf("%s: failed ids %q", name, v.FailedIDs)
		}
	}
}

func TestSlack(t *testing.T) {
	got, err := slack(week, Output{
		Brief: Brief{Headline: "Nut & Bolt are close.", Accounts: []Account{
			{Name: "Nut & Bolt", Change: "grew", NextStep: "Call on <Monday>", Owner: "Ada", Amount: amount(30900.5)},
			{Name: "Quiet Co", Change: "stalled", NextStep: "Open", Owner: "Bo"},
		}},
		Copy: "Thank you.\nWe will call.",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := `*Sales brief 2026-W26*
Nut &amp; Bolt are close.
1. <https://crm.example.com/accounts/nut-and-bolt|Nut &amp; Bolt> grew, 30,900.50
    Call on &lt;Monday&gt; (Ada)
2. <https://crm.example.com/accounts/quiet-co|Quiet Co> stalled
    Open (Bo)

---
Note to Nut &amp; Bolt, to be read before it is sent:
> Thank you.
> We will call.`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestFigure(t *testing.T) {
	for f, want := range map[float64]string{0: "0", 7: "7", 999: "999", 1000: "1,000", 61.2: "61.20", 1234567: "1,234,567", -1000: "-1,000"} {
		if got := figure(f); got != want {
			t.Errorf("%v: %q, want %q", f, got, want)
		}
	}
}
