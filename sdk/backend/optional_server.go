package backend

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "github.com/plimsoll-dev/plimsoll/sdk/backend/proto/v1"
)

func (s *server) CountTokens(ctx context.Context, req *pb.CountTokensRequest) (*pb.CountTokensResponse, error) {
	m := s.configured()
	if m == nil {
		return nil, s.unconfigured()
	}
	c, ok := m.(TokenCounter)
	if !ok {
		return nil, status.Errorf(codes.Unimplemented, "%s does not count tokens", s.name)
	}
	n, err := c.CountTokens(ctx, requestFromWire(req.GetRequest()))
	if ctx.Err() != nil {
		return nil, status.FromContextError(ctx.Err()).Err()
	}
	if err != nil {
		return &pb.CountTokensResponse{Error: errorToWire(AsError(err))}, nil
	}
	return &pb.CountTokensResponse{Tokens: n}, nil
}

func (s *server) Embed(req *pb.EmbedRequest, stream grpc.ServerStreamingServer[pb.EmbedEvent]) error {
	m := s.configured()
	if m == nil {
		return s.unconfigured()
	}
	e, ok := m.(Embedder)
	if !ok {
		return status.Errorf(codes.Unimplemented, "%s does not make embeddings", s.name)
	}
	ctx := stream.Context()
	vectors, usage, err := e.Embed(ctx, req.GetModel(), req.GetTexts())
	if ctx.Err() != nil {
		return status.FromContextError(ctx.Err()).Err()
	}
	if err == nil {
		err = checkVectors(vectors, len(req.GetTexts()))
	}
	if err != nil {
		return stream.Send(&pb.EmbedEvent{Event: &pb.EmbedEvent_Error{Error: errorToWire(AsError(err))}})
	}
	for _, v := range vectors {
		if err := stream.Send(&pb.EmbedEvent{Event: &pb.EmbedEvent_Vector{Vector: &pb.Vector{Values: v}}}); err != nil {
			return err
		}
	}
	return stream.Send(&pb.EmbedEvent{Event: &pb.EmbedEvent_Done{Done: &pb.EmbedDone{Usage: usageToWire(usage)}}})
}

func (s *server) unconfigured() error {
	return status.Errorf(codes.FailedPrecondition, "%s was not configured before its first call", s.name)
}
