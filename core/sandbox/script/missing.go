package script

import (
	"fmt"
	"slices"
	"strings"
)

// absent explains what JavaScript elsewhere has and a skill has not: what it
// stands for, and what to do.
var absent = map[string]string{
	"fetch":          "a skill has no network; what it needs to know comes with its input, or by host.tool.call in run",
	"XMLHttpRequest": "a skill has no network; what it needs to know comes with its input, or by host.tool.call in run",
	"WebSocket":      "a skill has no network; what it needs to know comes with its input, or by host.tool.call in run",
	"require":        "a skill's files are bundled; write import x from \"./file\"",
	"module":         "a skill is an ES module; write export default skill({...})",
	"exports":        "a skill is an ES module; write export default skill({...})",
	"process":        "a skill has no process, environment or arguments; settings come with its input",
	"Buffer":         "use TextEncoder, TextDecoder, Uint8Array, btoa and atob",
	"setInterval":    "the clock stands still during a call; use a loop",
	"setImmediate":   "use queueMicrotask or await",
	"crypto":         "a skill's chance is drawn by Math.random, from the seed of the call; it is no secret",
	"localStorage":   "nothing outlives a call; use host.kv in run",
	"sessionStorage": "nothing outlives a call; use host.kv in run",
	"document":       "there is no page; a skill takes data and gives data",
	"window":         "there is no page; write globalThis",
	"navigator":      "there is no browser; a skill takes data and gives data",
	"alert":          "there is no page; console.log goes to the log of the call",
	"Intl":           "the interpreter has no tables of languages; format by hand, or in a render template",
	"URL":            "the interpreter has no URL; take addresses apart with a regular expression",
	"__dirname":      "a skill has no files; write import text from \"./file.md\"",
	"__filename":     "a skill has no files; write import text from \"./file.md\"",
	"Deno":           "a skill runs in an interpreter of its own; it takes data and gives data",
	"Bun":            "a skill runs in an interpreter of its own; it takes data and gives data",
	"WebAssembly":    "a script cannot load a module; name a .wasm file in skill.hcl instead",
	"Worker":         "a call is one thread",
}

// builtins are modules of Node and what to say of them; the rest of Node's names
// get the general sentence.
var builtins = map[string]string{
	"fs":      "a skill has no files; import the text of a file of its folder (import text from \"./file.md\"), or take it with the input",
	"http":    "a skill has no network; what it needs to know comes with its input, or by host.tool.call in run",
	"process": "a skill has no process, environment or arguments; settings come with its input",
	"exec":    "a skill starts no other program",
}

var nodeModules = []string{
	"assert", "async_hooks", "buffer", "child_process", "cluster", "console", "constants", "crypto", "dgram", "diagnostics_channel", "dns", "domain", "events", "fs", "http", "http2",
	"https", "inspector", "module", "net", "os", "path", "perf_hooks", "process", "punycode", "querystring", "readline", "repl", "sqlite", "stream", "string_decoder", "sys", "test",
	"timers", "tls", "trace_events", "tty", "url", "util", "v8", "vm", "wasi", "worker_threads", "zlib",
}

// explainImport says why something that is no relative path cannot be imported.
func explainImport(spec string) (message, help string) {
	bare, node := strings.CutPrefix(spec, "node:")
	first, _, _ := strings.Cut(bare, "/")
	switch {
	case strings.Contains(spec, "://") || strings.HasPrefix(spec, "data:"):
		return fmt.Sprintf("%q cannot be imported: a skill has no network, neither when it is built nor when it runs.", spec), "Copy the file into the skill's folder and import it by a relative path, such as \"./vendor/file.js\"."
	case strings.HasPrefix(spec, "/"):
		return fmt.Sprintf("%q is an absolute path.", spec), "Imports are relative to the file that they stand in: \"./file\"."
	case strings.HasPrefix(spec, "@plimsoll/"):
		return fmt.Sprintf("%q is not there; the SDK is \"@plimsoll/skill\".", spec), "Write: import { skill } from \"@plimsoll/skill\""
	case node || slices.Contains(nodeModules, first):
		why := "a skill runs in an interpreter of its own, where Node is not"
		switch first {
		case "fs":
			why = builtins["fs"]
		case "http", "https", "http2", "net", "tls", "dgram", "dns":
			why = builtins["http"]
		case "process", "os":
			why = builtins["process"]
		case "child_process", "cluster", "worker_threads":
			why = builtins["exec"]
		}
		return fmt.Sprintf("%q is a module of Node, which a skill does not have.", spec), upper(why) + "."
	}
	return fmt.Sprintf("%q is a package, and packages are not looked for.", spec), fmt.Sprintf("For a file of the skill's folder write \"./%s\". To use a package, copy its file for browsers (an ES module) into the folder and import that by a relative path.", spec)
}

func upper(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
