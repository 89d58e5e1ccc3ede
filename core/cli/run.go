package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/plimsoll-dev/plimsoll/core/engine"
	"github.com/plimsoll-dev/plimsoll/core/gate"
	"github.com/plimsoll-dev/plimsoll/core/price"
	"github.com/plimsoll-dev/plimsoll/core/run"
	"github.com/spf13/cobra"
)

func (c *command) runCommand() *cobra.Command {
	var input, format, files string
	cmd := &cobra.Command{
		Use: "run SKILL", Short: "Run a skill once, on the tier it stands on",
		Long: "Runs a skill: prepare, model, fixes, gates, retry, escalate, render. The output goes\nto standard output, how it came about to standard error and into the state folder.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			in, err := c.readJSON(input)
			if err != nil {
				return err
			}
			e, err := c.open(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			defer e.Close()
			return c.run(cmd.Context(), e, args[0], in, format, c.folder(files))
		},
	}
	cmd.Flags().StringVarP(&input, "input", "i", "-", "file with the input: JSON, or text for a skill that takes text; - is standard input")
	cmd.Flags().StringVar(&format, "format", "", "render the output in this format of the skill")
	cmd.Flags().StringVar(&files, "files", "", "folder that the agent of the skill's runner gets a copy of, in place of the runner's fixture")
	return cmd
}

// folder is an absolute path, "" for none.
func (c *command) folder(name string) string {
	if name == "" {
		return ""
	}
	if abs, err := filepath.Abs(c.at(name)); err == nil {
		return abs
	}
	return name
}

func (c *command) run(ctx context.Context, e *engine.Engine, name string, input json.RawMessage, format, files string) error {
	ran, err := e.RunIn(ctx, name, input, format, files)
	if err != nil {
		return err
	}
	rec := ran.Record
	if c.json {
		if err := c.document(map[string]any{"run": rec, "output": rec.Output, "rendered": ran.Rendered, "escalated": ran.Escalated}); err != nil {
			return err
		}
	} else {
		if rec.Status == run.OK {
			fmt.Fprintln(c.Out, shown(rec.Output, ran.Rendered))
		}
		c.note("%s", c.dim(runLine(rec)))
		for _, step := range ran.Escalated {
			c.note("The fuse moved step %s of %s up; it stays there for the policy's cooldown.", step, name)
		}
	}
	if rec.Status != run.OK {
		return fmt.Errorf("run %s ended as %s: %s\nplimsoll explain %s shows every attempt", rec.ID, rec.Status, rec.Why, rec.ID)
	}
	return nil
}

// runLine is one run in a line.
func runLine(rec *run.Record) string {
	cost := price.Format(rec.Micro)
	switch {
	case !rec.Priced:
		cost = "cost not known"
	case rec.Unsure > 0:
		cost = "at most " + cost
	}
	took := fmt.Sprintf("%d ms, ", rec.MS)
	if rec.Imported != "" && rec.MS == 0 {
		took = "" // one call, and the log has one time for it
	}
	line := fmt.Sprintf("run %s: %s, %s, %s%s", rec.ID, rec.Status, plural(len(rec.Attempts), "attempt", "attempts"), took, cost)
	for step, from := range rec.Start {
		if to := rec.End[step]; to != from {
			line += fmt.Sprintf(", %s escalated from %s to %s", step, last(from), last(to))
		}
	}
	if rec.Simulated {
		line += " (simulated model)"
	}
	if rec.Runner != "" {
		line += fmt.Sprintf(", by runner %s, not sandboxed", rec.Runner)
	}
	if rec.Recorded {
		line += ", as it was recorded"
	}
	return line
}

func last(ref string) string { return ref[strings.LastIndexByte(ref, '.')+1:] }

// shown is an output as a person wants it: rendered, else text as text and JSON
// indented.
func shown(output json.RawMessage, rendered string) string {
	if rendered != "" {
		return strings.TrimRight(rendered, "\n")
	}
	var text string
	if json.Unmarshal(output, &text) == nil {
		return text
	}
	var v any
	if json.Unmarshal(output, &v) != nil {
		return string(output)
	}
	raw, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return string(output)
	}
	return string(raw)
}

func (c *command) tryCommand() *cobra.Command {
	var input, format string
	var completions []string
	cmd := &cobra.Command{
		Use: "try SKILL", Short: "Apply fixes, gates and rendering to a completion, without any model",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.try(cmd.Context(), args[0], input, completions, format)
		},
	}
	cmd.Flags().StringVarP(&input, "input", "i", "", "file with the skill's input")
	cmd.Flags().StringArrayVar(&completions, "completion", nil, "file with what a model wrote; STEP=FILE for a skill with steps")
	cmd.Flags().StringVar(&format, "format", "", "render the output in this format of the skill")
	return cmd
}

func (c *command) try(ctx context.Context, name, input string, files []string, format string) error {
	if input == "" || len(files) == 0 {
		return usage("plimsoll try needs --input FILE and --completion FILE")
	}
	in, err := c.readJSON(input)
	if err != nil {
		return err
	}
	t, s, err := c.tools(ctx, name)
	if err != nil {
		return err
	}
	defer t.Close()
	completions := map[string]string{}
	for _, f := range files {
		step, file, ok := strings.Cut(f, "=")
		if !ok {
			step, file = s.Steps()[0].Name, f
		}
		raw, err := os.ReadFile(c.at(file))
		if err != nil {
			return fmt.Errorf("reading the completion: %w", err)
		}
		completions[step] = string(raw)
	}
	tried, err := t.Try(ctx, s, in, completions, format)
	if err != nil {
		return err
	}
	if c.json {
		err = c.document(map[string]any{"output": tried.Output, "fixes": tried.Fixes, "gates": tried.Result, "rendered": tried.Rendered})
	} else {
		fmt.Fprintln(c.Out, shown(tried.Output, tried.Rendered))
		c.judged(tried.Judged)
	}
	if err == nil && len(tried.Result.Failed) > 0 {
		err = errSilent
	}
	return err
}

// judged prints fixes and gates beside a result.
func (c *command) judged(j run.Judged) {
	for _, f := range j.Fixes {
		c.note("fixed   %s%s: %s", f.Gate, at(f.ID), f.What)
	}
	for _, check := range j.Result.Checks {
		c.checked(check)
	}
	c.note("%d of %d gates passed", j.Result.Passed, j.Result.Total)
}

func (c *command) checked(check gate.Check) {
	if check.Passed {
		return
	}
	c.note("%s  %s%s: %s", c.red("failed"), check.Gate, at(check.ID), check.Reason)
}

func at(id string) string {
	if id == "" {
		return ""
	}
	return " at " + id
}

// readJSON reads a file or standard input as JSON; text that is not JSON
// becomes a JSON string, which is what a skill that takes text wants.
func (c *command) readJSON(name string) (json.RawMessage, error) {
	var raw []byte
	var err error
	if name == "-" {
		name = "standard input"
		raw, err = io.ReadAll(io.LimitReader(c.In, maxInput+1))
	} else {
		raw, err = os.ReadFile(c.at(name))
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	if len(raw) > maxInput {
		return nil, fmt.Errorf("%s has more than %d MiB", name, maxInput>>20)
	}
	if len(strings.TrimSpace(string(raw))) == 0 {
		return nil, fmt.Errorf("%s is empty: give --input FILE, or write to standard input", name)
	}
	if !utf8.Valid(raw) { // a picture or a program would be paid for as text
		return nil, fmt.Errorf("%s is neither JSON nor text in UTF-8", name)
	}
	if json.Valid(raw) {
		return raw, nil
	}
	if first := strings.TrimSpace(string(raw))[0]; first == '{' || first == '[' || strings.HasSuffix(name, ".json") {
		var v any
		return nil, fmt.Errorf("%s is not valid JSON: %w", name, json.Unmarshal(raw, &v))
	}
	return json.Marshal(string(raw))
}

// maxInput is far above any model's window.
const maxInput = 64 << 20
