package trace_test

import (
	"bytes"
	"compress/gzip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/topology/load"
	"github.com/plimsoll-dev/plimsoll/core/topology/load/trace"
)

const (
	own      = "timestamp_s,input_tokens,output_tokens\n10,5,6\n10.25,7,8\n12,9,10\n"
	azure    = "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46.6805900,374,44\n2023-11-16 18:15:50.9951690,396,0\n"
	mooncake = "timestamp_ms,input_length,output_length,hash_blocks,first_hash\n0,6758,500,14,0\n3000,7322,490,15,0\n"
)

func TestForms(t *testing.T) {
	for src, want := range map[string][]load.Arrival{
		own:      {{Input: 5, Output: 6}, {At: 250 * time.Millisecond, Input: 7, Output: 8}, {At: 2 * time.Second, Input: 9, Output: 10}},
		azure:    {{Input: 374, Output: 44}, {At: 4314579 * time.Microsecond, Input: 396, Output: 1}},
		mooncake: {{Input: 6758, Output: 500}, {At: 3 * time.Second, Input: 7322, Output: 490}},
	} {
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		z.Write([]byte(src))
		z.Close()
		for _, in := range []string{src, packed.String(), strings.ReplaceAll(src, "\n", "\r\n")} {
			got, err := trace.Read(strings.NewReader(in), trace.Limits{})
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%q: %v, %v", src, got, err)
			}
		}
		var again bytes.Buffer
		if err := trace.Write(&again, want); err != nil {
			t.Fatal(err)
		}
		if got, err := trace.Read(&again, trace.Limits{}); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("written and read: %v, %v", got, err)
		}
	}
}

func TestLimits(t *testing.T) {
	if got, err := trace.Read(strings.NewReader(own), trace.Limits{Arrivals: 2}); err != nil || len(got) != 2 {
		t.Errorf("%v, %v", got, err)
	}
	if got, err := trace.Read(strings.NewReader(own), trace.Limits{Span: time.Second}); err != nil || len(got) != 2 {
		t.Errorf("%v, %v", got, err)
	}
}

func TestRefusals(t *testing.T) {
	for src, want := range map[string]string{
		"":             "header",
		"a,b,c\n1,2,3": `the trace's columns are "a,b,c"`,
		"timestamp_s,input_tokens,output_tokens\n":             "no arrivals",
		"timestamp_s,input_tokens,output_tokens\n2,1,1\n1,1,1": "line 3 of the trace: its time is before",
		"timestamp_s,input_tokens,output_tokens\n2,-1,1":       "line 2",
		"timestamp_s,input_tokens,output_tokens\nNaN,1,1":      `"NaN" is no time`,
		"timestamp_s,input_tokens,output_tokens\n1,1":          "wrong number of fields",
		"\x1f\x8bnothing": "unpacking",
	} {
		if got, err := trace.Read(strings.NewReader(src), trace.Limits{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, error %v lacks %q", src, got, err, want)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, s := range []string{own, azure, mooncake, "timestamp_s,input_tokens,output_tokens\n1e309,1,1\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		got, err := trace.Read(bytes.NewReader(src), trace.Limits{})
		if err != nil {
			return
		}
		for i, a := range got {
			if a.Input < 1 || a.Output < 1 || a.At < 0 || i > 0 && a.At < got[i-1].At {
				t.Fatalf("arrival %d is %+v", i, a)
			}
		}
	})
}
