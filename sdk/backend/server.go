package backend

import (
	"bytes"
	"context"
	"encoding/json"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "github.com/plimsoll-dev/plimsoll/sdk/backend/proto/v1"
)

// server answers the wire protocol with the models that a Factory makes.
type server struct {
	pb.UnimplementedModelServer
	pb.UnimplementedCounterServer
	pb.UnimplementedEmbedderServer
	pb.UnimplementedServingServer
	pb.UnimplementedRunnerServer
	name    string
	factory Factory

	mu     sync.Mutex
	model  Model  // nil until configured
	config []byte // the values that model was made from, as JSON with sorted keys
}

// Register offers f on a gRPC server under the name. Serve and the harness do
// so for their authors; a backend that listens on an address of its own calls
// it directly.
func Register(s grpc.ServiceRegistrar, name string, f Factory) {
	// Which abilities the Model has is known once it is made, and services have
	// to be there before that: a missing one answers as if it were not.
	srv := &server{name: name, factory: f}
	pb.RegisterModelServer(s, srv)
	pb.RegisterCounterServer(s, srv)
	pb.RegisterEmbedderServer(s, srv)
	pb.RegisterServingServer(s, srv)
	pb.RegisterRunnerServer(s, srv)
}

// ServerOptions are the gRPC options that the protocol needs on the backend's
// side.
func ServerOptions() []grpc.ServerOption {
	return []grpc.ServerOption{grpc.MaxRecvMsgSize(MaxMessage), grpc.MaxSendMsgSize(MaxMessage)}
}

func (s *server) Describe(ctx context.Context, _ *pb.DescribeRequest) (*pb.DescribeResponse, error) {
	m := s.configured()
	if m == nil {
		var err error
		if m, err = s.factory(nil); err != nil {
			return nil, status.Errorf(codes.FailedPrecondition, "describing %s without a config: %v", s.name, err)
		}
	}
	d, err := m.Describe(ctx)
	if err != nil {
		return nil, status.Errorf(codes.Unavailable, "describing %s: %v", s.name, err)
	}
	if d.Name == "" {
		d.Name = s.name
	}
	_, d.Capabilities.CountTokens = m.(TokenCounter)
	_, d.Capabilities.Embeddings = m.(Embedder)
	_, d.Capabilities.Serving = m.(Serving)
	_, d.Capabilities.Running = m.(Runner)
	return descriptionToWire(d), nil
}

func (s *server) Configure(_ context.Context, req *pb.ConfigureRequest) (*pb.ConfigureResponse, error) {
	config, err := decodeConfigJSON(req.GetConfigJson())
	if err != nil {
		return nil, status.Errorf(codes.InvalidArgument, "reading the config values of %s: %v", s.name, err)
	}
	values, err := json.Marshal(config)
	if err != nil {
		return nil, status.Errorf(codes.InvalidArgument, "reading the config values of %s: %v", s.name, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.model != nil {
		// A host that was cut off and came back says the same again. Which of two
		// configs holds must never depend on who came last.
		if bytes.Equal(values, s.config) {
			return &pb.ConfigureResponse{}, nil
		}
		return nil, status.Errorf(codes.FailedPrecondition, "%s is already configured, with other values", s.name)
	}
	m, err := s.factory(config)
	if err != nil {
		e := AsError(err)
		if e.Code == Unavailable { // a config that is refused does not get better by waiting
			e = Errorf(InvalidRequest, "%s", e.Message)
		}
		return &pb.ConfigureResponse{Error: errorToWire(e)}, nil
	}
	s.model, s.config = m, values
	return &pb.ConfigureResponse{}, nil
}

func (s *server) Generate(req *pb.GenerateRequest, stream grpc.ServerStreamingServer[pb.GenerateEvent]) error {
	m := s.configured()
	if m == nil {
		return s.unconfigured()
	}
	ctx := stream.Context()
	sink := &wireSink{send: stream.Send}
	err := m.Generate(ctx, requestFromWire(req), sink)
	if ctx.Err() != nil {
		return status.FromContextError(ctx.Err()).Err()
	}
	if sink.done {
		// Done is the promise that the answer is whole. An error after it can
		// take nothing back, and there is no event left to carry it.
		return nil
	}
	if err == nil {
		err = Errorf(Unavailable, "%s ended its answer without Done", s.name)
	}
	if flushed := sink.flush(); flushed != nil {
		return flushed
	}
	return stream.Send(&pb.GenerateEvent{Event: &pb.GenerateEvent_Error{Error: errorToWire(AsError(err))}})
}

func (s *server) configured() Model {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.model
}
