package desk

import (
	"slices"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/plimsoll-dev/plimsoll/core/mcp"
)

// What is remembered of searches, so that a success can be traced to the words
// that led to it.
const (
	memoryAge    = 30 * time.Minute
	memoryQuery  = 512  // characters of a query: whoever says more passes content
	memoryClient = 128  // bytes of what a client calls itself
	memoryCaller = 64   // searches of one principal, whatever clients it says it has
	memoryAll    = 1024 // principals
)

// memory knows who found what by which words, for a while. It teaches nothing by
// itself: only a verified success makes a search count.
type memory struct {
	mu      sync.Mutex
	callers map[string][]search // by principal: a client may call itself anything
}

type search struct {
	client string
	query  string
	ids    []string // documents that it found
	at     time.Time
}

func newMemory() *memory { return &memory{callers: map[string][]search{}} }

// client keeps searches of different clients of one principal apart, as far as the
// protocol tells them apart.
func client(c mcp.Caller) string { return c.Session + "\x00" + clip(c.Client.Name, memoryClient) }

func (m *memory) found(c mcp.Caller, query string, ids []string, now time.Time) {
	if len(ids) == 0 || utf8.RuneCountInString(query) > memoryQuery {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	key := principal(c)
	if _, known := m.callers[key]; !known && len(m.callers) >= memoryAll {
		m.forget(now)
	}
	list := append(m.callers[key], search{client: client(c), query: query, ids: ids, at: now})
	if len(list) > memoryCaller {
		list = slices.Delete(list, 0, len(list)-memoryCaller)
	}
	m.callers[key] = list
}

// forget drops callers that asked for nothing lately, and any others where that
// is not enough: what is lost is only what could have been learned.
func (m *memory) forget(now time.Time) {
	for key, list := range m.callers {
		if now.Sub(list[len(list)-1].at) > memoryAge {
			delete(m.callers, key)
		}
	}
	for key := range m.callers {
		if len(m.callers) < memoryAll {
			return
		}
		delete(m.callers, key)
	}
}

// by is the last query of a caller that found a document; "" when there is none.
func (m *memory) by(c mcp.Caller, id string, now time.Time) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	own := client(c)
	for _, s := range slices.Backward(m.callers[principal(c)]) {
		if s.client == own && now.Sub(s.at) <= memoryAge && slices.Contains(s.ids, id) {
			return s.query
		}
	}
	return ""
}
