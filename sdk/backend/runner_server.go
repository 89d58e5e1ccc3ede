package backend

import (
	"context"
	"unicode/utf8"

	"google.golang.org/grpc"
	"google.golang.org/grpc/status"

	pb "github.com/plimsoll-dev/plimsoll/sdk/backend/proto/v1"
)

const toRun = "run agents"

func (s *server) Execute(req *pb.Task, stream grpc.ServerStreamingServer[pb.TaskEvent]) error {
	runner, err := ability[Runner](s, toRun)
	if err != nil {
		return err
	}
	ctx := stream.Context()
	result, err := execute(ctx, runner, taskFromWire(req))
	if ctx.Err() != nil {
		return status.FromContextError(ctx.Err()).Err()
	}
	if err != nil {
		return stream.Send(&pb.TaskEvent{Event: &pb.TaskEvent_Error{Error: errorToWire(AsError(err))}})
	}
	for text := result.Text; text != ""; {
		var part string
		part, text = firstPart(text)
		if err := stream.Send(&pb.TaskEvent{Event: &pb.TaskEvent_Text{Text: part}}); err != nil {
			return err
		}
	}
	for _, f := range result.Files {
		if err := stream.Send(&pb.TaskEvent{Event: &pb.TaskEvent_File{File: fileToWire(f)}}); err != nil {
			return err
		}
	}
	return stream.Send(&pb.TaskEvent{Event: &pb.TaskEvent_Done{Done: taskDoneToWire(result)}})
}

// execute has the author do a task in its time, and makes of what is returned a
// result that can be sent.
func execute(ctx context.Context, runner Runner, task Task) (Result, error) {
	if err := checkTask(task); err != nil {
		return Result{}, err
	}
	if task.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, task.Timeout)
		defer cancel()
	}
	result, err := runner.Execute(ctx, task)
	if err != nil && task.Timeout > 0 && ctx.Err() != nil {
		// It ran, and cost something: an error would say that nothing is known.
		result.TimedOut = true
		if result.ExitCode == 0 {
			result.ExitCode = -1
		}
	} else if err != nil {
		return Result{}, err
	}
	result.Text, result.Model = validText(result.Text), validText(result.Model)
	result.Files = settle(result.Files)
	var files changes
	for _, f := range result.Files {
		if err := files.take(f); err != nil {
			return Result{}, err
		}
	}
	if err := files.whole(); err != nil {
		return Result{}, err
	}
	if len(result.Text) > MaxAnswer {
		return Result{}, flooded()
	}
	return result, checkResult(result)
}

// firstPart cuts text where no character is split, at maxDelta at most.
func firstPart(text string) (part, rest string) {
	n := min(len(text), maxDelta)
	for n < len(text) && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n], text[n:]
}
