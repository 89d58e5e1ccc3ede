package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/topology/supervise"
	"github.com/plimsoll-dev/plimsoll/sdk/backend"
)

// benchRunning finds the server that `topology up` started for the topology of b.
// Whatever answers at the address that the block says is not believed to be it:
// topologies share ports, and a block is changed while its server runs on.
func (c *command) benchRunning(ctx context.Context, b benchBlock, ready time.Duration) (string, error) {
	name := b.Topology
	dir, err := c.instanceDir(name)
	if err != nil {
		return "", err
	}
	i, err := supervise.Read(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && !i.Alive():
		return "", fmt.Errorf("topology %q does not run, so that nothing can be measured as it%s.\nStart it: plimsoll topology up %s%s. A server that something else started is named by --url, or by attach in the block", name, c.instead(b), name, c.withModel(b.Model))
	case err != nil:
		return "", err
	}
	looking, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	r, err := supervise.Status(looking, i)
	switch {
	case err != nil:
		return "", fmt.Errorf("asking the supervisor of topology %q (process %d) how it is: %w", name, i.PID, err)
	case r.Phase == backend.Starting && ready > 0:
	case r.Phase == backend.Starting:
		return "", fmt.Errorf("topology %q is starting: give --ready 30m to wait for it, or look at plimsoll topology status %s", name, name)
	case r.Phase != backend.Ready:
		return "", fmt.Errorf("topology %q is %s: plimsoll topology status %s says why", name, r.Phase, name)
	}
	_, made, err := c.launchPlan(ctx, name, &launching{model: b.Model})
	if err != nil {
		return "", fmt.Errorf("looking whether topology %q still runs as it is declared: %w", name, err)
	}
	digest, err := supervise.Digest(made)
	if err != nil {
		return "", err
	}
	if digest != i.Digest {
		hint := name + c.withModel(b.Model)
		return "", fmt.Errorf("topology %q runs with another plan than it is declared with now, since %s: what it answers is no measurement of it.\nTo start it as it is declared: plimsoll topology down %s, then plimsoll topology up %s", name, i.Started.Format(time.RFC3339), name, hint)
	}
	if len(i.Endpoints) != 1 {
		return "", fmt.Errorf("topology %q has %d servers, %s, and a measurement sends to one address: of one server it would say too little of %s.\nPut a router before them and name it by --url; or measure one of them: --url, --gpus of that one, and --out DIR", name, len(i.Endpoints), strings.Join(i.Endpoints, ", "), plural(b.gpus, "GPU", "GPUs"))
	}
	return i.Endpoints[0], nil
}

// withModel names the model of a hint where a project has several.
func (c *command) withModel(model string) string {
	if set, _, err := c.benchSet(); err == nil && len(set.Names().Models) > 1 {
		return " --model " + model
	}
	return ""
}

// instead says which topology of the project answers where b would, "" of none.
func (c *command) instead(b benchBlock) string {
	state, err := filepath.Abs(c.stateDir())
	if err != nil {
		return ""
	}
	others, _ := supervise.List(state) // one that cannot be read is told by status
	for _, i := range others {
		there := func(e string) bool { return strings.TrimSuffix(e, "/v1") == b.Config.Endpoint.URL }
		if i.Name != b.Topology && i.Alive() && slices.ContainsFunc(i.Endpoints, there) {
			return fmt.Sprintf(": %s is topology %q, which runs", b.Config.Endpoint.URL, i.Name)
		}
	}
	return ""
}
