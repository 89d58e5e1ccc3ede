package mcp

import (
	"encoding/json"
	"testing"
)

func TestKeptResultIsReadInParts(t *testing.T) {
	m := &meta{config: Config{Library: testShelf()}}
	for _, tt := range []struct {
		uri, text string
		next      float64
		fails     bool
	}{
		{"result://sha256:known/0", "abcd", 4, false},
		{"result://sha256:known/4", "ef", 0, false},
		{"result://sha256:other/0", "", 0, true},
		{"result://sha256:known", "", 0, true},
		{"result://sha256:known/-1", "", 0, true},
		{"result://sha256:known/x", "", 0, true},
	} {
		body, ok, err := m.resultOf(t.Context(), Caller{}, tt.uri)
		if !ok || (err != nil) != tt.fails {
			t.Errorf("%s: %v, %v", tt.uri, ok, err)
			continue
		}
		if tt.fails {
			continue
		}
		var got struct {
			Contents []struct {
				URI, Text string
				Meta      map[string]float64 `json:"_meta"`
			}
		}
		if err := json.Unmarshal(body.bytes(), &got); err != nil || len(got.Contents) != 1 {
			t.Fatal(err, string(body.bytes()))
		}
		c := got.Contents[0]
		if c.URI != tt.uri || c.Text != tt.text || c.Meta["dev.plimsoll/next"] != tt.next || c.Meta["dev.plimsoll/bytes"] != 6 {
			t.Errorf("%s: %+v", tt.uri, c)
		}
	}
	if _, ok, _ := m.resultOf(t.Context(), Caller{}, "skill://x/SKILL.md"); ok {
		t.Error("a skill's file was taken for a result")
	}
}
