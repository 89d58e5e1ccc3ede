package wire

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
)

// Over is a result beyond the limit of its call.
type Over struct {
	Head   []byte // its first bytes, Request.Limit of them
	Tail   []byte // its last bytes, at most 4 KiB; they may overlap with Head
	Bytes  int64  // of the whole result
	Digest string // of what was kept
	Kept   bool   // Digest names a blob; else it was only computed
	Cut    bool   // what was kept ends before the result did
}

const tailOfResult = 4 << 10

// overflow receives a result whose length nobody knows. Memory is head + 8 KiB.
type overflow struct {
	limit, hard int64

	head, tail []byte
	n          int64
	sum        hash.Hash
	blob       Blob
	err        error
	cut        bool
}

func newOverflow(limit, hard int64, create func() (Blob, error)) *overflow {
	o := &overflow{limit: limit, hard: hard, sum: sha256.New()}
	if create != nil {
		o.blob, o.err = create()
	}
	return o
}

func (o *overflow) write(p []byte) {
	o.n += int64(len(p))
	if room := o.limit - int64(len(o.head)); room > 0 {
		o.head = append(o.head, p[:min(room, int64(len(p)))]...)
	}
	if len(p) >= tailOfResult {
		o.tail = append(o.tail[:0], p[len(p)-tailOfResult:]...)
	} else {
		o.tail = append(o.tail, p...)
		if len(o.tail) > 2*tailOfResult {
			o.tail = append(o.tail[:0], o.tail[len(o.tail)-tailOfResult:]...)
		}
	}
	kept := p
	if room := o.hard - (o.n - int64(len(p))); room < int64(len(p)) {
		kept, o.cut = p[:max(0, room)], true
	}
	if len(kept) == 0 {
		return
	}
	o.sum.Write(kept)
	if o.blob != nil && o.err == nil {
		_, o.err = o.blob.Write(kept)
	}
}

func (o *overflow) finish() (*Over, error) {
	res := &Over{Head: o.head, Tail: o.tail, Bytes: o.n, Cut: o.cut, Digest: "sha256:" + hex.EncodeToString(o.sum.Sum(nil))}
	if len(res.Tail) > tailOfResult {
		res.Tail = res.Tail[len(res.Tail)-tailOfResult:]
	}
	if o.blob == nil {
		return res, o.err
	}
	if o.err != nil {
		o.blob.Abort()
		return nil, o.err
	}
	digest, err := o.blob.Commit()
	o.blob = nil
	if err != nil {
		return nil, err
	}
	res.Digest, res.Kept = digest, true
	return res, nil
}

func (o *overflow) abort() {
	if o != nil && o.blob != nil {
		o.blob.Abort()
		o.blob = nil
	}
}

// spillWhole puts a result that is in memory already where an overflow goes.
func spillWhole(result []byte, limit, hard int64, create func() (Blob, error)) (*Over, error) {
	o := newOverflow(limit, hard, create)
	o.write(result)
	return o.finish()
}
