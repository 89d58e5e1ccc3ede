package run

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/plimsoll-dev/plimsoll/core/store"
	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

// Replay runs an attempt of a skill that drives its own flow once more, with the
// host answers that were recorded, and says where it went another way: nil means
// the same calls in the same order, the same answer to the byte, the same fuel.
// No model and no tool is called. blob finds recorded bytes by their digest.
func Replay(ctx context.Context, code Driver, a Attempt, blob func(digest string) ([]byte, error)) error {
	if a.Asked == "" {
		return fmt.Errorf("attempt %s was not driven by the skill's code: there is nothing to replay", a.ID)
	}
	input, err := blob(a.Asked)
	if err != nil {
		return fmt.Errorf("reading the input of attempt %s: %w", a.ID, err)
	}
	next := 0
	var differs error
	answer, fuel, err := code.Drive(ctx, input, func(_ context.Context, op abi.HostOp, payload []byte) ([]byte, error) {
		if next == len(a.Host) {
			differs = fmt.Errorf("attempt %s made %d host calls, and the replay makes another one: %s", a.ID, next, op)
			return nil, differs
		}
		c := a.Host[next]
		next++
		if c.Op != op.String() || c.Payload != store.Digest(payload) {
			differs = fmt.Errorf("host call %s was %s of %s, and the replay calls %s of %s", c.ID, c.Op, c.Payload, op, store.Digest(payload))
			return nil, differs
		}
		raw, err := blob(c.Answer)
		if err != nil {
			differs = fmt.Errorf("reading the answer to %s: %w", c.ID, err)
			return nil, differs
		}
		if c.Code == "" {
			return raw, nil
		}
		f := &abi.Failure{}
		if err := json.Unmarshal(raw, f); err != nil {
			differs = fmt.Errorf("reading the answer to %s: %w", c.ID, err)
			return nil, differs
		}
		return nil, f
	})
	switch {
	case differs != nil:
		return differs
	case next < len(a.Host):
		return fmt.Errorf("attempt %s made %d host calls, and the replay %d", a.ID, len(a.Host), next)
	case fuel != a.Fuel:
		return fmt.Errorf("attempt %s used %d units of fuel, and the replay %d", a.ID, a.Fuel, fuel)
	case err != nil && a.Answer != "":
		return fmt.Errorf("attempt %s answered, and the replay failed: %w", a.ID, err)
	case err == nil && store.Digest(answer) != a.Answer:
		return fmt.Errorf("attempt %s answered %s, and the replay %s", a.ID, or(a.Answer, "nothing"), store.Digest(answer))
	}
	return nil
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
