package backend

import (
	"strings"
	"testing"

	pb "github.com/plimsoll-dev/plimsoll/sdk/backend/proto/v1"
)

func TestHandshakeLines(t *testing.T) {
	for _, c := range []struct{ line, fail string }{
		{"1|1|unix|/tmp/x.sock|grpc|QUJD\n", ""},
		{"1|1|tcp|127.0.0.1:1234|grpc|QUJD|true", ""},
		{"1|1|unix|/tmp/x.sock|grpc", ""}, // the certificate is missed when it is needed
		{"", "want 1|PROTOCOL"},
		{"hello\n", "want 1|PROTOCOL"},
		{"2|1|unix|/tmp/x.sock|grpc|QUJD", "not 1"},
		{"1|one|unix|/tmp/x.sock|grpc|QUJD", "no number"},
		{"1|1|udp|127.0.0.1:1|grpc|QUJD", "neither unix nor tcp"},
		{"1|1|unix|/tmp/x.sock|netrpc|QUJD", "not grpc"},
	} {
		_, err := parseHandshake(c.line)
		if c.fail == "" && err != nil || c.fail != "" && (err == nil || !strings.Contains(err.Error(), c.fail)) {
			t.Errorf("%q: %v, want %q", c.line, err, c.fail)
		}
	}
	if _, _, err := (&process{line: handshake{network: "unix", address: "/x"}}).dialled(); err == nil || !strings.Contains(err.Error(), "no certificate") {
		t.Errorf("without a certificate: %v", err)
	}
}

// FuzzHandshake: what a backend prints is anything at all.
func FuzzHandshake(f *testing.F) {
	f.Add("1|1|unix|/tmp/x.sock|grpc|QUJD")
	f.Add("1|1|tcp|:|grpc|====")
	f.Add("|||||")
	f.Fuzz(func(t *testing.T, line string) {
		h, err := parseHandshake(line)
		if err != nil {
			return
		}
		p := &process{line: h}
		if address, tls, err := p.dialled(); err == nil && (address == "" || len(tls.CA) == 0) {
			t.Errorf("%q leads to %q", line, address)
		}
	})
}

// A schema may hold itself for ever on the wire as well as any other nonsense.
func TestDeepSchemas(t *testing.T) {
	f := &pb.ConfigField{Name: "x", Type: "string"}
	for range 1000 {
		f = &pb.ConfigField{Name: "x", Type: "list", Elem: f}
	}
	if wrong := untyped("", []*pb.ConfigField{f}, 0); len(wrong) != 1 || !strings.Contains(wrong[0], "deep") {
		t.Errorf("%d: %.200v", len(wrong), wrong)
	}
	for range 1000 {
		f = &pb.ConfigField{Name: "x", Type: "object", Fields: []*pb.ConfigField{f}}
	}
	if wrong := untyped("", []*pb.ConfigField{f}, 0); len(wrong) != 1 || !strings.Contains(wrong[0], "deep") {
		t.Errorf("%d: %.200v", len(wrong), wrong)
	}
}
