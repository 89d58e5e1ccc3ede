package backend

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	pb "github.com/plimsoll-dev/plimsoll/sdk/backend/proto/v1"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// Remote is a Model at the other end of a gRPC connection: the host's side of
// the protocol. It believes nothing: a stream that breaks the contract becomes
// an error, and nothing after Done is let through.
//
// It has the methods of every optional interface whether the backend has the
// abilities or not: Description.Capabilities says so, and calls of one that
// is missing fail with an error that is errors.ErrUnsupported.
type Remote struct {
	rpc     pb.ModelClient
	counter pb.CounterClient
	vectors pb.EmbedderClient
	serving pb.ServingClient
	runner  pb.RunnerClient
}

var (
	_ Model        = (*Remote)(nil)
	_ TokenCounter = (*Remote)(nil)
	_ Embedder     = (*Remote)(nil)
	_ Serving      = (*Remote)(nil)
	_ Runner       = (*Remote)(nil)
)

// LostError is a call that was cut off after it had been sent and before Done
// or a typed error came: the process died, the connection broke or the deadline
// passed. What it cost is unknown.
type LostError struct{ Err error }

// Error says how the call was lost.
func (e *LostError) Error() string { return "the call was lost: " + e.Err.Error() }

// Unwrap gives the cause.
func (e *LostError) Unwrap() error { return e.Err }

// ErrUnconfigured is a call before Configure, of which the backend did nothing.
// To a host that did configure it, it says that the backend was started anew.
var ErrUnconfigured = errors.New("the backend has no config yet")

// NewRemote speaks to the backend behind conn.
func NewRemote(conn grpc.ClientConnInterface) *Remote {
	return &Remote{
		rpc: pb.NewModelClient(conn), counter: pb.NewCounterClient(conn), vectors: pb.NewEmbedderClient(conn),
		serving: pb.NewServingClient(conn), runner: pb.NewRunnerClient(conn),
	}
}

// DialOptions are the gRPC options that the protocol needs on the host's side.
func DialOptions() []grpc.DialOption {
	return []grpc.DialOption{grpc.WithDefaultCallOptions(
		grpc.MaxCallRecvMsgSize(MaxMessage), grpc.MaxCallSendMsgSize(MaxMessage))}
}

// Describe asks the backend what it is.
func (r *Remote) Describe(ctx context.Context) (Description, error) {
	d, err := r.rpc.Describe(ctx, &pb.DescribeRequest{})
	if err != nil {
		return Description{}, fromStatus(err)
	}
	return descriptionFromWire(d), nil
}

// Configure sends the values of the config block, before Generate. Sending the
// same ones again does nothing, others are refused. A value must be JSON: nil,
// bool, a number, string, list or map.
func (r *Remote) Configure(ctx context.Context, config map[string]any) error {
	if config == nil {
		config = map[string]any{} // nil means "describe only" to a Factory
	}
	raw, err := json.Marshal(config)
	if err != nil {
		return fmt.Errorf("making the config values JSON: %w", err)
	}
	answer, err := r.rpc.Configure(ctx, &pb.ConfigureRequest{ConfigJson: raw})
	if err != nil {
		return fromStatus(err)
	}
	if answer.GetError() != nil {
		return errorFromWire(answer.GetError())
	}
	return nil
}

// Generate sends req and hands every event to out. Typed failures of the
// backend are *Error, a call of unknown outcome is *LostError.
func (r *Remote) Generate(ctx context.Context, req message.Request, out Sink) error {
	// Cancelling on the way out ends the stream when out refuses an event.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	wire := requestToWire(req)
	if err := sendable(wire); err != nil {
		return err
	}
	stream, err := r.rpc.Generate(ctx, wire)
	if err != nil {
		return sent(err)
	}
	for {
		event, err := stream.Recv()
		if err != nil {
			if errors.Is(err, io.EOF) {
				return &LostError{Err: Errorf(Unavailable, "the stream ended without Done")}
			}
			return sent(err)
		}
		switch e := event.GetEvent().(type) {
		case *pb.GenerateEvent_Text:
			err = out.Text(e.Text)
		case *pb.GenerateEvent_ToolCall:
			err = out.ToolCall(toolCallFromWire(e.ToolCall))
		case *pb.GenerateEvent_Error:
			return errorFromWire(e.Error)
		case *pb.GenerateEvent_Done:
			if e.Done.GetFinish() == "" || e.Done.GetModel() == "" {
				return Errorf(Unavailable, "the backend finished without a finish reason and a model id")
			}
			return out.Done(usageFromWire(e.Done.GetUsage()), message.Finish(e.Done.GetFinish()), e.Done.GetModel())
		default:
			// A kind of event from the future is there to be skipped, by the rule
			// of backend.proto; one that holds nothing at all is a mistake.
			if len(event.ProtoReflect().GetUnknown()) == 0 {
				return Errorf(Unavailable, "the backend sent an empty event")
			}
		}
		if err != nil {
			return err
		}
	}
}

// sent turns the error of a call that may have reached the backend into either
// a typed refusal (the backend did nothing) or a lost call.
func sent(err error) error {
	switch status.Code(err) {
	case codes.FailedPrecondition:
		return fmt.Errorf("%w (%w)", fromStatus(err), ErrUnconfigured)
	case codes.InvalidArgument, codes.Unimplemented:
		return fromStatus(err)
	}
	return &LostError{Err: fromStatus(err)}
}

// sendable refuses what gRPC could not send, before anything is sent: the error
// of a failed send looks like that of a call that was cut off.
func sendable(wire proto.Message) error {
	raw, err := proto.Marshal(wire)
	if err != nil {
		return Errorf(InvalidRequest, "the request cannot be sent: %v", err)
	}
	if len(raw) > MaxMessage {
		return Errorf(InvalidRequest, "the request is %d bytes and the limit is %d MiB: shorten the input", len(raw), MaxMessage>>20)
	}
	return nil
}

// fromStatus maps a gRPC status to the typed error nearest to it.
func fromStatus(err error) error {
	st := status.Convert(err)
	switch st.Code() {
	case codes.Canceled, codes.DeadlineExceeded:
		return Errorf(Cancelled, "%s", st.Message())
	case codes.InvalidArgument, codes.FailedPrecondition, codes.Unimplemented:
		return Errorf(InvalidRequest, "%s", st.Message())
	case codes.ResourceExhausted:
		return Errorf(Unavailable, "the backend sent a message larger than %d MiB: %s", MaxMessage>>20, st.Message())
	case codes.Unauthenticated, codes.PermissionDenied:
		return Errorf(Auth, "%s", st.Message())
	}
	return Errorf(Unavailable, "%s", st.Message())
}
