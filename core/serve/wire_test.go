package serve

import (
	"bytes"
	"testing"
)

// Whatever comes in, a frame is read whole or refused, and what was read is what
// was sent.
func FuzzReceive(f *testing.F) {
	for _, s := range []string{"", "H", "H\x00\x00\x00\x02{}", "o\xff\xff\xff\xff", "R\x00\x7f\xff\xff{", "x\x00\x00\x00\x00I\x00\x00\x00\x01a"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		w := &wire{rw: bytes.NewBuffer(in)}
		rest := in
		for {
			k, payload, err := w.receive()
			if err != nil {
				return
			}
			var out bytes.Buffer
			if err := (&wire{rw: &out}).send(k, payload); err != nil {
				t.Fatal(err)
			}
			if !bytes.HasPrefix(rest, out.Bytes()) {
				t.Fatalf("%q was read as %q", rest, out.Bytes())
			}
			rest = rest[out.Len():]
		}
	})
}
