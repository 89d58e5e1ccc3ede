package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

// process is a program of the measurement that prints where it is reached.
type process struct {
	cmd   *exec.Cmd
	lines chan string
}

// launch starts a program and hands on the lines that it prints.
func launch(name string, args ...string) (*process, error) {
	cmd := exec.Command(name, args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, lines: make(chan string, 64)}
	go func() {
		defer close(p.lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			select {
			case p.lines <- s.Text():
			default: // nobody reads any more
			}
		}
	}()
	return p, nil
}

// says waits for a line with mark in it, and gives what follows the mark.
func (p *process) says(mark string) (string, error) {
	late := time.After(2 * time.Minute)
	for {
		select {
		case line, open := <-p.lines:
			if !open {
				return "", fmt.Errorf("%s ended before it said %q", filepath.Base(p.cmd.Path), mark)
			}
			if _, rest, ok := strings.Cut(line, mark); ok {
				return strings.TrimSpace(rest), nil
			}
		case <-late:
			return "", fmt.Errorf("%s did not say %q within two minutes", filepath.Base(p.cmd.Path), mark)
		}
	}
}

// stop asks the program to end, and waits for it.
func (p *process) stop(s os.Signal) error {
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return p.cmd.Wait()
}

// gateway is a project, its upstream over HTTP and `plimsoll serve` before it.
type gateway struct {
	program, self string
	dir           string
	upstream      *process
	address       string // of the upstream
	tools         int    // of the upstream, beside its own
	serve         *process
	url, metrics  string
}

// The connectors: both revisions over HTTP, and a subprocess.
const project = `
connector "near" {
  url         = "http://%[1]s/now"
  revision    = "2026-07-28"
  private     = ["127.0.0.0/8"]
  plaintext   = true
  concurrency = 1000
}
connector "older" {
  url         = "http://%[1]s/old"
  revision    = "2025-11-25"
  private     = ["127.0.0.0/8"]
  plaintext   = true
  concurrency = 1000
}
connector "pipe" {
  command     = [%[2]q, %[3]q]
  concurrency = 64
}
access {
  redact = ["password", "*.token"]
  rule "nobody touches secrets" {
    tools  = ["*_secret_*"]
    effect = "deny"
  }
  rule "echo is for all" {
    tools  = ["*_echo", "*_fail", "*_die"]
    when   = "annotations.read_only"
    effect = "allow"
  }
}
serve {
  mcp {
    listen = "127.0.0.1:0"
    whole  = [connector.near, connector.older, connector.pipe]
  }
  metrics = "localhost:0"
}
`

// large is the project with one server of many tools.
const large = `
connector "near" {
  url       = "http://%[1]s/now"
  private   = ["127.0.0.0/8"]
  plaintext = true
}
serve {
  mcp {
    listen = "127.0.0.1:0"
  }
  metrics = "localhost:0"
}
`

// newGateway writes the project, starts its upstream and approves what that
// offers. approving is how long the last took.
func newGateway(program, config string, tools int, connectors ...string) (g *gateway, approving time.Duration, err error) {
	g = &gateway{tools: tools}
	defer func() {
		if err != nil {
			err = errors.Join(err, g.close())
		}
	}()
	if g.program, err = filepath.Abs(program); err != nil {
		return g, 0, err
	}
	if g.self, err = os.Executable(); err != nil {
		return g, 0, err
	}
	if g.dir, err = os.MkdirTemp("", "plimsoll-bench-"); err != nil {
		return g, 0, err
	}
	if err = g.startUpstream("127.0.0.1:0"); err != nil {
		return g, 0, err
	}
	var text string
	if config == project {
		text = fmt.Sprintf(config, g.address, g.self, upstreamArg)
	} else {
		text = fmt.Sprintf(config, g.address)
	}
	if err = os.WriteFile(filepath.Join(g.dir, "plimsoll.hcl"), []byte(text), 0o600); err != nil {
		return g, 0, err
	}
	began := time.Now()
	for _, name := range connectors {
		out, err := exec.Command(g.program, "-C", g.dir, "connector", "approve", name).CombinedOutput()
		if err != nil {
			return g, 0, fmt.Errorf("approving %s: %w\n%s", name, err, out)
		}
	}
	return g, time.Since(began), nil
}

func (g *gateway) startUpstream(address string) (err error) {
	if g.upstream, err = launch(g.self, upstreamArg, "-http", address, "-tools", strconv.Itoa(g.tools)); err != nil {
		return err
	}
	g.address, err = g.upstream.says("")
	return err
}

// start starts `plimsoll serve` and waits until it is ready.
func (g *gateway) start() (err error) {
	if g.serve, err = launch(g.program, "-C", g.dir, "serve"); err != nil {
		return err
	}
	if g.url, err = g.serve.says("answering agents at "); err != nil {
		return err
	}
	if g.metrics, err = g.serve.says("metrics at "); err != nil {
		return err
	}
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		res, err := http.Get(strings.TrimSuffix(g.url, "/mcp") + "/readyz")
		if err != nil {
			return err
		}
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
		if res.StatusCode == http.StatusOK {
			return nil
		}
	}
	return errors.New("the gateway did not become ready within two minutes")
}

func (g *gateway) stop() error {
	if g.serve == nil {
		return nil
	}
	err := g.serve.stop(os.Interrupt)
	g.serve = nil
	return err
}

func (g *gateway) close() error {
	err := g.stop()
	if g.upstream != nil {
		_ = g.upstream.stop(os.Kill) // it has nothing to lose
	}
	if g.dir != "" {
		err = errors.Join(err, os.RemoveAll(g.dir))
	}
	return err
}

// revision of the protocol, and the connector and the path that speak it.
type revision struct{ name, connector, path string }

var revisions = []revision{{"2026-07-28", "near", "/now"}, {"2025-11-25", "older", "/old"}}

// connect is an SDK client of an address.
func connect(ctx context.Context, client *http.Client, url, revision string) (*sdk.ClientSession, error) {
	c := sdk.NewClient(&sdk.Implementation{Name: "bench", Version: "1"}, nil)
	return c.Connect(ctx, &sdk.StreamableClientTransport{Endpoint: url, HTTPClient: client, MaxRetries: -1, DisableStandaloneSSE: true}, &sdk.ClientSessionOptions{ProtocolVersion: revision})
}

// call calls a tool, and wants the text back.
func call(ctx context.Context, s *sdk.ClientSession, tool, text string) error {
	return answered(s.CallTool(ctx, &sdk.CallToolParams{Name: tool, Arguments: said{Text: text}}))(text)
}

// through calls a tool by call_tool.
func through(ctx context.Context, s *sdk.ClientSession, tool, text string) error {
	return answered(s.CallTool(ctx, &sdk.CallToolParams{Name: "call_tool", Arguments: map[string]any{"tool": tool, "arguments": said{Text: text}}}))(text)
}

func answered(res *sdk.CallToolResult, err error) func(want string) error {
	return func(want string) error {
		if err != nil {
			return err
		}
		if len(res.Content) != 1 {
			return fmt.Errorf("a call answered with %d parts", len(res.Content))
		}
		text, ok := res.Content[0].(*sdk.TextContent)
		if !ok || res.IsError || text.Text != want {
			return fmt.Errorf("a call answered %+v, want %q", res.Content[0], want)
		}
		return nil
	}
}

// meta calls another of the meta-tools, and gives its text.
func meta(ctx context.Context, s *sdk.ClientSession, tool string, arguments map[string]any) (string, error) {
	res, err := s.CallTool(ctx, &sdk.CallToolParams{Name: tool, Arguments: arguments})
	if err != nil {
		return "", err
	}
	if res.IsError || len(res.Content) == 0 {
		return "", fmt.Errorf("%s answered with an error: %+v", tool, res.Content)
	}
	text, ok := res.Content[0].(*sdk.TextContent)
	if !ok {
		return "", fmt.Errorf("%s answered without text", tool)
	}
	return text.Text, nil
}
