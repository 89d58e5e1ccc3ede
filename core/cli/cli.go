// Package cli is the command line: one file for each command. It parses
// arguments, calls the engine, and prints; it decides nothing.
//
// Results go to standard output, everything else to standard error. Exit codes:
// 0 done, 1 problems found, 2 wrong usage, 3 changes pending (only with
// -detailed-exitcode), 11 internal error.
//
//	os.Exit(cli.Main(context.Background(), cli.App{
//		Args: os.Args[1:], Out: os.Stdout, Err: os.Stderr, In: os.Stdin,
//	}))
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/engine"
	"github.com/plimsoll-dev/plimsoll/core/store"
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
	"github.com/plimsoll-dev/plimsoll/sdk/backend"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Exit codes.
const (
	exitDone     = 0
	exitProblems = 1
	exitUsage    = 2
	exitPending  = 3
	exitInternal = 11
)

// App is what the command line needs of the world. Bundled are the first-party
// backends, served by the same binary when it is run as their subprocess.
type App struct {
	Args    []string
	In      io.Reader
	Out     io.Writer
	Err     io.Writer
	Version string
	Bundled map[string]backend.Factory
	Color   bool // standard output is a terminal and NO_COLOR is not set
	Live    bool // standard error is a terminal: progress may be drawn
	Width   int  // of the terminal; 0 is unknown
}

// Main runs one command and returns its exit code.
func Main(ctx context.Context, a App) int {
	kept := &keeping{r: a.In}
	a.In = kept
	return execute(ctx, &command{App: a, kept: kept, lookup: os.LookupEnv})
}

// execute runs a command of this process, or of a client of the engine that
// lives in it.
func execute(ctx context.Context, c *command) (code int) {
	a := &c.App
	defer func() {
		if r := recover(); r != nil {
			fmt.Fprintf(a.Err, "Internal error: %v\n\nThis is a defect in plimsoll, not in your files. Nothing that was acknowledged is lost.\nPlease report it with this trace:\n\n%s", r, debug.Stack())
			code = exitInternal
		}
	}()
	out := &written{w: a.Out}
	a.Out = out
	root := c.root()
	root.SetArgs(longFlags(root, a.Args))
	root.SetIn(a.In)
	root.SetOut(a.Out)
	root.SetErr(a.Err)
	err := root.ExecuteContext(ctx)
	if out.err != nil {
		err = &problem{code: exitProblems, err: fmt.Errorf("the output could not be written whole: %w", out.err)}
	}
	return c.exit(err)
}

// command carries the flags that every command has.
type command struct {
	App
	dir  string
	json bool
	vars []string
	asOf string

	lookup func(string) (string, bool) // the environment of whoever gave the command
	kept   *keeping                    // what was read of In, nil on an engine
	host   *host                       // the engine that runs the command for another process, or nil
	cwd    string                      // where relative paths begin; "" is this process's folder
}

// problem is a result that is not success: its code is the exit code. A silent
// one has been printed already.
type problem struct {
	code   int
	err    error
	silent bool
}

func (p *problem) Error() string {
	if p.err == nil {
		return "problems found"
	}
	return p.err.Error()
}

func (p *problem) Unwrap() error { return p.err }

func usage(format string, args ...any) error {
	return &problem{code: exitUsage, err: fmt.Errorf(format, args...)}
}

var errSilent = &problem{code: exitProblems, silent: true}

func (c *command) exit(err error) int {
	if err == nil {
		return exitDone
	}
	code, silent := exitProblems, false
	var p *problem
	if errors.As(err, &p) {
		code, silent = p.code, p.silent
	}
	if !silent {
		fmt.Fprintf(c.Err, "%s %s\n", c.red("Error:"), strings.TrimSpace(err.Error()))
		if code == exitUsage {
			fmt.Fprintln(c.Err, "\nRun plimsoll --help for all commands, or plimsoll COMMAND --help for one.")
		}
	}
	return code
}

func (c *command) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "plimsoll",
		Short: "How cheap a model may a skill run on without losing quality?",
		Long: "Plimsoll draws the line below which an agent skill may not sink.\n" +
			"It measures on real items, decides by code and statistics, moves a skill\n" +
			"to a cheaper tier when that is proved, and can prove afterwards what it did.",
		SilenceUsage: true, SilenceErrors: true,
		Args: noSuchCommand,
		RunE: c.status,
	}
	root.PersistentFlags().StringVarP(&c.dir, "project", "C", ".", "project directory")
	root.PersistentFlags().BoolVar(&c.json, "json", false, "print one JSON document on standard output")
	root.PersistentFlags().StringArrayVar(&c.vars, "var", nil, "value of a variable, NAME=VALUE; may be repeated")
	root.PersistentFlags().StringVar(&c.asOf, "as-of", "", "the time that decisions are made at, RFC 3339 (default: now)")
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usage("%w", err) })
	root.AddCommand(
		c.initCommand(), c.validateCommand(), c.fmtCommand(), c.schemaCommand(), c.doctorCommand(),
		c.runCommand(), c.recordCommand(), c.tryCommand(), c.tierCommand(), c.gateCommand(), c.renderCommand(),
		c.itemsCommand(), c.candidatesCommand(), c.evolveCommand(), c.verdictCommand(), c.planCommand(), c.nightlyCommand(),
		c.policyCommand(), c.runsCommand(), c.explainCommand(), c.skillCommand(), c.pluginCommand(), c.pricesCommand(),
		c.leversCommand(), c.evidenceCommand(), c.judgeCommand(), c.auditCommand(), c.engineCommand(), c.notifyCommand(), c.connectorCommand(), c.accessCommand(), c.approveCommand(), c.versionCommand(), c.serveCommand(),
		c.topologyCommand(),
	)
	wrapArgs(root)
	return root
}

// noSuchCommand refuses what bare plimsoll is given.
func noSuchCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, s := range cmd.Commands() {
		if !s.Hidden {
			names = append(names, s.Name())
		}
	}
	return usage("there is no command %q.%s", args[0], diag.DidYouMean(args[0], names))
}

// wrapArgs makes wrong arguments wrong usage, whichever command finds them, and
// says what the command takes: a count of arguments tells nobody which.
func wrapArgs(cmd *cobra.Command) {
	if check := cmd.Args; check != nil && cmd.HasParent() {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			err := check(cmd, args)
			switch {
			case err == nil:
				return nil
			case cmd.HasSubCommands():
				return usage("%s: %w", cmd.CommandPath(), err)
			}
			given := "no argument was given"
			if len(args) > 0 {
				given = fmt.Sprintf("%q was given", strings.Join(args, " "))
			}
			return usage("%s: %s; write %s", cmd.CommandPath(), given, cmd.UseLine())
		}
	}
	for _, sub := range cmd.Commands() {
		wrapArgs(sub)
	}
}

// longFlags lets long flags be written with one dash, as the go command and
// terraform do: -json is --json. Shorthands have one letter and are left alone,
// and so is everything after "--".
func longFlags(root *cobra.Command, args []string) []string {
	known := map[string]bool{"help": true}
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		for _, flags := range []*pflag.FlagSet{cmd.Flags(), cmd.PersistentFlags()} {
			flags.VisitAll(func(f *pflag.Flag) { known[f.Name] = true })
		}
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk(root)
	out := slices.Clone(args)
	for i, arg := range out {
		if arg == "--" {
			break
		}
		name, _, _ := strings.Cut(strings.TrimPrefix(arg, "-"), "=")
		if len(name) > 1 && strings.HasPrefix(arg, "-") && known[name] {
			out[i] = "-" + arg
		}
	}
	return out
}

// group makes a command that only has subcommands.
func group(use, short string, subs ...*cobra.Command) *cobra.Command {
	g := &cobra.Command{Use: use, Short: short, Args: func(cmd *cobra.Command, args []string) error {
		var names []string
		for _, s := range cmd.Commands() {
			names = append(names, s.Name())
		}
		slices.Sort(names)
		if len(args) == 0 {
			return fmt.Errorf("say which: %s", strings.Join(names, ", "))
		}
		return fmt.Errorf("there is no %q.%s It has: %s", args[0], diag.DidYouMean(args[0], names), strings.Join(names, ", "))
	}, RunE: func(*cobra.Command, []string) error { return nil }}
	g.AddCommand(subs...)
	return g
}

// loadOptions of the project that the flags name.
func (c *command) loadOptions() (engine.LoadOptions, error) {
	vars := map[string]string{}
	for _, v := range c.vars {
		name, value, ok := strings.Cut(v, "=")
		if !ok || name == "" {
			return engine.LoadOptions{}, usage("--var %q: write NAME=VALUE", v)
		}
		vars[name] = value
	}
	if _, err := c.now(); err != nil {
		return engine.LoadOptions{}, err
	}
	return engine.LoadOptions{Dir: c.at(c.dir), Vars: vars, Environ: c.lookup}, nil
}

// load reads the project; with errors it prints them and gives up. Warnings are
// left to validate: every other command has its own business.
func (c *command) load(only string) (*engine.Project, error) {
	o, err := c.loadOptions()
	if err != nil {
		return nil, err
	}
	o.Only = only
	p, diags := engine.LoadProject(o)
	if diags.HasErrors() {
		return nil, c.refuse(p, diags)
	}
	if p.Empty() {
		return nil, fmt.Errorf("%s is not a Plimsoll project: it has no .hcl files.\nStart one with `plimsoll init`, or name another directory with -C", p.Dir)
	}
	return p, nil
}

// refuse prints diagnostics in the form that was asked for.
func (c *command) refuse(p *engine.Project, diags diag.List) error {
	if c.json {
		return errors.Join(diag.WriteJSON(c.Out, diags), errSilent)
	}
	var sources map[string][]byte
	base := ""
	if p != nil {
		sources, base = p.Sources, p.Dir
	}
	diag.WriteText(c.Err, diags, sources, diag.TextOptions{Color: c.Color, Base: base})
	fmt.Fprintf(c.Err, "\n%s. Nothing was done.\n", diag.Summary(diags))
	return errSilent
}

// now is the time that decisions are made at.
func (c *command) now() (time.Time, error) {
	if c.asOf == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, c.asOf)
	if err != nil {
		return t, usage("--as-of %q is not a time like 2026-07-02T02:00:00Z", c.asOf)
	}
	return t.UTC(), nil
}

// open loads the project and opens its state, unless an engine runs that has it:
// then the whole command runs there, and the error carries its exit code. So it
// is called before anything is printed. The caller closes the engine.
func (c *command) open(ctx context.Context, only string) (*engine.Engine, error) {
	if err := c.elsewhere(ctx); err != nil {
		return nil, err
	}
	asOf, err := c.now()
	if err != nil {
		return nil, err
	}
	p, err := c.load(only)
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding this program's own file: %w", err)
	}
	o := engine.Options{Project: p, AsOf: asOf, Self: self, Bundled: slices.Sorted(maps.Keys(c.Bundled)), Stderr: c.Err, Version: c.Version}
	if c.host != nil {
		return c.host.open(ctx, o)
	}
	e, err := engine.Open(ctx, o)
	if errors.Is(err, store.ErrInUse) {
		return nil, c.inUse(ctx, err)
	}
	return e, err
}
