package backend_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	sdk "github.com/plimsoll-dev/plimsoll/sdk/backend"
	"github.com/plimsoll-dev/plimsoll/sdk/backend/authority"
	pb "github.com/plimsoll-dev/plimsoll/sdk/backend/proto/v1"
)

// stub is a backend that was written without the SDK, so that it can do what the
// SDK would not let it do: one thing, by its mode. In mode "good" it does nothing
// wrong.
type stub struct {
	pb.UnimplementedModelServer
	pb.UnimplementedCounterServer
	pb.UnimplementedEmbedderServer
	mode  string
	input *os.File // stdin, for the mode that reads it

	mu        sync.Mutex
	config    []byte
	described int
	asked     int
	last      string
	slots     chan struct{}
	held      [][]byte
}

// serveStub plays a backend in this process and ends it.
func serveStub(mode, scratch string) {
	cookie := sdk.Handshake()
	if os.Getenv(cookie.MagicCookieKey) != cookie.MagicCookieValue && mode != "cookieless" {
		fmt.Fprintln(os.Stderr, "this is a stub for tests of the conformance kit")
		os.Exit(2)
	}
	switch mode {
	case "silent_start":
		time.Sleep(time.Hour)
	case "dead":
		fmt.Fprintln(os.Stderr, "cannot find the model server")
		os.Exit(3)
	case "chatter":
		fmt.Println("welcome to the backend")
	case "homely":
		if os.Getenv("HOME") == "" {
			fmt.Fprintln(os.Stderr, "$HOME is not set")
			os.Exit(1)
		}
	case "once": // under the real host, which has no canary, a second start fails
		lock := filepath.Join(scratch, "lock")
		if os.Getenv("PLIMSOLL_CONFORMANCE_CANARY") == "" {
			if _, err := os.Stat(lock); err == nil {
				fmt.Fprintln(os.Stderr, "another one is running")
				os.Exit(1)
			}
			if err := os.WriteFile(lock, nil, 0o600); err != nil {
				os.Exit(1)
			}
		}
	}
	s := &stub{mode: mode, slots: make(chan struct{}, 8), input: os.Stdin}
	if mode != "reader" {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			if mode != "survivor" {
				os.Exit(0)
			}
		}()
	}
	if err := s.serve(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if mode == "messy" {
		os.Exit(4)
	}
	os.Exit(0)
}

func (s *stub) serve() error {
	ca, err := authority.New()
	if err != nil {
		return err
	}
	own, err := ca.Issue("localhost")
	if err != nil {
		return err
	}
	pair, err := tls.X509KeyPair(own.Cert, own.Key)
	if err != nil {
		return err
	}
	hosts := x509.NewCertPool()
	hosts.AppendCertsFromPEM([]byte(os.Getenv("PLUGIN_CLIENT_CERT")))
	config := &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: hosts, MinVersion: tls.VersionTLS12}
	if s.mode == "open" {
		config.ClientAuth = tls.NoClientCert
	}
	network, address := "unix", filepath.Join(os.Getenv("PLUGIN_UNIX_SOCKET_DIR"), "stub.sock")
	l, err := net.Listen(network, address)
	if err != nil {
		return err
	}
	options := append(sdk.ServerOptions(), grpc.Creds(credentials.NewTLS(config)))
	if s.mode == "small" {
		options = options[len(sdk.ServerOptions()):]
	}
	server := grpc.NewServer(options...)
	pb.RegisterModelServer(server, s)
	pb.RegisterCounterServer(server, s)
	pb.RegisterEmbedderServer(server, s)
	stop := func(_ any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
		if s.mode != "stubborn" {
			go server.Stop()
		}
		return &emptypb.Empty{}, decode(&emptypb.Empty{})
	}
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: "plugin.GRPCController", HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{{MethodName: "Shutdown", Handler: stop}},
	}, s)
	version := "1"
	if s.mode == "future" && strings.Contains(os.Getenv("PLUGIN_PROTOCOL_VERSIONS"), "9999") {
		version = "9999"
	}
	fmt.Printf("1|%s|%s|%s|grpc|%s\n", version, network, address, base64.RawStdEncoding.EncodeToString(pair.Certificate[0]))
	return server.Serve(l)
}

func (s *stub) Describe(context.Context, *pb.DescribeRequest) (*pb.DescribeResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.described++
	d := &pb.DescribeResponse{
		Name: "stub", Version: "1.0.0", Simulated: true,
		Models:       []*pb.ModelInfo{{Id: "m1"}, {Id: "slow"}},
		Capabilities: &pb.Capabilities{CountTokens: true, Embeddings: true},
		ConfigSchema: []*pb.ConfigField{
			{Name: "word", Type: "string", Required: true}, {Name: "many", Type: "list", Elem: &pb.ConfigField{Type: "number"}},
		},
	}
	switch s.mode {
	case "needs_config":
		if s.config == nil {
			return nil, status.Error(codes.FailedPrecondition, "configure me first")
		}
	case "restless":
		d.Version = fmt.Sprintf("1.0.%d", s.described)
	case "nameless_version":
		d.Version = "latest"
	case "untyped":
		d.ConfigSchema[1].Elem.Type = "text"
	case "unoffered":
		d.Capabilities = nil
	}
	return d, nil
}

func (s *stub) Configure(_ context.Context, req *pb.ConfigureRequest) (*pb.ConfigureResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	refuse := func(format string, args ...any) (*pb.ConfigureResponse, error) {
		e := &pb.Error{Code: "invalid_request", Message: fmt.Sprintf(format, args...)}
		if s.mode == "patient" {
			e.Code, e.Retryable = "unavailable", true
		}
		return &pb.ConfigureResponse{Error: e}, nil
	}
	if s.config != nil && s.mode != "forgetful" {
		if bytes.Equal(s.config, req.GetConfigJson()) {
			return &pb.ConfigureResponse{}, nil
		}
		return nil, status.Error(codes.FailedPrecondition, "configured already")
	}
	var values map[string]any
	if err := json.Unmarshal(req.GetConfigJson(), &values); err != nil || values == nil {
		return nil, status.Error(codes.InvalidArgument, "no object")
	}
	for key, value := range values {
		_, text := value.(string)
		_, list := value.([]any)
		switch {
		case key != "word" && key != "many" && s.mode != "greedy" && s.mode != "forgetful":
			return refuse("there is no %s", key)
		case (key == "word" && !text || key == "many" && !list) && s.mode != "lenient":
			return refuse("%s has the wrong type", key)
		}
	}
	if values["word"] == nil && s.mode != "optional" {
		return refuse("word is missing")
	}
	s.config = req.GetConfigJson()
	return &pb.ConfigureResponse{}, nil
}

type answers = grpc.ServerStreamingServer[pb.GenerateEvent]

func say(out answers, words string) error {
	return out.Send(&pb.GenerateEvent{Event: &pb.GenerateEvent_Text{Text: words}})
}

func refuse(out answers, code, message string, retry bool) error {
	return out.Send(&pb.GenerateEvent{Event: &pb.GenerateEvent_Error{Error: &pb.Error{Code: code, Message: message, Retryable: retry}}})
}

func prompt(req *pb.GenerateRequest) (last string, size int64) {
	for _, m := range req.GetMessages() {
		for _, p := range m.GetParts() {
			size += int64(len(p.GetText()))
			if m.GetRole() == "user" {
				last = p.GetText()
			}
		}
	}
	return last, size/4 + 1
}

func (s *stub) Generate(req *pb.GenerateRequest, out answers) error {
	s.mu.Lock()
	ready := s.config != nil
	s.asked++
	asked := s.asked
	s.mu.Unlock()
	if !ready && s.mode != "eager" {
		return status.Error(codes.FailedPrecondition, "not configured")
	}
	last, size := prompt(req)
	done := &pb.Done{Usage: &pb.Usage{Input: size, Output: int64(len(last))/4 + 1}, Finish: "stop", Model: req.GetModel()}
	finish := func() error {
		return out.Send(&pb.GenerateEvent{Event: &pb.GenerateEvent_Done{Done: done}})
	}
	if over, err := s.misbehave(req, out, last, asked, done, finish); over {
		return err
	}
	switch {
	case req.GetModel() == "slow":
		return s.wait(out.Context())
	case req.GetModel() != "m1" && s.mode == "status":
		return status.Error(codes.NotFound, "no such model")
	case req.GetModel() != "m1" && s.mode != "claims":
		code := "invalid_request"
		if s.mode == "typo" {
			code = "bad_request"
		}
		return refuse(out, code, "there is no model "+req.GetModel(), s.mode == "hopeful")
	case len(req.GetMessages()) == 0:
		return refuse(out, "invalid_request", "there are no messages", false)
	}
	if len(req.GetTools()) > 0 && req.GetToolChoice().GetMode() == "required" {
		call := &pb.ToolCall{Id: "1", Name: req.GetTools()[0].GetName(), Arguments: []byte(`{"degrees":1}`)}
		switch s.mode {
		case "inventive":
			call.Name = "launch_the_boats"
		case "half_call":
			call.Arguments = []byte(`{"degrees":`)
		}
		if err := out.Send(&pb.GenerateEvent{Event: &pb.GenerateEvent_ToolCall{ToolCall: call}}); err != nil {
			return err
		}
		done.Finish = "tool_calls"
		return finish()
	}
	if err := s.echo(out, last); err != nil {
		return err
	}
	return finish()
}

// echo repeats words in parts.
func (s *stub) echo(out answers, words string) error {
	size := max(16, len(words)/64)
	var parts []string
	for words = "echo: " + words; len(words) > 0; {
		n := min(size, len(words))
		for s.mode != "mojibake" && n < len(words) && !utf8.RuneStart(words[n]) {
			n++
		}
		parts = append(parts, strings.ToValidUTF8(words[:n], "\uFFFD"))
		words = words[n:]
	}
	if s.mode == "reorder" {
		slices.Reverse(parts)
	}
	for _, p := range parts {
		if err := say(out, p); err != nil {
			return err
		}
	}
	return nil
}

// wait is what the slow model does.
func (s *stub) wait(ctx context.Context) error {
	if s.mode == "hoarder" {
		s.slots <- struct{}{}
	}
	if s.mode == "deaf" || s.mode == "hoarder" {
		time.Sleep(20 * time.Second)
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(30 * time.Second):
		return nil
	}
}

// misbehave does what the mode says; over tells that the call is answered by it.
func (s *stub) misbehave(req *pb.GenerateRequest, out answers, last string, asked int, done *pb.Done, finish func() error) (over bool, err error) {
	switch s.mode {
	case "panic":
		panic("the boiler is empty")
	case "fragile":
		_ = req.GetMessages()[0].GetParts()[0]
	case "narrow":
		if len(req.GetTools()) > 16 {
			os.Exit(9)
		}
	case "rolephobic":
		if len(req.GetMessages()) > 4 {
			return true, refuse(out, "unavailable", "too lively", true)
		}
	case "hang":
		if err := say(out, "well, "); err != nil {
			return true, err
		}
		select {} // not even the context is heard
	case "unfinished":
		return true, say(out, "that is")
	case "flood":
		for {
			if err := say(out, strings.Repeat("flood ", 1<<17)); err != nil {
				return true, err
			}
		}
	case "mute":
		return true, finish()
	case "moody":
		return true, firstError(say(out, fmt.Sprint("answer ", asked)), finish())
	case "two_ends":
		return true, firstError(say(out, "well"), finish(), finish())
	case "late_text":
		return true, firstError(say(out, "well"), finish(), say(out, "and another thing"))
	case "error_after":
		return true, firstError(say(out, "well"), finish(), refuse(out, "unavailable", "no", true))
	case "lingering":
		if err := firstError(say(out, "well"), finish()); err != nil {
			return true, err
		}
		<-out.Context().Done()
		return true, nil
	case "empty_event":
		return true, firstError(out.Send(&pb.GenerateEvent{}), say(out, "well"), finish())
	case "crossed":
		s.mu.Lock()
		s.last = last
		s.mu.Unlock()
		time.Sleep(30 * time.Millisecond)
		s.mu.Lock()
		last = s.last
		s.mu.Unlock()
		return true, firstError(s.echo(out, last), finish())
	case "buffer":
		if len(last) > 1<<20 {
			if err := say(out, "well "); err != nil {
				return true, err
			}
			for range 40 {
				s.held = append(s.held, bytes.Repeat([]byte("x"), 4<<20))
				time.Sleep(15 * time.Millisecond)
			}
		}
	case "nameless":
		done.Model = ""
	case "vague":
		done.Finish = "done"
	case "negative":
		done.Usage.CachedInput = -1
	case "inclusive":
		done.Usage.Reasoning = done.GetUsage().GetOutput() + 5
	case "free":
		done.Usage.Output = 0
	case "inflating":
		done.Usage.CachedInput = int64(asked)
	case "leaker":
		return true, firstError(say(out, strings.Join(os.Environ(), " ")), finish())
	case "reader":
		buf := make([]byte, 4096)
		_ = s.input.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
		n := 0
		got := make(chan int, 1)
		go func() { n, _ := s.input.Read(buf); got <- n }()
		select {
		case n = <-got:
		case <-time.After(200 * time.Millisecond):
		}
		return true, firstError(say(out, "I read "+string(buf[:n])), finish())
	case "hoarder":
		if len(s.slots) == cap(s.slots) {
			return true, s.wait(out.Context())
		}
	}
	return false, nil
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *stub) CountTokens(_ context.Context, req *pb.CountTokensRequest) (*pb.CountTokensResponse, error) {
	_, n := prompt(req.GetRequest())
	switch s.mode {
	case "guessing":
		n = 12
	case "dice":
		s.mu.Lock()
		s.asked++
		n += int64(s.asked)
		s.mu.Unlock()
	}
	return &pb.CountTokensResponse{Tokens: n}, nil
}

func (s *stub) Embed(req *pb.EmbedRequest, out grpc.ServerStreamingServer[pb.EmbedEvent]) error {
	var vectors [][]float32
	for i, t := range req.GetTexts() {
		v := []float32{float32(len(t)), float32(t[0]), 1}
		if s.mode == "ragged" && i == 1 {
			v = v[:2]
		}
		vectors = append(vectors, v)
	}
	switch s.mode {
	case "shuffled":
		vectors[0], vectors[1] = vectors[1], vectors[0]
	case "dropped":
		vectors = vectors[1:]
	}
	for _, v := range vectors {
		if err := out.Send(&pb.EmbedEvent{Event: &pb.EmbedEvent_Vector{Vector: &pb.Vector{Values: v}}}); err != nil {
			return err
		}
	}
	return out.Send(&pb.EmbedEvent{Event: &pb.EmbedEvent_Done{Done: &pb.EmbedDone{Usage: &pb.Usage{Input: 3}}}})
}
