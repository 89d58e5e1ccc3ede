package redact

import (
	"encoding/json"
	"fmt"
	"testing"
)

func TestVariables(t *testing.T) {
	t.Setenv("KEY", "hunter2222")
	t.Setenv("LONGER", "hunter2222-and-more")
	t.Setenv("SHORT", "abc")
	t.Setenv("PEM", "-----BEGIN-----\r\nMIIEabcdef\nx\n-----END-----\n")
	t.Setenv("ODD", `a"b\c<d>é`)
	t.Setenv("EMPTY", "")
	hide := Variables("SHORT", "KEY", "LONGER", "PEM", "ODD", "EMPTY", "SURELY_NOT_SET_HERE")
	odd, err := json.Marshal(`a"b\c<d>é`)
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"":                               "",
		"nothing of it":                  "nothing of it",
		"hunter2222, hunter2222!":        "[KEY], [KEY]!",
		"hunter2222-and-more":            "[LONGER]",
		"abc":                            "abc", // too short to be told from a word
		"line 2 is MIIEabcdef":           "line 2 is [PEM]",
		"-----BEGIN-----":                "[PEM]",
		"-----BEGIN-----\nMIIEabcdef\nx": "[PEM]\n[PEM]\nx",
		`a"b\c<d>é`:                      "[ODD]",
		fmt.Sprintf("%q", `a"b\c<d>é`):   `"[ODD]"`,
		string(odd):                      `"[ODD]"`,
	} {
		if got := hide.Replace(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	if got := Variables().Replace("hunter2222"); got != "hunter2222" {
		t.Errorf("no names: %q", got)
	}
}
