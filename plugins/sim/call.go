package sim

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/plimsoll-dev/plimsoll/sdk/backend"
	"github.com/plimsoll-dev/plimsoll/sdk/backend/cassette"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// The kinds of a dimension.
const (
	kindReasoning = "reasoning"
	kindFormat    = "format"
)

// truth is what the host says about the item.
type truth struct {
	Item       string          `json:"item"`
	Skill      string          `json:"skill"`
	Step       string          `json:"step"`
	Reference  json.RawMessage `json:"reference"`
	Dimensions []dimension     `json:"dimensions"`
	Gates      []gate          `json:"gates"`
	Repeat     int             `json:"repeat"`
}

type dimension struct {
	Name   string `json:"name"`
	Kind   string `json:"kind"`
	Rubric string `json:"rubric"`
}

// gate is a hint at what the host will check: where mistakes of shape are worth
// making. Path is that of a leaf or list, "tweets[].status" or "tweets.status".
type gate struct {
	Name  string   `json:"name"`
	Kind  string   `json:"kind"`
	Path  string   `json:"path"`
	Limit int      `json:"limit"`
	OneOf []string `json:"one_of"`
}

// judged is what a simulated judge is told.
type judged struct {
	Dimensions []dimension     `json:"dimensions"`
	Output     string          `json:"output"`
	Reference  json.RawMessage `json:"reference"`
	Second     *string         `json:"second"` // another work, to be compared with the output
}

// call is one request with everything that its draws depend on.
type call struct {
	cfg   config
	model model
	req   message.Request
	truth *truth
	judge *judged
	turn  string // how many answers the conversation holds already
	try   string // which try of the same request this is
	base  []string
}

func (s simulator) newCall(req message.Request, m model) (*call, error) {
	c := &call{cfg: s.cfg, model: m, req: req}
	if raw := req.Metadata[JudgeKey]; raw != "" {
		c.judge = &judged{}
		if err := json.Unmarshal([]byte(raw), c.judge); err != nil {
			return nil, backend.Errorf(backend.InvalidRequest, "metadata %s cannot be read: %v", JudgeKey, err)
		}
	} else if raw := req.Metadata[TruthKey]; raw != "" {
		t := &truth{}
		if err := json.Unmarshal([]byte(raw), t); err != nil {
			return nil, backend.Errorf(backend.InvalidRequest, "metadata %s cannot be read: %v", TruthKey, err)
		}
		if len(t.Reference) > 0 && string(t.Reference) != "null" {
			c.truth = t
		}
	}
	turns := 0
	for _, msg := range req.Messages {
		if msg.Role == message.Assistant {
			turns++
		}
	}
	c.turn = strconv.Itoa(turns)
	// A caller that tries again after a 429 marks the try in the last segment of
	// its idempotency key ("RUN/ATTEMPT/c2"). The rest of the key differs from
	// run to run and must not change the answer.
	if at := strings.LastIndexByte(req.Idempotency, '/'); at >= 0 {
		c.try = req.Idempotency[at+1:]
	}
	if c.truth != nil {
		item := c.truth.Item
		if item == "" {
			item = digest(c.truth.Reference)
		}
		c.base = []string{c.truth.Skill, c.truth.Step, item, strconv.Itoa(c.truth.Repeat)}
		return c, nil
	}
	canon, err := cassette.Canonical(req)
	if err != nil {
		return nil, backend.Errorf(backend.InvalidRequest, "%v", err)
	}
	c.base = []string{digest(canon)}
	return c, nil
}

// draw is a number in [0,1) that depends on the seed, the model, the item and
// repeat, and what it is for.
func (c *call) draw(purpose ...string) float64 {
	return unit(c.hash(append([]string{c.req.Model}, purpose...)...))
}

// pick is a number in [0,n).
func (c *call) pick(n int, purpose ...string) int {
	return int(c.hash(append([]string{c.req.Model}, purpose...)...) % uint64(n))
}

// chance draws a failure mode, anew for each turn and try.
func (c *call) chance(what string, p float64) bool {
	return p > 0 && c.draw("chance", what, c.turn, c.try) < p
}

// hard draws how hard the item is for this model on a dimension: uniform in
// [0,1), and the same number for every model with the chance of the declared
// correlation. A choice between two uniform draws that does not look at them is
// itself uniform, so that each model's ability stays exactly what was declared.
func (c *call) hard(purpose ...string) float64 {
	if c.draw(append([]string{"which"}, purpose...)...) < or(c.cfg.Correlation, 0.5) {
		return unit(c.hash(append([]string{"shared"}, purpose...)...))
	}
	return c.draw(append([]string{"own"}, purpose...)...)
}

func (c *call) hash(purpose ...string) uint64 {
	return hash(append(append([]string{strconv.FormatInt(c.cfg.Seed, 10)}, c.base...), purpose...)...)
}

// hash is the first eight bytes of SHA-256 over the parts, each with its length,
// so that ("ab","c") and ("a","bc") differ.
func hash(parts ...string) uint64 {
	h := sha256.New()
	var size [8]byte
	for _, p := range parts {
		binary.BigEndian.PutUint64(size[:], uint64(len(p)))
		h.Write(size[:])
		h.Write([]byte(p))
	}
	return binary.BigEndian.Uint64(h.Sum(nil))
}

// unit maps a hash to [0,1) in steps of 2^-53, which a float64 holds exactly.
func unit(h uint64) float64 { return float64(h>>11) / (1 << 53) }

func digest(raw []byte) string {
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}
