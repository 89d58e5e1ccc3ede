package run_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/plimsoll-dev/plimsoll/core/run"
	"github.com/plimsoll-dev/plimsoll/sdk/skill"
	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
	"pgregory.net/rapid"
)

// stored is a Keys in memory.
type stored map[string]json.RawMessage

func (s stored) Value(_, key string) (json.RawMessage, bool, error) {
	v, ok := s[key]
	return v, ok, nil
}

func (s stored) Size(string) (n int64, err error) {
	for k, v := range s {
		n += run.EntrySize(k, v)
	}
	return n, nil
}

func TestKeysAreWrittenWhenTheAttemptPasses(t *testing.T) {
	attempts := 0
	d := newDriven(t, func(_ string, h skill.Host) (any, error) {
		attempts++
		var before int
		if _, err := h.Get("n", &before); err != nil {
			return nil, err
		}
		if err := errors.Join(h.Put("n", before+1), h.Put("gone", nil), h.Put(fmt.Sprint("a", attempts), attempts)); err != nil {
			return nil, err
		}
		var now int
		if found, err := h.Get("n", &now); err != nil || !found || now != before+1 {
			t.Errorf("a run sees its own writes: %v %d %v", found, now, err)
		}
		if found, err := h.Get("gone", new(any)); found || err != nil {
			t.Errorf("a deleted key is not there: %v %v", found, err)
		}
		if attempts == 1 {
			return "much too long", nil
		}
		return "fine", nil
	}, short)
	d.keys = stored{"n": json.RawMessage("41"), "gone": json.RawMessage(`"x"`)}
	rec := d.must(t, nil)
	if rec.Status != run.OK || attempts != 2 {
		t.Fatalf("%s after %d: %s", rec.Status, attempts, rec.Why)
	}
	if len(rec.Writes) != 3 || string(rec.Writes["n"]) != "42" || rec.Writes["gone"] != nil || string(rec.Writes["a2"]) != "2" {
		t.Errorf("a failed attempt's writes are dropped: %s", rec.Writes)
	}
	if string(d.keys["n"]) != "41" {
		t.Error("the run wrote by itself")
	}
	attempts = 1
	if rec := d.must(t, trial); rec.Status != run.OK || rec.Writes != nil || attempts != 2 {
		t.Errorf("a trial writes nothing: %s %v", rec.Status, rec.Writes)
	}
	attempts = -9
	d.plan.Retries = 0
	if rec := d.must(t, nil); rec.Status != run.OK {
		t.Fatal(rec.Why)
	}
}

func TestTrialsBeginWithNoKeys(t *testing.T) {
	d := newDriven(t, func(_ string, h skill.Host) (any, error) {
		found, err := h.Get("n", new(any))
		return found, err
	})
	d.keys = stored{"n": json.RawMessage("41")}
	if rec := d.must(t, nil); string(rec.Output) != "true" {
		t.Fatal(rec.Why)
	}
	if rec := d.must(t, trial); string(rec.Output) != "false" {
		t.Error("a trial saw what production stored")
	}
}

// Whatever is put, the sum of what is visible never exceeds the quota, and what
// was refused changed nothing.
func TestQuotaProperty(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		below := stored{}
		for _, k := range rapid.SliceOfDistinct(rapid.StringMatching("[a-d]"), func(s string) string { return s }).Draw(rt, "stored") {
			below[k] = json.RawMessage(`"1234"`)
		}
		type put struct {
			key  string
			size int // -1 deletes
		}
		puts := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) put {
			return put{rapid.StringMatching("[a-f]").Draw(t, "key"), rapid.IntRange(-1, 40).Draw(t, "size")}
		}), 0, 12).Draw(rt, "puts")
		want := maps.Clone(below)
		sum := func() int64 { n, _ := want.Size(""); return n }
		d := newDriven(t, func(_ string, h skill.Host) (any, error) {
			for _, p := range puts {
				var v any
				raw := json.RawMessage(`"` + strings.Repeat("x", max(p.size, 0)) + `"`)
				if p.size >= 0 {
					v = raw
				}
				old, had := want[p.key]
				if p.size < 0 {
					delete(want, p.key)
				} else {
					want[p.key] = raw
				}
				fits := p.size < 0 || sum() <= 64
				if !fits {
					delete(want, p.key)
					if had {
						want[p.key] = old
					}
				}
				if err := h.Put(p.key, v); (err == nil) != fits || !fits && code(err) != abi.CodeQuota {
					rt.Fatalf("put %+v: %v, fits %v", p, err, fits)
				}
				var got json.RawMessage
				found, err := h.Get(p.key, &got)
				if w, ok := want[p.key]; err != nil || found != ok || ok && string(got) != string(w) {
					rt.Fatalf("after %+v the key is %s %v %v, want %s", p, got, found, err, w)
				}
			}
			return "done", nil
		})
		d.plan.Grant.Calls, d.keys = 100, below
		rec := d.must(t, nil)
		if rec.Status != run.OK {
			rt.Fatal(rec.Why)
		}
		after := maps.Clone(below)
		for k, v := range rec.Writes {
			delete(after, k)
			if v != nil {
				after[k] = v
			}
		}
		if !maps.EqualFunc(after, want, func(a, b json.RawMessage) bool { return string(a) == string(b) }) {
			rt.Fatalf("it would store %s, want %s", after, want)
		}
	})
}
