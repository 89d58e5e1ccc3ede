package backend

import (
	"encoding/json"
	"time"

	pb "github.com/plimsoll-dev/plimsoll/sdk/backend/proto/v1"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// All conversions between sdk/message and the wire stand in this file,
// those of the optional services in convert_optional.go. An empty
// slice and a nil one are the same on the wire; nothing else is lost, which a
// property test checks.

func requestToWire(r message.Request) *pb.GenerateRequest {
	out := &pb.GenerateRequest{
		Model: r.Model, ResponseSchema: r.ResponseSchema, Session: r.Session,
		Idempotency: r.Idempotency, Metadata: r.Metadata,
		ToolChoice: &pb.ToolChoice{Mode: r.ToolChoice.Mode, Names: r.ToolChoice.Names},
		Sampling: &pb.Sampling{
			Temperature: r.Sampling.Temperature, TopP: r.Sampling.TopP,
			MaxOutput: r.Sampling.MaxOutput, Seed: r.Sampling.Seed, Stop: r.Sampling.Stop,
		},
	}
	for _, m := range r.Messages {
		out.Messages = append(out.Messages, messageToWire(m))
	}
	for _, t := range r.Tools {
		out.Tools = append(out.Tools, &pb.ToolDef{Name: t.Name, Description: t.Description, Schema: t.Schema})
	}
	return out
}

func requestFromWire(r *pb.GenerateRequest) message.Request {
	s := r.GetSampling()
	out := message.Request{
		Model: r.GetModel(), ResponseSchema: rawJSON(r.GetResponseSchema()), Session: r.GetSession(),
		Idempotency: r.GetIdempotency(), Metadata: r.GetMetadata(),
		ToolChoice: message.ToolChoice{Mode: r.GetToolChoice().GetMode(), Names: r.GetToolChoice().GetNames()},
		Sampling:   message.Sampling{MaxOutput: s.GetMaxOutput(), Stop: s.GetStop()},
	}
	if s != nil {
		out.Sampling.Temperature, out.Sampling.TopP, out.Sampling.Seed = s.Temperature, s.TopP, s.Seed
	}
	for _, m := range r.GetMessages() {
		out.Messages = append(out.Messages, messageFromWire(m))
	}
	for _, t := range r.GetTools() {
		out.Tools = append(out.Tools, message.ToolDef{Name: t.GetName(), Description: t.GetDescription(), Schema: rawJSON(t.GetSchema())})
	}
	return out
}

func messageToWire(m message.Message) *pb.Message {
	out := &pb.Message{Role: string(m.Role), ToolCallId: m.ToolCallID, CacheHere: m.CacheHere}
	for _, p := range m.Parts {
		out.Parts = append(out.Parts, &pb.Part{Type: p.Type, Text: p.Text})
	}
	for _, c := range m.ToolCalls {
		out.ToolCalls = append(out.ToolCalls, toolCallToWire(c))
	}
	return out
}

func messageFromWire(m *pb.Message) message.Message {
	out := message.Message{Role: message.Role(m.GetRole()), ToolCallID: m.GetToolCallId(), CacheHere: m.GetCacheHere()}
	for _, p := range m.GetParts() {
		out.Parts = append(out.Parts, message.Part{Type: p.GetType(), Text: p.GetText()})
	}
	for _, c := range m.GetToolCalls() {
		out.ToolCalls = append(out.ToolCalls, toolCallFromWire(c))
	}
	return out
}

func toolCallToWire(c message.ToolCall) *pb.ToolCall {
	return &pb.ToolCall{Id: c.ID, Name: c.Name, Arguments: c.Arguments}
}

func toolCallFromWire(c *pb.ToolCall) message.ToolCall {
	return message.ToolCall{ID: c.GetId(), Name: c.GetName(), Arguments: rawJSON(c.GetArguments())}
}

func usageToWire(u message.Usage) *pb.Usage {
	return &pb.Usage{Input: u.Input, CachedInput: u.CachedInput, CacheWrite: u.CacheWrite, CacheWrite_1H: u.CacheWrite1h, Output: u.Output, Reasoning: u.Reasoning}
}

func usageFromWire(u *pb.Usage) message.Usage {
	return message.Usage{
		Input: u.GetInput(), CachedInput: u.GetCachedInput(), CacheWrite: u.GetCacheWrite(), CacheWrite1h: u.GetCacheWrite_1H(),
		Output: u.GetOutput(), Reasoning: u.GetReasoning(),
	}
}

func errorToWire(e *Error) *pb.Error {
	return &pb.Error{Code: string(e.Code), Message: validText(e.Message), RetryAfterMs: e.RetryAfter.Milliseconds(), Retryable: e.Retryable}
}

func errorFromWire(e *pb.Error) *Error {
	wait := time.Duration(max(e.GetRetryAfterMs(), 0)) * time.Millisecond
	return &Error{Code: ErrorCode(e.GetCode()), Message: e.GetMessage(), RetryAfter: wait, Retryable: e.GetRetryable()}
}

func descriptionToWire(d Description) *pb.DescribeResponse {
	c := d.Capabilities
	out := &pb.DescribeResponse{
		Name: d.Name, Version: d.Version, Simulated: d.Simulated,
		Capabilities: &pb.Capabilities{
			ToolMasking: c.ToolMasking, PrefixCaching: c.PrefixCaching,
			StructuredOutput: c.StructuredOutput, Seeds: c.Seeds, Logprobs: c.Logprobs,
			CountTokens: c.CountTokens, Embeddings: c.Embeddings, Serving: c.Serving, Running: c.Running,
		},
	}
	for _, m := range d.Models {
		out.Models = append(out.Models, &pb.ModelInfo{Id: m.ID, ContextTokens: m.ContextTokens, MaxOutputTokens: m.MaxOutputTokens})
	}
	for _, f := range d.ConfigSchema {
		out.ConfigSchema = append(out.ConfigSchema, fieldToWire(f))
	}
	return out
}

func descriptionFromWire(d *pb.DescribeResponse) Description {
	c := d.GetCapabilities()
	out := Description{
		Name: d.GetName(), Version: d.GetVersion(), Simulated: d.GetSimulated(),
		Capabilities: Capabilities{
			ToolMasking: c.GetToolMasking(), PrefixCaching: c.GetPrefixCaching(),
			StructuredOutput: c.GetStructuredOutput(), Seeds: c.GetSeeds(), Logprobs: c.GetLogprobs(),
			CountTokens: c.GetCountTokens(), Embeddings: c.GetEmbeddings(), Serving: c.GetServing(), Running: c.GetRunning(),
		},
	}
	for _, m := range d.GetModels() {
		out.Models = append(out.Models, ModelInfo{ID: m.GetId(), ContextTokens: m.GetContextTokens(), MaxOutputTokens: m.GetMaxOutputTokens()})
	}
	for _, f := range d.GetConfigSchema() {
		out.ConfigSchema = append(out.ConfigSchema, fieldFromWire(f))
	}
	return out
}

func fieldToWire(f ConfigField) *pb.ConfigField {
	out := &pb.ConfigField{Name: f.Name, Type: f.Type, Required: f.Required, Doc: f.Doc}
	if f.Elem != nil {
		out.Elem = fieldToWire(*f.Elem)
	}
	for _, sub := range f.Fields {
		out.Fields = append(out.Fields, fieldToWire(sub))
	}
	return out
}

// fieldFromWire recurses as deep as the message is nested, which protobuf's
// decoder bounds (10,000 levels).
func fieldFromWire(f *pb.ConfigField) ConfigField {
	out := ConfigField{Name: f.GetName(), Type: f.GetType(), Required: f.GetRequired(), Doc: f.GetDoc()}
	if f.GetElem() != nil {
		elem := fieldFromWire(f.GetElem())
		out.Elem = &elem
	}
	for _, sub := range f.GetFields() {
		out.Fields = append(out.Fields, fieldFromWire(sub))
	}
	return out
}

// rawJSON keeps "absent" absent: an empty RawMessage would not marshal.
func rawJSON(b []byte) json.RawMessage {
	if len(b) == 0 {
		return nil
	}
	return b
}
