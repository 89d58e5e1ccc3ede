package script

import (
	"errors"
	"testing"
)

// picky is a machine whose values are of one kind; reading a value as another
// would run code of the author's.
type picky struct {
	numbers, texts uint64
	called         []string
}

func (p *picky) Call(export string, _ ...uint64) (uint64, error) {
	p.called = append(p.called, export)
	switch export {
	case "qjs_is_number":
		return p.numbers, nil
	case "qjs_is_string":
		return p.texts, nil
	}
	return 0, nil
}

func (*picky) Read(_, n uint32) ([]byte, bool) { return make([]byte, n), true }
func (*picky) Write(ptr uint32, _ []byte) bool { return ptr > 0 }

// TestAskedLooksFirst: values that are not what the prelude passes are not turned
// into it.
func TestAskedLooksFirst(t *testing.T) {
	for _, p := range []*picky{{0, 1, nil}, {1, 0, nil}, {0, 0, nil}} {
		_, err := (&Session{}).Asked(p, 3, 16)
		if !errors.Is(err, errAsked) {
			t.Errorf("%+v: %v", p, err)
		}
		for _, export := range p.called {
			if export == "qjs_get_string_len" || p.numbers == 0 && export == "qjs_get_float64" {
				t.Errorf("%s was called", export)
			}
		}
	}
}
