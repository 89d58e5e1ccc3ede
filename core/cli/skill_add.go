package cli

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/author/pack"
	"github.com/plimsoll-dev/plimsoll/core/engine"
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
	"github.com/spf13/cobra"
)

func (c *command) skillAddCommand() *cobra.Command {
	var o addOptions
	cmd := &cobra.Command{
		Use: "add SOURCE", Short: "Add a skill of somebody else's, after saying what it may do",
		Long: "SOURCE is a pack, a skill's folder, or a bare WASM module. It is read, checked and\nadmitted to the sandbox outside of the project; then you see who signed it, what it\nasks for, and what it may do, and are asked. Nothing is ever overwritten. The digest of\nits files goes into plimsoll.lock.hcl.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return c.skillAdd(cmd.Context(), args[0], o) },
	}
	cmd.Flags().BoolVarP(&o.yes, "yes", "y", false, "do not ask")
	cmd.Flags().BoolVar(&o.trust, "trust", false, "trust the signer's key from now on: it goes into plimsoll.trust")
	cmd.Flags().StringVar(&o.in, "in", "", "folder to make the skill's folder in (default: skills)")
	return cmd
}

type addOptions struct {
	yes, trust bool
	in         string
}

func (c *command) skillAdd(ctx context.Context, source string, o addOptions) error {
	if c.json && !o.yes {
		return usage("--json cannot ask: add --yes, when you know what you add")
	}
	p, err := c.load("")
	if err != nil {
		return err
	}
	offer, diags, err := engine.Examine(ctx, p.Dir, source)
	switch {
	case err != nil:
		return err
	case offer == nil:
		return c.refuse(nil, diags)
	}
	defer offer.Close()
	name := offer.Skill.Name
	if s, err := p.Skill(name); err == nil {
		return fmt.Errorf("this project has a skill %q already, in %s. Nothing is overwritten: remove that folder first, if this is to take its place", name, c.short(s.Dir))
	}
	if o.trust && offer.Signer == "" {
		return usage("--trust: %s is not signed, so there is no key to trust", source)
	}
	dir := filepath.Join(p.Dir, "skills", name)
	if o.in != "" {
		dir = filepath.Join(o.in, name)
	}
	if _, err := os.Lstat(dir); err == nil {
		return fmt.Errorf("%s is there already, and nothing is ever overwritten: remove it first, or choose another folder with --in", c.short(dir))
	}
	if !c.json {
		c.offer(offer, dir)
	}
	if !o.yes {
		if yes, err := c.ask("Add it?"); err != nil || !yes {
			c.say("Nothing was added.")
			return errSilent
		}
	}
	if err := offer.Add(p, dir); err != nil {
		return err
	}
	if o.trust && offer.Standing != pack.Known {
		if err := engine.TrustKey(p.Dir, offer.Signer); err != nil {
			return err
		}
	}
	return c.added(offer, dir)
}

// ask puts a question on standard error and reads a line; the end of the input
// is a no.
func (c *command) ask(question string) (bool, error) {
	fmt.Fprintf(c.Err, "\n%s [y/N] ", c.bold(question))
	line, err := bufio.NewReader(c.In).ReadString('\n')
	if err != nil && line == "" {
		fmt.Fprintln(c.Err)
		return false, nil
	}
	switch strings.ToLower(strings.TrimSpace(line)) {
	case "y", "yes":
		return true, nil
	}
	return false, nil
}

// offer is the screen on which somebody decides. Texts of the skill's author
// are shown without what a terminal would act on.
func (c *command) offer(o *engine.Offer, dir string) {
	total := int64(0)
	for _, f := range o.Files {
		total += int64(len(f.Data))
	}
	rows := [][]string{
		{"about", printable(clip(o.Skill.Description, 300))},
		{"signed by", c.signedBy(o)},
		{"files", fmt.Sprintf("%s, %s", plural(len(o.Files), "file", "files"), bytesText(total))},
		{"digest", o.Digest},
		{"goes to", c.short(dir)},
	}
	c.say("%s\n", c.bold(o.Skill.Name+" "+printable(o.Version)))
	columns(c.Out, rows)
	c.say("\n%s", c.bold("What it may do"))
	if o.Code == nil {
		c.say("  It has no code: a prompt, gates and templates. Your project's model sees its inputs.")
	} else {
		c.say("  It has code, which runs in the sandbox: no network, no files, no commands, no clock.")
		columns(c.Out, factRows(*o.Code))
		if len(o.Code.Capabilities) > 0 {
			c.say("  What it asks for is refused until the project grants it; see the block below.")
		}
		for _, problem := range mismatches(o.Skill, *o.Code) {
			c.note("%s %s", c.red("Warning:"), printable(problem))
		}
	}
	if len(o.Skill.AllowedTools) > 0 {
		c.say("  Its SKILL.md names tools for agents (%s); Plimsoll gives it none.", printable(strings.Join(o.Skill.AllowedTools, ", ")))
	}
	if len(o.Warnings) > 0 {
		fmt.Fprintln(c.Err)
		diag.WriteText(c.Err, o.Warnings, o.Project.Sources, diag.TextOptions{Color: c.Color, Base: o.Project.Dir})
	}
}

func (c *command) signedBy(o *engine.Offer) string {
	name := pack.SignerName(o.Signer)
	switch o.Standing {
	case pack.Known:
		return name + ", whose key is in " + engine.TrustFile
	case pack.Unknown:
		return c.red(name+", whose key this project does not know") + "\n           " + o.Signer
	}
	return c.red("nobody: whose it is cannot be told")
}

// added says what was done and what brings the skill in.
func (c *command) added(o *engine.Offer, dir string) error {
	block := c.blockFor(o.Skill.Name, dir)
	grant := ""
	if o.Code != nil && o.Code.Grant != "" {
		grant = "  grant {\n    " + strings.ReplaceAll(o.Code.Grant, "\n", "\n    ") + "\n  }\n"
	}
	if grant != "" && block == "" {
		block = fmt.Sprintf("skill %q {\n%s}", o.Skill.Name, grant)
	} else if grant != "" {
		block = strings.TrimSuffix(block, "}") + grant + "}"
	}
	if c.json {
		return c.document(map[string]any{
			"skill": o.Skill.Name, "skill_version": o.Version, "dir": dir, "source": o.Source, "signer": o.Signer,
			"standing": o.Standing, "digest": o.Digest, "code": o.Code, "block": block,
		})
	}
	c.say("\nAdded %s %s to %s, and its digest to %s.", o.Skill.Name, printable(o.Version), c.short(dir), engine.LockFile)
	if block != "" {
		c.say("\nAdd to one of the project's .hcl files:\n\n%s", block)
	}
	var next []string
	if _, err := os.Lstat(filepath.Join(dir, "tests")); err == nil {
		next = append(next, "plimsoll skill test "+c.short(dir))
	}
	c.steps(append(next, "plimsoll validate"))
	return nil
}
