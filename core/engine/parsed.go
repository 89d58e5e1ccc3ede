package engine

import (
	"crypto/sha256"
	"sync"

	"github.com/plimsoll-dev/plimsoll/core/evidence"
)

// parsed are evidence files that this engine has read, by the digest of their
// bytes. A night asks every skill's file three questions or more, and parsing
// takes many times as long as reading: but a file is read each time, since time
// and size do not tell what a person or another process wrote.
type parsed struct {
	mu    sync.Mutex
	logs  map[string]parsedLog // by skill
	order []string             // the oldest first, each skill once
	size  int                  // bytes of the files
}

type parsedLog struct {
	sum  [sha256.Size]byte
	size int
	log  *evidence.Log
}

// maxParsed bounds the bytes of the files whose logs are kept: some thousand
// skills of a hundred pairs. A log takes a few times its file's size in memory.
const maxParsed = 48 << 20

// get finds the log of these bytes; the caller may add to it.
func (p *parsed) get(skill string, sum [sha256.Size]byte) (*evidence.Log, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l, ok := p.logs[skill]
	if !ok || l.sum != sum {
		return nil, false
	}
	return l.log.Clone(), true
}

// put keeps a log that nobody else adds to.
func (p *parsed) put(skill string, sum [sha256.Size]byte, size int, log *evidence.Log) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.logs == nil {
		p.logs = map[string]parsedLog{}
	}
	if old, ok := p.logs[skill]; ok {
		p.size -= old.size
	} else {
		p.order = append(p.order, skill)
	}
	p.logs[skill] = parsedLog{sum, size, log}
	p.size += size
	for p.size > maxParsed && len(p.order) > 0 {
		oldest := p.order[0]
		p.order = p.order[1:]
		p.size -= p.logs[oldest].size
		delete(p.logs, oldest)
	}
}
