package vllm

import (
	"math"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	got, err := parse(strings.NewReader(`# HELP vllm:num_requests_running Number of requests.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="a}b\"c"} 3.0
# TYPE vllm:prompt_tokens_total counter
vllm:prompt_tokens_total{engine="0"} 1.5e+06 1700000000000
# TYPE vllm:ttft histogram
vllm:ttft_bucket{le="+Inf"} 4
vllm:ttft_sum 0.25
vllm:ttft_count 4
# TYPE process_total gauge
process_total 2
untyped_thing{} -1
# TYPE odd gauge
odd NaN
# TYPE bad counter
bad -3
`))
	if err != nil {
		t.Fatal(err)
	}
	want := []sample{
		{"vllm:num_requests_running", `engine="0",model_name="a}b\"c"`, 3, false},
		{"vllm:prompt_tokens_total", `engine="0"`, 1.5e6, true},
		{"vllm:ttft_bucket", `le="+Inf"`, 4, true}, {"vllm:ttft_sum", "", .25, true}, {"vllm:ttft_count", "", 4, true},
		{"process_total", "", 2, false}, {"untyped_thing", "", -1, false},
	}
	if len(got) != len(want) {
		t.Fatalf("parsed %d samples: %+v", len(got), got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("parsed %+v, want %+v", got[i], want[i])
		}
	}
	for _, bad := range []string{"x", "x{a=\"b\" 1", "x one", "x 1 2 3", "{} 1"} {
		if _, err := parse(strings.NewReader(bad)); err == nil {
			t.Errorf("%q is taken for a sample", bad)
		}
	}
}

// FuzzParse: whatever an engine prints, what is read of it is finite.
func FuzzParse(f *testing.F) {
	f.Add("# TYPE a counter\na{b=\"c\"} 1\n")
	f.Add("a{b=\"\\\"}\"} +Inf 3")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := parse(strings.NewReader(text))
		if err != nil {
			return
		}
		for _, s := range got {
			if s.name == "" || math.IsNaN(s.value) || math.IsInf(s.value, 0) || s.counter && s.value < 0 {
				t.Errorf("%q gives %+v", text, s)
			}
		}
	})
}
