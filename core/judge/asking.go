package judge

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/run"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// Asking is a question to a judge: one output to score, or two of one input to
// compare.
type Asking struct {
	Judge      *config.Judge
	Dimensions []*config.Dimension
	Cases      []Case          // one, or two for a judge that compares
	Reference  json.RawMessage // simulated members alone are told it
	ID         string          // of the calls
}

// Message is what one member is asked.
type Message struct {
	request message.Request
	truth   string
}

// Request is the call for a member's tier: a simulated one is told the truth.
func (m Message) Request(t *config.Tier) message.Request {
	if run.Simulated(t) && m.truth != "" {
		m.request.Metadata = map[string]string{MetadataKey: m.truth}
	}
	return m.request
}

// Answered is what a judge said.
type Answered struct {
	Scores  []map[string]int64 // of each case, by dimension
	Members map[string]int64   // "tier dimension": what each member scored the first case at
	Changed int                // dimensions on which a member's word changed with the order
	Calls   []run.Call
}

// Sender makes a call.
type Sender func(ctx context.Context, t *config.Tier, m Message) (string, []run.Call, error)

// Do asks every member; the median of their scores counts. An error is what
// Sender returned, or that a member's answer is no judgement; the calls that
// were made come back with it.
func (a Asking) Do(ctx context.Context, send Sender) (Answered, error) {
	out := Answered{Members: map[string]int64{}}
	var first, second []map[string]int64
	for i, t := range a.Judge.Members() {
		id := a.ID
		if i > 0 {
			id += fmt.Sprintf("/%d", i+1)
		}
		var scores, other map[string]int64
		var err error
		if a.Judge.Pairwise {
			scores, other, err = a.compare(ctx, t, id, send, &out)
		} else {
			scores, err = a.score(ctx, t, id, send, &out)
		}
		if err != nil {
			return out, err
		}
		for name, s := range scores {
			out.Members[t.Ref()+" "+name] = s
		}
		first, second = append(first, scores), append(second, other)
	}
	out.Scores = []map[string]int64{Median(first)}
	if a.Judge.Pairwise {
		out.Scores = append(out.Scores, Median(second))
	}
	return out, nil
}

func (a Asking) score(ctx context.Context, t *config.Tier, id string, send Sender, out *Answered) (map[string]int64, error) {
	req := Request(t.Model, a.Dimensions, a.Cases[0])
	req.Idempotency = id
	truth, err := Truth(a.Dimensions, a.Cases[0].Output, a.Reference)
	if err != nil {
		return nil, err
	}
	answer, err := heard(ctx, t, Message{req, truth}, send, out)
	if err != nil {
		return nil, err
	}
	return Read(answer, a.Dimensions)
}

// compare asks a member in both orders.
func (a Asking) compare(ctx context.Context, t *config.Tier, id string, send Sender, out *Answered) (first, second map[string]int64, err error) {
	var words [2]map[string]Word
	for order := range words {
		x, y := a.Cases[order], a.Cases[1-order]
		req := Compare(t.Model, a.Dimensions, x, y)
		req.Idempotency = fmt.Sprintf("%s/order%d", id, order+1)
		truth, err := PairTruth(a.Dimensions, x.Output, y.Output, a.Reference)
		if err != nil {
			return nil, nil, err
		}
		answer, err := heard(ctx, t, Message{req, truth}, send, out)
		if err != nil {
			return nil, nil, err
		}
		if words[order], err = ReadCompared(answer, a.Dimensions); err != nil {
			return nil, nil, err
		}
	}
	first, second, changed := Settle(words[0], words[1])
	out.Changed += len(changed)
	return first, second, nil
}

func heard(ctx context.Context, t *config.Tier, m Message, send Sender, out *Answered) (string, error) {
	answer, calls, err := send(ctx, t, m)
	out.Calls = append(out.Calls, calls...)
	if err != nil {
		return "", err
	}
	if len(calls) == 0 {
		return answer, nil
	}
	return answer, Ended(calls[len(calls)-1].Finish)
}

// ReportedBy joins the ids that members reported, in order.
func ReportedBy(calls []run.Call) string {
	var ids []string
	for _, c := range calls {
		if c.Reported != "" && !slices.Contains(ids, c.Reported) {
			ids = append(ids, c.Reported)
		}
	}
	return strings.Join(ids, " + ")
}

// PairTruth is what a simulated judge that compares is told.
func PairTruth(dims []*config.Dimension, first, second, reference json.RawMessage) (string, error) {
	one, err := Truth(dims, first, reference)
	if err != nil {
		return "", err
	}
	raw, err := json.Marshal(map[string]string{"second": plain(second)})
	if err != nil {
		return "", err
	}
	// Truth is an object: the second work is one member more.
	return strings.TrimSuffix(one, "}") + "," + strings.TrimPrefix(string(raw), "{"), nil
}
