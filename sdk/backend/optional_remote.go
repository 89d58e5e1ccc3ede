package backend

import (
	"context"
	"errors"
	"fmt"
	"io"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "github.com/plimsoll-dev/plimsoll/sdk/backend/proto/v1"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// maxVectors bounds the numbers of one Embed, 256 MiB: what goes beyond is a
// backend that floods.
const maxVectors = 64 << 20

// CountTokens asks the backend how long a prompt is.
func (r *Remote) CountTokens(ctx context.Context, req message.Request) (int64, error) {
	wire := &pb.CountTokensRequest{Request: requestToWire(req)}
	if err := sendable(wire); err != nil {
		return 0, err
	}
	answer, err := r.counter.CountTokens(ctx, wire)
	switch {
	case err != nil:
		return 0, lacking(err, "count tokens")
	case answer.GetError() != nil:
		return 0, errorFromWire(answer.GetError())
	case answer.GetTokens() < 0:
		return 0, Errorf(Unavailable, "the backend counted %d tokens", answer.GetTokens())
	}
	return answer.GetTokens(), nil
}

// Embed asks the backend for the vectors of texts, and believes no answer with
// too few of them, too many or of several lengths. A call that was cut off is a
// *LostError, as in Generate.
func (r *Remote) Embed(ctx context.Context, model string, texts []string) ([][]float32, message.Usage, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	wire := &pb.EmbedRequest{Model: model, Texts: texts}
	if err := sendable(wire); err != nil {
		return nil, message.Usage{}, err
	}
	stream, err := r.vectors.Embed(ctx, wire)
	if err != nil {
		return nil, message.Usage{}, lacking(err, "make embeddings")
	}
	var out [][]float32
	numbers := 0
	for {
		event, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil, message.Usage{}, &LostError{Err: Errorf(Unavailable, "the vectors ended without Done")}
		}
		if err != nil {
			return nil, message.Usage{}, lacking(err, "make embeddings")
		}
		switch e := event.GetEvent().(type) {
		case *pb.EmbedEvent_Vector:
			v := e.Vector.GetValues()
			if numbers += len(v); len(out) == len(texts) || numbers > maxVectors {
				return nil, message.Usage{}, Errorf(Unavailable, "the backend sent more vectors than it was asked for: it floods")
			}
			out = append(out, v)
		case *pb.EmbedEvent_Error:
			return nil, message.Usage{}, errorFromWire(e.Error)
		case *pb.EmbedEvent_Done:
			if err := checkVectors(out, len(texts)); err != nil {
				return nil, message.Usage{}, err
			}
			return out, usageFromWire(e.Done.GetUsage()), nil
		default:
			if len(event.ProtoReflect().GetUnknown()) == 0 {
				return nil, message.Usage{}, Errorf(Unavailable, "the backend sent an empty event")
			}
		}
	}
}

// checkVectors holds an answer, of an author or of the wire, to the contract.
func checkVectors(vectors [][]float32, texts int) error {
	if len(vectors) != texts {
		return Errorf(Unavailable, "the backend made %d vectors of %d texts", len(vectors), texts)
	}
	for i, v := range vectors {
		if len(v) == 0 || len(v) != len(vectors[0]) {
			return Errorf(Unavailable, "vector %d has %d numbers, and the first one has %d", i+1, len(v), len(vectors[0]))
		}
	}
	return nil
}

// lacking is sent, with a service that is not there told apart.
func lacking(err error, what string) error {
	if status.Code(err) == codes.Unimplemented {
		return fmt.Errorf("%w (%w)", Errorf(InvalidRequest, "this backend does not %s", what), errors.ErrUnsupported)
	}
	return sent(err)
}
