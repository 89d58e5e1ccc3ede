package trial

import (
	"path/filepath"

	"github.com/plimsoll-dev/plimsoll/hcl/diag"
	"github.com/plimsoll-dev/plimsoll/sdk/backend/fixture"
)

// fixture finds an item's folder and gives its digest: another file in it makes
// another item.
func (l *loader) fixture(it *Item) (digest string, ok bool) {
	if !filepath.IsLocal(filepath.FromSlash(it.Fixture)) {
		l.errorf(it.At, "item-fixture", "Fixture outside the skill", "The fixture %q leaves the skill's folder. Items travel with the skill: move it in, and name it from there.", it.Fixture)
		return "", false
	}
	dir, err := filepath.Abs(filepath.Join(l.dir, filepath.FromSlash(it.Fixture)))
	if err != nil {
		l.errorf(it.At, "item-fixture", "Fixture cannot be used", "%v.", err)
		return "", false
	}
	folder, known := l.folders[dir]
	if !known {
		if folder, err = fixture.Read(dir); err != nil {
			l.errorf(it.At, "item-fixture", "Fixture cannot be used", "The fixture %q is no folder of the skill that can be copied: %v.", it.Fixture, err)
			return "", false
		}
		l.folders[dir] = folder
	}
	if len(folder.Skipped) > 0 {
		l.diags = append(l.diags, diag.Warnf(it.At, "fixture-links", "Fixture has links", "%s in the fixture %q is no regular file, and tasks do not get it: links are not followed. Put a file in its place.", folder.Skipped[0], it.Fixture))
	}
	it.Folder = dir
	return folder.Digest(), true
}
