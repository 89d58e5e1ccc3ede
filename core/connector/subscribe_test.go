package connector

import "testing"

func TestWithin(t *testing.T) {
	for _, tt := range []struct {
		uri, of string
		want    bool
	}{
		{"file:///a/b", "file:///a/b", true},
		{"file:///a/b/c", "file:///a/b", true},
		{"file:///a/b/c", "file:///a/", true},
		{"file:///a/b#x", "file:///a/b", true},
		{"file:///a/bc", "file:///a/b", false},
		{"file:///a", "", false},
		{"file:///a", "file:///a/b", false},
	} {
		if got := within(tt.uri, tt.of); got != tt.want {
			t.Errorf("%s within %q: %v", tt.uri, tt.of, got)
		}
	}
}
