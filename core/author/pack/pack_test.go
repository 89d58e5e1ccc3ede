package pack

import (
	"archive/tar"
	"bytes"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "write the golden pack anew")

func testKey(t testing.TB) *Key {
	t.Helper()
	dir := t.TempDir()
	k, err := CreateKey(filepath.Join(dir, "key"), "acme.example")
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func sample() []File {
	return []File{
		{"SKILL.md", []byte("---\nname: digest\ndescription: d\n---\nDo it.\n")},
		{"code/main.go", []byte("package main\n")},
		{"empty", nil},
		{"skill.hcl", bytes.Repeat([]byte("x"), block)},
	}
}

func write(t testing.TB, key *Key, files ...File) []byte {
	t.Helper()
	if files == nil {
		files = sample()
	}
	data, err := Write(Manifest{Name: "digest", Version: "1.2.0"}, files, key)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestRoundTrip(t *testing.T) {
	key := testKey(t)
	for _, k := range []*Key{nil, key} {
		data := write(t, k)
		if again := write(t, k); !bytes.Equal(data, again) {
			t.Error("equal files give other bytes")
		}
		p, err := Read(data)
		if err != nil {
			t.Fatal(err)
		}
		if p.Manifest.Name != "digest" || p.Manifest.Version != "1.2.0" || len(p.Files) != 4 || (p.Manifest.Signer == key.Public) != (k != nil) {
			t.Errorf("%+v", p.Manifest)
		}
		if p.Digest != Digest("digest", "1.2.0", sample()) {
			t.Error("the digest depends on more than the files")
		}
		dir := filepath.Join(t.TempDir(), "a", "digest")
		if err := p.Extract(dir); err != nil {
			t.Fatal(err)
		}
		back, err := Collect(dir)
		if err != nil {
			t.Fatal(err)
		}
		if again := write(t, k, back...); !bytes.Equal(data, again) {
			t.Error("a folder that was extracted packs to other bytes")
		}
		if err := p.Extract(dir); err == nil || !strings.Contains(err.Error(), "is there already") {
			t.Errorf("extracting over a folder: %v", err)
		}
	}
}

// Any tar program can look into a pack.
func TestIsTar(t *testing.T) {
	r := tar.NewReader(bytes.NewReader(write(t, testKey(t))))
	var names []string
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Format != tar.FormatUSTAR || h.Mode != 0o644 {
			t.Errorf("%s: %v %o", h.Name, h.Format, h.Mode)
		}
		names = append(names, h.Name)
	}
	if got := strings.Join(names, " "); got != "plimsoll.pack SKILL.md code/main.go empty skill.hcl" {
		t.Error(got)
	}
}

// The bytes are for ever: packs that were made must stay readable, and equal
// folders must stay equal.
func TestGolden(t *testing.T) {
	data := write(t, nil)
	file := filepath.Join("testdata", "unsigned.skillpack")
	if *update {
		if err := os.WriteFile(file, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil || !bytes.Equal(data, want) {
		t.Errorf("the pack's bytes have changed: %v", err)
	}
}

// No byte of a pack can change without a word.
func TestTamper(t *testing.T) {
	for name, data := range map[string][]byte{"signed": write(t, testKey(t)), "unsigned": write(t, nil)} {
		for i := range data {
			bad := bytes.Clone(data)
			bad[i] ^= 1 << (i % 8)
			p, err := Read(bad)
			if err == nil && (name == "signed" || !sameButNames(p)) {
				t.Fatalf("%s: a change of byte %d is not seen: %+v", name, i, p.Manifest)
			}
			if err != nil && !errors.Is(err, errDamaged) {
				t.Fatalf("%s: byte %d: %v", name, i, err)
			}
		}
		for _, n := range []int{0, 1, block, len(data) / 2, len(data) - block, len(data) - 1} {
			if _, err := Read(data[:n]); err == nil {
				t.Errorf("%s: cut to %d bytes", name, n)
			}
		}
		if _, err := Read(append(bytes.Clone(data), make([]byte, block)...)); err == nil {
			t.Errorf("%s: with a block behind it", name)
		}
	}
}

// sameButNames: in a pack that nobody signed, another name or version of the
// skill is another pack and no damage.
func sameButNames(p *Pack) bool { return len(p.Files) == len(sample()) }

func TestSignatures(t *testing.T) {
	key, other := testKey(t), testKey(t)
	signed := write(t, key)
	p, err := Read(signed)
	if err != nil {
		t.Fatal(err)
	}
	text := p.Manifest.Text()
	rebuild := func(n []byte) []byte { return encode(n, p.Files) }
	forged, err := other.sign([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	good, err := key.sign([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(rebuild(good), signed) {
		t.Fatal("rebuilding gives other bytes: the cases below would prove nothing")
	}
	unsignedText := strings.Replace(text, "signer "+key.Public+"\n", "", 1)
	foreign, err := key.sign([]byte(unsignedText))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		note []byte
		want string
	}{
		"taken off":             {[]byte(text), "it was taken off"},
		"of another key":        {forged, "not good"},
		"of another text":       {bytes.Replace(good, []byte("1.2.0"), []byte("1.2.1"), 1), "not good"},
		"nobody named":          {foreign, "names no signer"},
		"twice":                 {append(bytes.Clone(good), good[bytes.Index(good, []byte("\n— "))+1:]...), "not"},
		"with a second":         {append(bytes.Clone(good), forged[bytes.Index(forged, []byte("\n— "))+1:]...), "not"},
		"not a key":             {[]byte(strings.Replace(text, key.Public, "acme+00000000+AAAA", 1) + "\n— x AAAA\n"), "no verifier key"},
		"with control bytes":    {append(bytes.Clone(good), 0), "not text"},
		"with a line behind it": {append(bytes.Clone(good), '\n'), "not"},
	} {
		_, err := Read(rebuild(c.note))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestNames(t *testing.T) {
	for _, good := range []string{"SKILL.md", "a/b/c.txt", "with space", "CONTRIBUTING.md", "com.txt", "a..b", "console", strings.Repeat("a", 100)} {
		if err := CheckName(good); err != nil {
			t.Error(err)
		}
	}
	for _, bad := range []string{
		"", "/etc/passwd", "../x", "a/../../x", "a/..", "./a", "a//b", "a/", `a\b`, `..\x`, "C:/x", "c:x", "a\x00b", "a\nb", "ü",
		"con", "CON.txt", "a/nul", "aux.skill.md", "com1", "LPT9.x", "CONIN$", "nul .txt", "a.", "a /b", " a", ".git/config", "a/.env",
		"a?", "a*", "<a>", "a|b", `"a"`, strings.Repeat("a", 101), strings.Repeat("a/", 10) + "b", "plimsoll.pack",
	} {
		if err := CheckName(bad); err == nil {
			t.Errorf("%q is let through", bad)
		}
	}
	for _, pair := range [][]string{{"Readme", "README"}, {"a", "a/b"}, {"A/x", "a/y"}, {"a/b", "a/b/c"}, {"x", "x"}} {
		if err := checkPaths(pair); err == nil {
			t.Errorf("%q are let through", pair)
		}
		if err := checkPaths([]string{pair[1], pair[0]}); err == nil {
			t.Errorf("%q are let through the other way round", pair)
		}
	}
}

// A pack that was made by hand, with names that Write refuses, is refused by
// Read as well: the reader does not trust the writer.
func TestReadRefusesWhatWriteRefuses(t *testing.T) {
	for _, files := range [][]File{
		{{"../../x", nil}, {"SKILL.md", nil}},
		{{"SKILL.md", nil}, {"a", nil}, {"a/b", nil}},
		{{"SKILL.MD", nil}, {"SKILL.md", nil}},
		{{"SKILL.md", nil}, {"aux.txt", nil}},
		{{"readme", nil}},
		{{"b", nil}, {"SKILL.md", nil}, {"a", nil}},
		{{"SKILL.md", nil}, {"SKILL.md", nil}},
	} {
		m := Manifest{Name: "digest", Version: "1"}
		for _, f := range files {
			m.Files = append(m.Files, Entry{f.Name, int64(len(f.Data)), digest(f.Data)})
		}
		if _, err := Read(encode([]byte(m.Text()), files)); !errors.Is(err, errDamaged) {
			t.Errorf("%v: %v", files, err)
		}
	}
	for _, text := range []string{"", "\n", "plimsoll skill pack 2\n", "plimsoll skill pack 1\nname digest\nversion 1\nfile -1 sha256:" + strings.Repeat("0", 64) + " SKILL.md\n",
		"plimsoll skill pack 1\nname digest\nversion 1\nfile 99999999999999999999 x SKILL.md\n", "plimsoll skill pack 1\nname digest\nname digest\nversion 1\n"} {
		if _, err := Read(encode([]byte(text), nil)); !errors.Is(err, errDamaged) {
			t.Errorf("%q: %v", text, err)
		}
	}
	// A size that the bytes do not have must not be allocated for.
	huge := "plimsoll skill pack 1\nname digest\nversion 1\nfile 67108864 sha256:" + strings.Repeat("0", 64) + " SKILL.md\n"
	if _, err := Read(encode([]byte(huge), nil)); !errors.Is(err, errDamaged) {
		t.Errorf("a size that is not there: %v", err)
	}
}

func TestCollect(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"SKILL.md", ".git/config", "code/.hidden", "code/a.c", "node_modules/x/y", "code/target/z", "old.skillpack"} {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	files, err := Collect(dir)
	if err != nil || len(files) != 2 || files[0].Name != "SKILL.md" || files[1].Name != "code/a.c" {
		t.Errorf("%v %v", files, err)
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "link")); err != nil {
		t.Skip("no symbolic links here")
	}
	if _, err := Collect(dir); err == nil || !strings.Contains(err.Error(), "symbolic link") {
		t.Errorf("%v", err)
	}
}

func TestKeys(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "key")
	if _, err := OpenKey(file); err == nil {
		t.Error("a key that is not there was made")
	}
	if _, err := CreateKey(file, "a b"); err == nil {
		t.Error("a name with a space")
	}
	k, err := CreateKey(file, "acme.example/ana")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := CreateKey(file, "acme.example/ana"); err == nil {
		t.Error("a key was overwritten")
	}
	again, err := OpenKey(file)
	if err != nil || again.Public != k.Public || !strings.HasPrefix(k.Public, "acme.example/ana+") {
		t.Errorf("%+v %v", again, err)
	}
	if v, err := note.NewVerifier(k.Public); err != nil || v.Name() != "acme.example/ana" {
		t.Errorf("%v", err)
	}
	other := testKey(t)
	trust, err := ParseTrust("plimsoll.trust", []byte("# ours\n"+k.Public+" # Ana\n\n"))
	if err != nil {
		t.Fatal(err)
	}
	impostor, err := CreateKey(filepath.Join(dir, "other"), "acme.example/ana")
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]Standing{"": Unsigned, k.Public: Known, other.Public: Unknown, impostor.Public: Impostor} {
		if got := trust.Of(key); got != want {
			t.Errorf("%s is %s, want %s", key, got, want)
		}
	}
	if _, err := ParseTrust("plimsoll.trust", []byte("x\nacme\n")); err == nil || !strings.Contains(err.Error(), "plimsoll.trust:1") {
		t.Errorf("%v", err)
	}
}

// Whatever is written can be read, whatever the files.
func TestWriteThenRead(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		files := []File{{"SKILL.md", rapid.SliceOf(rapid.Byte()).Draw(rt, "SKILL.md")}}
		for name, data := range rapid.MapOf(rapid.StringMatching(`[a-z0-9]{1,8}(/[a-z0-9]{1,8}){0,3}`), rapid.SliceOfN(rapid.Byte(), 0, 2000)).Draw(rt, "files") {
			files = append(files, File{name, data})
		}
		data, err := Write(Manifest{Name: "x", Version: "1"}, files, nil)
		if err != nil {
			return // names that are folders of others
		}
		p, err := Read(data)
		if err != nil || len(p.Files) != len(files) {
			rt.Fatalf("%v", err)
		}
	})
}

// Read never panics, and what it takes is what Write makes.
func FuzzRead(f *testing.F) {
	f.Add(write(f, nil))
	f.Add(write(f, testKey(f)))
	f.Add([]byte{})
	f.Add(make([]byte, 3*block))
	f.Add(encode([]byte("plimsoll skill pack 1\nname a\nversion 1\nfile 0 sha256:x ../x\n"), nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := Read(data)
		if err != nil {
			return
		}
		if p.Manifest.Signer != "" {
			return
		}
		again, err := Write(p.Manifest, p.Files, nil)
		if err != nil || !bytes.Equal(again, data) {
			t.Fatalf("what was read is written otherwise: %v", err)
		}
	})
}
