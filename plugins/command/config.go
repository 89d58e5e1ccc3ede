package command

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/plimsoll-dev/plimsoll/sdk/backend"
)

// Forms of what an agent prints.
const (
	formText   = "text"   // the answer
	formClaude = "claude" // the result of claude -p --output-format json
	formCodex  = "codex"  // the events of codex exec --json
	formJSON   = "json:"  // a JSON document, the answer at the path that follows
)

// config is what the host made of a runner block.
type config struct {
	Command []string          `json:"command"`
	Env     []string          `json:"env"`
	Output  string            `json:"output"`
	Usage   map[string]string `json:"usage"`
}

// The keys of Usage. prompt counts all tokens of the prompt, cached ones
// included, as OpenAI does; input counts the others alone, as Anthropic does.
var usageKeys = []string{"input", "prompt", "cached", "cache_write", "output", "reasoning", "cost", "model"}

// placeholders are what a command may name in braces.
var placeholders = []string{"prompt", "prompt_file", "input", "input_file", "model", "dir", "project", "skill_dir"}

var braced = regexp.MustCompile(`\{[a-z_]+\}`)

func schema() []backend.ConfigField {
	text := &backend.ConfigField{Type: backend.TypeString}
	return []backend.ConfigField{
		{Name: "command", Type: backend.TypeList, Elem: text, Required: true, Doc: "the program and its arguments; {prompt}, {model} and the like are filled in, and no shell reads them"},
		{Name: "env", Type: backend.TypeList, Elem: text, Doc: "names of variables that the agent gets beside PATH and the like"},
		{Name: "output", Type: backend.TypeString, Doc: "what it prints: text, json:PATH, claude or codex; default by the command"},
		{Name: "usage", Type: backend.TypeMap, Elem: text, Doc: "where its JSON says tokens, cost and model: " + strings.Join(usageKeys, ", ")},
	}
}

func readConfig(values map[string]any) (config, error) {
	var c config
	if err := backend.DecodeConfig(values, &c); err != nil {
		return c, err
	}
	if len(c.Command) == 0 || c.Command[0] == "" {
		return c, backend.Errorf(backend.InvalidRequest, "config needs command: the program that runs the skill, and its arguments")
	}
	var wrong []string
	for _, arg := range c.Command {
		for _, name := range braced.FindAllString(arg, -1) {
			if !slices.Contains(placeholders, strings.Trim(name, "{}")) {
				wrong = append(wrong, fmt.Sprintf("%s is no placeholder; there are {%s}", name, strings.Join(placeholders, "}, {")))
			}
		}
	}
	if c.Output == "" {
		c.Output = defaultForm(c.Command)
	}
	path, isJSON := strings.CutPrefix(c.Output, formJSON)
	switch {
	case isJSON && path == "":
		wrong = append(wrong, `output = "json:" lacks the path of the answer`)
	case !isJSON && !slices.Contains([]string{formText, formClaude, formCodex}, c.Output):
		wrong = append(wrong, fmt.Sprintf("output is %q; it can be text, json:PATH, claude or codex", c.Output))
	case !isJSON && len(c.Usage) > 0:
		wrong = append(wrong, fmt.Sprintf("usage says where JSON has it, and output is %q; only json:PATH takes it", c.Output))
	}
	for _, key := range slices.Sorted(maps.Keys(c.Usage)) {
		if !slices.Contains(usageKeys, key) {
			wrong = append(wrong, fmt.Sprintf("usage has no key %s; it has %s", key, strings.Join(usageKeys, ", ")))
		}
	}
	if len(wrong) > 0 {
		return c, backend.Errorf(backend.InvalidRequest, "config: %s", strings.Join(wrong, "; "))
	}
	return c, nil
}

// defaultForm knows the agents whose flags say what they print.
func defaultForm(command []string) string {
	name := command[0]
	if at := strings.LastIndexAny(name, `/\`); at >= 0 {
		name = name[at+1:]
	}
	name = strings.TrimSuffix(strings.TrimSuffix(name, ".exe"), ".cmd")
	args := strings.Join(command[1:], "\x00") + "\x00"
	switch {
	case name == "claude" && (strings.Contains(args, "--output-format\x00json\x00") || strings.Contains(args, "--output-format=json\x00")):
		return formClaude
	case name == "codex" && slices.Contains(command, "--json"):
		return formCodex
	}
	return formText
}
