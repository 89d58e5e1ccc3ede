package plugin

import (
	"context"
	"time"

	"github.com/plimsoll-dev/plimsoll/sdk/backend"
)

// Launch has the backend start an engine; errors are those of Generate and
// errors.ErrUnsupported. A plugin that is launched anew after it died knows
// nothing of the engines of the one before.
func (c *Client) Launch(ctx context.Context, plan backend.Plan) (instance backend.Instance, err error) {
	err = c.call(ctx, func(p *process) (err error) {
		instance, err = p.remote.Launch(ctx, plan)
		return err
	})
	return instance, err
}

// Status says how a launched engine is. How the plugin itself is, `plugin list`
// says.
func (c *Client) Status(ctx context.Context, id string) (status backend.Status, err error) {
	err = c.call(ctx, func(p *process) (err error) {
		status, err = p.remote.Status(ctx, id)
		return err
	})
	return status, err
}

// Stop ends a launched engine. The plugin goes on.
func (c *Client) Stop(ctx context.Context, id string, grace time.Duration) error {
	return c.call(ctx, func(p *process) error { return p.remote.Stop(ctx, id, grace) })
}

// Metrics reads a launched engine's numbers.
func (c *Client) Metrics(ctx context.Context, id string) (metrics backend.Metrics, err error) {
	err = c.call(ctx, func(p *process) (err error) {
		metrics, err = p.remote.Metrics(ctx, id)
		return err
	})
	return metrics, err
}

// Execute has the backend's agent do a task; errors are those of Generate and
// errors.ErrUnsupported.
func (c *Client) Execute(ctx context.Context, task backend.Task) (result backend.Result, err error) {
	err = c.call(ctx, func(p *process) (err error) {
		result, err = p.remote.Execute(ctx, task)
		return err
	})
	return result, err
}
