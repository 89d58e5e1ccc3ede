package backend

import (
	"context"
	"fmt"
	"time"

	sdk "github.com/plimsoll-dev/plimsoll/sdk/backend"
	"github.com/plimsoll-dev/plimsoll/sdk/backend/authority"
	pb "github.com/plimsoll-dev/plimsoll/sdk/backend/proto/v1"
)

// Where the cases' demands stand.
const (
	inReadme = "sdk/backend/README.md"
	inProto  = "sdk/backend/proto/v1/backend.proto"
	inModel  = "sdk/backend, Model"
	inServe  = "sdk/backend, Serve"
	inSink   = "sdk/backend, Sink"
	inErrors = "sdk/backend, Error"
	inUsage  = "sdk/message, Usage"
)

func handshakeQuestions() []question {
	return []question{
		{
			id: "handshake.line", title: "it starts and says where it can be reached", section: inServe, process: true,
			says: "Started with the cookie, a backend prints one line, 1|PROTOCOL|NETWORK|ADDRESS|grpc|CERTIFICATE, to stdout before anything else, and answers there.",
			do:   "call backend.Serve as the only statement of main, and print nothing to stdout before it",
			ask:  (*kit).askLine,
		},
		{
			id: "handshake.version", title: "of the versions that a host offers it takes one that it speaks", section: inProto, process: true, running: true,
			says: "The host offers the versions of the protocol that it speaks; the backend takes the newest one that it speaks too.",
			do:   "read PLUGIN_PROTOCOL_VERSIONS; backend.Serve does",
			ask:  (*kit).askVersion,
		},
		{
			id: "handshake.cookie", title: "started by hand it says what it is and ends", section: inServe, process: true,
			says: "Without the host's cookie in its environment a backend prints no handshake, says what it is, and ends with another code than 0.",
			do:   "compare the cookie before anything else; backend.Serve does",
			ask:  (*kit).askCookie,
		},
		{
			id: "handshake.certificate", title: "nobody but its host gets an answer", section: inServe, process: true, running: true,
			says: "A backend shows a certificate in its handshake, and speaks with the holder of the one in PLUGIN_CLIENT_CERT only: the address alone is worth nothing.",
			do:   "demand and verify a client certificate; backend.Serve does",
			ask:  (*kit).askCertificate,
		},
	}
}

func (k *kit) askLine() finding {
	s, err := k.open(startOptions{})
	if err != nil {
		return fail("%v", err)
	}
	defer s.close()
	if _, err := k.describe(s); err != nil {
		return fail("it printed %q and does not answer there: %v", s.process.line.text, err)
	}
	return pass("it listens at %s", s.process.line.network)
}

func (k *kit) askVersion() finding {
	s, err := k.open(startOptions{versions: fmt.Sprintf("%d,9999", sdk.ProtocolVersion)})
	if err != nil {
		return fail("offered %d and 9999: %v", sdk.ProtocolVersion, err)
	}
	defer s.close()
	if got := s.process.line.protocol; got != sdk.ProtocolVersion {
		return fail("offered %d and 9999 it took %d", sdk.ProtocolVersion, got)
	}
	return pass("it speaks version %d", s.process.line.protocol)
}

func (k *kit) askCookie() finding {
	p, out, err := k.launch(startOptions{noCookie: true})
	if err != nil {
		return broken("%v", err)
	}
	defer p.kill()
	printed := make(chan string, 1)
	go func() {
		defer out.Close()
		buf := make([]byte, 4096)
		n, _ := out.Read(buf)
		printed <- string(buf[:n])
	}()
	bound := k.patience(5 * time.Second)
	if !p.waits(bound) {
		return fail("without the cookie it was still running after %s", bound)
	}
	line := ""
	select {
	case line = <-printed:
	case <-time.After(time.Second): // something that it started holds stdout open
	}
	if _, err := parseHandshake(line); err == nil {
		return fail("without the cookie it printed a handshake")
	}
	switch {
	case p.cmd.ProcessState.Success():
		return fail("without the cookie it ended with code 0, as if all were well")
	case p.said.text() == "":
		return fail("without the cookie it ended (%s) and said nothing to stderr", p.state())
	}
	return pass("it ended (%s)%s", p.state(), p.said.quoted())
}

func (k *kit) askCertificate() finding {
	s, err := k.session()
	if err != nil {
		return fail("%v", err)
	}
	_, right, err := s.process.dialled()
	if err != nil {
		return fail("%v", err)
	}
	nobody, err := authority.New()
	if err != nil {
		return broken("making a certificate: %v", err)
	}
	stranger, err := nobody.Issue("plimsoll")
	if err != nil {
		return broken("making a certificate: %v", err)
	}
	stranger.CA = right.CA // it knows whom it speaks to
	for name, t := range map[string]*sdk.TLS{"without TLS": nil, "with a certificate of its own": &stranger} {
		conn, err := sdk.Dial(s.process.address(), t)
		if err != nil {
			return broken("%v", err)
		}
		ctx, cancel := context.WithTimeout(k.ctx, k.patience(2*time.Second))
		_, err = pb.NewModelClient(conn).Describe(ctx, &pb.DescribeRequest{})
		cancel()
		_ = conn.Close()
		if err == nil {
			return fail("a caller %s was answered", name)
		}
	}
	if _, err := k.describe(s); err != nil {
		return fail("after two callers that were refused it does not answer its host: %v", err)
	}
	return pass("a caller without TLS and one with another certificate were refused")
}
