package engine

import (
	"crypto/sha256"
	"fmt"
	"testing"

	"github.com/plimsoll-dev/plimsoll/core/evidence"
)

// What is kept is bounded, goes by the bytes, and is nobody's to change.
func TestParsedLogs(t *testing.T) {
	var p parsed
	sum := func(text string) [sha256.Size]byte { return sha256.Sum256([]byte(text)) }
	p.put("greet", sum("one"), 10, &evidence.Log{Skill: "greet", Lines: 1})
	if _, ok := p.get("greet", sum("two")); ok {
		t.Error("a file with other bytes has the old file's log")
	}
	if _, ok := p.get("salute", sum("one")); ok {
		t.Error("a skill has another skill's log")
	}
	l, ok := p.get("greet", sum("one"))
	if !ok || l.Lines != 1 {
		t.Fatalf("got %+v, %v", l, ok)
	}
	l.Lines = 9
	if l, _ = p.get("greet", sum("one")); l.Lines != 1 {
		t.Error("a reader changed what the next one gets")
	}
	p.put("greet", sum("two"), 20, &evidence.Log{Skill: "greet", Lines: 2})
	if p.size != 20 || len(p.order) != 1 {
		t.Errorf("%d bytes in %d files, want 20 in 1", p.size, len(p.order))
	}
	for i := range 5 {
		name := fmt.Sprintf("skill-%d", i)
		p.put(name, sum(name), maxParsed/4, &evidence.Log{Skill: name})
	}
	if p.size > maxParsed || len(p.order) != len(p.logs) || len(p.logs) != 4 {
		t.Errorf("%d bytes in %d files, order %v", p.size, len(p.logs), p.order)
	}
	if _, ok := p.get("skill-4", sum("skill-4")); !ok {
		t.Error("the newest is gone")
	}
	p.put("vast", sum("vast"), 2*maxParsed, &evidence.Log{Skill: "vast"})
	if p.size != 0 || len(p.logs) != 0 {
		t.Errorf("a file above the bound is kept: %d bytes in %d files", p.size, len(p.logs))
	}
}
