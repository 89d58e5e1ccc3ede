package desk

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/access"
	"github.com/plimsoll-dev/plimsoll/core/mcp"
)

func TestMemoryIsBoundedForEachPrincipal(t *testing.T) {
	m, now := newMemory(), time.Unix(0, 0)
	ann := mcp.Caller{Principal: access.Principal{Name: "ann", Kind: access.KindToken}}
	for i := range 4 * memoryCaller {
		ann.Client.Name = fmt.Sprint("client", i)
		m.found(ann, "notes", []string{"a"}, now)
	}
	if n := len(m.callers[principal(ann)]); n != memoryCaller || len(m.callers) != 1 {
		t.Errorf("%d searches of %d callers are kept", n, len(m.callers))
	}
	if got := m.by(ann, "a", now); got != "notes" {
		t.Errorf("the newest is %q", got)
	}
	ann.Client.Name = "client0"
	if got := m.by(ann, "a", now); got != "" {
		t.Errorf("the oldest is %q", got)
	}
	m.found(ann, strings.Repeat("ä", memoryQuery), []string{"b"}, now)
	m.found(ann, strings.Repeat("ä", memoryQuery+1), []string{"c"}, now)
	if m.by(ann, "b", now) == "" || m.by(ann, "c", now) != "" {
		t.Error("what is kept does not end at its longest")
	}
}

func TestMemoryTellsKindsAndTenantsApart(t *testing.T) {
	m, now := newMemory(), time.Unix(0, 0)
	ann := mcp.Caller{Principal: access.Principal{Name: "ann", Kind: access.KindToken}}
	m.found(ann, "notes", []string{"a"}, now)
	for _, other := range []access.Principal{
		{Name: "ann", Kind: access.KindOAuth},
		{Name: "ann", Kind: access.KindToken, Scope: "other"},
		{Name: `ann" "x`, Kind: access.KindToken},
	} {
		if got := m.by(mcp.Caller{Principal: other}, "a", now); got != "" {
			t.Errorf("%+v searched for %q", other, got)
		}
	}
	ann.Principal.Scope = "default"
	if m.by(ann, "a", now) == "" {
		t.Error("no tenant is not the default one")
	}
}
