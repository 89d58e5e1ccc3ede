package detect

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

var (
	release   = regexp.MustCompile(`\brelease ([0-9]{1,3}\.[0-9]{1,3})`)
	number    = regexp.MustCompile(`\bversion ([0-9][0-9A-Za-z.+~-]{0,40})`)
	engineRun = regexp.MustCompile(`^(?:vllm\s+)?v?([0-9]{1,4}\.[0-9]{1,4}[0-9A-Za-z.+-]{0,60})$`)
	packaged  = regexp.MustCompile(`^([a-z][a-z0-9-]{0,60})==([0-9][0-9A-Za-z.+!-]{0,60})$`)
)

// compiler looks for nvcc on the path and where CUDA puts it.
func (m *Machine) compiler(ctx context.Context, c Config) {
	places := []string{"nvcc"}
	if home, ok := c.Env("CUDA_HOME"); ok && filepath.IsAbs(home) {
		places = append(places, filepath.Join(home, "bin", "nvcc"))
	}
	places = append(places, "/usr/local/cuda/bin/nvcc")
	for _, p := range places {
		out, err := c.Runner.Run(ctx, p, "--version")
		if err != nil {
			continue
		}
		if v := ParseNVCC(out); v != "" {
			m.NVCC = v
			return
		}
	}
	m.gap("nvcc", "There is no CUDA compiler: kernels that are compiled at the first request would fail.", "Make plans with --here: they then switch such kernels off.")
}

// ParseNVCC reads `nvcc --version`: the release, as 12.8; "" when it says none.
func ParseNVCC(text string) string { return first(release, text) }

// ParseVersion reads `docker --version` and `podman --version`.
func ParseVersion(text string) string { return strings.TrimRight(first(number, text), ".,") }

func first(form *regexp.Regexp, text string) string {
	if m := form.FindStringSubmatch(text); m != nil {
		return m[1]
	}
	return ""
}

// ParseEngine reads `vllm --version`, which may log before it answers: the last
// line that is a version.
func ParseEngine(text string) string {
	out := ""
	for line := range strings.Lines(text) {
		if m := engineRun.FindStringSubmatch(strings.TrimSpace(line)); m != nil {
			out = m[1]
		}
	}
	return out
}

// listing prints the packages that concern an engine, a line each, without
// importing any of them: importing vllm takes half a minute.
const listing = `import importlib.metadata as m
for p in ("vllm", "torch", "flashinfer-python", "flashinfer-cubin", "flashinfer-jit-cache", "nixl", "lmcache", "sglang"):
    try:
        print(p + "==" + m.version(p))
    except m.PackageNotFoundError:
        pass
`

// ParsePackages reads lines of NAME==VERSION and passes over everything else.
func ParsePackages(text string) map[string]string {
	out := map[string]string{}
	for line := range strings.Lines(text) {
		if m := packaged.FindStringSubmatch(strings.TrimSpace(line)); m != nil {
			out[m[1]] = m[2]
		}
	}
	return out
}

// engine looks for vLLM: what starts is asked, and Python's list says what is
// beside it.
func (m *Machine) engine(ctx context.Context, r Runner) {
	if out, err := r.Run(ctx, "python3", "-c", listing); err == nil {
		m.Packages = ParsePackages(out)
	}
	out, err := r.Run(ctx, "vllm", "--version")
	if err == nil {
		m.Engine = ParseEngine(out)
	}
	switch {
	case m.Engine != "":
		if p := m.Packages["vllm"]; p != m.Engine {
			m.Packages = nil // another Python's: what it has beside says nothing of this engine
		}
	case err != nil && !errors.Is(err, ErrAbsent):
		m.gap("engine", fmt.Sprintf("vLLM is there and does not say its version: %v.", err), "Run `vllm --version` yourself; write the version into the topology blocks.")
	case m.Packages["vllm"] != "":
		m.Engine = m.Packages["vllm"]
	default:
		m.gap("engine", "vLLM is not on the path, nor in python3's packages.", "Activate its environment and run this again, or run it from an image (runtime = \"podman\").")
	}
}

// containerTime is for each container runtime: they say their version at once, or
// hang at a daemon that is not there.
const containerTime = 5 * time.Second

func (m *Machine) containers(ctx context.Context, r Runner) {
	for name, to := range map[string]*string{"docker": &m.Docker, "podman": &m.Podman} {
		short, cancel := context.WithTimeout(ctx, containerTime)
		if out, err := r.Run(short, name, "--version"); err == nil {
			*to = ParseVersion(out)
		}
		cancel()
	}
}
