package backend

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	sdk "github.com/plimsoll-dev/plimsoll/sdk/backend"
)

// RunnerRole is the Role of a runner block: in `plugin list` and in the audit log
// a runner and a backend of one name are told apart by it.
const RunnerRole = "runner."

// CheckRunner says why a runner cannot be called, without launching it; nil says
// that nothing is known against it.
func (c *Client) CheckRunner(name string) error {
	_, err := c.runner(name)
	return err
}

// Execute has a runner's agent do one task. A task that was lost is not repeated:
// unlike a call it may have run for minutes, at a price that nobody knows. Errors
// are *sdk/backend.Error, as those of Generate.
func (c *Client) Execute(ctx context.Context, name string, task sdk.Task) (sdk.Result, Meta, error) {
	e, err := c.runner(name)
	if err != nil {
		return sdk.Result{}, Meta{}, sdk.Errorf(sdk.InvalidRequest, "%v", err)
	}
	runner, ok := e.model.(sdk.Runner)
	if !ok {
		return sdk.Result{}, Meta{}, sdk.Errorf(sdk.InvalidRequest, "plugin %q of runner %q does not run agents", e.Plugin, name)
	}
	if err := e.places.Acquire(ctx, 1); err != nil {
		return sdk.Result{}, Meta{}, sdk.Errorf(sdk.Cancelled, "waiting for a free place at runner %q (%d tasks at a time): %v", name, e.Concurrency, err)
	}
	defer e.places.Release(1)
	start := c.clock()
	// As before a call: a launch that fails is no task that was lost.
	if _, err := e.model.Describe(ctx); err != nil {
		return sdk.Result{}, Meta{Elapsed: c.clock().Sub(start)}, typed(err)
	}
	result, err := runner.Execute(ctx, task)
	meta := Meta{Attempts: 1, Elapsed: c.clock().Sub(start)}
	var lost *sdk.LostError
	switch {
	case errors.As(err, &lost):
		meta.Lost = true
		return result, meta, typed(lost.Err)
	case errors.Is(err, errors.ErrUnsupported):
		return result, meta, sdk.Errorf(sdk.InvalidRequest, "plugin %q of runner %q does not run agents", e.Plugin, name)
	case err != nil:
		return result, meta, typed(err)
	}
	return result, meta, nil
}

func (c *Client) runner(name string) (*entry, error) {
	e, ok := c.runners[name]
	if !ok {
		names := slices.Sorted(maps.Keys(c.runners))
		return nil, fmt.Errorf("there is no runner %q%s", name, didYouMean(name, names))
	}
	return e, e.err
}
