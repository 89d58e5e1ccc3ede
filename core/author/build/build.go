// Package build makes a skill's code: it finds out in which language the code is
// written, and runs that language's own toolchain as its README says. The one
// command that it runs is shown, so that anybody can do without it.
//
// It must not admit nor run what it built (core/sandbox does), and it fetches
// nothing: a toolchain that is missing is explained, not installed. Code of a
// skill that somebody else wrote is not built by anything but `plimsoll skill
// build`, because a toolchain runs with the rights of whoever starts it.
//
//	recipe, err := build.Find("skills/digest", "skill.wasm")
//	fmt.Println(recipe)                   // the command, as one would type it
//	err = recipe.Run(ctx, os.Stderr)      // skill.wasm is replaced when all went well
package build

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/store/atomicfile"
)

// Recipe is how a skill's code is built.
type Recipe struct {
	Language string   // "Go"
	Dir      string   // where the command runs
	Env      []string // NAME=VALUE, added to the environment
	Args     []string // the program and its arguments; outName stands for the file it writes
	Out      string   // the module, absolute
	Made     string   // a file that the toolchain writes where it likes, relative to Dir; "" when it takes outName
	Install  string   // how one gets the toolchain
	Needs    []Need   // what must be there beside the program
}

// Need is a file without which the toolchain fails in words that nobody
// understands.
type Need struct {
	Path    string // relative to Dir
	Missing string // what to do, a sentence
}

// outName stands for the output file in Args.
const outName = "{out}"

// NoSource says that a skill's folder has no sources that Find knows.
type NoSource struct {
	Dir string
	Saw []string // source files of languages without a recipe
}

// Error is one sentence with what to do.
func (e *NoSource) Error() string {
	if len(e.Saw) > 0 {
		return fmt.Sprintf("there is no recipe for %s: build the module yourself, to the ABI in sdk/ABI.md, and put it where skill.hcl says", strings.Join(e.Saw, ", "))
	}
	return fmt.Sprintf("there are no sources in %s: add some with `plimsoll skill new --lang LANGUAGE`, or put the module there", e.Dir)
}

// Find looks for sources in the folder code of a skill, or else in the skill's
// folder itself. out is the module's name in the skill's folder.
func Find(dir, out string) (*Recipe, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("finding the skill's folder: %w", err)
	}
	if !filepath.IsLocal(filepath.FromSlash(out)) {
		return nil, fmt.Errorf("%q is not a file inside of the skill's folder", out)
	}
	target := filepath.Join(abs, filepath.FromSlash(out))
	var saw []string
	for _, sub := range []string{"code", "."} {
		at := filepath.Join(abs, sub)
		for _, kind := range kinds() {
			found, err := filepath.Glob(filepath.Join(escape(at), kind.has))
			if err != nil {
				return nil, fmt.Errorf("looking for sources: %w", err)
			}
			if len(found) == 0 {
				continue
			}
			names := make([]string, 0, len(found))
			for _, f := range found {
				names = append(names, filepath.Base(f))
			}
			r := kind.recipe(at, names)
			r.Dir, r.Out = at, target
			return &r, nil
		}
		saw = append(saw, unknown(at)...)
	}
	return nil, &NoSource{Dir: dir, Saw: saw}
}

// escape keeps brackets of a folder's name from being read as a pattern.
func escape(dir string) string {
	if runtime.GOOS == "windows" {
		return dir
	}
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(dir)
}

// unknown lists sources that have no recipe.
func unknown(dir string) []string {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	var out []string
	for _, e := range entries {
		if slices.Contains([]string{".zig", ".cpp", ".cc", ".swift", ".wat", ".py"}, filepath.Ext(e.Name())) {
			out = append(out, e.Name())
		}
	}
	return out
}

// String is the command as one would type it in Dir.
func (r *Recipe) String() string {
	var parts []string
	for _, e := range r.Env {
		parts = append(parts, shell(e))
	}
	out := r.Out
	if rel, err := filepath.Rel(r.Dir, r.Out); err == nil {
		out = rel
	}
	for _, a := range r.Args {
		parts = append(parts, shell(strings.ReplaceAll(a, outName, filepath.ToSlash(out))))
	}
	return strings.Join(parts, " ")
}

// shell quotes what a shell would take apart.
func shell(s string) string {
	if s != "" && !strings.ContainsAny(s, " \t\n'\"\\$&|;<>()*?[]#~`!{}") {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// Missing is a toolchain, or a part of one, that is not on this machine.
type Missing struct {
	Language, Program, Install string
}

// Error says what is missing and how to get it.
func (e *Missing) Error() string {
	return fmt.Sprintf("building %s needs %s, which is not on this machine.\nInstall it: %s", e.Language, e.Program, e.Install)
}

// Failed is a toolchain that ran and did not succeed. Its own words stand in
// Output.
type Failed struct {
	Language string
	Command  string
	Output   string
	Hint     string // what the output most probably means; may be empty
}

// Error is the toolchain's output with the hint.
func (e *Failed) Error() string {
	text := fmt.Sprintf("%s did not build:\n%s", e.Language, strings.TrimRight(e.Output, "\n"))
	if e.Hint != "" {
		text += "\n\n" + e.Hint
	}
	return text
}

// maxModule is what the sandbox admits at most.
const maxModule = 64 << 20

// Run builds the module and puts it in place of the old one, which stays where
// the build fails. The toolchain's warnings go to warnings.
func (r *Recipe) Run(ctx context.Context, warnings io.Writer) error {
	program, err := exec.LookPath(r.Args[0])
	if err != nil {
		return &Missing{Language: r.Language, Program: r.Args[0], Install: r.Install}
	}
	for _, n := range r.Needs {
		if _, err := os.Stat(filepath.Join(r.Dir, filepath.FromSlash(n.Path))); errors.Is(err, fs.ErrNotExist) {
			return &Missing{Language: r.Language, Program: n.Path, Install: n.Missing}
		}
	}
	scratch, err := os.MkdirTemp("", "plimsoll-build-")
	if err != nil {
		return fmt.Errorf("making a folder to build in: %w", err)
	}
	defer os.RemoveAll(scratch)
	made := filepath.Join(scratch, "skill.wasm")
	args := slices.Clone(r.Args[1:])
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], outName, made)
	}
	if r.Made != "" {
		made = filepath.Join(r.Dir, filepath.FromSlash(r.Made))
	}
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = r.Dir
	cmd.Env = append(os.Environ(), r.Env...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return fmt.Errorf("building %s was stopped: %w", r.Language, ctx.Err())
		}
		text := said.String()
		if strings.TrimSpace(text) == "" {
			text = err.Error()
		}
		return &Failed{Language: r.Language, Command: r.String(), Output: text, Hint: hint(text)}
	}
	if said.Len() > 0 {
		fmt.Fprint(warnings, said.String())
	}
	return r.place(made)
}

func (r *Recipe) place(made string) error {
	info, err := os.Stat(made)
	if err != nil {
		return fmt.Errorf("%s said that it built, and there is no module: %w", r.Args[0], err)
	}
	if info.Size() > maxModule {
		return fmt.Errorf("the module has %d MiB; at most %d are admitted", info.Size()>>20, maxModule>>20)
	}
	module, err := os.ReadFile(made)
	if err != nil {
		return fmt.Errorf("reading the module: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(r.Out), 0o755); err != nil {
		return fmt.Errorf("making the module's folder: %w", err)
	}
	if err := atomicfile.Write(r.Out, module, 0o644); err != nil {
		return fmt.Errorf("writing the module: %w", err)
	}
	return nil
}
