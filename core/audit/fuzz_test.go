package audit

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

func FuzzDecodeEntry(f *testing.F) {
	for i := range 3 {
		data, err := EncodeEntry(entry(i))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(`{"kind":"k","time":"2026-11-21T12:00:00Z","v":1}`))
	f.Add([]byte(`{"kind":"k","time":"2026-11-21T12:00:00+01:00","v":1}`))
	f.Add([]byte(`{"data":null,"kind":"k","time":"2026-11-21T12:00:00Z","v":1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := DecodeEntry(data)
		if err != nil {
			return
		}
		again, err := EncodeEntry(e)
		if err != nil || !bytes.Equal(again, data) {
			t.Fatalf("an entry that was taken has another spelling: %q and %q (%v)", data, again, err)
		}
	})
}

func FuzzCheckpoint(f *testing.F) {
	signer := fixedSigner(1)
	key, err := VerifierKey(origin, signer.Public())
	if err != nil {
		f.Fatal(err)
	}
	id, err := newIdentity(origin, signer)
	if err != nil {
		f.Fatal(err)
	}
	good, err := (Checkpoint{Origin: origin, Size: 7}).sign(id)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte("a\n1\nb\n\n"))
	f.Add([]byte("\n\n\n\n— a b\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if c, err := ParseCheckpoint(data); err == nil && (c.Size < 0 || c.Origin == "") {
			t.Fatalf("%+v", c)
		}
		c, by, err := OpenCheckpoint(data, key)
		if err != nil {
			return
		}
		// Nobody has the key, so only what was signed may open.
		if by != key || c != (Checkpoint{Origin: origin, Size: 7}) {
			t.Fatalf("a forged checkpoint opens: %q", data)
		}
	})
}

func FuzzProof(f *testing.F) {
	s := write(f, fixedSigner(1), kinds(9)...)
	proof, err := Prove(s, 4)
	if err != nil {
		f.Fatal(err)
	}
	data := s[string(entryKey(4))]
	key, err := VerifierKey(origin, fixedSigner(1).Public())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(proof, data)
	f.Add([]byte(proofHeader+"\nextra eA==\nindex 0\n\n"), []byte("{}"))
	f.Add([]byte(proofHeader+"\nextra \n\n"), []byte{})
	f.Fuzz(func(t *testing.T, p, d []byte) {
		index, _, err := CheckProof(p, d, key)
		if err != nil {
			return
		}
		if index != 4 || !bytes.Equal(d, data) {
			t.Fatalf("a proof holds for entry %d, %q", index, d)
		}
	})
}

func FuzzVerifyExport(f *testing.F) {
	s := write(f, fixedSigner(1), kinds(5)...)
	dir := f.TempDir()
	if _, err := Export(s, filepath.Join(dir, "good")); err != nil {
		f.Fatal(err)
	}
	var parts [4][]byte
	for i, name := range []string{entriesFile, leavesFile, keysFile, checkpointFile} {
		data, err := os.ReadFile(filepath.Join(dir, "good", name))
		if err != nil {
			f.Fatal(err)
		}
		parts[i] = data
	}
	key := strings.TrimSpace(string(parts[2]))
	f.Add(parts[0], parts[1], parts[2], parts[3], []byte{})
	f.Add([]byte("{}\n"), make([]byte, 32), []byte("k"), []byte("a\n1\nb\n\n— a b\n"), []byte{})
	f.Fuzz(func(t *testing.T, entries, leaves, keys, checkpoint, rotation []byte) {
		dir := fstest.MapFS{}
		for name, data := range map[string][]byte{entriesFile: entries, leavesFile: leaves, keysFile: keys, checkpointFile: checkpoint, rotationsDir + "/3": rotation} {
			if len(data) > 0 {
				dir[name] = &fstest.MapFile{Data: data}
			}
		}
		if _, err := verifyExport(dir, Options{Key: key}); err == nil {
			if !bytes.Equal(bytes.TrimSuffix(entries, []byte("\n")), bytes.TrimSuffix(parts[0], []byte("\n"))) &&
				!bytes.Equal(bytes.ReplaceAll(entries, []byte("\r\n"), []byte("\n")), parts[0]) {
				t.Fatalf("other entries hold under the trusted key: %q", entries)
			}
		}
	})
}
