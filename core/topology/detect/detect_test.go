package detect

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "rewrite golden files")

// said is a machine by what its programs print; what is not in it is absent.
type said map[string]string

func (s said) Run(_ context.Context, name string, args ...string) (string, error) {
	key := strings.Join(append([]string{name}, args...), " ")
	for begin, out := range s {
		if strings.HasPrefix(key, begin) {
			if why, ok := strings.CutPrefix(out, "error: "); ok {
				return "", errors.New(why)
			}
			return out, nil
		}
	}
	for begin := range s {
		if strings.HasPrefix(begin, name+" ") {
			return "", fmt.Errorf("%s failed: exit status 1", name)
		}
	}
	return "", fmt.Errorf("%s: %w", name, ErrAbsent)
}

// hurried is a machine that notes which programs had to answer within seconds.
type hurried struct {
	said
	soon map[string]bool
}

func (h hurried) Run(ctx context.Context, name string, args ...string) (string, error) {
	if end, ok := ctx.Deadline(); ok && time.Until(end) <= 10*time.Second {
		h.soon[name] = true
	}
	return h.said.Run(ctx, name, args...)
}

// A container runtime that hangs at its daemon does not hold up the look for long;
// the engine has the time that it needs.
func TestRuntimesAreHurried(t *testing.T) {
	h := hurried{said{}, map[string]bool{}}
	Look(t.Context(), Config{Runner: h, Env: func(string) (string, bool) { return "", false }, Glob: func(string) ([]string, bool) { return nil, false }})
	if !h.soon["docker"] || !h.soon["podman"] || h.soon["vllm"] {
		t.Errorf("hurried were %v", h.soon)
	}
}

func file(t testing.TB, name string) string {
	t.Helper()
	src, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(src)
}

func env(m map[string]string) func(string) (string, bool) {
	return func(k string) (string, bool) { v, ok := m[k]; return v, ok }
}

func machines(t testing.TB) map[string]said {
	return map[string]said{
		"b200x2": {
			"nvidia-smi --query-gpu=index,name,memory.total,driver_version,compute_cap": file(t, "b200x2.csv"), "nvidia-smi topo": file(t, "b200x2.topo"),
			"nvcc --version":   "nvcc: NVIDIA (R) Cuda compiler driver\nCuda compilation tools, release 12.8, V12.8.93\n",
			"vllm --version":   "INFO 07-01 12:00:00 [__init__.py:235] Automatically detected platform cuda.\n0.24.0\n",
			"python3 -c":       "vllm==0.24.0\ntorch==2.8.0+cu128\nflashinfer-python==0.6.1\n",
			"docker --version": "Docker version 28.3.2, build 578ccf6\n", "podman --version": "podman version 5.4.0\n",
		},
		"l40sx4": {"nvidia-smi --query-gpu=index,name,memory.total,driver_version,compute_cap": file(t, "l40sx4.csv"), "nvidia-smi topo": file(t, "l40sx4.topo"), "python3 -c": ""},
		"odd":    {"nvidia-smi --query-gpu=index,name,memory.total,driver_version --": file(t, "odd.csv"), "nvidia-smi topo": file(t, "odd.topo"), "vllm --version": "error: vllm failed: exit status 1: ImportError: libcudart"},
		"none":   {},
	}
}

func TestBlocks(t *testing.T) {
	for name, programs := range machines(t) {
		t.Run(name, func(t *testing.T) {
			c := Config{Runner: programs, Env: env(map[string]string{"HOME": "/home/x"}), Glob: func(string) ([]string, bool) { return nil, false }}
			if name == "b200x2" {
				c.Models = []string{"testdata/models"}
			}
			m := Look(t.Context(), c)
			here, err := os.Getwd()
			if err != nil {
				t.Fatal(err)
			}
			got := strings.ReplaceAll(m.HCL(Block{Folder: "."}), filepath.ToSlash(here), "/work")
			for _, g := range m.Gaps {
				got += fmt.Sprintf("\n# gap %s: %s %s", filepath.ToSlash(g.What), g.Why, g.Do)
			}
			got = strings.TrimRight(got, "\n") + "\n"
			golden := filepath.Join("testdata", name+".golden.hcl")
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if want := file(t, name+".golden.hcl"); got != want {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
			if whole := name == "b200x2" || name == "l40sx4"; m.Whole() != whole {
				t.Errorf("whole is %v", m.Whole())
			}
		})
	}
}

func TestFacts(t *testing.T) {
	full := func(string) ([]string, bool) { return []string{"a1b2"}, true }
	all := machines(t)
	m := Look(t.Context(), Config{Runner: all["b200x2"], Env: env(map[string]string{"HOME": "/home/x"}), Glob: full})
	f := m.Facts()
	if f.NVCC == nil || !*f.NVCC || f.PrebuiltKernels == nil || *f.PrebuiltKernels || f.ColdCache == nil || *f.ColdCache || f.FirstStart != nil {
		t.Errorf("facts: %+v", f)
	}
	other := all["b200x2"]
	other["python3 -c"] = "vllm==0.20.0\nflashinfer-jit-cache==0.6.1\n"
	delete(other, "nvcc --version")
	f = Look(t.Context(), Config{Runner: other, Env: env(nil), Glob: full}).Facts()
	if f.PrebuiltKernels != nil {
		t.Error("another Python's kernels are taken for the engine's")
	}
	if f.NVCC == nil || *f.NVCC || f.ColdCache != nil {
		t.Errorf("facts: %+v", f)
	}
	cold := Look(t.Context(), Config{Runner: said{}, Env: env(map[string]string{"VLLM_CACHE_ROOT": "/c"}), Glob: func(dir string) ([]string, bool) {
		if filepath.ToSlash(dir) != "/c/torch_compile_cache" {
			t.Errorf("looked into %s", dir)
		}
		return nil, false
	}}).Facts()
	if cold.ColdCache == nil || !*cold.ColdCache || cold.FirstStart == nil || !*cold.FirstStart {
		t.Errorf("facts: %+v", cold)
	}
}

func TestParseGPUs(t *testing.T) {
	for _, x := range []struct{ text, fault string }{
		{"", "is empty"},
		{"Failed to initialize NVML: Driver/library version mismatch", `no column "index"`},
		{"index, name\n0, NVIDIA B200", ""},
		{"index, name\nzero, NVIDIA B200", "is no GPU"},
		{"index, name\n-1, NVIDIA B200", "is no GPU"},
		{"index, name\n0", "is no GPU"},
		{"index, name, memory.total [MiB]\n0, NVIDIA GB10, [N/A]", ""},
		{"index, name, memory.total [MiB]\n0, NVIDIA B200, 180 GiB", "no memory in MiB"},
		{"index, name, memory.total [MiB]\n0, NVIDIA B200, NaN MiB", "no memory in MiB"},
		{"index, name\n" + strings.Repeat("0, NVIDIA B200\n", 1025), "believed"},
	} {
		got, err := ParseGPUs(x.text)
		switch {
		case x.fault == "" && (err != nil || len(got) != 1):
			t.Errorf("%q: %v, %v", x.text, got, err)
		case x.fault != "" && (err == nil || !strings.Contains(err.Error(), x.fault)):
			t.Errorf("%.60q: %v, want %q", x.text, err, x.fault)
		}
	}
}

// TestKnownGPUs: names that look alike are not taken for each other.
func TestKnownGPUs(t *testing.T) {
	for name, want := range map[string]string{
		"NVIDIA H100 80GB HBM3 81559": "H100", "NVIDIA H100 PCIe 81559": "", "NVIDIA H100 NVL 95830": "", "NVIDIA H200 143771": "H200",
		"NVIDIA A100-SXM4-80GB 81920": "A100", "NVIDIA A100-SXM4-40GB 40960": "", "NVIDIA A100 80GB PCIe 81920": "",
		"Quadro RTX 6000 24576": "", "NVIDIA RTX 6000 Ada Generation 49140": "RTX 6000", "NVIDIA A30 24576": "A30", "NVIDIA L40S 46068": "L40S", "NVIDIA L40 46068": "",
		"NVIDIA RTX PRO 6000 Blackwell Server Edition 97887": "RTX PRO 6000", "NVIDIA RTX PRO 6000 Blackwell Workstation Edition 97887": "",
		"NVIDIA B200 183359": "B200", "NVIDIA GB200 189471": "GB200", "NVIDIA B300 SXM6 AC 275040": "B300", "NVIDIA B200 90000": "",
	} {
		i := strings.LastIndex(name, " ")
		got, err := ParseGPUs("index, name, memory.total [MiB]\n0, " + name[:i] + ", " + name[i+1:] + " MiB\n")
		if err != nil || got[0].Known != want {
			t.Errorf("%s: %v %v, want %q", name, got, err, want)
		}
	}
}

func TestParseLinks(t *testing.T) {
	got, err := ParseLinks(file(t, "b200x2.topo"), 2)
	if err != nil || got[0][1] != "NV18" || got[1][0] != "NV18" {
		t.Fatal(got, err)
	}
	for text, fault := range map[string]string{
		"":                                  "no matrix",
		"GPU0 GPU1\nGPU0 X NV1\n":           "no row of GPU1",
		"GPU0 GPU1\nGPU0 X\nGPU1 X X":       "has 1 cells",
		"GPU0 GPU1\nGPU0 X NVL\nGPU1 NVL X": "words for a path",
		"GPU0\nGPU0 X":                      "has 1 GPUs",
	} {
		if _, err := ParseLinks(text, 2); err == nil || !strings.Contains(err.Error(), fault) {
			t.Errorf("%q: %v, want %q", text, err, fault)
		}
	}
}

func TestVersions(t *testing.T) {
	for text, want := range map[string]string{"0.24.0\n": "0.24.0", "vllm 0.9.1\n": "0.9.1", "0.25.0rc1.dev12+g1a2b3c\n": "0.25.0rc1.dev12+g1a2b3c", "usage: vllm\n": "", "": ""} {
		if got := ParseEngine(text); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
	if got := ParseVersion("Docker version 28.3.2, build 578ccf6"); got != "28.3.2" {
		t.Error(got)
	}
	if got := ParseNVCC("no such thing"); got != "" {
		t.Error(got)
	}
}

// TestRunner: a program that is not there, fails, or never ends.
func TestRunner(t *testing.T) {
	p := Programs{Limit: 200e6}
	if _, err := p.Run(t.Context(), "no-such-program-anywhere"); !errors.Is(err, ErrAbsent) {
		t.Error(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	long := Programs{}
	if out, err := long.Run(t.Context(), self, "-test.run=^TestVersions$"); err != nil || !strings.Contains(out, "PASS") {
		t.Error(out, err)
	}
	if _, err := long.Run(t.Context(), self, "-no-such-flag"); err == nil || !strings.Contains(err.Error(), "no-such-flag") {
		t.Error(err)
	}
	t.Setenv("DETECT_SLEEP", "1")
	if _, err := p.Run(t.Context(), self, "-test.run=^TestSleep$"); err == nil || !strings.Contains(err.Error(), "did not end within 200ms") {
		t.Error(err)
	}
}

// TestSleep is the program of TestRunner that never ends.
func TestSleep(t *testing.T) {
	if os.Getenv("DETECT_SLEEP") == "" {
		t.Skip("started by TestRunner")
	}
	<-t.Context().Done()
}

func TestMissingModels(t *testing.T) {
	m := Look(t.Context(), Config{Runner: said{}, Env: env(nil), Models: []string{"testdata/nowhere", t.TempDir()}})
	var got []string
	for _, g := range m.Gaps {
		if g.What == "models" {
			got = append(got, g.Why)
		}
	}
	if len(got) != 2 || !strings.Contains(got[0], "no folder") || !strings.Contains(got[1], "no config.json") {
		t.Errorf("%q", got)
	}
}

func FuzzParse(f *testing.F) {
	for _, n := range []string{"b200x2.csv", "odd.csv", "b200x2.topo", "l40sx4.topo"} {
		f.Add(file(f, n))
	}
	f.Add("vllm==0.24\n\x1b[4mGPU0\x1b[0m")
	f.Fuzz(func(t *testing.T, text string) {
		gpus, err := ParseGPUs(text)
		for _, g := range gpus {
			if err == nil && (g.Name == "" || g.Index < 0 || !(g.Memory >= 0)) {
				t.Errorf("%+v", g)
			}
		}
		if cells, err := ParseLinks(text, 2); err == nil && (len(cells) != 2 || len(cells[0]) != 2 || len(cells[1]) != 2) {
			t.Errorf("%v", cells)
		}
		ParsePackages(text)
		if v := ParseEngine(text) + ParseNVCC(text) + ParseVersion(text); strings.ContainsAny(v, "\n\x00\"") {
			t.Errorf("%q", v)
		}
		m := Machine{GPUs: gpus}
		if out := m.HCL(Block{}); strings.Contains(out, "\x00") {
			t.Errorf("%q", out)
		}
		if _, err := ParseModel([]byte(text)); err == nil && !strings.Contains(text, "model_type") {
			t.Errorf("%q is a model", text)
		}
	})
}
