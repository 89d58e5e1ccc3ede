package engine

import (
	"context"
	"fmt"

	"github.com/plimsoll-dev/plimsoll/core/audit"
	"github.com/plimsoll-dev/plimsoll/core/audit/witness"
	"github.com/plimsoll-dev/plimsoll/core/store"
)

// Calls finds the entries of one call, see audit.FindCall.
func (l *AuditLog) Calls(id string) ([]audit.FoundCall, error) { return audit.FindCall(l.db, id) }

// Prove returns an entry in the bytes that were hashed, and the proof that it is
// in the log.
func (l *AuditLog) Prove(index int64) (entry, proof []byte, err error) {
	if entry, err = audit.EntryBytes(l.db, index); err != nil {
		return nil, nil, err
	}
	proof, err = audit.Prove(l.db, index)
	return entry, proof, err
}

// WitnessRequest is what to ask a witness that has seen old entries.
func (l *AuditLog) WitnessRequest(old int64) (witness.Request, error) {
	proof, checkpoint, err := audit.Consistency(l.db, old)
	return witness.Request{Old: old, Proof: proof, Checkpoint: checkpoint}, err
}

// Witnessed is how many entries a witness has cosigned as far as is known here,
// 0 for none.
func (l *AuditLog) Witnessed(key string) (int64, error) {
	cosigned, err := l.Cosigned(key)
	if err != nil || len(cosigned) == 0 {
		return 0, err
	}
	c, err := audit.ParseCheckpoint(cosigned[len(cosigned)-1])
	return c.Size, err
}

// Cosigned are the checkpoints that are kept with a witness's cosignature, by
// size; "" is those of all witnesses.
func (l *AuditLog) Cosigned(key string) ([][]byte, error) {
	var out [][]byte
	err := audit.EachCosigned(l.db, func(witness string, checkpoint []byte) error {
		if key == "" || key == witness {
			out = append(out, checkpoint)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the cosigned checkpoints: %w", err)
	}
	return out, nil
}

// Witnesses is the newest that every witness has cosigned, as it is kept here.
func (l *AuditLog) Witnesses() ([]witness.Seen, error) {
	newest := map[string][]byte{}
	var keys []string
	err := audit.EachCosigned(l.db, func(key string, checkpoint []byte) error {
		if newest[key] == nil {
			keys = append(keys, key)
		}
		newest[key] = checkpoint
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the cosigned checkpoints: %w", err)
	}
	var out []witness.Seen
	for _, key := range keys {
		seen, ok, err := witness.Cosigned(newest[key], key)
		if err != nil || !ok {
			return nil, fmt.Errorf("what is kept of the witness %s is not cosigned by it: the state was changed", key)
		}
		out = append(out, seen)
	}
	return out, nil
}

// KeepCosigned keeps a checkpoint with the cosignature of a witness, once both
// hold: the cosignature, and that the checkpoint is of this log.
func (l *AuditLog) KeepCosigned(ctx context.Context, key string, checkpoint []byte) (witness.Seen, error) {
	seen, ok, err := witness.Cosigned(checkpoint, key)
	if err != nil {
		return seen, err
	}
	if !ok {
		return seen, fmt.Errorf("the checkpoint has no cosignature of %s", key)
	}
	if _, err := audit.Contains(l.db, checkpoint); err != nil {
		return seen, err
	}
	put, err := audit.Cosigned(key, checkpoint)
	if err != nil {
		return seen, err
	}
	if _, err := l.db.Commit(ctx, store.Batch{Puts: []store.Put{put}}); err != nil {
		return seen, fmt.Errorf("keeping the cosigned checkpoint: %w", err)
	}
	return seen, nil
}

// Submit asks a witness over HTTP and keeps its answer.
func (l *AuditLog) Submit(ctx context.Context, url, key string) (witness.Seen, error) {
	old, err := l.Witnessed(key)
	if err != nil {
		return witness.Seen{}, err
	}
	checkpoint, err := witness.Client{}.Submit(ctx, url, key, old, l.WitnessRequest)
	if err != nil {
		return witness.Seen{}, err
	}
	return l.KeepCosigned(ctx, key, checkpoint)
}
