package load

import (
	"context"
	"fmt"
	"time"
)

// readyEvery is how often a server that does not answer yet is asked again.
const readyEvery = time.Second

// Ready waits until the server lists its models, at most for within; 0 asks once.
// A server that loads a model refuses connections for minutes, and the first start
// of a model may take half an hour (preflight rule P3). tell, when not nil, hears
// before each further try for how long it was waited and why. The error has the
// last reason.
func Ready(ctx context.Context, e Endpoint, within time.Duration, tell func(waited time.Duration, why string)) error {
	k := newClock()
	c := newClient(Config{Endpoint: e}, k)
	defer c.http.CloseIdleConnections()
	for {
		var list struct{}
		err := c.get(ctx, "/v1/models", &list)
		switch waited := k.mono(); {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return fmt.Errorf("waiting for %s: %w", e.URL, context.Cause(ctx))
		case waited+readyEvery > within:
			if within <= 0 {
				return fmt.Errorf("%s does not answer: %w", e.URL, err)
			}
			return fmt.Errorf("%s is not ready after %s: %w", e.URL, waited.Round(time.Second), err)
		case tell != nil:
			tell(waited, short(err.Error()))
		}
		select {
		case <-time.After(readyEvery):
		case <-ctx.Done():
		}
	}
}
