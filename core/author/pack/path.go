package pack

import (
	"fmt"
	"slices"
	"strings"
)

// Paths must mean the same file on every system, and a file inside of the
// folder: what one system folds, forbids or takes for a device is refused on
// all.

const (
	maxPath  = 100 // bytes: what a ustar header holds
	maxDepth = 10
)

var devices = []string{"con", "prn", "aux", "nul", "conin$", "conout$", "clock$",
	"com0", "com1", "com2", "com3", "com4", "com5", "com6", "com7", "com8", "com9",
	"lpt0", "lpt1", "lpt2", "lpt3", "lpt4", "lpt5", "lpt6", "lpt7", "lpt8", "lpt9"}

// CheckName tells why a path may not stand in a pack.
func CheckName(name string) error {
	bad := func(why string) error { return fmt.Errorf("the path %q %s", name, why) }
	switch {
	case name == "":
		return bad("is empty")
	case len(name) > maxPath:
		return bad(fmt.Sprintf("has %d bytes; at most %d are allowed", len(name), maxPath))
	case name == noteName:
		return bad("is the manifest's own")
	}
	for _, c := range []byte(name) {
		if c < 0x20 || c > 0x7e || strings.IndexByte(`\:*?"<>|`, c) >= 0 {
			return bad("has characters that some systems do not take: use letters, digits, '.', '-' and '_'")
		}
	}
	parts := strings.Split(name, "/")
	if len(parts) > maxDepth {
		return bad(fmt.Sprintf("has more than %d levels", maxDepth))
	}
	for _, p := range parts {
		stem, _, _ := strings.Cut(strings.ToLower(p), ".")
		switch {
		case p == "":
			return bad("has an empty part: it begins or ends with / or has // in it")
		case p == "." || p == "..":
			return bad("leads out of the folder or stands still")
		case strings.HasPrefix(p, "."):
			return bad("has a part that begins with a dot")
		case strings.HasSuffix(p, ".") || strings.HasSuffix(p, " ") || strings.HasPrefix(p, " "):
			return bad("has a part that ends with a dot or a space, or begins with a space")
		case slices.Contains(devices, strings.TrimRight(stem, " ")):
			return bad("names a device on Windows")
		}
	}
	return nil
}

// checkNames looks at all paths together: no two may be one file on a system
// that does not tell capitals from small letters, and none may be the folder of
// another.
func checkNames(files []File) error {
	names := make([]string, 0, len(files))
	for _, f := range files {
		names = append(names, f.Name)
	}
	return checkPaths(names)
}

func checkPaths(names []string) error {
	type seen struct {
		name string
		dir  bool
	}
	at := map[string]seen{}
	for _, name := range names {
		if err := CheckName(name); err != nil {
			return err
		}
		folded := strings.ToLower(name)
		if other, ok := at[folded]; ok {
			return fmt.Errorf("the paths %q and %q are one file on some systems", other.name, name)
		}
		at[folded] = seen{name: name}
		for i, c := range folded {
			if c != '/' {
				continue
			}
			other, ok := at[folded[:i]]
			switch {
			case ok && !other.dir:
				return fmt.Errorf("the path %q is a file, and the folder of %q", other.name, name)
			case ok && other.name != name[:i]:
				return fmt.Errorf("the folders %q and %q are one on some systems", other.name, name[:i])
			}
			at[folded[:i]] = seen{name[:i], true}
		}
	}
	return nil
}
