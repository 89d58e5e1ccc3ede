package cassette

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"sync"

	"github.com/plimsoll-dev/plimsoll/sdk/backend"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// maxFile bounds one recorded call.
const maxFile = 128 << 20

// Cassette is a folder of recorded calls, played back. It is a backend.Model.
type Cassette struct {
	dir       string
	takes     map[string][]Take // by key, in order of recording
	simulated bool
	models    []backend.ModelInfo

	mu     sync.Mutex
	played map[string]int
}

var _ backend.Model = (*Cassette)(nil)

// Open reads a folder of recordings whole and checks every file: one that was
// damaged or edited is found now, not in the middle of a night.
func Open(dir string) (*Cassette, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("opening the folder of recorded calls: %w", err)
	}
	c := &Cassette{dir: dir, takes: map[string][]Take{}, played: map[string]int{}}
	type numbered struct {
		n    int
		take Take
	}
	found := map[string][]numbered{}
	name := regexp.MustCompile(`^([0-9a-f]{64})\.([0-9]{1,9})\.json$`)
	for _, entry := range entries {
		parts := name.FindStringSubmatch(entry.Name())
		if parts == nil {
			continue // a README or a VCS file beside the recordings
		}
		take, err := load(filepath.Join(dir, entry.Name()))
		if err != nil {
			return nil, err
		}
		if keyOf(take.Request) != parts[1] {
			return nil, fmt.Errorf("recorded call %s was changed by hand: its request has another digest than its name; record it again", entry.Name())
		}
		n, err := strconv.Atoi(parts[2])
		if err != nil {
			return nil, fmt.Errorf("recorded call %s: %w", entry.Name(), err)
		}
		found[parts[1]] = append(found[parts[1]], numbered{n, take})
		c.simulated = c.simulated || take.Simulated
	}
	for key, list := range found {
		slices.SortFunc(list, func(a, b numbered) int { return a.n - b.n })
		for i, x := range list {
			if x.n != i {
				return nil, fmt.Errorf("recorded call %s.%d.json is missing and %s.%d.json is there: the answers would be played out of turn; restore the file, or record the request again", key, i, key, x.n)
			}
			c.takes[key] = append(c.takes[key], x.take)
		}
	}
	c.models = c.modelsOf()
	return c, nil
}

func load(path string) (Take, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Take{}, fmt.Errorf("reading a recorded call: %w", err)
	}
	if info.Size() > maxFile {
		return Take{}, fmt.Errorf("recorded call %s is larger than %d MiB", path, maxFile>>20)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return Take{}, fmt.Errorf("reading a recorded call: %w", err)
	}
	t, err := Decode(raw)
	if err != nil {
		return Take{}, fmt.Errorf("%s: %w", path, err)
	}
	return t, nil
}

// Len is the number of recorded calls.
func (c *Cassette) Len() int {
	n := 0
	for _, takes := range c.takes {
		n += len(takes)
	}
	return n
}

// Describe lists the models that requests were recorded for. One simulated
// recording makes the whole cassette simulated.
func (c *Cassette) Describe(context.Context) (backend.Description, error) {
	return backend.Description{Name: "replay", Version: "1.0.0", Models: c.models, Simulated: c.simulated}, nil
}

// Generate plays the answer to req. The n-th time that a request is made its
// n-th take is played, and the last one from then on. A request that was never
// recorded is an error with the difference to the nearest one that was.
func (c *Cassette) Generate(ctx context.Context, req message.Request, out backend.Sink) error {
	canon, err := Canonical(req)
	if err != nil {
		return backend.Errorf(backend.InvalidRequest, "%v", err)
	}
	key := keyOf(canon)
	takes := c.takes[key]
	if len(takes) == 0 {
		return backend.Errorf(backend.InvalidRequest, "%s", c.miss(canon))
	}
	c.mu.Lock()
	n := min(c.played[key], len(takes)-1)
	c.played[key]++
	c.mu.Unlock()
	for _, e := range takes[n].Events {
		if err := ctx.Err(); err != nil {
			return backend.Errorf(backend.Cancelled, "%v", err)
		}
		var err error
		switch {
		case e.Text != nil:
			err = out.Text(*e.Text)
		case e.ToolCall != nil:
			err = out.ToolCall(message.ToolCall{ID: e.ToolCall.ID, Name: e.ToolCall.Name, Arguments: json.RawMessage(e.ToolCall.Arguments)})
		case e.Done != nil:
			err = out.Done(e.Done.Usage, e.Done.Finish, e.Done.Model)
		case e.Error != nil:
			return e.Error.failure()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *Cassette) modelsOf() []backend.ModelInfo {
	var ids []string
	for _, takes := range c.takes {
		var req message.Request
		if json.Unmarshal(takes[0].Request, &req) == nil && !slices.Contains(ids, req.Model) {
			ids = append(ids, req.Model)
		}
	}
	slices.Sort(ids)
	var out []backend.ModelInfo
	for _, id := range ids {
		out = append(out, backend.ModelInfo{ID: id})
	}
	return out
}

func keyOf(canon []byte) string {
	sum := sha256.Sum256(canon)
	return hex.EncodeToString(sum[:])
}
