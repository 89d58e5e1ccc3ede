package detect

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// Runner starts a program and gives what it printed on standard output. A program
// that is not there is ErrAbsent.
type Runner interface {
	Run(ctx context.Context, name string, args ...string) (string, error)
}

// ErrAbsent says that a program is not on this machine.
var ErrAbsent = errors.New("the program is not there")

// Programs are those of this machine.
type Programs struct {
	Limit time.Duration // for each; 0: 60 s, since vllm --version imports all of torch
}

var _ Runner = Programs{}

// mostOutput is how much of a program's output is kept: topo -m of 72 GPUs has 40 KB.
const mostOutput = 4 << 20

// Run starts name without a shell and waits for its end.
func (p Programs) Run(ctx context.Context, name string, args ...string) (string, error) {
	limit := p.Limit
	if limit <= 0 {
		limit = time.Minute
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("%s: %w", name, ErrAbsent)
	}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.WaitDelay = 2 * time.Second
	var out, errs bounded
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	if ctx.Err() != nil {
		return "", fmt.Errorf("%s did not end within %s", name, limit)
	}
	if err != nil {
		said := strings.TrimSpace(errs.String() + "\n" + out.String())
		return out.String(), fmt.Errorf("%s failed: %w%s", name, err, because(said))
	}
	return out.String(), nil
}

func because(said string) string {
	if said == "" {
		return ""
	}
	line, _, _ := strings.Cut(said, "\n")
	if len(line) > 200 {
		line = strings.ToValidUTF8(line[:200], "")
	}
	return ": " + line
}

// bounded keeps the beginning of what is written to it, and takes the rest.
type bounded struct{ bytes.Buffer }

func (b *bounded) Write(p []byte) (int, error) {
	if room := mostOutput - b.Len(); room > 0 {
		b.Buffer.Write(p[:min(len(p), room)])
	}
	return len(p), nil
}
