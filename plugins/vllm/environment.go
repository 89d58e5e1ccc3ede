package vllm

import (
	"cmp"
	"maps"
	"os"
	"slices"
	"strings"
)

// Inherited are the variables that an engine gets beside those of its plan, where
// the host handed them to this backend. Each has a reason; a token or a key is
// never among them, and has to be declared in the topology's env.
func Inherited() []string {
	return []string{
		"PATH",            // finds vllm, nvcc, ninja, podman
		"HOME",            // weights, compiled kernels and their caches lie below it
		"USER", "LOGNAME", // torch asks for the user's name to find its compile cache, which fails in containers otherwise
		"TMPDIR",         // sockets between the engine's own processes
		"LANG", "LC_ALL", // Python reads files in the encoding that they say
		"LD_LIBRARY_PATH",        // the driver's libraries, where they do not lie at the usual place
		"CUDA_HOME", "CUDA_PATH", // where nvcc is, which kernels are compiled with
		"HF_HOME", "XDG_CACHE_HOME", // where the weights already lie
		"XDG_RUNTIME_DIR", "DOCKER_HOST", // how podman without root and docker are reached
	}
}

// environment of a process: what is inherited, and on top of it what its plan says.
func environment(own map[string]string) []string {
	all := map[string]string{}
	for _, name := range Inherited() {
		if v, ok := os.LookupEnv(name); ok {
			all[name] = v
		}
	}
	maps.Copy(all, own)
	var out []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		out = append(out, name+"="+all[name])
	}
	return out
}

// find looks a program up as the process itself would, by the PATH that it gets.
// exec.LookPath was refused: it uses this backend's own.
func find(program string, env []string) (string, bool) {
	if strings.Contains(program, "/") {
		return program, executable(program)
	}
	for _, pair := range env {
		path, ok := strings.CutPrefix(pair, "PATH=")
		for _, dir := range strings.Split(path, string(os.PathListSeparator)) {
			if file := cmp.Or(dir, ".") + "/" + program; ok && executable(file) {
				return file, true
			}
		}
	}
	return program, false
}

func executable(file string) bool {
	info, err := os.Stat(file)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// secretFlags carry a value that nobody may see, and secretWords are in the names
// of variables that do.
var (
	secretFlags = []string{"--api-key", "--hf-token"}
	secretWords = []string{"TOKEN", "KEY", "SECRET", "PASSWORD"}
)

const masked = "(set)"

func secretName(name string) bool {
	return slices.ContainsFunc(secretWords, func(w string) bool { return strings.Contains(strings.ToUpper(name), w) })
}

// hiding replaces the secrets of a process wherever they turn up in its command
// and its logs. Short values are left: replacing them would only garble the text.
func hiding(x process) func(string) string {
	var pairs []string
	add := func(v string) {
		if len(v) >= 6 {
			pairs = append(pairs, v, masked)
		}
	}
	for name, value := range x.Env {
		if secretName(name) {
			add(value)
		}
	}
	for i, w := range x.Command {
		before := ""
		if i > 0 {
			before = x.Command[i-1]
		}
		flag, value, _ := strings.Cut(w, "=")
		switch {
		case slices.Contains(secretFlags, before):
			add(w)
		case slices.Contains(secretFlags, flag), (before == "--env" || before == "-e") && secretName(flag):
			add(value)
		}
	}
	return strings.NewReplacer(pairs...).Replace
}

// shown is the command without its secrets.
func shown(x process) []string {
	hide := hiding(x)
	var out []string
	for _, w := range x.Command {
		out = append(out, hide(w))
	}
	return out
}
