package engine

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// Launch is a command line as `vllm serve` takes it, and what of the
// environment concerns an engine.
type Launch struct {
	Args   []string            `json:"args"`
	Model  string              `json:"model"`
	Served []string            `json:"served"` // names it answers to; the first is the one it reports
	Host   string              `json:"host"`
	Port   int                 `json:"port"`
	Key    string              `json:"-"`
	Flags  map[string][]string `json:"flags"` // every flag without its dashes, with its values; "true" where it has none
	Env    map[string]string   `json:"env"`

	version, print bool
	key            string // of VLLM_API_KEY
	script         Script
}

// ScriptEnv names the variable with the script, inline or the path of a file,
// for launchers whose command line is vLLM's and nothing else.
const ScriptEnv = "FAKE_ENGINE_SCRIPT"

// engineEnv begins the names of variables that are for an engine. Others, and
// whatever looks like a key, are never shown.
var engineEnv = []string{"VLLM_", "CUDA_", "NCCL_", "UCX_", "NIXL_", "HF_", "TORCH", "FLASHINFER_", "SGLANG_", "LMCACHE_", "OMP_", "RAY_", "TRITON_", "PYTORCH_"}

// switches of vLLM that take no value, so that a model after one of them is not
// mistaken for its value. Every --no-... is one too. Others are guessed: what
// follows and is no flag is the value.
var switches = []string{
	"async-scheduling", "disable-log-requests", "disable-log-stats", "disable-custom-all-reduce", "disable-uvicorn-access-log", "enable-auto-tool-choice",
	"enable-chunked-prefill", "enable-expert-parallel", "enable-eplb", "enable-log-requests", "enable-lora", "enable-prefix-caching", "enable-prompt-embeds",
	"enable-return-routed-experts", "enable-server-load-tracking", "enable-sleep-mode", "enable-tokenizer-info-endpoint", "enforce-eager", "headless", "data-parallel-external-lb",
	"data-parallel-hybrid-lb", "language-model-only", "return-tokens-as-token-ids", "skip-mm-profiling", "trust-remote-code", "use-tqdm-on-load", "enable-dbo",
	"fake-print", "version",
}

// ParseArgs reads a command line without the program's name, as
//
//	[serve] MODEL --port 8001 --tensor-parallel-size 2 ...
//
// Flags of vLLM are kept and otherwise ignored. Those of the fake begin with
// --fake-: what Script has, as far as one value says it. env is os.Environ's.
func ParseArgs(args, env []string) (Launch, error) {
	l := Launch{Args: slices.Clone(args), Host: "127.0.0.1", Port: 8000, Flags: map[string][]string{}, Env: map[string]string{}}
	script := ""
	for _, e := range env {
		name, value, _ := strings.Cut(e, "=")
		if name == ScriptEnv {
			script = value
		}
		if name == "VLLM_API_KEY" {
			l.key = value
		}
		if slices.ContainsFunc(engineEnv, func(p string) bool { return strings.HasPrefix(name, p) }) {
			if strings.Contains(name, "TOKEN") || strings.Contains(name, "KEY") || strings.Contains(name, "SECRET") {
				value = "(set)"
			}
			l.Env[name] = value
		}
	}
	rest := args
	if len(rest) > 0 && rest[0] == "serve" {
		rest = rest[1:]
	}
	for len(rest) > 0 {
		arg := rest[0]
		rest = rest[1:]
		if !strings.HasPrefix(arg, "-") || arg == "-" {
			if l.Model != "" {
				return l, fmt.Errorf("there are two models, %q and %q", l.Model, arg)
			}
			l.Model = arg
			continue
		}
		name, value, joined := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		name = strings.ReplaceAll(name, "_", "-")
		if name == "" {
			continue
		}
		values := []string{value}
		if !joined {
			values = []string{"true"}
			if !slices.Contains(switches, name) && !strings.HasPrefix(name, "no-") && len(rest) > 0 && !flagLike(rest[0]) {
				values, rest = rest[:1:1], rest[1:]
				for name == "served-model-name" && len(rest) > 0 && !flagLike(rest[0]) {
					values, rest = append(values, rest[0]), rest[1:]
				}
			}
		}
		l.Flags[name] = append(l.Flags[name], values...)
	}
	return l.read(script)
}

// flagLike tells a flag from a value such as -1.
func flagLike(s string) bool {
	if len(s) < 2 || s[0] != '-' {
		return false
	}
	_, err := strconv.ParseFloat(s, 64)
	return err != nil
}

// last value of a flag.
func (l Launch) last(name string) string {
	v := l.Flags[name]
	if len(v) == 0 {
		return ""
	}
	return v[len(v)-1]
}

// read takes from the flags what means something to the fake.
func (l Launch) read(script string) (Launch, error) {
	var errs []error
	if m := l.last("model"); m != "" && l.Model == "" {
		l.Model = m
	}
	if h := l.last("host"); h != "" {
		l.Host = h
	}
	if p := l.last("port"); p != "" {
		n, err := strconv.Atoi(p)
		if err != nil || n < 0 || n > 65535 {
			errs = append(errs, fmt.Errorf("--port %q is no port", p))
		}
		l.Port = n
	}
	if l.Key = l.last("api-key"); l.Key == "" {
		l.Key = l.key
	}
	for i, a := range l.Args {
		if a == l.Key && l.Key != "" {
			l.Args[i] = "(set)"
		}
		if strings.HasPrefix(a, "--api-key=") {
			l.Args[i] = "--api-key=(set)"
		}
	}
	if l.Flags["api-key"] != nil {
		l.Flags["api-key"] = []string{"(set)"}
	}
	l.Served = l.Flags["served-model-name"]
	if len(l.Served) == 0 {
		l.Served = []string{l.Model}
	}
	l.version, l.print = l.Flags["version"] != nil || l.Flags["v"] != nil, l.Flags["fake-print"] != nil
	if s := l.last("fake-script"); s != "" {
		script = s
	}
	src := []byte(script)
	if script != "" && !strings.HasPrefix(strings.TrimSpace(script), "{") {
		var err error
		if src, err = os.ReadFile(script); err != nil {
			errs = append(errs, fmt.Errorf("reading the script: %w", err))
		}
	}
	s, err := Parse(src)
	errs = append(errs, err, l.override(&s))
	s, err = s.complete()
	errs = append(errs, err)
	l.script = s
	if s.Model != "" {
		l.Served = []string{s.Model}
	}
	if l.Model == "" && !l.version {
		errs = append(errs, errors.New("name a model: serve MODEL --port N"))
	}
	for name := range l.Flags {
		if strings.HasPrefix(name, "fake-") && !slices.Contains(fakeFlags, name) {
			errs = append(errs, fmt.Errorf("--%s is none of the fake's flags: %v", name, fakeFlags))
		}
	}
	return l, errors.Join(errs...)
}

// fakeFlags are the fake's own, on top of a script.
var fakeFlags = []string{"fake-script", "fake-print", "fake-fail", "fake-warn", "fake-slow-start", "fake-deaf", "fake-die", "fake-ttft", "fake-tpot", "fake-chunk-tokens", "fake-usage", "fake-model", "fake-fault", "fake-seed"}

// override writes flags of the fake into the script.
func (l Launch) override(s *Script) error {
	var errs []error
	duration := func(name string, into *Duration) {
		if v := l.last(name); v != "" {
			if err := into.UnmarshalText([]byte(v)); err != nil {
				errs = append(errs, fmt.Errorf("--%s: %w", name, err))
			}
		}
	}
	number := func(name string, set func(uint64)) {
		if v := l.last(name); v != "" {
			n, err := strconv.ParseUint(v, 10, 63)
			if err != nil {
				errs = append(errs, fmt.Errorf("--%s: %w", name, err))
			}
			set(n)
		}
	}
	duration("fake-slow-start", &s.Start.After)
	duration("fake-die", &s.Start.Die)
	duration("fake-ttft", &s.TTFT.Mean)
	duration("fake-tpot", &s.TPOT.Mean)
	number("fake-chunk-tokens", func(n uint64) { s.ChunkTokens = int(min(n, 1<<30)) })
	number("fake-seed", func(n uint64) { s.Seed = n })
	if v := l.last("fake-fail"); v != "" {
		s.Start.Fail = v
	}
	s.Start.Warn = append(s.Start.Warn, l.Flags["fake-warn"]...)
	s.Start.Deaf = s.Start.Deaf || l.Flags["fake-deaf"] != nil
	if v := l.last("fake-usage"); v != "" {
		s.Usage = Usage(v)
	}
	if v := l.last("fake-model"); v != "" {
		s.Model = v
	}
	for _, v := range l.Flags["fake-fault"] {
		kind, after, counted := strings.Cut(v, ":")
		f := Fault{Kind: kind}
		if counted {
			n, err := strconv.Atoi(after)
			if err != nil {
				errs = append(errs, fmt.Errorf("--fake-fault %q: it is KIND or KIND:TOKENS", v))
			}
			f.After = n
		}
		s.Faults = append(s.Faults, f)
	}
	return errors.Join(errs...)
}
