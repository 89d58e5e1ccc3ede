package anthropic

import (
	"encoding/pem"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/plimsoll-dev/plimsoll/plugins/anthropic/fakeapi"
	"github.com/plimsoll-dev/plimsoll/sdk/backend"
)

func TestAnAuthorityOfOnesOwn(t *testing.T) {
	server := fakeapi.New(t, aye())
	secure := httptest.NewTLSServer(server)
	defer secure.Close()
	ca := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw}))
	if _, err := serve(t, server, map[string]any{"base_url": secure.URL, "ca_pem": ca}).Ask(t.Context(), ask("hello")); err != nil {
		t.Error(err)
	}
	_, err := serve(t, server, map[string]any{"base_url": secure.URL, "retries": 0}).Ask(t.Context(), ask("hello"))
	if code(err) != backend.Unavailable || !strings.Contains(err.Error(), "certificate") || len(server.Requests()) != 1 {
		t.Errorf("without it: %v", err)
	}
}

func TestAProxy(t *testing.T) {
	server := fakeapi.New(t, aye())
	proxy := httptest.NewServer(server) // answers for every host, as a proxy does
	defer proxy.Close()
	if _, err := serve(t, server, map[string]any{"base_url": "http://models.invalid/inside", "proxy": proxy.URL}).Ask(t.Context(), ask("hello")); code(err) != backend.InvalidRequest {
		t.Errorf("%v", err) // the fake knows no /inside, and that it was asked is the proof
	}
	if r := server.Requests(); len(r) != 1 || r[0].Path != "/inside/v1/messages" {
		t.Errorf("%+v", r)
	}
}
