package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"regexp"
)

// engine is a running fake one.
type engine struct {
	url string
	cmd *exec.Cmd
}

var listening = regexp.MustCompile(`Uvicorn running on (http://[0-9.:]+)`)

// start runs a fake engine with a script, on a port of its own.
func start(program, script string) (*engine, error) {
	cmd := exec.Command(program, "serve", "some/model", "--port", "0")
	cmd.Env = append(os.Environ(), "FAKE_ENGINE_SCRIPT="+script)
	pipe, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the fake engine: %w", err)
	}
	e := &engine{cmd: cmd}
	lines := bufio.NewScanner(pipe)
	for lines.Scan() {
		if m := listening.FindStringSubmatch(lines.Text()); m != nil {
			e.url = m[1]
			go func() {
				for lines.Scan() { // so that it never waits for a reader of its log
				}
			}()
			return e, nil
		}
	}
	e.stop()
	return nil, fmt.Errorf("the fake engine %s did not start", program)
}

func (e *engine) stop() {
	e.cmd.Process.Kill() //nolint:errcheck // it may have ended by itself
	e.cmd.Wait()         //nolint:errcheck // killed, as it should be
}

// scripted is what the engine tells of one request.
type scripted struct {
	ID     string  `json:"id"`
	TTFT   float64 `json:"ttft_s"`
	Last   float64 `json:"last_s"`
	Tokens int     `json:"output_tokens"`
	Sent   []int64 `json:"sent_ns"`
}

// tells everything that it did so far, by request id.
func (e *engine) tells(ctx context.Context) (map[string]scripted, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, e.url+"/fake/truth", nil)
	if err != nil {
		return nil, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("asking the fake engine what it did: %w", err)
	}
	defer res.Body.Close()
	out := map[string]scripted{}
	d := json.NewDecoder(res.Body)
	for d.More() {
		var s scripted
		if err := d.Decode(&s); err != nil {
			return nil, fmt.Errorf("reading what the fake engine did: %w", err)
		}
		out[s.ID] = s
	}
	return out, nil
}
