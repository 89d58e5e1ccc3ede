package store

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Keys of one table and scope sort as their parts do, and a key is a prefix of
// another just when its parts are the first of the other's.
func TestKeyOrder(t *testing.T) {
	part := rapid.Custom(func(t *rapid.T) string {
		return string(rapid.SliceOfN(rapid.SampledFrom([]byte{0, 1, 2, 'a', 'b', 0xfe, 0xff}), 0, 4).Draw(t, "part"))
	})
	parts := rapid.SliceOfN(part, 0, 3)
	rapid.Check(t, func(t *rapid.T) {
		a, b := parts.Draw(t, "a"), parts.Draw(t, "b")
		ka, kb := Key(TableRun, "s", a...), Key(TableRun, "s", b...)
		if got, want := bytes.Compare(ka, kb), slices.Compare(a, b); got != want {
			t.Fatalf("%q and %q compare as %d, their keys as %d", a, b, want, got)
		}
		if got, want := bytes.HasPrefix(kb, ka), len(a) <= len(b) && slices.Equal(a, b[:len(a)]); got != want {
			t.Fatalf("prefix of %q in %q: %v, of their keys %v", a, b, want, got)
		}
		table, scope, back, err := ParseKey(ka)
		if err != nil || table != TableRun || scope != "s" || !slices.Equal(back, a) {
			t.Fatalf("%q came back as %q, %v", a, back, err)
		}
	})
}

func TestScopesDoNotMix(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.String().Draw(t, "a"), rapid.String().Draw(t, "b")
		if a != b && bytes.HasPrefix(Key(TableRun, b, "x"), Key(TableRun, a)) {
			t.Fatalf("the scope %q reaches into %q", a, b)
		}
	})
}

func TestTimeAndNumberParts(t *testing.T) {
	at := rapid.Custom(func(t *rapid.T) time.Time {
		return time.Unix(rapid.Int64Range(-1<<40, 1<<40).Draw(t, "s"), rapid.Int64Range(0, 999_999_999).Draw(t, "ns"))
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := at.Draw(t, "a"), at.Draw(t, "b")
		if got, want := bytes.Compare(KeyTime(TableRun, "s", a, "x"), KeyTime(TableRun, "s", b, "x")), a.Compare(b); got != want {
			t.Fatalf("%v and %v compare as %d, their keys as %d", a, b, want, got)
		}
		if back, err := ParseAt(At(a)); err != nil || !back.Equal(a) || back.Location() != time.UTC {
			t.Fatalf("%v came back as %v, %v", a, back, err)
		}
		n, m := rapid.Int64Min(0).Draw(t, "n"), rapid.Int64Min(0).Draw(t, "m")
		if (Seq(n) < Seq(m)) != (n < m) {
			t.Fatalf("%d and %d sort wrongly", n, m)
		}
		if back, err := ParseSeq(Seq(n)); err != nil || back != n {
			t.Fatalf("%d came back as %d, %v", n, back, err)
		}
	})
}

func TestWrongParts(t *testing.T) {
	for _, part := range []string{"", "1234567", "123456789"} {
		if _, err := ParseSeq(part); err == nil {
			t.Errorf("%q is taken for a number", part)
		}
		if _, err := ParseAt(part); err == nil {
			t.Errorf("%q is taken for a time", part)
		}
	}
	if _, err := ParseAt("12345678\xff\xff\xff\xff"); err == nil {
		t.Error("4 billion nanoseconds are taken for a time")
	}
}

func TestSealedValues(t *testing.T) {
	if schema, body, err := Unseal(Seal(3, []byte("body"))); err != nil || schema != 3 || string(body) != "body" {
		t.Fatalf("%d, %q, %v", schema, body, err)
	}
	if _, _, err := Unseal(nil); err == nil {
		t.Fatal("a value without a schema byte is taken")
	}
}

func TestDigests(t *testing.T) {
	good := Digest([]byte("x"))
	for digest, ok := range map[string]bool{
		good: true, good[:70]: false, "sha256:": false, "md5:" + good[7:]: false,
		"sha256:" + "G" + good[8:]: false, "SHA256:" + good[7:]: false, "sha256:" + "A" + good[8:]: false,
	} {
		if err := CheckDigest(digest); (err == nil) != ok {
			t.Errorf("%q: %v", digest, err)
		}
	}
}

func FuzzParseKey(f *testing.F) {
	f.Add(Key(TableRun, "default", "a", "b\x00c", Seq(7)))
	f.Add([]byte{0x10, 0x80, 0x00})
	f.Add([]byte{0x10, 0x01})
	f.Fuzz(func(t *testing.T, key []byte) {
		table, scope, parts, err := ParseKey(key)
		if err != nil {
			return
		}
		if again := Key(table, scope, parts...); !bytes.Equal(again, key) {
			t.Fatalf("%q is read as %q and written as %q", key, parts, again)
		}
	})
}
