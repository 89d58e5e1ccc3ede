package backend

import (
	"context"
	"errors"
	"io"
	"strings"

	pb "github.com/plimsoll-dev/plimsoll/sdk/backend/proto/v1"
)

// Execute has the backend's agent do task. It believes nothing of the result: a
// file outside of the folder, one that comes twice or a change that does not
// exist makes it an error. A call that was cut off is a *LostError, as in
// Generate. What comes after the end of the result is not read.
func (r *Remote) Execute(ctx context.Context, task Task) (Result, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := checkTask(task); err != nil {
		return Result{}, err
	}
	wire := taskToWire(task)
	if err := sendable(wire); err != nil {
		return Result{}, err
	}
	stream, err := r.runner.Execute(ctx, wire)
	if err != nil {
		return Result{}, lacking(err, toRun)
	}
	var text strings.Builder
	var files []ChangedFile
	var seen changes
	for {
		event, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return Result{}, &LostError{Err: Errorf(Unavailable, "the result ended without Done")}
		}
		if err != nil {
			return Result{}, lacking(err, toRun)
		}
		switch e := event.GetEvent().(type) {
		case *pb.TaskEvent_Text:
			if text.Len()+len(e.Text) > MaxAnswer {
				return Result{}, flooded()
			}
			text.WriteString(e.Text)
		case *pb.TaskEvent_File:
			f := fileFromWire(e.File)
			if err := seen.take(f); err != nil {
				return Result{}, err
			}
			files = append(files, f)
		case *pb.TaskEvent_Error:
			return Result{}, errorFromWire(e.Error)
		case *pb.TaskEvent_Done:
			result := taskDoneFromWire(e.Done)
			result.Text, result.Files = text.String(), files
			if err := errors.Join(seen.whole(), checkResult(result)); err != nil {
				return Result{}, err
			}
			return result, nil
		default:
			if len(event.ProtoReflect().GetUnknown()) == 0 {
				return Result{}, Errorf(Unavailable, "the backend sent an empty event")
			}
		}
	}
}
