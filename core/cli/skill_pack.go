package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/plimsoll-dev/plimsoll/core/author/pack"
	"github.com/plimsoll-dev/plimsoll/core/engine"
	"github.com/plimsoll-dev/plimsoll/core/store/atomicfile"
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
	"github.com/spf13/cobra"
)

func (c *command) skillPackCommand() *cobra.Command {
	var o packOptions
	cmd := &cobra.Command{
		Use: "pack [SKILL]", Short: "Make one file of a skill, to hand on",
		Long: "Writes NAME-VERSION.skillpack: all files of the skill's folder in one file, the same\nbytes for the same files. With --key it is signed. The skill has to be without fault,\nwarnings included. The version is metadata.version in SKILL.md.",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			f, err := c.findSkill(args)
			if err != nil {
				return err
			}
			if f.skill.Contract.Code != "" && !f.diags.HasErrors() {
				if err := c.admissible(cmd, f); err != nil {
					return err
				}
			}
			return c.skillPack(f, o)
		},
	}
	cmd.Flags().StringVar(&o.key, "key", "", "file with your private key; it is made when --signer names you")
	cmd.Flags().StringVar(&o.signer, "signer", "", "make a new key under this name, such as acme.example/tools")
	cmd.Flags().StringVarP(&o.out, "out", "o", "", "file to write (default: NAME-VERSION.skillpack)")
	return cmd
}

type packOptions struct{ key, signer, out string }

// admissible refuses to hand on code that nobody could run.
func (c *command) admissible(cmd *cobra.Command, f found) error {
	asOf, err := c.now()
	if err != nil {
		return err
	}
	t, err := engine.OpenTools(cmd.Context(), f.project, asOf)
	if err != nil {
		return err
	}
	defer t.Close()
	_, err = t.CodeFacts(cmd.Context(), f.skill)
	return err
}

func (c *command) skillPack(f found, o packOptions) error {
	diags := append(f.diags, f.project.CheckSkill(f.skill)...)
	if len(diags) > 0 {
		// Who installs a skill cannot mend it: what is a warning at home is an error
		// in what is handed on.
		for i := range diags {
			diags[i].Severity = diag.Error
		}
		return c.refuse(f.project, diags)
	}
	key, err := openPackKey(o)
	if err != nil {
		return err
	}
	files, err := pack.Collect(f.skill.Dir)
	if err != nil {
		return err
	}
	version := engine.VersionOf(f.skill)
	data, err := pack.Write(pack.Manifest{Name: f.skill.Name, Version: version}, files, key)
	if err != nil {
		return err
	}
	p, err := pack.Read(data)
	if err != nil {
		return fmt.Errorf("the pack cannot be read back: %w", err)
	}
	out := o.out
	if out == "" {
		out = f.skill.Name + "-" + version + pack.Extension
	}
	if err := atomicfile.Write(out, data, 0o644); err != nil {
		return fmt.Errorf("writing %s: %w", out, err)
	}
	if c.json {
		return c.document(map[string]any{"skill": f.skill.Name, "skill_version": version, "file": out, "bytes": len(data), "files": len(files), "digest": p.Digest, "signer": p.Manifest.Signer})
	}
	c.say("wrote %s: %s %s, %s, %s", c.short(out), f.skill.Name, version, plural(len(files), "file", "files"), bytesText(int64(len(data))))
	if key == nil {
		c.say("It is not signed: nobody can tell whose it is. Sign it with --key FILE.")
	} else {
		if key.Exposed {
			c.note("%s %s can be read by other accounts of this machine: chmod 600 it.", c.red("Warning:"), o.key)
		}
		c.say("signed by %s. Whoever trusts you puts this line into %s of their project:\n  %s", key.Name, engine.TrustFile, key.Public)
	}
	c.next("plimsoll skill add %s, in a project", c.short(out))
	return nil
}

// openPackKey opens the key, or makes it when a name for it is given.
func openPackKey(o packOptions) (*pack.Key, error) {
	if o.key == "" {
		if o.signer != "" {
			return nil, usage("--signer makes a new key: say with --key where it is to be kept")
		}
		return nil, nil
	}
	_, err := os.Lstat(o.key)
	switch {
	case errors.Is(err, fs.ErrNotExist) && o.signer == "":
		return nil, fmt.Errorf("there is no key file %s; make one with --signer NAME, a name that people know you by", o.key)
	case errors.Is(err, fs.ErrNotExist):
		return pack.CreateKey(o.key, o.signer)
	}
	key, err := pack.OpenKey(o.key)
	if err == nil && o.signer != "" && key.Name != o.signer {
		return nil, fmt.Errorf("the key in %s is that of %s, not of %s; name another file for a new key", o.key, key.Name, o.signer)
	}
	return key, err
}
