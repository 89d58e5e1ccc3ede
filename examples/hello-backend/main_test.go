package main

import (
	"testing"

	"github.com/plimsoll-dev/plimsoll/sdk/backend"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

func TestHello(t *testing.T) {
	h := backend.NewHarness(t, newHello, map[string]any{"greeting": "Ahoy"})
	resp, err := h.Ask(t.Context(), message.Request{Model: "hello-1", Messages: []message.Message{message.Text(message.User, "sailor")}})
	if err != nil {
		t.Fatal(err)
	}
	if got := resp.Message.String(); got != "Ahoy, sailor!" {
		t.Errorf("got %q", got)
	}
}
