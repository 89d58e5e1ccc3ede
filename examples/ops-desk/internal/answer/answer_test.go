package answer_test

import (
	"testing"

	"github.com/plimsoll-dev/plimsoll/examples/ops-desk/internal/answer"
)

func TestDocument(t *testing.T) {
	for in, want := range map[string]string{
		`{"a":1}`:                             `{"a":1}`,
		"Sure!\n```json\n{\"a\":{}}\n```\nOK": `{"a":{}}`,
		"I cannot.":                           "I cannot.",
		"} {":                                 "} {",
		"":                                    "",
	} {
		if got := answer.Document(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestPlain(t *testing.T) {
	for in, want := range map[string]string{
		"Room 4 has no soap.":                                            "Room 4 has no soap.",
		"  Room 4\n has no soap. ":                                       "Room 4 has no soap.",
		"It is worth noting that room 4 has no soap.":                    "room 4 has no soap.",
		"No soap? Please note that this matters. It is late.":            "No soap? It is late.",
		"No soap. It is worth noting that a. It is worth noting that b.": "No soap.",
		"They note that overall, soap is missing.":                       "They note that overall, soap is missing.",
		"": "",
	} {
		if got := answer.Plain(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// What is plain already stays as it is, whatever it is.
func FuzzPlain(f *testing.F) {
	f.Add("Overall, it is worth noting that a. Please note that b!")
	f.Fuzz(func(t *testing.T, s string) {
		once := answer.Plain(s)
		if len(once) > len(answer.OneLine(s)) {
			t.Errorf("%q grew to %q", s, once)
		}
		for {
			again := answer.Plain(once)
			if again == once {
				break
			}
			if len(again) >= len(once) {
				t.Fatalf("%q does not settle", s)
			}
			once = again
		}
	})
}
