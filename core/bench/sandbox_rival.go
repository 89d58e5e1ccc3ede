package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// rivals is the program of core/bench/extism, and plugin the C guest as a plugin
// for it; make bench-sandbox builds both where it can.
const (
	rivals = "bin/bench-extism"
	plugin = "bin/bench-extism.wasm"
)

// rival is that program, running.
type rival struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *json.Decoder
}

// startRival gives nil when the program was not built: some machines cannot
// download what it is made of.
func startRival() (*rival, error) {
	if _, err := os.Stat(rivals); errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	r := &rival{cmd: exec.Command(rivals)}
	r.cmd.Stderr = os.Stderr
	var err error
	if r.in, err = r.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := r.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	r.out = json.NewDecoder(out)
	return r, r.cmd.Start()
}

func (r *rival) close() error {
	if r == nil {
		return nil
	}
	return errors.Join(r.in.Close(), r.cmd.Wait())
}

// racer makes something to measure of one kind of guest in the program.
func (r *rival) racer(kind, module, input string) *racer {
	return &racer{name: kind + " " + module + " " + input, run: func(n int) (time.Duration, []byte, error) {
		order := map[string]any{"kind": kind, "module": module, "input": input, "calls": n}
		if err := json.NewEncoder(r.in).Encode(order); err != nil {
			return 0, nil, err
		}
		var a struct {
			Nanos  int64
			Answer json.RawMessage
			Error  string
		}
		if err := r.out.Decode(&a); err != nil {
			return 0, nil, fmt.Errorf("the program %s ended: %w", rivals, err)
		}
		if a.Error != "" {
			return 0, nil, errors.New(a.Error)
		}
		return time.Duration(a.Nanos), a.Answer, nil
	}}
}
