package declared_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
	"pgregory.net/rapid"

	"github.com/plimsoll-dev/plimsoll/core/topology"
	"github.com/plimsoll-dev/plimsoll/core/topology/declared"
	"github.com/plimsoll-dev/plimsoll/core/topology/load"
	"github.com/plimsoll-dev/plimsoll/core/topology/load/trace"
	"github.com/plimsoll-dev/plimsoll/core/topology/plan"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

// Whatever stands in a project and in its files: nothing panics, what is said
// lies in the file, and what is handed out passes the checks of those who take it.
func FuzzRead(f *testing.F) {
	all := files(f)
	f.Add([]byte(reference), []byte(nil))
	paths, _ := filepath.Glob("testdata/cases/*.txtar")
	for _, path := range paths {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(archive.Files[0].Data, all["llama.json"])
	}
	f.Add([]byte(small), all["gemma.json"])
	f.Add([]byte(small+"workload \"w\" {\n  trace = \"llama.json\"\n}\n"), all["traffic.csv"])
	f.Fuzz(func(t *testing.T, src, file []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "main.hcl"), src, 0o600); err != nil {
			t.Fatal(err)
		}
		p, diags := config.Load(dir, config.Options{})
		own := map[string][]byte{"llama.json": file, "qwen.json": all["qwen.json"], "traffic.csv": all["traffic.csv"]}
		s, more := declared.Read(p, in(own))
		if diags.HasErrors() {
			return // must not be used; that it was read without a panic is all
		}
		for _, d := range more {
			if d.Range.File != "main.hcl" || d.Range.Start.Line < 1 || d.Range.End.Byte > len(src) || !strings.HasSuffix(d.Detail, ".") && !strings.HasSuffix(d.Detail, "?") {
				t.Errorf("%+v", d)
			}
		}
		sound(t, s)
	})
}

// sound holds everything that a set hands out against its takers' own checks.
func sound(t testing.TB, s *declared.Set) {
	n := s.Names()
	for _, name := range n.Hardware {
		if h, err := s.Hardware(name); err == nil && h.Check() != nil {
			t.Errorf("hardware %s: %v", name, h.Check())
		}
	}
	for _, name := range append(n.Workloads, declared.Builtin) {
		if w, err := s.Workload(name); err == nil && w.Check() != nil {
			t.Errorf("workload %s: %v", name, w.Check())
		}
	}
	for _, name := range append(n.Decisions, "") {
		d, err := s.Decision(name)
		if err != nil {
			continue
		}
		if len(d.Models) == 0 || len(d.Workloads) == 0 || d.Hardware.Check() != nil {
			t.Errorf("decision %q is about nothing: %+v", name, d)
		}
		for _, x := range d.Topologies {
			if x.Check() != nil || x.GPUs(topology.Model{}) > d.Hardware.Count && x.Attach == "" {
				t.Errorf("decision %q has the candidate %+v on %d GPUs", name, x, d.Hardware.Count)
			}
		}
	}
	for _, name := range n.Topologies {
		for _, model := range append(n.Models, "") {
			if b, err := s.Bench(name, model, declared.Builtin); err == nil {
				if b.Config.Endpoint.URL == "" {
					b.Config.Endpoint.URL = "http://x"
				}
				if err := b.Config.Check(); err != nil {
					t.Errorf("bench of %s: %v", name, err)
				}
			}
			if spec, err := s.Plan(name, model); err == nil {
				_, _ = plan.Make(spec) // refuses in words, and never panics
			}
		}
	}
}

// What fits by its numbers is found to fit, and comes out as it went in.
func TestSizesComeThrough(t *testing.T) {
	all := files(t)
	dir := t.TempDir()
	rapid.Check(t, func(r *rapid.T) {
		count := rapid.IntRange(1, 64).Draw(r, "count")
		data, tensor, replicas := rapid.IntRange(1, 8).Draw(r, "data"), rapid.SampledFrom([]int{1, 2, 4, 8}).Draw(r, "tensor"), rapid.IntRange(1, 4).Draw(r, "replicas")
		src := fmt.Sprintf("hardware \"h\" {\n  gpu = \"H200\"\n  count = %d\n}\nmodel \"m\" {\n  config = \"llama.json\"\n}\ntopology \"t\" {\n  engine = \"vllm\"\n  version = \"0.24\"\n  data_parallel = %d\n  tensor_parallel = %d\n  replicas = %d\n}\n", count, data, tensor, replicas)
		if err := os.WriteFile(filepath.Join(dir, "main.hcl"), []byte(src), 0o600); err != nil {
			r.Fatal(err)
		}
		p, problems := config.Load(dir, config.Options{})
		if problems.HasErrors() {
			r.Fatal(problems.Err())
		}
		s, diags := declared.Read(p, in(all))
		again, more := declared.Read(p, in(all))
		if !reflect.DeepEqual(diags, more) || !reflect.DeepEqual(s.Names(), again.Names()) {
			r.Error("two readings differ")
		}
		got, err := s.Topology("t")
		fits := data*tensor*replicas <= count
		if fits != (err == nil) || fits == diags.HasErrors() {
			r.Fatalf("%d x %d x %d on %d GPUs: %v, %v", data, tensor, replicas, count, err, diags.Err())
		}
		if fits && (got.DataParallel != data || got.TensorParallel != tensor || got.Replicas != replicas) {
			r.Errorf("%+v", got)
		}
	})
}

// Any trace that can be read can be predicted with and sent.
func TestAnyTraceDescribes(t *testing.T) {
	dir := t.TempDir()
	src := small + "workload \"w\" {\n  trace = \"t.csv\"\n}\ntopology \"t\" {\n  engine = \"vllm\"\n  version = \"0.24\"\n}\n"
	if err := os.WriteFile(filepath.Join(dir, "main.hcl"), []byte(src), 0o600); err != nil {
		t.Fatal(err)
	}
	p, problems := config.Load(dir, config.Options{})
	if problems.HasErrors() {
		t.Fatal(problems.Err())
	}
	all := files(t)
	rapid.Check(t, func(r *rapid.T) {
		n := rapid.IntRange(1, 50).Draw(r, "n")
		arrivals := make([]load.Arrival, n)
		at := time.Duration(0)
		in0, out0 := 0, 0
		for i := range arrivals {
			at += time.Duration(rapid.Int64Range(0, int64(time.Minute)).Draw(r, "gap")) / time.Millisecond * time.Millisecond
			arrivals[i] = load.Arrival{At: at, Input: rapid.IntRange(1, 100_000).Draw(r, "in"), Output: rapid.IntRange(1, 5_000).Draw(r, "out")}
			in0, out0 = in0+arrivals[i].Input, out0+arrivals[i].Output
		}
		var b bytes.Buffer
		if err := trace.Write(&b, arrivals); err != nil {
			r.Fatal(err)
		}
		own := map[string][]byte{"llama.json": all["llama.json"], "t.csv": b.Bytes()}
		s, diags := declared.Read(p, in(own))
		if diags.HasErrors() {
			r.Fatal(diags.Err())
		}
		w, err := s.Workload("w")
		if err != nil || w.Check() != nil || w.Prompts != n {
			r.Fatalf("%+v, %v, %v", w, err, w.Check())
		}
		if d := w.Input - in0/n; d < 0 || d > 1 {
			r.Errorf("a mean input of %d for %d/%d", w.Input, in0, n)
		}
		if d := w.Output - out0/n; d < 0 || d > 1 {
			r.Errorf("a mean output of %d for %d/%d", w.Output, out0, n)
		}
		bench, err := s.Bench("t", "", "w")
		if err != nil {
			r.Fatal(err)
		}
		if err := bench.Config.Check(); err != nil && !strings.Contains(err.Error(), "burst") {
			r.Error(err)
		}
	})
}

// Warnings leave what they are about in the set: only errors take it out.
func TestWarningsKeep(t *testing.T) {
	p, _ := project(t, small+"topology \"t\" {\n  engine = \"vllm\"\n  version = \"0.24\"\n  model = model.m\n}\nworkload \"w\" {\n  input_tokens = 900000\n}\n")
	s, diags := declared.Read(p, in(files(t)))
	if diags.HasErrors() || diags.Count(diag.Warning) != 1 {
		t.Fatalf("%+v", diags)
	}
	if _, err := s.Topology("t"); err != nil {
		t.Error(err)
	}
	if _, err := s.Plan("t", ""); err != nil {
		t.Error(err)
	}
}
