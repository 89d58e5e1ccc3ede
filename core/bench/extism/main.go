// Command extism is the other side of make bench-sandbox: guests in Extism's Go
// SDK, and guests in the bare engine without limits. It is a module of its own,
// so that neither is a dependency of Plimsoll for the sake of a benchmark. It
// must not print a judgement: core/bench compares.
//
// It reads orders, a JSON object a line, and answers each with the time that so
// many calls of op finish took, so that core/bench can take turns with it:
//
//	{"kind": "extism fresh", "module": "finish.wasm", "input": "small.json", "calls": 100}
//	{"nanos": 39400000, "answer": {"output": ...}}
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"
)

type order struct {
	Kind   string `json:"kind"`
	Module string `json:"module"`
	Input  string `json:"input"`
	Calls  int    `json:"calls"`
}

type answer struct {
	Nanos  int64           `json:"nanos"`
	Answer json.RawMessage `json:"answer,omitempty"`
	Error  string          `json:"error,omitempty"`
}

// guest answers one call, and spends on what is not the call in between.
type guest interface {
	call(input []byte) ([]byte, error)
	between() error
}

func main() {
	ctx := context.Background()
	guests := map[string]guest{}
	in, out := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	for {
		var o order
		if in.Decode(&o) != nil {
			return
		}
		a, err := measure(ctx, guests, o)
		if err != nil {
			a = answer{Error: err.Error()}
		}
		if out.Encode(a) != nil {
			return
		}
	}
}

func measure(ctx context.Context, guests map[string]guest, o order) (answer, error) {
	key := o.Kind + "\x00" + o.Module
	g, ok := guests[key]
	if !ok {
		module, err := os.ReadFile(o.Module)
		if err != nil {
			return answer{}, err
		}
		if g, err = open(ctx, o.Kind, module); err != nil {
			return answer{}, fmt.Errorf("%s: %w", o.Kind, err)
		}
		guests[key] = g
	}
	input, err := os.ReadFile(o.Input)
	if err != nil {
		return answer{}, err
	}
	var a answer
	for range o.Calls {
		began := time.Now()
		out, err := g.call(input)
		a.Nanos += int64(time.Since(began))
		if err != nil {
			return a, fmt.Errorf("%s: %w", o.Kind, err)
		}
		a.Answer = out
		if err := g.between(); err != nil {
			return a, fmt.Errorf("%s: %w", o.Kind, err)
		}
	}
	return a, nil
}

func open(ctx context.Context, kind string, module []byte) (guest, error) {
	switch kind {
	case "plain", "plain fresh", "metered":
		return openBare(ctx, module, kind == "plain fresh")
	case "extism fresh", "extism pooled":
		return openPlugin(ctx, module, kind == "extism fresh")
	}
	return nil, fmt.Errorf("there is no such kind of guest")
}
