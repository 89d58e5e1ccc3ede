package backend

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	pb "github.com/plimsoll-dev/plimsoll/sdk/backend/proto/v1"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// testdata/v1.binpb is backend.proto as it was first released, recorded with
// protoc --descriptor_set_out. It is never made anew: a host or a plugin that
// was built then speaks exactly that, and these tests play both.
func frozen(t *testing.T) protoreflect.FileDescriptor {
	t.Helper()
	raw, err := os.ReadFile("testdata/v1.binpb")
	if err != nil {
		t.Fatal(err)
	}
	var set descriptorpb.FileDescriptorSet
	if err := proto.Unmarshal(raw, &set); err != nil {
		t.Fatal(err)
	}
	file, err := protodesc.NewFile(set.GetFile()[0], nil)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

type oldProtocol struct{ protoreflect.FileDescriptor }

func (o oldProtocol) message(name protoreflect.Name) *dynamicpb.Message {
	return dynamicpb.NewMessage(o.Messages().ByName(name))
}

// set fills fields of a message: text, numbers and messages.
func set(m *dynamicpb.Message, fields map[protoreflect.Name]any) *dynamicpb.Message {
	for name, v := range fields {
		if sub, ok := v.(*dynamicpb.Message); ok {
			v = sub.ProtoReflect()
		}
		m.Set(m.Descriptor().Fields().ByName(name), protoreflect.ValueOf(v))
	}
	return m
}

func text(m *dynamicpb.Message, name protoreflect.Name) string {
	return m.Get(m.Descriptor().Fields().ByName(name)).String()
}

func connect(t *testing.T, srv *grpc.Server) *grpc.ClientConn {
	t.Helper()
	l := bufconn.Listen(1 << 20)
	go func() { _ = srv.Serve(l) }()
	t.Cleanup(srv.Stop)
	conn, err := grpc.NewClient("passthrough:old", append(DialOptions(), grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return l.DialContext(ctx) }))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// oldPlugin serves Model as an SDK of the first release did. Its events follow
// one another; unknown bytes in them come from further in the future.
func oldPlugin(t *testing.T, events ...*dynamicpb.Message) *grpc.Server {
	old := oldProtocol{frozen(t)}
	unary := func(in, out protoreflect.Name, fields map[protoreflect.Name]any) func(any, context.Context, func(any) error, grpc.UnaryServerInterceptor) (any, error) {
		return func(_ any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
			if err := decode(old.message(in)); err != nil {
				return nil, err
			}
			return set(old.message(out), fields), nil
		}
	}
	srv := grpc.NewServer(ServerOptions()...)
	srv.RegisterService(&grpc.ServiceDesc{
		ServiceName: "plimsoll.backend.v1.Model", HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{
			{MethodName: "Describe", Handler: unary("DescribeRequest", "DescribeResponse", map[protoreflect.Name]any{"name": "old", "version": "0.1.0"})},
			{MethodName: "Configure", Handler: unary("ConfigureRequest", "ConfigureResponse", nil)},
		},
		Streams: []grpc.StreamDesc{{StreamName: "Generate", ServerStreams: true, Handler: func(_ any, s grpc.ServerStream) error {
			req := old.message("GenerateRequest")
			if err := s.RecvMsg(req); err != nil {
				return err
			}
			if err := s.SendMsg(set(old.message("GenerateEvent"), map[protoreflect.Name]any{"text": "asked for " + text(req, "model")})); err != nil {
				return err
			}
			for _, e := range events {
				if err := s.SendMsg(e); err != nil {
					return err
				}
			}
			return nil
		}}},
	}, nil)
	return srv
}

func TestOldPluginNewHost(t *testing.T) {
	old := oldProtocol{frozen(t)}
	done := set(old.message("GenerateEvent"), map[protoreflect.Name]any{"done": set(old.message("Done"), map[protoreflect.Name]any{
		"finish": "stop", "model": "old-1", "usage": set(old.message("Usage"), map[protoreflect.Name]any{"input": int64(3), "output": int64(2)}),
	})})
	// An event of a kind that this version does not know, and a field.
	future := old.message("GenerateEvent")
	future.SetUnknown(protowire.AppendString(protowire.AppendTag(nil, 900, protowire.BytesType), "thinking"))
	done.SetUnknown(protowire.AppendVarint(protowire.AppendTag(nil, 901, protowire.VarintType), 1))

	r := NewRemote(connect(t, oldPlugin(t, future, done)))
	if d, err := r.Describe(t.Context()); err != nil || d.Name != "old" || d.Capabilities.CountTokens {
		t.Errorf("described: %+v, %v", d, err)
	}
	if err := r.Configure(t.Context(), nil); err != nil {
		t.Error(err)
	}
	resp, err := Collect(t.Context(), r, message.Request{Model: "m"})
	if err != nil || resp.Message.String() != "asked for m" || resp.Model != "old-1" || resp.Usage.Input != 3 {
		t.Errorf("%+v, %v", resp, err)
	}
	if _, err := r.CountTokens(t.Context(), message.Request{}); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("an ability from after its time: %v", err)
	}
	if _, _, err := r.Embed(t.Context(), "m", []string{"a"}); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("an ability from after its time: %v", err)
	}
	for name, err := range everyServing(t.Context(), r) {
		if !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s, an ability from after its time: %v", name, err)
		}
	}
	empty := NewRemote(connect(t, oldPlugin(t, old.message("GenerateEvent"), done)))
	if _, err := Collect(t.Context(), empty, message.Request{Model: "m"}); err == nil || !strings.Contains(err.Error(), "empty event") {
		t.Errorf("an event with nothing in it: %v", err)
	}
}

func TestNewPluginOldHost(t *testing.T) {
	old := oldProtocol{frozen(t)}
	srv := grpc.NewServer(ServerOptions()...)
	Register(srv, "new", func(map[string]any) (Model, error) {
		return able{scripted: func(_ context.Context, req message.Request, out Sink) error {
			return errors.Join(out.Text("to "+req.Model), out.Done(message.Usage{Input: 5, CacheWrite: 4, CacheWrite1h: 2}, message.FinishStop, "new-1"))
		}}, nil
	})
	conn := connect(t, srv)
	d := old.message("DescribeResponse")
	if err := conn.Invoke(t.Context(), "/plimsoll.backend.v1.Model/Describe", old.message("DescribeRequest"), d); err != nil || text(d, "name") != "new" {
		t.Fatalf("described: %v, %v", d, err)
	}
	config := set(old.message("ConfigureRequest"), map[protoreflect.Name]any{"config_json": []byte("{}")})
	if err := conn.Invoke(t.Context(), "/plimsoll.backend.v1.Model/Configure", config, old.message("ConfigureResponse")); err != nil {
		t.Fatal(err)
	}
	s, err := conn.NewStream(t.Context(), &grpc.StreamDesc{ServerStreams: true}, "/plimsoll.backend.v1.Model/Generate")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.SendMsg(set(old.message("GenerateRequest"), map[protoreflect.Name]any{"model": "m"})), s.CloseSend()); err != nil {
		t.Fatal(err)
	}
	var kinds []string
	for {
		e := old.message("GenerateEvent")
		if err := s.RecvMsg(e); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		kind := e.WhichOneof(e.Descriptor().Oneofs().ByName("event"))
		if kind == nil {
			t.Fatalf("an event that an old host does not know: %v", e)
		}
		kinds = append(kinds, string(kind.Name()))
	}
	if got := strings.Join(kinds, " "); got != "text done" {
		t.Errorf("an old host sees %q", got)
	}
}

// Everything of the first release is still there under its number and type.
func TestProtocolOnlyGrows(t *testing.T) {
	was, is := frozen(t), pb.File_v1_backend_proto
	for i := range was.Messages().Len() {
		before := was.Messages().Get(i)
		now := is.Messages().ByName(before.Name())
		if now == nil {
			t.Errorf("message %s is gone", before.Name())
			continue
		}
		for j := range before.Fields().Len() {
			f := before.Fields().Get(j)
			g := now.Fields().ByNumber(f.Number())
			if g == nil || g.Name() != f.Name() || g.Kind() != f.Kind() || g.Cardinality() != f.Cardinality() || g.HasPresence() != f.HasPresence() {
				t.Errorf("field %d of %s was %v and is %v", f.Number(), before.Name(), f, g)
			}
		}
	}
	for i := range was.Services().Len() {
		before := was.Services().Get(i)
		now := is.Services().ByName(before.Name())
		for j := range before.Methods().Len() {
			f := before.Methods().Get(j)
			if now == nil || now.Methods().ByName(f.Name()) == nil {
				t.Errorf("method %s is gone", f.FullName())
				continue
			}
			g := now.Methods().ByName(f.Name())
			if g.Input().Name() != f.Input().Name() || g.Output().Name() != f.Output().Name() || g.IsStreamingServer() != f.IsStreamingServer() {
				t.Errorf("method %s changed", f.FullName())
			}
		}
		if now != nil && now.Methods().Len() != before.Methods().Len() {
			t.Errorf("service %s has other methods: an old plugin cannot answer them", before.Name())
		}
	}
}
