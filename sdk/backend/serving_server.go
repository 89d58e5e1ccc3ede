package backend

import (
	"context"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "github.com/plimsoll-dev/plimsoll/sdk/backend/proto/v1"
)

// ability is the configured Model as the optional interface T.
func ability[T any](s *server, what string) (T, error) {
	var none T
	m := s.configured()
	if m == nil {
		return none, s.unconfigured()
	}
	a, ok := m.(T)
	if !ok {
		return none, status.Errorf(codes.Unimplemented, "%s does not %s", s.name, what)
	}
	return a, nil
}

const toServe = "serve engines"

// outcome is how a unary call ended: given up by the host (lost), or with what
// goes into the answer's error. bad is the author's own error, or else what is
// wrong with what was returned.
func outcome(ctx context.Context, err error, bad func() error) (failed *pb.Error, lost error) {
	if ctx.Err() != nil {
		return nil, status.FromContextError(ctx.Err()).Err()
	}
	if err == nil {
		err = bad()
	}
	if err != nil {
		return errorToWire(AsError(err)), nil
	}
	return nil, nil
}

func (s *server) Launch(ctx context.Context, req *pb.LaunchRequest) (*pb.LaunchResponse, error) {
	serving, err := ability[Serving](s, toServe)
	if err != nil {
		return nil, err
	}
	plan := planFromWire(req.GetPlan())
	if err := checkPlan(plan); err != nil {
		return &pb.LaunchResponse{Error: errorToWire(AsError(err))}, nil
	}
	instance, err := serving.Launch(ctx, plan)
	failed, lost := outcome(ctx, err, func() error { return checkInstance(instance, plan.ID) })
	if failed != nil || lost != nil {
		return &pb.LaunchResponse{Error: failed}, lost
	}
	return &pb.LaunchResponse{Instance: instanceToWire(instance)}, nil
}

func (s *server) Status(ctx context.Context, req *pb.StatusRequest) (*pb.StatusResponse, error) {
	serving, err := ability[Serving](s, toServe)
	if err != nil {
		return nil, err
	}
	got, err := serving.Status(ctx, req.GetId())
	failed, lost := outcome(ctx, err, func() error { return checkStatus(got) })
	if failed != nil || lost != nil {
		return &pb.StatusResponse{Error: failed}, lost
	}
	return statusToWire(got), nil
}

func (s *server) Stop(ctx context.Context, req *pb.StopRequest) (*pb.StopResponse, error) {
	serving, err := ability[Serving](s, toServe)
	if err != nil {
		return nil, err
	}
	grace := time.Duration(req.GetGraceNs())
	if err := checkGrace(grace); err != nil {
		return &pb.StopResponse{Error: errorToWire(AsError(err))}, nil
	}
	err = serving.Stop(ctx, req.GetId(), grace)
	failed, lost := outcome(ctx, err, func() error { return nil })
	return &pb.StopResponse{Error: failed}, lost
}

func (s *server) Metrics(ctx context.Context, req *pb.MetricsRequest) (*pb.MetricsResponse, error) {
	serving, err := ability[Serving](s, toServe)
	if err != nil {
		return nil, err
	}
	got, err := serving.Metrics(ctx, req.GetId())
	failed, lost := outcome(ctx, err, func() error { return checkMetrics(got) })
	if failed != nil || lost != nil {
		return &pb.MetricsResponse{Error: failed}, lost
	}
	return metricsToWire(got), nil
}
