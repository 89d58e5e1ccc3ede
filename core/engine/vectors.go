package engine

import (
	"context"

	"github.com/plimsoll-dev/plimsoll/core/harness"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
)

// vectors makes embeddings where the project declares an endpoint for them, and
// keeps them in the state.
type vectors struct{ state *State }

func (v *vectors) of(context.Context, *harness.Index, *config.Search) (*harness.Hybrid, error) {
	return nil, nil
}
