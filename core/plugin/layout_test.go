package plugin

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/plimsoll-dev/plimsoll/sdk/backend"
)

// ociFolder writes an OCI layout as registries' clients do.
type ociFolder struct {
	t         *testing.T
	dir       string
	manifests []map[string]any
}

func newLayout(t *testing.T) *ociFolder {
	t.Helper()
	o := &ociFolder{t: t, dir: t.TempDir()}
	o.write(layoutMark, []byte(`{"imageLayoutVersion":"1.0.0"}`))
	return o
}

func (o *ociFolder) write(name string, content []byte) {
	o.t.Helper()
	path := filepath.Join(o.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		o.t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o644); err != nil {
		o.t.Fatal(err)
	}
}

// put stores content under its digest and describes it.
func (o *ociFolder) put(media string, content []byte) map[string]any {
	digest := contentDigest(content)
	o.write("blobs/sha256/"+strings.TrimPrefix(digest, "sha256:"), content)
	return map[string]any{"mediaType": media, "digest": digest, "size": len(content)}
}

func (o *ociFolder) document(media string, doc map[string]any) map[string]any {
	o.t.Helper()
	doc["schemaVersion"] = 2
	raw, err := json.Marshal(doc)
	if err != nil {
		o.t.Fatal(err)
	}
	return o.put(media, raw)
}

// add makes a manifest of one layer; platform "" states none.
func (o *ociFolder) add(title, platform string, content []byte) (layer, manifest map[string]any) {
	layer = o.put("application/vnd.plimsoll.backend.v1", content)
	layer["annotations"] = map[string]any{titleKey: title}
	return layer, o.manifest(platform, layer)
}

func (o *ociFolder) manifest(platform string, layers ...map[string]any) map[string]any {
	m := o.document(mediaManifest, map[string]any{"layers": layers})
	if os, arch, ok := strings.Cut(platform, "/"); ok {
		m["platform"] = map[string]any{"os": os, "architecture": arch}
	}
	o.manifests = append(o.manifests, m)
	return m
}

func (o *ociFolder) seal() string {
	o.t.Helper()
	raw, err := json.Marshal(map[string]any{"schemaVersion": 2, "manifests": o.manifests})
	if err != nil {
		o.t.Fatal(err)
	}
	o.write("index.json", raw)
	return o.dir
}

func own(t *testing.T) []byte {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// All platforms at once, nested indexes, a README beside them: locked, verified,
// run.
func TestLayoutIsLockedAndRun(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("TestMain knows the external plugin by a name without .exe")
	}
	o := newLayout(t)
	content := own(t)
	o.add("external", platform(), content)
	o.add("external_windows_arm64.exe", "", []byte("for windows"))
	readme := o.put("text/plain", []byte("hello"))
	readme["annotations"] = map[string]any{titleKey: "README.md"}
	far := o.put("application/octet-stream", []byte("for darwin"))
	far["annotations"] = map[string]any{titleKey: "external_darwin_riscv"}
	o.manifest("darwin/riscv", readme, far)
	o.manifests[len(o.manifests)-1] = o.document(mediaIndex, map[string]any{"manifests": []any{o.manifests[len(o.manifests)-1]}})
	o.manifest("unknown/unknown", o.put("application/vnd.in-toto+json", []byte("{}")))
	o.manifests = append(o.manifests, o.put("application/vnd.docker.distribution.manifest.v2+json", []byte("other")))
	dir := o.seal()

	l, err := newManager(t).LockDir(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	if l.Name != "external" || l.Version != "1.2.3" || l.Source != "oci:"+filepath.ToSlash(dir) || len(l.Digests) != 3 ||
		l.Digests[platform()] != contentDigest(content) || l.Digests["windows/arm64"] != contentDigest([]byte("for windows")) {
		t.Errorf("%+v", l)
	}
	m := newManager(t, func(c *Config) { c.Lock = []Locked{l} })
	if got := told(t, client(t, m, Spec{Plugin: "external"}), "echo x"); got != "x" {
		t.Errorf("got %q", got)
	}
	v, err := VerifyLocked("", m.cfg.StateDir, []Locked{l})
	if err != nil || len(v.Problems) > 0 || v.Files != 3 || v.Copies != 1 {
		t.Errorf("%+v, %v", v, err)
	}
	// A blob that was changed is found, and does not run.
	blob := filepath.Join(dir, "blobs", "sha256", strings.TrimPrefix(l.Digests[platform()], "sha256:"))
	appendTo(t, blob)
	if v, err = VerifyLocked("", m.cfg.StateDir, []Locked{l}); err != nil || len(v.Problems) != 1 || !strings.Contains(v.Problems[0], "it was changed") {
		t.Errorf("%+v, %v", v, err)
	}
	fresh := newManager(t, func(c *Config) { c.Lock = []Locked{l} })
	_, err = backend.Collect(t.Context(), client(t, fresh, Spec{Plugin: "external"}), say("echo x"))
	var refused *RefusedError
	if !errors.As(err, &refused) || !strings.Contains(err.Error(), "plimsoll plugin lock "+dir) {
		t.Errorf("%v", err)
	}
}

// Each layout is wrong in one way, and nothing of it is taken.
func TestLayoutsThatAreRefused(t *testing.T) {
	other := contentDigest([]byte("other"))
	for name, c := range map[string]struct {
		want string
		fill func(o *ociFolder)
	}{
		"no index":         {"index.json", func(o *ociFolder) { _ = os.Remove(filepath.Join(o.seal(), "index.json")) }},
		"other version":    {`version "2.0.0"`, func(o *ociFolder) { o.write(layoutMark, []byte(`{"imageLayoutVersion":"2.0.0"}`)); o.seal() }},
		"index is no JSON": {"index.json", func(o *ociFolder) { o.write("index.json", []byte("{")) }},
		"two meanings":     {"index.json", func(o *ociFolder) { o.write("index.json", []byte(`{"schemaVersion":2,"manifests":[],"manifests":[]}`)) }},
		"other schema":     {"schemaVersion", func(o *ociFolder) { o.write("index.json", []byte(`{"schemaVersion":1}`)) }},
		"nothing":          {"there is no plugin", func(o *ociFolder) { o.seal() }},
		"no titles":        {"there is no plugin", func(o *ociFolder) { o.manifest("linux/amd64", o.put("x", []byte("x"))); o.seal() }},
		"digest is a path": {"sha256", func(o *ociFolder) {
			_, m := o.add("a_linux_amd64", "", []byte("a"))
			m["digest"] = "../../etc/passwd"
			o.seal()
		}},
		"digest with path": {"sha256", func(o *ociFolder) {
			_, m := o.add("a_linux_amd64", "", []byte("a"))
			m["digest"] = "sha256:../../../x"
			o.seal()
		}},
		"other scheme": {"sha256", func(o *ociFolder) {
			_, m := o.add("a_linux_amd64", "", []byte("a"))
			m["digest"] = "sha512:" + strings.Repeat("a", 128)
			o.seal()
		}},
		"blob missing": {"blobs/sha256", func(o *ociFolder) { _, m := o.add("a_linux_amd64", "", []byte("a")); m["digest"] = other; o.seal() }},
		"manifest changed": {"it was changed", func(o *ociFolder) {
			_, m := o.add("a_linux_amd64", "", []byte("a"))
			o.write("blobs/sha256/"+strings.TrimPrefix(m["digest"].(string), "sha256:"), []byte("{}"))
			o.seal()
		}},
		"binary changed": {"it was changed", func(o *ociFolder) {
			l, _ := o.add("a_linux_amd64", "", []byte("a"))
			o.write("blobs/sha256/"+strings.TrimPrefix(l["digest"].(string), "sha256:"), []byte("b"))
			o.seal()
		}},
		"wrong size":       {"are announced", func(o *ociFolder) { _, m := o.add("a_linux_amd64", "", []byte("a")); m["size"] = 3; o.seal() }},
		"title is a path":  {"is a path", func(o *ociFolder) { o.add("../a_linux_amd64", "", []byte("a")); o.seal() }},
		"title on windows": {"is a path", func(o *ociFolder) { o.add(`..\a_linux_amd64`, "", []byte("a")); o.seal() }},
		"title against it": {"its manifest for", func(o *ociFolder) { o.add("a_linux_amd64", "linux/arm64", []byte("a")); o.seal() }},
		"two for one": {"two binaries", func(o *ociFolder) {
			o.add("a", "linux/amd64", []byte("a"))
			o.add("a_linux_amd64", "", []byte("b"))
			o.seal()
		}},
		"two plugins": {"two plugins", func(o *ociFolder) {
			o.add("a", "linux/amd64", []byte("a"))
			o.add("b", "linux/arm64", []byte("b"))
			o.seal()
		}},
		"odd name": {"no name for a plugin", func(o *ociFolder) { o.add("a b_linux_amd64", "", []byte("a")); o.seal() }},
		"packed": {"packed", func(o *ociFolder) {
			l := o.put("application/vnd.oci.image.layer.v1.tar+gzip", []byte("a"))
			l["annotations"] = map[string]any{titleKey: "a_linux_amd64"}
			o.manifest("", l)
			o.seal()
		}},
		"indexes in a ring": {"deeper than", func(o *ociFolder) { deep(o); o.seal() }},
		"too many": {"more than", func(o *ociFolder) {
			_, m := o.add("a_linux_amd64", "", []byte("a"))
			for range maxManifests {
				o.manifests = append(o.manifests, m)
			}
			o.seal()
		}},
		"not for this one": {"no binary of a for", func(o *ociFolder) { o.add("a_windows_386.exe", "", []byte("a")); o.seal() }},
	} {
		o := newLayout(t)
		c.fill(o)
		if _, err := newManager(t).LockDir(t.Context(), o.dir); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func deep(o *ociFolder) {
	_, m := o.add("a_linux_amd64", "", []byte("a"))
	for range maxNesting + 2 {
		m = o.document(mediaIndex, map[string]any{"manifests": []any{m}})
	}
	o.manifests = []map[string]any{m}
}

// A link in a layout leads nowhere, inside or outside.
func TestLinksInALayout(t *testing.T) {
	o := newLayout(t)
	l, _ := o.add("a_linux_amd64", "", []byte("a"))
	dir := o.seal()
	blob := filepath.Join(dir, "blobs", "sha256", strings.TrimPrefix(l["digest"].(string), "sha256:"))
	outside := filepath.Join(t.TempDir(), "a")
	if err := errors.Join(os.WriteFile(outside, []byte("a"), 0o644), os.Remove(blob)); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, blob); err != nil {
		t.Skip(err)
	}
	if _, err := binariesInLayout(dir); err == nil || !strings.Contains(err.Error(), "regular file") {
		t.Errorf("a link to a file with the right content: %v", err)
	}
}

// The lock file is only as good as what stands in it.
func TestVerifyChecksTheEntries(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a_linux_amd64"), []byte("a"), 0o755); err != nil {
		t.Fatal(err)
	}
	good := map[string]string{"linux/amd64": contentDigest([]byte("a"))}
	for _, c := range []struct {
		want string
		l    Locked
	}{
		{"", Locked{Name: "a", Source: "dir:" + dir, Digests: good}},
		{"no name of a plugin", Locked{Name: "../a", Source: "dir:" + dir, Digests: good}},
		{"cannot be used", Locked{Name: "a", Source: "dir:" + dir, Digests: map[string]string{"linux/amd64": "md5:x"}}},
		{"has no digest", Locked{Name: "a", Source: "dir:" + dir}},
		{"neither a folder", Locked{Name: "a", Source: "https://example.com", Digests: good}},
		{"no such file", Locked{Name: "a", Source: "dir:" + dir + "/none", Digests: good}},
		{"not in the lock file", Locked{Name: "a", Source: "dir:" + dir, Digests: map[string]string{"linux/arm64": good["linux/amd64"]}}},
		{"is locked", Locked{Name: "a", Source: "dir:" + dir, Digests: map[string]string{"linux/amd64": contentDigest([]byte("b"))}}},
	} {
		v, err := VerifyLocked("", t.TempDir(), []Locked{c.l})
		if got := strings.Join(v.Problems, "\n"); err != nil || !strings.Contains(got, c.want) || (c.want == "") != (got == "") {
			t.Errorf("want %q: %v, %v", c.want, got, err)
		}
	}
	m := newManager(t, func(c *Config) {
		c.Lock = []Locked{{Name: "../../x", Source: "dir:" + dir, Digests: map[string]string{platform(): good["linux/amd64"]}}}
	})
	if _, err := m.Client(Spec{Backend: "b", Plugin: "../../x"}); err == nil || !strings.Contains(err.Error(), "name in the lock file") {
		t.Errorf("a path for a name: %v", err)
	}
}

func TestVerifyChecksTheCopies(t *testing.T) {
	state := t.TempDir()
	folder := filepath.Join(state, "plugins", "sha256", strings.TrimPrefix(contentDigest([]byte("a")), "sha256:"))
	if err := errors.Join(os.MkdirAll(folder, 0o700), os.WriteFile(filepath.Join(folder, "a"), []byte("a"), 0o600)); err != nil {
		t.Fatal(err)
	}
	if v, err := VerifyLocked("", state, nil); err != nil || v.Copies != 1 || len(v.Problems) > 0 {
		t.Errorf("%+v, %v", v, err)
	}
	appendTo(t, filepath.Join(folder, "a"))
	if v, err := VerifyLocked("", state, nil); err != nil || len(v.Problems) != 1 || !strings.Contains(v.Problems[0], "changed after it was made") {
		t.Errorf("%+v, %v", v, err)
	}
}

func FuzzLayoutIndex(f *testing.F) {
	f.Add([]byte(`{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:00","size":1}]}`))
	f.Add([]byte(fmt.Sprintf(`{"schemaVersion":2,"manifests":[{"mediaType":%q,"digest":"sha256:%s","size":1e3,"platform":null}]}`, mediaIndex, strings.Repeat("a", 64))))
	f.Fuzz(func(t *testing.T, raw []byte) {
		o := newLayout(t)
		o.write("index.json", raw)
		if files, err := binariesInLayout(o.dir); err == nil {
			t.Errorf("%q holds %v, and there is no content", raw, files)
		}
	})
}
