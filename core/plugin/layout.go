package plugin

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/plimsoll-dev/plimsoll/sdk/canonjson"
)

// An OCI image layout (image-spec 1.1, image-layout.md) is a folder in which
// registries' clients leave what they copied: an index of manifests, and all
// content under its digest. A binary is one layer, as it is, titled NAME or
// NAME_GOOS_GOARCH, so its digest in the layout is that of the lock file.
//
// Nothing in a layout is a path to us: content is found by digest alone, and
// titles only name.
const (
	layoutMark    = "oci-layout"
	layoutVersion = "1.0.0"
	mediaIndex    = "application/vnd.oci.image.index.v1+json"
	mediaManifest = "application/vnd.oci.image.manifest.v1+json"
	titleKey      = "org.opencontainers.image.title"
	unpackKey     = "io.deis.oras.content.unpack"
)

// Bounds of a layout: a document of 4 MiB is what registries accept, and a
// plugin for every platform there is needs some twenty manifests.
const (
	maxDocument  = 4 << 20
	maxManifests = 256
	maxNesting   = 4
)

type descriptor struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int64             `json:"size"`
	Annotations map[string]string `json:"annotations"`
	Platform    *struct {
		OS           string `json:"os"`
		Architecture string `json:"architecture"`
	} `json:"platform"`
}

type document struct {
	SchemaVersion int          `json:"schemaVersion"`
	Manifests     []descriptor `json:"manifests"`
	Layers        []descriptor `json:"layers"`
}

// layout reads one folder.
type layout struct {
	root  *os.Root
	dir   string
	seen  int
	found []binary
}

// isLayout tells an OCI layout from a folder of binaries.
func isLayout(dir string) bool { return exists(filepath.Join(dir, layoutMark)) }

// binariesInLayout lists the plugin binaries of a layout, each compared with
// its digest and size.
func binariesInLayout(dir string) ([]binary, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("opening the OCI layout: %w", err)
	}
	defer root.Close()
	l := &layout{root: root, dir: dir}
	var mark struct {
		Version string `json:"imageLayoutVersion"`
	}
	raw, err := l.read(layoutMark, maxDocument)
	if err == nil {
		err = decodeDocument(raw, &mark)
	}
	if err != nil {
		return nil, l.wrap(layoutMark, err)
	}
	if mark.Version != layoutVersion {
		return nil, fmt.Errorf("%s is an OCI layout of version %q, and %s is what this version reads", dir, mark.Version, layoutVersion)
	}
	if raw, err = l.read("index.json", maxDocument); err != nil {
		return nil, l.wrap("index.json", err)
	}
	if err := l.index("index.json", raw, 0); err != nil {
		return nil, err
	}
	if len(l.found) == 0 {
		return nil, fmt.Errorf("there is no plugin in the OCI layout %s: want a layer titled NAME_GOOS_GOARCH, or NAME in a manifest with a platform", dir)
	}
	return l.found, nil
}

func (l *layout) index(name string, raw []byte, depth int) error {
	var doc document
	if err := decodeDocument(raw, &doc); err != nil {
		return l.wrap(name, err)
	}
	if doc.SchemaVersion != 2 {
		return l.wrap(name, fmt.Errorf("its schemaVersion is %d, want 2", doc.SchemaVersion))
	}
	for _, d := range doc.Manifests {
		if l.seen++; l.seen > maxManifests || depth > maxNesting {
			return l.wrap(name, fmt.Errorf("it leads to more than %d manifests, or deeper than %d indexes", maxManifests, maxNesting))
		}
		if d.Platform != nil && d.Platform.OS == "unknown" {
			continue // what build tools add about an image, such as its provenance
		}
		if d.MediaType != mediaIndex && d.MediaType != mediaManifest {
			continue // of another format, and not ours to understand
		}
		raw, err := l.blob(d)
		if err != nil {
			return err
		}
		if d.MediaType == mediaIndex {
			err = l.index(d.Digest, raw, depth+1)
		} else {
			err = l.manifest(d, raw)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (l *layout) manifest(d descriptor, raw []byte) error {
	var doc document
	if err := decodeDocument(raw, &doc); err != nil {
		return l.wrap(d.Digest, err)
	}
	for _, layer := range doc.Layers {
		b, ok, err := named(d, layer)
		if err != nil {
			return l.wrap(d.Digest, err)
		}
		if !ok {
			continue // a README, a list of parts
		}
		if b.path, b.digest, err = l.check(layer); err != nil {
			return err
		}
		l.found = append(l.found, b)
	}
	return nil
}

// named reads what a layer is from its title and its manifest's platform.
func named(manifest, layer descriptor) (b binary, ok bool, err error) {
	title := layer.Annotations[titleKey]
	if strings.ContainsAny(title, `/\`) || strings.Contains(title, "..") {
		return b, false, fmt.Errorf("the title %q of a layer is a path, and only a name is taken", title)
	}
	stated := ""
	if p := manifest.Platform; p != nil {
		stated = p.OS + "/" + p.Architecture
	}
	if parts := platformFile.FindStringSubmatch(title); parts != nil {
		b = binary{name: parts[1], platform: parts[2] + "/" + parts[3]}
		if stated != "" && stated != b.platform {
			return b, false, fmt.Errorf("the layer %s is for %s, and its manifest for %s", title, b.platform, stated)
		}
	} else if name := strings.TrimSuffix(title, ".exe"); stated != "" && validName(name) && !strings.Contains(name, ".") {
		b = binary{name: name, platform: stated}
	} else {
		return b, false, nil
	}
	if packed := layer.Annotations[unpackKey] == "true" || strings.Contains(layer.MediaType, "gzip") || strings.Contains(layer.MediaType, "zstd"); packed {
		return b, false, fmt.Errorf("the layer %s is packed (%s); a plugin's binary is a layer as it is, so that its digest is that of the file", title, layer.MediaType)
	}
	return b, true, nil
}

// blob reads a document by its digest.
func (l *layout) blob(d descriptor) ([]byte, error) {
	name, err := blobPath(d.Digest)
	if err != nil {
		return nil, l.wrap("index.json", err)
	}
	raw, err := l.read(name, maxDocument)
	if err == nil {
		err = matches(d, contentDigest(raw), int64(len(raw)))
	}
	if err != nil {
		return nil, l.wrap(name, err)
	}
	return raw, nil
}

// check compares a binary with its descriptor, without holding it in memory.
func (l *layout) check(d descriptor) (file, digest string, err error) {
	name, err := blobPath(d.Digest)
	if err != nil {
		return "", "", l.wrap("a manifest", err)
	}
	f, err := l.open(name, maxBinary)
	if err != nil {
		return "", "", l.wrap(name, err)
	}
	defer f.Close()
	sum := sha256.New()
	n, err := io.Copy(sum, f)
	if err == nil {
		err = matches(d, "sha256:"+hex.EncodeToString(sum.Sum(nil)), n)
	}
	if err != nil {
		return "", "", l.wrap(name, err)
	}
	return filepath.Join(l.dir, filepath.FromSlash(name)), d.Digest, nil
}

func matches(d descriptor, digest string, size int64) error {
	if d.Digest != digest {
		return fmt.Errorf("its content has digest %s, and it is called %s: it was changed, or copied in part", digest, d.Digest)
	}
	if d.Size != size {
		return fmt.Errorf("it has %d bytes, and %d are announced", size, d.Size)
	}
	return nil
}

// blobPath is where the content of a digest lies. The digest is checked first:
// it comes from a file that anybody may have written.
func blobPath(digest string) (string, error) {
	if _, err := rawDigest(digest); err != nil {
		return "", err
	}
	return "blobs/sha256/" + strings.TrimPrefix(digest, "sha256:"), nil
}

func (l *layout) read(name string, limit int64) ([]byte, error) {
	f, err := l.open(name, limit)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, limit+1))
}

// open opens a regular file below the folder, of a bounded size. A link is
// refused, wherever it leads: no client writes one into a layout.
func (l *layout) open(name string, limit int64) (*os.File, error) {
	info, err := l.root.Lstat(name)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("it is not a regular file")
	case info.Size() > limit:
		return nil, fmt.Errorf("it has more than %d MiB", limit>>20)
	}
	return l.root.Open(name)
}

func (l *layout) wrap(name string, err error) error {
	return fmt.Errorf("the OCI layout %s: %s: %w", l.dir, name, err)
}

// decodeDocument reads JSON that has one meaning: of two members of one name,
// two readers may see different ones.
func decodeDocument(raw []byte, into any) error {
	canonical, err := canonjson.Transform(raw)
	if err != nil {
		return err
	}
	return json.Unmarshal(canonical, into)
}
