package run

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/gate"
)

// Bounds of a command gate. It is the project's own program, declared in HCL,
// not sandboxed; the bounds keep a hanging or shouting one from taking the
// night with it.
const (
	commandTime   = 30 * time.Second
	commandOutput = 64 << 10
)

// command runs a command gate. The output goes to the command's standard input
// (JSON, or the bare text of a text output) and, with the input, into files
// named by PLIMSOLL_OUTPUT and PLIMSOLL_INPUT. Where an agent's files are part of
// the output, PLIMSOLL_FILES is a copy of the folder that it left. Exit status 0 passes; otherwise
// the last line that it printed is the reason. A last line that is a JSON
// object may give {"reason", "failed_ids"}.
func (p *Plan) command(ctx context.Context, e gate.External, input, output json.RawMessage) gate.Verdict {
	dir, err := os.MkdirTemp("", "plimsoll-gate-")
	if err != nil {
		return gate.Verdict{Err: "making a folder for the command: " + err.Error()}
	}
	defer os.RemoveAll(dir)
	plain := bare(output)
	inFile, outFile := filepath.Join(dir, "input.json"), filepath.Join(dir, "output.json")
	if err := errors.Join(os.WriteFile(inFile, input, 0o600), os.WriteFile(outFile, plain, 0o600)); err != nil {
		return gate.Verdict{Err: "writing files for the command: " + err.Error()}
	}
	var folder []string
	if r := p.Runner; r != nil && r.Takes != nil {
		files := filepath.Join(dir, "files")
		if err := os.Mkdir(files, 0o700); err != nil {
			return gate.Verdict{Err: "making a folder for the command: " + err.Error()}
		}
		if err := r.restore(files, output); err != nil {
			return gate.Verdict{Err: "restoring what the agent left: " + err.Error()}
		}
		folder = []string{"PLIMSOLL_FILES=" + files}
	}
	bounded, cancel := context.WithTimeout(ctx, commandTime)
	defer cancel()
	cmd := exec.CommandContext(bounded, e.Command[0], e.Command[1:]...)
	cmd.Dir = p.Dir
	cmd.Env = append(MinimalEnv(), "PLIMSOLL_INPUT="+inFile, "PLIMSOLL_OUTPUT="+outFile, "PLIMSOLL_GATE="+e.Gate)
	cmd.Env = append(cmd.Env, folder...)
	cmd.Stdin = bytes.NewReader(plain)
	printed := &capped{limit: commandOutput}
	cmd.Stdout, cmd.Stderr = printed, printed
	cmd.WaitDelay = time.Second
	isolate(cmd)
	err = cmd.Run()
	reason, ids := lastLine(printed.String())
	var exit *exec.ExitError
	switch {
	case err == nil:
		return gate.Verdict{Passed: true, Reason: reason}
	case bounded.Err() != nil:
		return gate.Verdict{Err: fmt.Sprintf("%s did not end within %s", e.Command[0], commandTime)}
	case errors.As(err, &exit):
		if reason == "" {
			reason = fmt.Sprintf("%s ended with status %d and printed nothing", e.Command[0], exit.ExitCode())
		}
		return gate.Verdict{Reason: reason, FailedIDs: ids}
	}
	return gate.Verdict{Err: fmt.Sprintf("running %s: %v", e.Command[0], err)}
}

// MinimalEnv is what a command needs to be found and to start; nothing of the
// host's secrets.
func MinimalEnv() []string {
	var env []string
	for _, name := range []string{"PATH", "HOME", "LANG", "TMPDIR", "SystemRoot", "TEMP", "PATHEXT"} {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return env
}

// bare is the text of a JSON string, or the JSON itself.
func bare(output json.RawMessage) []byte {
	var s string
	if json.Unmarshal(output, &s) == nil {
		return []byte(s)
	}
	return output
}

func lastLine(s string) (string, []string) {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	last := strings.TrimSpace(lines[len(lines)-1])
	var doc struct {
		Reason    string   `json:"reason"`
		FailedIDs []string `json:"failed_ids"`
	}
	if json.Unmarshal([]byte(last), &doc) == nil && doc.Reason != "" {
		return doc.Reason, doc.FailedIDs
	}
	return last, doc.FailedIDs
}

// capped keeps the first bytes that are written and swallows the rest, so that
// a command that floods is not blocked and costs no memory.
type capped struct {
	buf   bytes.Buffer
	limit int
}

func (c *capped) Write(b []byte) (int, error) {
	if room := c.limit - c.buf.Len(); room > 0 {
		c.buf.Write(b[:min(room, len(b))])
	}
	return len(b), nil
}

func (c *capped) String() string { return c.buf.String() }
