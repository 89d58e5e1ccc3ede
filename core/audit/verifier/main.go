// Command verifier checks an export of Plimsoll's audit log, or the proof of one
// record, without Plimsoll: it imports golang.org/x/mod and the standard library
// only, and is short enough to be read before it is trusted.
//
//	verifier -key KEY [-old FILE]... DIR           an export (plimsoll audit export)
//	verifier -key KEY -proof FILE -entry FILE      one record
//
// KEY ("origin+hash+base64") must come from somewhere else than the export: who
// can change the export can also sign it with another key. -old is a checkpoint
// kept from earlier (a report, a backup, a witness): without one, the holder of
// the key could have cut the log or written it anew.
//
// Records are lines of entries.jsonl, hashed without the newline as the leaves of
// an RFC 6962 tree; checkpoints and proofs are C2SP tlog-checkpoint and tlog-proof.
// Exit codes: 0 it holds, 1 it does not, 2 wrong usage.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("verifier", flag.ContinueOnError)
	flags.SetOutput(stderr)
	key := flags.String("key", "", "the verifier key that you trust (origin+hash+base64)")
	proof := flags.String("proof", "", "a proof of one record, with -entry")
	entry := flags.String("entry", "", "the record, in its exact bytes (a final newline is left out)")
	var old []string
	flags.Func("old", "a checkpoint kept from earlier; may be given several times", func(s string) error {
		old = append(old, s)
		return nil
	})
	if flags.Parse(args) != nil {
		return 2
	}
	single := *proof != "" && *entry != "" && flags.NArg() == 0
	if *key == "" || !single && (*proof+*entry != "" || flags.NArg() != 1) {
		fmt.Fprintln(stderr, "usage: verifier -key KEY [-old FILE]... DIR, or verifier -key KEY -proof FILE -entry FILE")
		return 2
	}
	check := func() (string, error) { return checkExport(*key, flags.Arg(0), old) }
	if single {
		check = func() (string, error) { return checkProof(*key, *proof, *entry) }
	}
	said, err := check()
	if err != nil {
		fmt.Fprintln(stderr, "DOES NOT HOLD:", err)
		return 1
	}
	fmt.Fprintln(stdout, "holds:", said)
	return 0
}

// head is a checkpoint: the state of a log of that size.
type head struct {
	origin string
	size   int64
	root   tlog.Hash
}

// openHead checks the signature of a checkpoint and reads it.
func openHead(msg []byte, keys ...string) (head, error) {
	var verifiers []note.Verifier
	for _, key := range keys {
		v, err := note.NewVerifier(key)
		if err != nil {
			return head{}, fmt.Errorf("the key %q: %w", key, err)
		}
		verifiers = append(verifiers, v)
	}
	n, err := note.Open(msg, note.VerifierList(verifiers...))
	if err != nil {
		return head{}, err
	}
	lines := append(strings.Split(n.Text, "\n"), "", "")
	root, err := tlog.ParseHash(lines[2])
	h := head{origin: lines[0], size: sizeLine(msg), root: root}
	if err != nil || h.size < 0 {
		return head{}, errors.New("a checkpoint has its size in line 2 and its root in line 3")
	}
	for _, sig := range n.Sigs {
		if sig.Name == h.origin {
			return h, nil
		}
	}
	return head{}, fmt.Errorf("the checkpoint of %q is signed by %q", h.origin, n.Sigs[0].Name)
}

// tree keeps the roots of the complete subtrees, largest first (RFC 6962, 2.1).
type tree struct {
	size int64
	edge []tlog.Hash
}

func (t *tree) add(h tlog.Hash) {
	for n := t.size; n&1 == 1; n >>= 1 {
		last := len(t.edge) - 1
		h, t.edge = tlog.NodeHash(t.edge[last], h), t.edge[:last]
	}
	t.edge = append(t.edge, h)
	t.size++
}

func (t *tree) root() tlog.Hash {
	if t.size == 0 {
		return tlog.Hash{} // no export is empty, so no checkpoint may match
	}
	h := t.edge[len(t.edge)-1]
	for i := len(t.edge) - 2; i >= 0; i-- {
		h = tlog.NodeHash(t.edge[i], h)
	}
	return h
}

// checkExport rebuilds the tree from the records, follows the keys through their
// rotations, and compares with every checkpoint.
func checkExport(trusted, dir string, old []string) (string, error) {
	var err error
	keys := strings.Fields(string(read(&err, dir, "keys")))
	msg := read(&err, dir, "checkpoint")
	rotations := map[int64][]byte{}
	names, _ := filepath.Glob(filepath.Join(dir, "rotations", "*"))
	for _, name := range names {
		if size, bad := strconv.ParseInt(filepath.Base(name), 10, 64); bad == nil {
			rotations[size] = read(&err, name)
		}
	}
	var oldMsgs [][]byte
	var sizes []int64
	roots := map[int64]tlog.Hash{} // at the sizes that older checkpoints have
	for _, path := range old {
		oldMsgs = append(oldMsgs, read(&err, path))
		sizes = append(sizes, sizeLine(oldMsgs[len(oldMsgs)-1]))
	}
	if err != nil {
		return "", err
	}
	if len(keys) == 0 {
		return "", errors.New("the export names no key")
	}
	var t tree
	chain := keys[:1:1]
	err = records(dir, func(data []byte, leaf tlog.Hash) error {
		if tlog.RecordHash(data) != leaf {
			return fmt.Errorf("record %d was changed: its bytes do not have the hash that was logged", t.size)
		}
		t.add(leaf)
		if slices.Contains(sizes, t.size) {
			roots[t.size] = t.root()
		}
		if msg, ok := rotations[t.size]; ok {
			next, err := follow(msg, chain[len(chain)-1], data, &t)
			if err != nil {
				return fmt.Errorf("the rotation of the key in record %d: %w", t.size-1, err)
			}
			chain = append(chain, next)
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	last, err := openHead(msg, chain[len(chain)-1])
	if err != nil {
		return "", fmt.Errorf("the checkpoint is not signed by the last key of the log: %w", err)
	}
	if last.size != t.size || last.root != t.root() {
		return "", fmt.Errorf("the %d records do not lead to the root that was signed for %d", t.size, last.size)
	}
	if !slices.Contains(chain, trusted) {
		return "", fmt.Errorf("the log is not signed by the key that you trust; its keys are %s", strings.Join(chain, ", "))
	}
	for i, msg := range oldMsgs {
		h, err := openHead(msg, chain...)
		if err != nil {
			return "", fmt.Errorf("%s is not signed by a key of this log: %w", old[i], err)
		}
		if h.size > t.size {
			return "", fmt.Errorf("%s covers %d records, the log has %d: its tail was cut off", old[i], h.size, t.size)
		}
		if roots[h.size] != h.root {
			return "", fmt.Errorf("the first %d records are not the ones that %s covers: the log was written anew or forked", h.size, old[i])
		}
	}
	return fmt.Sprintf("%d records of %s, %d key(s), %d older checkpoint(s); root %s", t.size, last.origin, len(chain), len(old), last.root), nil
}

// records calls fn for every record with the hash that the export has for it.
func records(dir string, fn func(data []byte, leaf tlog.Hash) error) error {
	entries, err := os.Open(filepath.Join(dir, "entries.jsonl"))
	leaves := read(&err, dir, "leaves")
	if err != nil {
		return err
	}
	defer entries.Close()
	lines := bufio.NewScanner(entries)
	lines.Buffer(make([]byte, 1<<18), 16<<20)
	for n := 0; lines.Scan(); n++ {
		if len(leaves) < tlog.HashSize {
			return fmt.Errorf("record %d has no hash", n)
		}
		if err := fn(lines.Bytes(), tlog.Hash(leaves[:tlog.HashSize])); err != nil {
			return err
		}
		leaves = leaves[tlog.HashSize:]
	}
	if len(leaves) > 0 && lines.Err() == nil {
		return errors.New("there are more hashes than records: the last ones are missing")
	}
	return lines.Err()
}

// read is os.ReadFile that does nothing after an error.
func read(failed *error, path ...string) (data []byte) {
	if *failed == nil {
		data, *failed = os.ReadFile(filepath.Join(path...))
	}
	return data
}

// sizeLine is the second line of a checkpoint, -1 when that is no number.
func sizeLine(msg []byte) int64 {
	lines := strings.SplitN(string(msg), "\n", 3)
	size, err := strconv.ParseInt(lines[min(1, len(lines)-1)], 10, 64)
	if err != nil {
		return -1
	}
	return size
}

// follow checks that the key in use signed the tree that ends in this record, and
// that the record names the next key.
func follow(msg []byte, key string, data []byte, t *tree) (string, error) {
	h, err := openHead(msg, key)
	if err != nil {
		return "", err
	}
	if h.size != t.size || h.root != t.root() {
		return "", fmt.Errorf("the old key signed another tree, of %d records", h.size)
	}
	var e struct {
		Kind string
		Data struct{ From, To string }
	}
	if json.Unmarshal(data, &e) != nil || e.Kind != "audit.rotate" || e.Data.From != key {
		return "", errors.New("the record does not rotate the key in use")
	}
	return e.Data.To, nil
}

// checkProof checks a C2SP tlog-proof for one record.
func checkProof(key, proofPath, entryPath string) (string, error) {
	var err error
	proof, entry := read(&err, proofPath), read(&err, entryPath)
	if err != nil {
		return "", err
	}
	text, msg, _ := bytes.Cut(proof, []byte("\n\n"))
	lines := strings.Split(string(text), "\n")
	if len(lines) > 2 && strings.HasPrefix(lines[1], "extra ") {
		lines = slices.Delete(lines, 1, 2)
	}
	if len(lines) < 2 || lines[0] != "c2sp.org/tlog-proof@v1" || !strings.HasPrefix(lines[1], "index ") {
		return "", errors.New("not a tlog-proof")
	}
	index, err := strconv.ParseInt(lines[1][len("index "):], 10, 64)
	var path tlog.RecordProof
	for _, line := range lines[2:] {
		hash, bad := tlog.ParseHash(line)
		path, err = append(path, hash), errors.Join(err, bad)
	}
	h, bad := openHead(msg, key)
	if err = errors.Join(err, bad); err != nil {
		return "", err
	}
	leaf := tlog.RecordHash(bytes.TrimSuffix(entry, []byte("\n")))
	if err := tlog.CheckRecord(path, h.size, h.root, index, leaf); err != nil {
		return "", err
	}
	return fmt.Sprintf("these bytes are record %d of the %d in %s", index, h.size, h.origin), nil
}
