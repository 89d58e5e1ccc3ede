package backend

import (
	"context"
	"time"

	pb "github.com/plimsoll-dev/plimsoll/sdk/backend/proto/v1"
)

// Launch has the backend start plan. A *LostError may have started it: launching
// it again does no harm.
func (r *Remote) Launch(ctx context.Context, plan Plan) (Instance, error) {
	if err := checkPlan(plan); err != nil {
		return Instance{}, err
	}
	wire := &pb.LaunchRequest{Plan: planToWire(plan)}
	if err := sendable(wire); err != nil {
		return Instance{}, err
	}
	answer, err := r.serving.Launch(ctx, wire)
	if err != nil {
		return Instance{}, lacking(err, toServe)
	}
	if answer.GetError() != nil {
		return Instance{}, errorFromWire(answer.GetError())
	}
	instance := instanceFromWire(answer.GetInstance())
	if err := checkInstance(instance, plan.ID); err != nil {
		return Instance{}, err
	}
	return instance, nil
}

// Status asks how an instance is, and believes no phase that does not exist.
func (r *Remote) Status(ctx context.Context, id string) (Status, error) {
	wire := &pb.StatusRequest{Id: id}
	if err := sendable(wire); err != nil {
		return Status{}, err
	}
	answer, err := r.serving.Status(ctx, wire)
	if err != nil {
		return Status{}, lacking(err, toServe)
	}
	if answer.GetError() != nil {
		return Status{}, errorFromWire(answer.GetError())
	}
	got := statusFromWire(answer)
	if err := checkStatus(got); err != nil {
		return Status{}, err
	}
	return got, nil
}

// Stop ends an instance. After a *LostError it may still run or be ending;
// stopping it again does no harm.
func (r *Remote) Stop(ctx context.Context, id string, grace time.Duration) error {
	if err := checkGrace(grace); err != nil {
		return err
	}
	wire := &pb.StopRequest{Id: id, GraceNs: int64(grace)}
	if err := sendable(wire); err != nil {
		return err
	}
	answer, err := r.serving.Stop(ctx, wire)
	if err != nil {
		return lacking(err, toServe)
	}
	if answer.GetError() != nil {
		return errorFromWire(answer.GetError())
	}
	return nil
}

// Metrics reads an engine's numbers, and believes none that is not finite.
func (r *Remote) Metrics(ctx context.Context, id string) (Metrics, error) {
	wire := &pb.MetricsRequest{Id: id}
	if err := sendable(wire); err != nil {
		return Metrics{}, err
	}
	answer, err := r.serving.Metrics(ctx, wire)
	if err != nil {
		return Metrics{}, lacking(err, toServe)
	}
	if answer.GetError() != nil {
		return Metrics{}, errorFromWire(answer.GetError())
	}
	got := metricsFromWire(answer)
	if err := checkMetrics(got); err != nil {
		return Metrics{}, err
	}
	return got, nil
}
