package backend

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	pb "github.com/plimsoll-dev/plimsoll/sdk/backend/proto/v1"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// recordingSink collects what a wireSink sends.
type recordingSink struct{ text string }

func (r *recordingSink) sink() *wireSink {
	return &wireSink{send: func(e *pb.GenerateEvent) error {
		r.text += e.GetText()
		return nil
	}}
}

// fill gives every field of a message type a value, by reflection, so that a
// field which is added to sdk/message and forgotten in the conversion fails.
func fill(t *rapid.T, v reflect.Value, name string) {
	switch v.Type() {
	case reflect.TypeFor[json.RawMessage]():
		v.SetBytes([]byte(rapid.SampledFrom([]string{`{}`, `{"a":1}`}).Draw(t, name)))
		return
	case reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(time.Unix(0, rapid.Int64Range(1, 1<<62).Draw(t, name)).UTC()))
		return
	case reflect.TypeFor[[]byte]():
		v.SetBytes(rapid.SliceOfN(rapid.Byte(), 1, 8).Draw(t, name))
		return
	case reflect.TypeFor[map[string]float64]():
		v.Set(reflect.ValueOf(map[string]float64{rapid.String().Draw(t, name): rapid.Float64Range(0, 1e18).Draw(t, name)}))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(rapid.StringN(1, 8, -1).Draw(t, name))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(rapid.Int64Range(1, 1<<62).Draw(t, name))
	case reflect.Float64:
		v.SetFloat(rapid.Float64Range(0.1, 2).Draw(t, name))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem(), name)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), rapid.IntRange(1, 3).Draw(t, name), 3))
		for i := range v.Len() {
			fill(t, v.Index(i), name)
		}
	case reflect.Map:
		v.Set(reflect.ValueOf(map[string]string{"k": rapid.StringMatching(`[^\x00]*`).Draw(t, name)}))
	case reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i), v.Type().Field(i).Name)
		}
	default:
		t.Fatalf("%s has kind %s, which this test cannot fill", name, v.Kind())
	}
}

func TestNothingIsLostOnTheWire(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var req message.Request
		fill(t, reflect.ValueOf(&req).Elem(), "request")
		raw, err := proto.Marshal(requestToWire(req))
		if err != nil {
			t.Fatal(err)
		}
		var wire pb.GenerateRequest
		if err := proto.Unmarshal(raw, &wire); err != nil {
			t.Fatal(err)
		}
		if got := requestFromWire(&wire); !reflect.DeepEqual(got, req) {
			t.Fatalf("%+v\nbecame\n%+v", req, got)
		}
		var usage message.Usage
		fill(t, reflect.ValueOf(&usage).Elem(), "usage")
		if got := usageFromWire(usageToWire(usage)); got != usage {
			t.Fatalf("%+v became %+v", usage, got)
		}
	})
}

func TestDescriptionAndErrorOnTheWire(t *testing.T) {
	d := Description{
		Name: "n", Version: "1", Simulated: true, Models: []ModelInfo{{"m", 1, 2}},
		Capabilities: Capabilities{MaskNames, true, true, true, true, true, true, true, true},
		ConfigSchema: []ConfigField{{Name: "a", Type: TypeMap, Required: true, Doc: "x", Elem: &ConfigField{Type: TypeObject, Fields: []ConfigField{{Name: "b", Type: TypeNumber}}}}},
	}
	if got := descriptionFromWire(descriptionToWire(d)); !reflect.DeepEqual(got, d) {
		t.Errorf("%+v\nbecame\n%+v", d, got)
	}
	e := &Error{Code: RateLimited, Message: "m", RetryAfter: 1500 * time.Millisecond, Retryable: true}
	if got := errorFromWire(errorToWire(e)); *got != *e {
		t.Errorf("%+v became %+v", e, got)
	}
	if got := errorFromWire(&pb.Error{RetryAfterMs: -5}); got.RetryAfter != 0 {
		t.Errorf("a negative wait became %s", got.RetryAfter)
	}
	if got := requestFromWire(&pb.GenerateRequest{}); !reflect.DeepEqual(got, message.Request{}) {
		t.Errorf("an empty request became %+v", got)
	}
}

// Anything can arrive; nothing may panic.
func FuzzRequestFromWire(f *testing.F) {
	seed, err := proto.Marshal(requestToWire(message.Request{Model: "m", Messages: []message.Message{message.Text(message.User, "x")}}))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Fuzz(func(t *testing.T, raw []byte) {
		var wire pb.GenerateRequest
		if proto.Unmarshal(raw, &wire) != nil {
			return
		}
		again := requestFromWire(requestToWire(requestFromWire(&wire)))
		if first := requestFromWire(&wire); !reflect.DeepEqual(first, again) && first.Model == again.Model {
			a, _ := json.Marshal(first)
			b, _ := json.Marshal(again)
			if string(a) != string(b) {
				t.Errorf("%s\nbecame\n%s", a, b)
			}
		}
	})
}
