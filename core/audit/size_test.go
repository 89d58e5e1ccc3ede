package audit

import (
	"bytes"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/plimsoll-dev/plimsoll/core/store"
)

// flat answers as a log of a million records does; the values of its hashes do
// not matter for the size of a proof.
type flat struct{ checkpoint []byte }

func (f flat) Get(key []byte) ([]byte, error) {
	if bytes.Equal(key, stateKey("checkpoint")) {
		return f.checkpoint, nil
	}
	return make([]byte, 21*tlog.HashSize), nil
}

func (flat) Scan([]byte, func(_, _ []byte) error) error { return nil }

var _ store.Reader = flat{}

// The proof at a million records: at most 1 KB, and with the checkpoint that
// makes it complete at most 1.2 KB.
func TestProofSize(t *testing.T) {
	id, err := newIdentity(origin, fixedSigner(1))
	if err != nil {
		t.Fatal(err)
	}
	f := flat{}
	if f.checkpoint, err = (Checkpoint{Origin: origin, Size: 1_000_000}).sign(id); err != nil {
		t.Fatal(err)
	}
	most := 0
	for _, index := range []int64{0, 1, 499_999, 777_777, 999_999} {
		proof, err := Prove(f, index)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(proof) - len(f.checkpoint); n > 1024 {
			t.Errorf("the proof of record %d has %d bytes", index, n)
		}
		most = max(most, len(proof))
	}
	if most > 1200 {
		t.Errorf("a proof with its checkpoint has %d bytes", most)
	}
	t.Logf("at most %d bytes, %d of them the checkpoint", most, len(f.checkpoint))
}
