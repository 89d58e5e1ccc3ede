// Command agent-go is a small agent that sees four tools and reaches all that
// stands behind them. At each step it asks a model what is needed next, finds
// that, shows the model the few that fit, and calls the one it chooses.
//
// It has no list of tools, and must not get one: what is not needed in this step
// does not stand in the context.
//
//	agent-go -mcp http://127.0.0.1:7070/mcp -model-url http://127.0.0.1:8000/v1 -model qwen3-8b "write up notes.md"
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "agent-go:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	url := flag.String("mcp", "", "address of a running plimsoll serve, as it prints it")
	stdio := flag.String("stdio", "", `command to launch instead: "plimsoll -C PROJECT serve --stdio"`)
	tokenEnv := flag.String("token-env", "PLIMSOLL_TOKEN", "environment variable with the bearer token for -mcp, if it needs one")
	modelURL := flag.String("model-url", "", "base of an OpenAI-compatible API: http://127.0.0.1:8000/v1")
	name := flag.String("model", "", "model to ask there")
	keyEnv := flag.String("key-env", "MODEL_API_KEY", "environment variable with its key, if it needs one")
	scriptFile := flag.String("script", "", "file with the steps, one JSON object a line, instead of a model")
	steps := flag.Int("steps", 12, "turns of the model at most")
	patience := flag.Duration("patience", 10*time.Minute, "how long to wait for a person's approval")
	flag.Parse()
	task := strings.Join(flag.Args(), " ")

	var m model
	switch {
	case task == "":
		return errors.New("say the task after the flags")
	case (*url == "") == (*stdio == ""):
		return errors.New("say -mcp or -stdio, one of them")
	case *scriptFile != "":
		s, err := readScript(*scriptFile)
		if err != nil {
			return err
		}
		fmt.Printf("SCRIPTED: the steps stand in %s, no model is asked.\n", *scriptFile)
		m = s
	case *modelURL == "" || *name == "":
		return errors.New("say -model-url and -model, or -script")
	default:
		m = &chat{url: strings.TrimRight(*modelURL, "/") + "/chat/completions", name: *name, key: os.Getenv(*keyEnv)}
	}

	var transport mcp.Transport
	if *url != "" {
		transport = &mcp.StreamableClientTransport{Endpoint: *url, HTTPClient: &http.Client{Transport: bearer(os.Getenv(*tokenEnv))}}
	} else {
		words := strings.Fields(*stdio)
		cmd := exec.Command(words[0], words[1:]...)
		cmd.Stderr = os.Stderr
		transport = &mcp.CommandTransport{Command: cmd}
	}
	session, err := mcp.NewClient(&mcp.Implementation{Name: "agent-go", Version: "1"}, nil).Connect(ctx, transport, nil)
	if err != nil {
		return fmt.Errorf("connecting to plimsoll: %w", err)
	}
	defer session.Close()
	a := &agent{model: m, surface: session, steps: *steps, patience: *patience, poll: 2 * time.Second, out: os.Stdout}
	answer, err := a.work(ctx, task)
	if err != nil {
		return err
	}
	fmt.Println("answer:", answer)
	return nil
}

// bearer sends a token with every request, if there is one.
type bearer string

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	if b != "" {
		r = r.Clone(r.Context())
		r.Header.Set("Authorization", "Bearer "+string(b))
	}
	return http.DefaultTransport.RoundTrip(r)
}
