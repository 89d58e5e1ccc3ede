package sandbox

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sys/cpu"

	"github.com/plimsoll-dev/plimsoll/core/sandbox/wasmbin"
	"github.com/plimsoll-dev/plimsoll/core/store/atomicfile"
)

// record is what admission made of a module, kept in the cache folder: facts,
// the rewritten module without its data, the data. The machine code lies beside
// it in a file of the engine's, whose digest the record has.
//
// A record is a header line, the length of a JSON document and the document, the
// bytes of code and data, and the sha256 of everything before it. What does not add up
// is compiled anew, never trusted in part.
type record struct {
	Key      string        `json:"key"`
	Profile  string        `json:"profile"`
	Facts    wasmbin.Facts `json:"facts"`
	Artifact string        `json:"artifact"` // the engine's file, relative to the cache folder
	Sum      string        `json:"sum"`      // sha256 of it
	Machine  int           `json:"machine"`  // bytes of it
	Code     int           `json:"code"`     // bytes
	At       []uint32      `json:"at"`       // of the data segments
	Sizes    []int         `json:"sizes"`    // of the data segments

	code     []byte
	segments []segment
}

// recordFormat changes with the format above, with what hosts offer to modules
// and with what wasmbin makes of them: records of another are not looked at.
const recordFormat = "plimsoll sandbox record 1\n"

// rewriterVersion changes with what wasmbin makes of a module.
const rewriterVersion = "3"

// recordKey names what was compiled, by what, for which machine. The engine's own
// key has fewer parts; a record of this key whose artifact the engine would not
// find must not exist, because the engine would then compile in this process,
// where nothing can stop it.
func recordKey(digest, profile string) string {
	x86, arm := cpu.X86, cpu.ARM64
	h := sha256.New()
	fmt.Fprintf(h, "%s%s\n%s\n%s\n%s\n%s/%s\n%+v\n%+v\n", recordFormat, digest, profile, rewriterVersion, engineVersion(), runtime.GOOS, runtime.GOARCH, x86, arm)
	return hex.EncodeToString(h.Sum(nil))
}

func recordPath(dir, key string) string { return filepath.Join(dir, "records", key) }

func (r *record) encode() ([]byte, error) {
	r.Code, r.At, r.Sizes = len(r.code), nil, nil
	for _, s := range r.segments {
		r.At, r.Sizes = append(r.At, s.at), append(r.Sizes, len(s.data))
	}
	head, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("writing a record of compiled code: %w", err)
	}
	out := binary.BigEndian.AppendUint32([]byte(recordFormat), uint32(len(head)))
	out = append(append(out, head...), r.code...)
	for _, s := range r.segments {
		out = append(out, s.data...)
	}
	sum := sha256.Sum256(out)
	return append(out, sum[:]...), nil
}

var errRecord = errors.New("it is damaged")

// decodeRecord reads what encode wrote, or says that it is damaged.
func decodeRecord(raw []byte) (*record, error) {
	end := len(raw) - sha256.Size
	if end < len(recordFormat)+4 || !bytes.HasPrefix(raw, []byte(recordFormat)) {
		return nil, errRecord
	}
	if sum := sha256.Sum256(raw[:end]); !bytes.Equal(sum[:], raw[end:]) {
		return nil, errRecord
	}
	rest := raw[len(recordFormat):end]
	n := int(binary.BigEndian.Uint32(rest))
	if n < 0 || n > len(rest)-4 {
		return nil, errRecord
	}
	r := &record{}
	if err := json.Unmarshal(rest[4:4+n], r); err != nil {
		return nil, errRecord
	}
	rest = rest[4+n:]
	take := func(n int) ([]byte, bool) {
		if n < 0 || n > len(rest) {
			return nil, false
		}
		part := rest[:n:n]
		rest = rest[n:]
		return part, true
	}
	var ok bool
	if r.code, ok = take(r.Code); !ok || len(r.At) != len(r.Sizes) {
		return nil, errRecord
	}
	for i, at := range r.At {
		data, ok := take(r.Sizes[i])
		if !ok {
			return nil, errRecord
		}
		r.segments = append(r.segments, segment{at, data})
	}
	if len(rest) != 0 {
		return nil, errRecord
	}
	return r, nil
}

// readRecord finds the record of a key, whole and with its machine code.
func readRecord(dir, key string) (*record, bool) {
	raw, err := os.ReadFile(recordPath(dir, key))
	if err != nil {
		return nil, false
	}
	r, err := decodeRecord(raw)
	if err != nil || r.Key != key || !r.local() {
		return nil, false
	}
	artifact, err := os.ReadFile(filepath.Join(dir, r.Artifact))
	if err != nil || sumOf(artifact) != r.Sum {
		return nil, false
	}
	return r, true
}

// local tells whether the artifact is a file below the cache folder.
func (r *record) local() bool {
	return filepath.IsLocal(r.Artifact) && !strings.HasPrefix(r.Artifact, "records")
}

// keep writes a record, as encode made it, and its machine code. The machine code
// goes first: a record without it is refused, machine code without a record is
// only garbage.
func (r *record) keep(dir string, raw, artifact []byte) error {
	for _, f := range []struct {
		path string
		data []byte
	}{{filepath.Join(dir, r.Artifact), artifact}, {recordPath(dir, r.Key), raw}} {
		if err := os.MkdirAll(filepath.Dir(f.path), 0o700); err != nil {
			return fmt.Errorf("making a folder for compiled code: %w", err)
		}
		if err := atomicfile.Write(f.path, f.data, 0o600); err != nil {
			return fmt.Errorf("keeping compiled code: %w", err)
		}
	}
	return nil
}

func sumOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
