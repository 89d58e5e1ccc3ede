package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/store/atomicfile"
	"github.com/plimsoll-dev/plimsoll/core/topology/declared"
	"github.com/plimsoll-dev/plimsoll/core/topology/detect"
	"github.com/plimsoll-dev/plimsoll/core/topology/plan"
	"github.com/plimsoll-dev/plimsoll/core/topology/preflight"
	"github.com/spf13/cobra"
)

// planAsked is what plan was given beside the topology.
type planAsked struct {
	model, out string
	here       bool
}

func (c *command) topologyPlanCommand() *cobra.Command {
	var o planAsked
	cmd := &cobra.Command{
		Use: "plan TOPOLOGY", Short: "The commands or manifests that launch a topology; starts nothing",
		Long: "Prints the exact command, variables and GPUs of each process, or the Kubernetes\n" +
			"manifests, with what preflight changed and why. A plan that preflight blocks is not\n" +
			"made: the rule is named, and the command ends with 1.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("out") && o.out == "" {
				return usage("--out: the name of the folder is empty")
			}
			return c.topologyPlan(cmd, args[0], o)
		},
	}
	cmd.Flags().StringVar(&o.model, "model", "", "the model that is served, where the topology names none and there are several")
	cmd.Flags().StringVar(&o.out, "out", "", "write a script for each process, or a file for each manifest, into this folder")
	cmd.Flags().BoolVar(&o.here, "here", false, "the plan is for this machine: look for nvcc, prebuilt kernels and a compile cache")
	return cmd
}

func (c *command) topologyPlan(cmd *cobra.Command, name string, o planAsked) error {
	p, err := c.load("")
	if err != nil {
		return err
	}
	set, diags := declared.Read(p.Config, declared.Files(p.Dir))
	if diags.HasErrors() {
		return c.refuse(p, diags)
	}
	spec, err := set.Plan(name, o.model)
	if err != nil {
		return err
	}
	if o.here {
		spec.Machine = detect.Look(cmd.Context(), detect.Config{Runner: detect.Programs{}, Env: c.lookup}).Facts()
	}
	made, err := plan.Make(spec)
	if err != nil {
		return c.noPlan(name, err)
	}
	shown, err := plan.Make(spec.Masked())
	if err != nil {
		return c.noPlan(name, err)
	}
	var wrote []string
	if o.out != "" {
		if wrote, err = c.writePlan(made, shown, o.out); err != nil {
			return err
		}
	}
	secrets := append([]string{}, spec.Secrets()...)
	if c.json {
		return c.document(map[string]any{"plan": shown, "wrote": append([]string{}, wrote...), "masked": secrets})
	}
	if o.out == "" {
		fmt.Fprint(c.Out, shown.String())
	}
	for _, f := range wrote {
		c.say("%s", f)
	}
	c.planSecrets(made, secrets, o)
	c.planNext(made, name, o)
	return nil
}

// planSecrets says what is not shown, and where it stands all the same.
func (c *command) planSecrets(p plan.Plan, secrets []string, o planAsked) {
	if len(secrets) == 0 || p.Runtime == "attach" {
		return
	}
	what := fmt.Sprintf("Secrets by their names, shown as %s: %s.", plan.Mask, strings.Join(secrets, ", "))
	if o.out == "" {
		c.note("\n%s --out DIR writes files that hold them.", what)
		return
	}
	c.note("%s All files of %s but %s.plan.txt hold them, and only you can read those: do not commit them.", what, o.out, p.Name)
}

// noPlan says why there is none. Preflight's rules go one to a line, because each
// has its own remedy.
func (c *command) noPlan(name string, err error) error {
	var b *plan.Blocked
	if !errors.As(err, &b) {
		if c.json {
			return errors.Join(c.document(map[string]any{"plan": nil, "refused": err.Error()}), errSilent)
		}
		return fmt.Errorf("no plan can be made of topology %q: %w", name, err)
	}
	if c.json {
		return errors.Join(c.document(map[string]any{"plan": nil, "blocked": b.Findings}), errSilent)
	}
	c.note("%s topology %q is blocked before anything is started:", c.red("Error:"), name)
	for _, f := range b.Findings {
		if f.Effect == preflight.Block {
			c.note("  %s %s", c.bold(f.ID), f.Says)
		}
	}
	c.note("\n%s change the block as it says, or plimsoll topology decide for a layout that runs", c.bold("Next:"))
	return errSilent
}

// planNext goes beside a plan that is printed, which may be sent into a file.
func (c *command) planNext(p plan.Plan, name string, o planAsked) {
	say := func(format string, args ...any) {
		if o.out != "" {
			c.next(format, args...)
			return
		}
		c.note("\n%s "+format, append([]any{c.bold("Next:")}, args...)...)
	}
	model := ""
	if o.model != "" {
		model = " --model " + o.model
	}
	switch {
	case p.Runtime == "attach":
		say("plimsoll topology bench --topology %s%s measures the server that runs there.", name, model)
	case len(p.Manifests) > 0 && o.out != "":
		say("kubectl apply -f %s", o.out)
	case len(p.Manifests) > 0:
		say("plimsoll topology plan %s%s --out DIR writes the manifests; kubectl apply -f DIR starts them.", name, model)
	default:
		say("plimsoll topology up %s%s starts it and waits until it is ready.", name, model)
	}
}

// planFile is a file of --out.
type planFile struct {
	name string
	data []byte
	perm fs.FileMode
}

// writePlan writes what is not there, or is there as it would be written. A file
// that differs is somebody's work: nothing is written at all then.
func (c *command) writePlan(p, shown plan.Plan, out string) ([]string, error) {
	files, err := planFiles(p, shown)
	if err != nil {
		return nil, err
	}
	dir := c.at(out)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("--out %s: %w", out, err)
	}
	var differ []string
	for _, f := range files {
		old, err := os.ReadFile(filepath.Join(dir, f.name))
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return nil, fmt.Errorf("--out %s: %w", out, err)
		case !bytes.Equal(old, f.data):
			differ = append(differ, f.name)
		}
	}
	if len(differ) > 0 {
		return nil, fmt.Errorf("--out %s: %s there and differ from the plan; they may have been edited, so nothing was written. Take them away or name another folder", out, strings.Join(differ, ", ")+map[bool]string{true: " are", false: " is"}[len(differ) > 1])
	}
	var wrote []string
	for _, f := range files {
		path := filepath.Join(dir, f.name)
		// A file that is there keeps its mode when it is written.
		if err := os.Chmod(path, f.perm); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return wrote, fmt.Errorf("closing the plan to others: %w", err)
		}
		if err := atomicfile.Write(path, f.data, f.perm); err != nil {
			return wrote, fmt.Errorf("writing the plan: %w", err)
		}
		wrote = append(wrote, c.short(path))
	}
	return wrote, nil
}

// planFiles are what can be launched, for the owner alone because tokens stand in it
// in the clear, and the text, which is shown without them.
func planFiles(p, shown plan.Plan) ([]planFile, error) {
	doc, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("writing the plan: %w", err)
	}
	out := []planFile{{p.Name + ".plan.txt", []byte(shown.String()), 0o600}}
	if len(p.Manifests) == 0 { // kubectl apply -f DIR would take it for an object
		out = append(out, planFile{p.Name + ".plan.json", append(doc, '\n'), 0o600})
	}
	for _, x := range p.Processes {
		out = append(out, planFile{x.Name + ".sh", []byte(x.Script()), 0o700})
	}
	for i, m := range p.Manifests {
		out = append(out, planFile{fmt.Sprintf("%02d-%s-%s.yaml", i+1, strings.ToLower(m.Kind), m.Name), []byte(m.YAML), 0o600})
	}
	return out, nil
}
