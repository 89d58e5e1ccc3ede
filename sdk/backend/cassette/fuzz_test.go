package cassette

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/plimsoll-dev/plimsoll/sdk/backend"
)

func seeds(f *testing.F) {
	f.Add([]byte(`{"version":2,"request":{"model":"m","messages":[]},"events":[{"text":"a"},{"done":{"usage":{"input":1,"output":1},"finish":"stop","model":"m"}}],"digest":""}`))
	f.Add([]byte(`{"version":2,"request":{},"events":[{"tool_call":{"id":"","name":"","arguments":"{}"}},{"error":{"code":"x","message":"y"}}]}`))
	f.Add([]byte(`{"version":2,"request":{"model":"m","messages":[{"role":"user","parts":[{"type":"text","text":"a\\nb"}]}]},"events":[{"error":{"code":"rate_limited","message":"","retry_after_ms":5,"lost":true}}],"simulated":true}`))
}

// Whatever a file holds, reading it fails or gives a take that is written and
// read again as the same; and a take whose digest is not its own is refused.
func FuzzDecode(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, raw []byte) {
		if take, err := Decode(raw); err == nil {
			if sum, err := take.digest(); err != nil || sum != take.Digest {
				t.Fatalf("read with the digest %s, %v: %s", take.Digest, err, raw)
			}
		}
		var take Take // as a recorder would have it: without a digest
		if json.Unmarshal(raw, &take) != nil {
			return
		}
		file, err := Encode(take)
		if err != nil {
			return
		}
		back, err := Decode(file)
		if err != nil {
			t.Fatalf("written but not read again: %v\n%s", err, file)
		}
		again, err := Encode(back)
		if err != nil || string(again) != string(file) {
			t.Errorf("%v\n%s\nbecame\n%s", err, file, again)
		}
	})
}

// A folder with any file in it opens or is refused, and what opens can be asked
// for anything.
func FuzzOpen(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, raw []byte) {
		dir := t.TempDir()
		var take Take
		key := strings.Repeat("0", 64)
		if json.Unmarshal(raw, &take) == nil {
			if file, err := Encode(take); err == nil {
				decoded, err := Decode(file)
				if err != nil {
					t.Fatal(err)
				}
				raw, key = file, keyOf(decoded.Request)
			}
		}
		if err := os.WriteFile(filepath.Join(dir, key+".0.json"), raw, 0o600); err != nil {
			t.Fatal(err)
		}
		played, err := Open(dir)
		if err != nil {
			return
		}
		_, err = generate(played, request("what nobody recorded"))
		if e := backend.AsError(err); e == nil || e.Code != backend.InvalidRequest || len(e.Message) > (diffLines+5)*(diffWidth+10)+len(dir)+1000 {
			t.Errorf("a miss: %v", err)
		}
	})
}
