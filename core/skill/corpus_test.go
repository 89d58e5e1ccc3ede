package skill

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestRealSkills reads every SKILL.md of the public data: each must give a name,
// a body and, unless a diagnostic says why not, a description.
func TestRealSkills(t *testing.T) {
	data := os.Getenv("PLIMSOLL_DATA")
	if data == "" {
		t.Skip("PLIMSOLL_DATA does not name the folder with the public data")
	}
	f, err := os.Open(filepath.Join(data, "skills", "skill-md.tar.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	files, clean, counts := 0, 0, map[string]int{}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		src, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		files++
		front, body, diags := ParseSkillMD(h.Name, src)
		if diags.HasErrors() {
			t.Errorf("%s: %v", h.Name, diags.Err())
		}
		if len(diags) == 0 {
			clean++
		}
		seen := map[string]bool{}
		for _, d := range diags {
			seen[d.Code] = true
			if d.Code == "bad-yaml" || d.Code == "yaml-alias" || d.Code == "missing-description" {
				t.Logf("%s: %s: %s", d.Range, d.Code, d.Detail)
			}
		}
		for code := range seen {
			counts[code]++
		}
		if (front.Name == "") != seen["missing-name"] || (front.Description == "") != seen["missing-description"] || (body == "") != seen["empty-body"] {
			t.Errorf("%s: name %q, description %q, %d bytes of body, and the diagnostics do not say so: %v", h.Name, front.Name, front.Description, len(body), slices.Sorted(maps.Keys(seen)))
		}
	}
	if files == 0 {
		t.Error("the archive is empty")
	}
	var table []string
	for _, code := range slices.Sorted(maps.Keys(counts)) {
		table = append(table, code)
		t.Logf("%-22s %5d files", code, counts[code])
	}
	t.Logf("%d files, %d without a warning; rules seen: %s", files, clean, strings.Join(table, " "))
}
