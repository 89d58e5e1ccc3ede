package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/engine"
	"github.com/plimsoll-dev/plimsoll/core/gate"
	"github.com/plimsoll-dev/plimsoll/core/run"
	"github.com/plimsoll-dev/plimsoll/core/skill"
	"github.com/spf13/cobra"
)

// tools loads a project and one of its skills, without any state.
func (c *command) tools(ctx context.Context, name string) (*engine.Tools, *skill.Skill, error) {
	p, err := c.load(name)
	if err != nil {
		return nil, nil, err
	}
	s, err := p.Skill(name)
	if err != nil {
		return nil, nil, err
	}
	asOf, err := c.now()
	if err != nil {
		return nil, nil, err
	}
	t, err := engine.OpenTools(ctx, p, asOf)
	return t, s, err
}

func (c *command) gateCommand() *cobra.Command {
	var dir, input string
	cmd := &cobra.Command{
		Use: "gate SKILL --dir D", Short: "Check outputs that anybody made by the skill's gates",
		Long: "Checks every *.json and *.txt file of a folder: outputs, whoever made them. A file\nNAME.input.json beside NAME.json is the input that it answers; --input is the input of\nthose that have none of their own. Nothing is changed: fixes are applied in memory and\nnamed. The last line is one JSON object.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if dir == "" {
				return usage("plimsoll gate needs --dir FOLDER with outputs")
			}
			return c.gate(cmd.Context(), args[0], dir, input)
		},
	}
	cmd.Flags().StringVarP(&dir, "dir", "d", "", "folder with outputs")
	cmd.Flags().StringVarP(&input, "input", "i", "", "file with the input that the outputs answer")
	return cmd
}

// gated is the JSON line of plimsoll gate. Passed and Total count outputs; the
// counts of lists that gates cap are added by name.
type gated struct {
	Status  string            `json:"status"` // ok or failed
	Passed  int               `json:"passed"`
	Total   int               `json:"total"`
	Failed  []string          `json:"failed_ids"`
	Reasons map[string]string `json:"reasons,omitempty"`
	Fixes   int               `json:"fixes,omitempty"`
	counts  map[string]int
}

func (c *command) gate(ctx context.Context, name, dir, input string) error {
	t, s, err := c.tools(ctx, name)
	if err != nil {
		return err
	}
	defer t.Close()
	files, err := outputs(dir)
	if err != nil {
		return err
	}
	sum := gated{Status: "ok", Failed: []string{}, Reasons: map[string]string{}, counts: map[string]int{}}
	for _, f := range files {
		id := strings.TrimSuffix(filepath.Base(f), filepath.Ext(f))
		judged, why := c.gateFile(ctx, t, s, f, input)
		sum.Total++
		sum.Fixes += len(judged.Fixes)
		for k, n := range judged.Result.Counts {
			sum.counts[k] += n
		}
		if why == "" && len(judged.Result.Failed) > 0 {
			why = reasons(judged.Result)
		}
		if why != "" {
			sum.Status, sum.Failed = "failed", append(sum.Failed, id)
			sum.Reasons[id] = why
			c.note("%s  %s: %s", c.red("failed"), id, why)
			continue
		}
		sum.Passed++
	}
	line, err := sum.line()
	if err != nil {
		return err
	}
	if !c.json {
		c.say("%s: %d of %s", name, sum.Passed, plural(sum.Total, "output passes its gates", "outputs pass their gates"))
	}
	c.say("%s", line)
	if sum.Passed < sum.Total {
		return errSilent
	}
	return nil
}

func (c *command) gateFile(ctx context.Context, t *engine.Tools, s *skill.Skill, file, input string) (run.Judged, string) {
	own := strings.TrimSuffix(file, filepath.Ext(file)) + ".input.json"
	if _, err := os.Stat(own); err == nil {
		input = own
	}
	in := json.RawMessage("{}")
	if input != "" {
		var err error
		if in, err = c.readJSON(input); err != nil {
			return run.Judged{}, err.Error()
		}
	}
	out, err := c.readJSON(file)
	if err != nil {
		return run.Judged{}, "it cannot be read: " + err.Error()
	}
	judged, err := t.Gate(ctx, s, in, out)
	if err != nil {
		return judged, err.Error()
	}
	return judged, ""
}

// reasons are the failed gates in one line.
func reasons(r gate.Result) string {
	var out []string
	for _, check := range r.Checks {
		if !check.Passed {
			out = append(out, check.Gate+at(check.ID)+": "+check.Reason)
		}
	}
	return strings.Join(out, "; ")
}

// line is the JSON object with the counts beside the fixed members; a gate
// whose name is one of those keeps its count out of it.
func (g gated) line() (string, error) {
	raw, err := json.Marshal(g)
	if err != nil {
		return "", err
	}
	var doc map[string]json.RawMessage
	if err := json.Unmarshal(raw, &doc); err != nil {
		return "", err
	}
	names := make([]string, 0, len(g.counts))
	for k := range g.counts {
		if _, taken := doc[k]; !taken {
			names = append(names, k)
		}
	}
	slices.Sort(names)
	var b strings.Builder
	fmt.Fprintf(&b, `{"status":%q,"passed":%d,"total":%d`, g.Status, g.Passed, g.Total)
	for _, k := range names {
		key, err := json.Marshal(k)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, ",%s:%d", key, g.counts[k])
	}
	fmt.Fprintf(&b, `,"failed_ids":%s`, doc["failed_ids"])
	if len(g.Reasons) > 0 {
		fmt.Fprintf(&b, `,"reasons":%s`, doc["reasons"])
	}
	if g.Fixes > 0 {
		fmt.Fprintf(&b, `,"fixes":%d`, g.Fixes)
	}
	return b.String() + "}", nil
}

// outputs lists the files of a folder that are outputs.
func outputs(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, usage("--dir: %w", err)
	}
	var out []string
	for _, e := range entries {
		name := e.Name()
		ext := filepath.Ext(name)
		if e.IsDir() || strings.HasSuffix(name, ".input.json") || ext != ".json" && ext != ".txt" && ext != ".md" {
			continue
		}
		out = append(out, filepath.Join(dir, name))
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("there are no outputs in %s: put one .json, .txt or .md file for each there", dir)
	}
	return out, nil
}

func (c *command) renderCommand() *cobra.Command {
	var data, input, format string
	cmd := &cobra.Command{
		Use: "render SKILL --data F --format NAME", Short: "Render an output in one of the skill's formats",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if data == "" || format == "" {
				return usage("plimsoll render needs --data FILE and --format NAME")
			}
			out, err := c.readJSON(data)
			if err != nil {
				return err
			}
			in := json.RawMessage("{}")
			if input != "" {
				if in, err = c.readJSON(input); err != nil {
					return err
				}
			}
			t, s, err := c.tools(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			defer t.Close()
			text, err := t.Render(cmd.Context(), s, format, in, out)
			if err != nil {
				return err
			}
			if c.json {
				return c.document(map[string]any{"format": format, "text": text})
			}
			c.say("%s", strings.TrimRight(text, "\n"))
			return nil
		},
	}
	cmd.Flags().StringVar(&data, "data", "", "file with the output to render")
	cmd.Flags().StringVarP(&input, "input", "i", "", "file with the input that it answers")
	cmd.Flags().StringVar(&format, "format", "", "name of a render block")
	return cmd
}
