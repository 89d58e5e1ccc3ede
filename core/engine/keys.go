package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/plimsoll-dev/plimsoll/core/run"
	"github.com/plimsoll-dev/plimsoll/core/skill"
	"github.com/plimsoll-dev/plimsoll/core/store"
	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

// keys are what skills stored, each in its own part of the scope.
type keys struct{ store store.Store }

// Value reads one key of a skill.
func (k keys) Value(skillName, key string) (json.RawMessage, bool, error) {
	raw, err := k.store.Get(store.Key(store.TableKey, scope, skillName, key))
	if errors.Is(err, store.ErrNotFound) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	_, body, err := store.Unseal(raw)
	return body, err == nil, err
}

// Size adds a skill's keys and values up. They are bounded, and a counter beside
// them could be wrong.
func (k keys) Size(skillName string) (int64, error) {
	var sum int64
	err := k.store.Scan(store.Key(store.TableKey, scope, skillName), func(key, value []byte) error {
		_, _, parts, err := store.ParseKey(key)
		if err != nil {
			return err
		}
		_, body, err := store.Unseal(value)
		if err != nil {
			return err
		}
		sum += run.EntrySize(parts[len(parts)-1], body)
		return nil
	})
	return sum, err
}

// writes turns what a run wrote into changes of the store. Another run may have
// filled the quota meanwhile: then this one has failed, and writes nothing.
func (e *Engine) writes(s *skill.Skill, rec *run.Record) ([]store.Put, error) {
	if len(rec.Writes) == 0 {
		return nil, nil
	}
	k := keys{e.store}
	size, err := k.Size(s.Name)
	if err != nil {
		return nil, fmt.Errorf("reading what skill %s stored: %w", s.Name, err)
	}
	var puts []store.Put
	grown := int64(0)
	for _, key := range slices.Sorted(maps.Keys(rec.Writes)) {
		old, found, err := k.Value(s.Name, key)
		if err != nil {
			return nil, fmt.Errorf("reading what skill %s stored: %w", s.Name, err)
		}
		if found {
			grown -= run.EntrySize(key, old)
		}
		put := store.Put{Key: store.Key(store.TableKey, scope, s.Name, key), Delete: true}
		if v := rec.Writes[key]; v != nil {
			put.Delete, put.Value = false, store.Seal(1, v)
			grown += run.EntrySize(key, v)
		}
		puts = append(puts, put)
	}
	if quota := grantOf(s).KV; grown > 0 && size+grown > quota {
		rec.Writes, rec.Status = nil, run.Failed
		rec.Why = fmt.Sprintf("what it wrote does not fit any more: another run stored something meanwhile, and %d of %d bytes are free for %d more", max(quota-size, 0), quota, grown)
		return nil, nil
	}
	return puts, nil
}

// tellings are the answers of tools that are recorded, by skill and then by
// input and call, read once.
type tellings struct {
	mu      sync.Mutex
	bySkill map[string]map[string]string // input NUL payload -> digest of the answer
}

// recorded finds what a tool answered to the same call in a run of the same
// input that was OK: the first such run, so that a later one changes no trial.
func (e *Engine) recorded(_ context.Context, skillName string, input json.RawMessage, payload string) ([]byte, bool, error) {
	e.told.mu.Lock()
	defer e.told.mu.Unlock()
	known, ok := e.told.bySkill[skillName]
	if !ok {
		var err error
		if known, err = e.readRecorded(skillName); err != nil {
			return nil, false, err
		}
		if e.told.bySkill == nil {
			e.told.bySkill = map[string]map[string]string{}
		}
		e.told.bySkill[skillName] = known
	}
	digest, ok := known[string(canonical(input))+"\x00"+payload]
	if !ok {
		return nil, false, nil
	}
	answer, err := e.store.GetBlob(digest)
	return answer, err == nil, err
}

func (e *Engine) readRecorded(skillName string) (map[string]string, error) {
	out := map[string]string{}
	var ids []string
	err := e.store.Scan(store.Key(store.TableRunBySkill, scope, skillName), func(_, value []byte) error {
		var note runNote
		if err := unseal(value, &note); err != nil {
			return err
		}
		if note.Status == run.OK {
			ids = append(ids, note.ID)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		rec, err := e.Record(id)
		if err != nil {
			return nil, err
		}
		var input []byte
		for _, a := range rec.Attempts {
			for _, c := range a.Host {
				if c.Op != abi.HostTool.String() || c.Code != "" {
					continue
				}
				if input == nil {
					if input, err = e.store.GetBlob(rec.Input); err != nil {
						return nil, err
					}
				}
				at := string(canonical(input)) + "\x00" + c.Payload
				if _, first := out[at]; !first {
					out[at] = c.Answer
				}
			}
		}
	}
	return out, nil
}

// Replay runs the attempts of a recorded run once more with the answers that
// were recorded: no model and no tool is called. It gives nil when the skill's
// code does the same again to the byte, and says where it does not.
func (e *Engine) Replay(ctx context.Context, id string) (attempts int, err error) {
	rec, err := e.Record(id)
	if err != nil {
		return 0, err
	}
	s, err := e.Project.Skill(rec.Skill)
	if err != nil {
		return 0, err
	}
	if s.Hash != rec.Hash {
		return 0, fmt.Errorf("skill %s has changed since run %s: what ran then had the hash %s", s.Name, id, rec.Hash)
	}
	plan, err := e.Plan(ctx, s)
	if err != nil {
		return 0, err
	}
	code, ok := plan.Code.(guest)
	if !ok || !plan.Drives() {
		return 0, fmt.Errorf("skill %s does not drive its own flow, so there is nothing of its code to replay", s.Name)
	}
	for i, a := range rec.Attempts {
		code.at = a.Clock
		if err := run.Replay(ctx, code, a, e.store.GetBlob); err != nil {
			return i, err
		}
	}
	return len(rec.Attempts), nil
}
