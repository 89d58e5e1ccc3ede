package backend

import (
	"time"

	pb "github.com/plimsoll-dev/plimsoll/sdk/backend/proto/v1"
)

// The conversions of Serving and Runner, under the rules of convert.go. Nothing
// is checked here.

func planToWire(p Plan) *pb.Plan {
	return &pb.Plan{Id: p.ID, Model: p.Model, Document: p.Document}
}

func planFromWire(p *pb.Plan) Plan {
	return Plan{ID: p.GetId(), Model: p.GetModel(), Document: rawJSON(p.GetDocument())}
}

func instanceToWire(i Instance) *pb.Instance {
	return &pb.Instance{Id: i.ID, Endpoints: i.Endpoints, StartedNs: timeToWire(i.Started)}
}

func instanceFromWire(i *pb.Instance) Instance {
	return Instance{ID: i.GetId(), Endpoints: i.GetEndpoints(), Started: timeFromWire(i.GetStartedNs())}
}

func statusToWire(s Status) *pb.StatusResponse {
	out := &pb.StatusResponse{
		Phase: string(s.Phase), SinceNs: timeToWire(s.Since), Message: validText(s.Message), Log: lastLines(s.Log),
	}
	for _, p := range s.Processes {
		wire := &pb.Process{Pid: p.PID, Phase: string(p.Phase)}
		for _, arg := range p.Command {
			wire.Command = append(wire.Command, validText(arg))
		}
		out.Processes = append(out.Processes, wire)
	}
	return out
}

func statusFromWire(s *pb.StatusResponse) Status {
	out := Status{Phase: Phase(s.GetPhase()), Since: timeFromWire(s.GetSinceNs()), Message: s.GetMessage(), Log: lastLines(s.GetLog())}
	for _, p := range s.GetProcesses() {
		out.Processes = append(out.Processes, Process{PID: p.GetPid(), Command: p.GetCommand(), Phase: Phase(p.GetPhase())})
	}
	return out
}

func metricsToWire(m Metrics) *pb.MetricsResponse {
	return &pb.MetricsResponse{AtNs: timeToWire(m.At), Counters: m.Counters, Gauges: m.Gauges}
}

func metricsFromWire(m *pb.MetricsResponse) Metrics {
	return Metrics{At: timeFromWire(m.GetAtNs()), Counters: m.GetCounters(), Gauges: m.GetGauges()}
}

func taskToWire(t Task) *pb.Task {
	return &pb.Task{
		Input: t.Input, Fixture: t.Fixture, Model: t.Model, TimeoutNs: int64(t.Timeout), Env: t.Env, Idempotency: t.Idempotency,
	}
}

func taskFromWire(t *pb.Task) Task {
	return Task{
		Input: rawJSON(t.GetInput()), Fixture: t.GetFixture(), Model: t.GetModel(),
		Timeout: time.Duration(t.GetTimeoutNs()), Env: t.GetEnv(), Idempotency: t.GetIdempotency(),
	}
}

func fileToWire(f ChangedFile) *pb.ChangedFile {
	return &pb.ChangedFile{Path: f.Path, Kind: string(f.Kind), Size: f.Size, Data: f.Data}
}

func fileFromWire(f *pb.ChangedFile) ChangedFile {
	return ChangedFile{Path: f.GetPath(), Kind: Change(f.GetKind()), Size: f.GetSize(), Data: f.GetData()}
}

// taskDoneToWire is a result without its text and files, which went before.
func taskDoneToWire(r Result) *pb.TaskDone {
	out := &pb.TaskDone{Model: r.Model, ExitCode: int64(r.ExitCode), TimedOut: r.TimedOut, Log: lastLines(r.Log)}
	if r.UsageKnown {
		out.Usage = usageToWire(r.Usage)
	}
	if r.CostKnown {
		out.CostMicro = &r.Cost
	}
	return out
}

func taskDoneFromWire(d *pb.TaskDone) Result {
	return Result{
		Usage: usageFromWire(d.GetUsage()), UsageKnown: d.GetUsage() != nil, Model: d.GetModel(),
		Cost: d.GetCostMicro(), CostKnown: d != nil && d.CostMicro != nil,
		ExitCode: int(d.GetExitCode()), TimedOut: d.GetTimedOut(), Log: lastLines(d.GetLog()),
	}
}

// timeToWire is good for the years 1678 to 2262. The zero time, which is not
// among them, is 0.
func timeToWire(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

func timeFromWire(ns int64) time.Time {
	if ns == 0 {
		return time.Time{}
	}
	return time.Unix(0, ns).UTC()
}
