package config

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

// Runner is a `runner "NAME"` block: how a skill runs when the engine does not
// run it itself.
type Runner struct {
	Name    string
	Plugin  string   // "command" unless the block says otherwise
	Command []string // with {prompt} and the other placeholders left in place
	Env     []string // names of variables that the agent gets
	Timeout time.Duration
	Fixture string            // folder in the project that tasks work on a copy of; "" is an empty one
	Files   []string          // patterns of the changed files that are part of the output; nil: none are
	Output  string            // "text", "json:PATH", "claude" or "codex"; "" is by the command
	Usage   map[string]string // where the agent's JSON says it, by key
	MaxCost int64             // micro-dollars that a task of unknown cost is charged with; -1: it is unpriced
	Config  map[string]any    // of another plugin
	Range   diag.Range
}

// defaultTaskTime bounds a task where its runner does not say: agents that edit
// files take minutes.
const defaultTaskTime = 10 * time.Minute

// runnerPlaceholders are what a command may name in braces, with their meaning.
var runnerPlaceholders = []struct{ Name, Doc string }{
	{"prompt", "SKILL.md's text and the input, in one"},
	{"prompt_file", "a file with the same"},
	{"input", "the input: a text as it is, anything else as JSON"},
	{"input_file", "a file with the input as JSON"},
	{"model", "the tier's model"},
	{"dir", "the temporary copy that the agent works in, which is also its working directory"},
	{"project", "the project's folder"},
	{"skill_dir", "a temporary copy of the skill's folder"},
}

var placeholder = regexp.MustCompile(`\{[a-z_]+\}`)

func runnerDoc() *BlockDoc {
	var usage []*AttributeDoc
	for _, u := range []struct{ name, example, doc string }{
		{"input", "usage.input_tokens", "Tokens of the prompt that were neither read from a cache nor written to one."},
		{"prompt", "usage.prompt_tokens", "All tokens of the prompt, where the agent counts cached ones with the others. Instead of `input`."},
		{"cached", "usage.cached_tokens", "Tokens read from a cache."},
		{"cache_write", "usage.cache_creation_tokens", "Tokens written to a cache."},
		{"output", "usage.output_tokens", "Tokens of the answer, reasoning included."},
		{"reasoning", "usage.reasoning_tokens", "Those of them that were reasoning."},
		{"cost", "cost_usd", "USD that the task cost, by the agent's own reckoning. It comes before a reckoning from tokens."},
		{"model", "model", "The model that answered."},
	} {
		usage = append(usage, &AttributeDoc{Name: u.name, Type: String, Example: `"` + u.example + `"`, Doc: u.doc})
	}
	var names []string
	for _, p := range runnerPlaceholders {
		names = append(names, "`{"+p.Name+"}`")
	}
	return &BlockDoc{
		Type: "runner", Labels: []string{labelName},
		Doc: "How skills run when the engine does not run them itself: an agent of yours, with the model swapped. It is not sandboxed; see [runners](runners.md).",
		Attributes: []*AttributeDoc{
			{Name: "plugin", Type: String, Default: `"command"`, Doc: "The plugin that runs it."},
			{Name: "command", Type: Strings, Example: `["claude", "-p", "{prompt}", "--model", "{model}"]`, Doc: "The program and its arguments; no shell reads them. Filled in are " + strings.Join(names, ", ") + ". Without `{prompt}` and `{prompt_file}` the prompt is on standard input. Required by the plugin `command`."},
			{Name: "env", Type: Strings, Default: "[]", Example: `["ANTHROPIC_API_KEY"]`, Doc: "Names of variables that the agent gets beside `PATH`, `HOME`, `LANG` and a `TMPDIR` of its own."},
			{Name: "timeout", Type: Duration, Default: `"10m"`, Doc: "After this time the agent and what it started are ended."},
			{Name: "fixture", Type: String, Default: "an empty folder", Example: `"fixtures/shop"`, Doc: "Folder in the project of which every task gets a copy. An item's own `fixture` comes before it."},
			{Name: "files", Type: Strings, Default: "none", Example: `["src/**", "*.md"]`, Doc: "Changed files that are part of the output, which then is `{\"text\", \"files\"}`. `*` stands for a part of a name, `**` at the end for all below."},
			{Name: "output", Type: String, Default: "by the command", Example: `"json:result"`, Doc: "What the agent prints: `text`, `json:PATH` (a JSON document with the answer at that path), `claude` (`--output-format json`), `codex` (`exec --json`)."},
			{Name: "max_cost", Type: Money, Range: "[0,)", Default: "not known", Example: "0.5", Doc: "USD that a task is charged with when the agent does not say what it used. Without it such a task has no price, and no saving is claimed."},
		},
		Blocks: []*BlockDoc{
			{Type: "usage", Single: true, Doc: "Where the agent's JSON has its usage, for `output = \"json:PATH\"`. A path is names and places in lists, joined by dots.", Attributes: usage},
			{Type: "config", Single: true, Free: true, Doc: "Attributes for a plugin other than `command`, which checks them itself."},
		},
		Example: `runner "agent" {
  command = ["claude", "-p", "{prompt}", "--model", "{model}", "--output-format", "json"]
  env     = ["ANTHROPIC_API_KEY"]
  timeout = "5m"
  fixture = "fixtures/shop"
  files   = ["src/**"]
}`,
	}
}

func (l *loader) fillRunner(b *body, out *Runner) {
	out.Plugin = b.str("plugin")
	if out.Plugin == "" {
		out.Plugin = "command"
	}
	out.Command, out.Env = b.nonEmpty("command"), b.strs("env")
	for _, name := range out.Env {
		if !validEnv(name) {
			l.add(badName.at(b.rng("env"), "%q is no name of an environment variable. env holds names, never values: a value would stand in the repository.", name).WithSuggestion(b.doc.Attribute("env").line()))
		}
	}
	out.Timeout = b.duration("timeout", defaultTaskTime)
	if b.has("timeout") && out.Timeout == 0 {
		l.add(outOfRange.at(b.rng("timeout"), "In no time an agent can do nothing. Say how long a task may take, such as \"10m\"."))
	}
	out.Files, out.Output = b.nonEmpty("files"), b.str("output")
	out.MaxCost = b.money("max_cost", -1)
	l.runnerFixture(b, out)
	for _, pattern := range out.Files {
		if _, err := path.Match(strings.TrimSuffix(pattern, "**"), ""); err != nil || strings.HasPrefix(pattern, "/") || strings.Contains(strings.TrimSuffix(pattern, "**"), "**") {
			l.add(badPattern.at(b.rng("files"), "%q is no pattern of files. Write a path below the fixture with slashes; * stands for a part of a name, and ** at the end for everything below.", pattern).WithSuggestion(b.doc.Attribute("files").line()))
		}
	}
	b.each("usage", func(u *body, _ label) {
		out.Usage = map[string]string{}
		for _, a := range u.doc.Attributes {
			if v := u.str(a.Name); v != "" {
				out.Usage[a.Name] = v
			}
		}
		if u.has("input") && u.has("prompt") {
			l.add(badRunner.at(u.rng("prompt"), "input counts the prompt without cached tokens and prompt counts them too: an agent prints one of the two. Take the other out."))
		}
	})
	b.each("config", func(c *body, at label) {
		out.Config = map[string]any{}
		if out.Plugin == "command" {
			l.add(badRunner.at(at.rng, "The plugin command takes no config block: what it needs are the attributes of the runner."))
		}
		for _, a := range c.attributes() {
			if v, ok := l.value(a.Expr); ok {
				if x, ok := plain(v); ok {
					out.Config[a.Name] = x
					continue
				}
				l.add(wrongType.at(convert(a.Expr.Range()), "%s cannot be handed to a plugin: it holds a number that is too large, or none at all.", a.Name))
			}
		}
	})
	if out.Plugin == "command" {
		l.checkCommand(b, out)
	}
}

// checkCommand finds what would only show once a task was paid for.
func (l *loader) checkCommand(b *body, r *Runner) {
	if !b.has("command") {
		l.add(missingAttribute.at(b.header, "%s needs command: the program that runs the skill, and its arguments.", b.title).WithSuggestion(b.doc.Attribute("command").line()))
		return
	}
	var names []string
	for _, p := range runnerPlaceholders {
		names = append(names, p.Name)
	}
	for _, arg := range r.Command {
		for _, found := range placeholder.FindAllString(arg, -1) {
			if name := strings.Trim(found, "{}"); !slices.Contains(names, name) {
				x := badRunner.at(b.rng("command"), "%s is no placeholder, and the program would be handed it as it stands.%s Placeholders are {%s}.", found, diag.DidYouMean(name, names), strings.Join(names, "}, {"))
				if c := diag.Closest(name, names); c != "" {
					x = x.WithSuggestion("{" + c + "}")
				}
				l.add(x)
			}
		}
	}
	if len(r.Command) > 0 && !strings.Contains(strings.Join(r.Command, " "), "{model}") {
		l.add(sameModel.warn(b.rng("command"), "{model} does not occur in this command, so every tier would run the same model, and all of them would look alike. Put {model} where the program takes the model's name.").WithSuggestion(fmt.Sprintf("command = [%s, \"--model\", \"{model}\"]", quoted(r.Command))))
	}
	at, isJSON := strings.CutPrefix(r.Output, "json:")
	allowed := []string{"text", "json:PATH", "claude", "codex"}
	switch {
	case isJSON && at == "":
		l.add(badRunner.at(b.rng("output"), "json: lacks the path of the answer in the document, such as \"json:result\".").WithSuggestion(`output = "json:result"`))
	case r.Output != "" && !isJSON && !slices.Contains(allowed, r.Output):
		l.add(notAllowed.at(b.rng("output"), "output is one of %s; %q is none of them.%s", quoted(allowed), r.Output, diag.DidYouMean(r.Output, allowed)))
	case len(r.Usage) > 0 && !isJSON:
		l.add(badRunner.at(b.header, "usage says where a JSON document has it, and output is not json:PATH. Say output = \"json:PATH\", or take the usage block out: of claude and codex it is known."))
	}
	if r.MaxCost < 0 && len(r.Command) > 0 && !r.knowsUsage() {
		l.add(unknownCost.warn(b.header, "Nothing says what a task of %s costs: no saving will be claimed, and a budget cannot bound what its trials spend. Say with a usage block where the agent's JSON has its tokens, or give max_cost, the most that a task is taken to cost.", b.title))
	}
}

// knowsUsage tells whether tasks can say what they used.
func (r *Runner) knowsUsage() bool {
	if r.Usage["cost"] != "" || r.Usage["output"] != "" {
		return true
	}
	if r.Output != "" {
		return r.Output == "claude" || r.Output == "codex"
	}
	name := path.Base(filepath.ToSlash(r.Command[0]))
	args := strings.Join(r.Command, " ")
	return name == "claude" && strings.Contains(args, "--output-format json") || name == "codex" && slices.Contains(r.Command, "--json")
}

// runnerFixture checks that the fixture is a folder of the project.
func (l *loader) runnerFixture(b *body, r *Runner) {
	name := b.str("fixture")
	if name == "" {
		return
	}
	if !filepath.IsLocal(filepath.FromSlash(name)) {
		l.add(badRunner.at(b.rng("fixture"), "The fixture %q leaves the project. What trials work on travels with the project: move it in.", name))
		return
	}
	info, err := os.Stat(filepath.Join(l.project.Dir, filepath.FromSlash(name)))
	if err != nil || !info.IsDir() {
		l.add(missingFolder.at(b.rng("fixture"), "There is no folder %s. Paths are relative to the project directory.", name))
		return
	}
	r.Fixture = path.Clean(name)
}

// Takes tells whether a changed file is part of the output.
func (r *Runner) Takes(file string) bool {
	for _, pattern := range r.Files {
		if below, ok := strings.CutSuffix(pattern, "**"); ok {
			if strings.HasPrefix(file, below) {
				return true
			}
			continue
		}
		if ok, err := path.Match(pattern, file); ok && err == nil {
			return true
		}
	}
	return false
}
