package report

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func nights() map[string]Night {
	return map[string]Night{"rich": richNight(), "empty": emptyNight(), "held": heldNight()}
}

func TestGolden(t *testing.T) {
	for name, n := range nights() {
		page, err := HTML(n)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := JSON(n)
		if err != nil {
			t.Fatal(err)
		}
		golden(t, name+".html", page)
		golden(t, name+".json", doc)
		golden(t, name+".md", Markdown(n))
		for suffix, o := range map[string]TerminalOptions{"-100": {Width: 100}, "-60": {Width: 60}, "-140-color": {Width: 140, Color: true}} {
			var b bytes.Buffer
			Terminal(&b, n, o)
			golden(t, name+suffix+".txt", b.Bytes())
		}
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not the golden file any more (go test -update rewrites it):\n%s", name, firstDifference(want, got))
	}
}

func firstDifference(want, got []byte) string {
	a, b := bytes.Split(want, []byte("\n")), bytes.Split(got, []byte("\n"))
	for i := range min(len(a), len(b)) {
		if !bytes.Equal(a[i], b[i]) {
			return "want " + string(a[i]) + "\ngot  " + string(b[i])
		}
	}
	return "one goes on where the other ends"
}
