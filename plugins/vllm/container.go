package vllm

import (
	"bytes"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// refusedToRun is what podman and docker run end with when they failed themselves:
// no container was made, so that one of this name is somebody else's.
const refusedToRun = 125

// nameTime is how long a container that has ended may take to give its name back.
const nameTime = 3 * time.Second

// containerName of a command that runs a container; "" where it runs none.
func containerName(x process) string {
	if at := slices.Index(x.Command, "--name"); len(x.Stop) > 0 && at >= 0 && at+1 < len(x.Command) {
		return x.Command[at+1]
	}
	return ""
}

// nameFree looks for a container that is there already. The runtime would refuse the
// name too, but only after it has fetched the image, and until then an end of this
// process would stop a container that is not of this plan.
func (c *child) nameFree() error {
	name := containerName(c.spec)
	if name == "" {
		return nil
	}
	for end := time.Now().Add(nameTime); c.isThere(name); {
		select {
		case <-c.inst.ctx.Done():
			return nil
		case <-time.After(readyEvery):
		}
		if time.Now().After(end) {
			program := c.spec.Command[0]
			return fmt.Errorf("%s was not started: a container of the name %s is there already, and it was not made by this start. To do: see whose it is (%s ps -a --filter name=%s), and if nobody needs it: %s rm -f %s", c.spec.Name, name, program, name, program, name)
		}
	}
	return nil
}

// isThere asks the runtime. One that cannot say is one that will say why when it is
// to run something.
func (c *child) isThere(name string) bool {
	out, ok := ask(10*time.Second, c.spec.Command[0], "container", "inspect", "--format", "{{.Id}}", name)
	return ok && strings.TrimSpace(out) != ""
}

// made tells whether p, which has ended, had a container made.
func (c *child) made(p *running) bool {
	return len(c.spec.Stop) > 0 && (p.state == nil || p.state.ExitCode() != refusedToRun)
}

// stopContainer runs the plan's own command. A container that has ended already is
// an error of that, and no harm.
func (c *child) stopContainer(grace time.Duration) {
	_, _ = ask(grace, c.spec.Stop...)
}

// ask runs a command of a container runtime, no longer than it may take; false: it
// could not be run, or did not succeed.
func ask(limit time.Duration, words ...string) (string, bool) {
	env := environment(nil)
	program, ok := find(words[0], env)
	if !ok {
		return "", false
	}
	var out bytes.Buffer
	cmd := exec.Command(program, words[1:]...)
	cmd.Env, cmd.Stdout, cmd.WaitDelay = env, &out, lingering
	ownGroup(cmd)
	if cmd.Start() != nil {
		return "", false
	}
	var err error
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		err = cmd.Wait()
	}()
	select {
	case <-ended:
		return out.String(), err == nil
	case <-time.After(limit):
		kill(cmd.Process.Pid)
		<-ended
		return "", false
	}
}
