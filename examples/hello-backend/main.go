// Command hello is a complete model backend: it greets.
package main

import (
	"context"

	"github.com/plimsoll-dev/plimsoll/sdk/backend"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

type hello struct {
	Greeting string `json:"greeting"`
}

func main() { backend.Serve("hello", newHello) }

func newHello(config map[string]any) (backend.Model, error) {
	h := hello{Greeting: "Hello"}
	return h, backend.DecodeConfig(config, &h)
}

func (h hello) Describe(context.Context) (backend.Description, error) {
	return backend.Description{
		Name: "hello", Version: "0.1.0", Simulated: true, Models: []backend.ModelInfo{{ID: "hello-1"}},
		ConfigSchema: []backend.ConfigField{{Name: "greeting", Type: backend.TypeString, Doc: "the word it begins with"}},
	}, nil
}

func (h hello) Generate(_ context.Context, req message.Request, out backend.Sink) error {
	if len(req.Messages) == 0 {
		return backend.Errorf(backend.InvalidRequest, "there is no message to greet by")
	}
	if err := out.Text(h.Greeting + ", " + req.Messages[len(req.Messages)-1].String() + "!"); err != nil {
		return err
	}
	return out.Done(message.Usage{Input: 1, Output: 2}, message.FinishStop, "hello-1")
}
